"""Statements handed to the database's driver, past what SQLAlchemy does at each execution.

SQLAlchemy says how a statement reads and how each column's values are stored, and is asked once.
For the eight tables that a complaint is written to, its work at each execution took longer than
the database's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError

Values = Mapping[str, Any]


def write(connection: Connection, statement: Executable, rows: Sequence[Values]) -> None:
    """Execute a statement that answers nothing once for each row; all name the same columns.

    Raises what SQLAlchemy raises.
    """
    prepared = _prepared(statement, connection.dialect, tuple(rows[0]), True)
    if prepared is None:
        connection.execute(statement, rows)
        return
    with telling(connection) as raw:
        cursor = raw.cursor()
        try:
            cursor.executemany(prepared.sql, [prepared.given(row) for row in rows])
        finally:
            cursor.close()


def ask(connection: Connection, question: Executable, values: Values) -> Any:
    """A cursor with what a statement answers, in the driver's own values; fetch within `telling`.

    Raises what SQLAlchemy raises, and ValueError where only SQLAlchemy can execute it.
    """
    prepared = _prepared(question, connection.dialect, tuple(values), False)
    if prepared is None:
        raise ValueError("has defaults that are computed here")
    with telling(connection) as raw:
        return raw.execute(prepared.sql, prepared.given(values))


@contextmanager
def telling(connection: Connection) -> Iterator[Any]:
    """Within it the driver's connection, which is given, raises what SQLAlchemy would raise."""
    raw = connection.connection.driver_connection
    errors = connection.dialect.loaded_dbapi.Error
    try:
        yield raw
    except errors as error:
        gone = connection.dialect.is_disconnect(error, raw, None)
        if gone:
            connection.invalidate(error)
        # Parameters are customers' words, and PostgreSQL quotes the row in some of its errors.
        hide_row(error)
        raise DBAPIError.instance(
            None, None, error, errors, connection_invalidated=gone, dialect=connection.dialect
        ) from error


def hide_row(error: BaseException) -> None:
    """Take out of PostgreSQL's errors the failing row, which some of them quote."""
    error.args = tuple(
        said.partition("\nDETAIL:")[0] if isinstance(said, str) else said for said in error.args
    )


class _Prepared:
    """A statement as the driver takes it: by place on SQLite, by name on PostgreSQL."""

    __slots__ = ("_constants", "_converted", "_places", "sql")

    def __init__(self, sql: str, places: Sequence[str] | None, constants: dict[str, Any]) -> None:
        self.sql = sql
        self._places = places
        self._constants = constants
        self._converted: list[tuple[str, Callable[[Any], Any]]] = []

    def convert(self, name: str, how: Callable[[Any], Any]) -> None:
        """Values of that name are stored so."""
        self._converted.append((name, how))

    def given(self, values: Values) -> Any:
        """What the driver is given."""
        found = {**self._constants, **values}
        for name, how in self._converted:
            found[name] = how(found[name])
        return found if self._places is None else [found[name] for name in self._places]


# Engines are few in a service; in tests they come and go.
@lru_cache(maxsize=128)
def _prepared(
    statement: Executable, dialect: Dialect, names: tuple[str, ...], many: bool
) -> _Prepared | None:
    """None where SQLAlchemy would compute values of its own."""
    compiled: Any = statement.compile(  # type: ignore[attr-defined]
        dialect=dialect, column_keys=list(names), for_executemany=many
    )
    if compiled.prefetch:
        return None
    constants = {name: b.effective_value for name, b in compiled.binds.items() if name not in names}
    prepared = _Prepared(str(compiled), compiled.positiontup, constants)
    for name, bind in compiled.binds.items():
        if (how := bind.type.dialect_impl(dialect).bind_processor(dialect)) is not None:
            prepared.convert(name, how)
    return prepared
