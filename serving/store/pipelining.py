"""Several tables' rows in one round trip, where the database's driver can send ahead.

A transaction that saves complaints writes to eight tables. To wait for the server's word on each
is to be put to sleep and woken eight times, on processors that the model keeps busy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError

# A statement, and its rows or its one set of values.
Write = tuple[Executable, Sequence[dict[str, Any]]]


def execute(connection: Connection, *writes: Write) -> None:
    """Execute statements that answer nothing, in their order; those without rows are left out.

    psycopg sends them together and hears of all of them at the end; others wait for each. Raises
    what SQLAlchemy raises for the first that fails.
    """
    wanted = [write for write in writes if write[1]]
    if len(wanted) < 2:
        _execute(connection, wanted)
        return
    with _sent_ahead(connection):
        _execute(connection, wanted)


def _execute(connection: Connection, writes: Sequence[Write]) -> None:
    for statement, rows in writes:
        connection.execute(statement, rows)


@contextmanager
def _sent_ahead(connection: Connection) -> Iterator[None]:
    raw = connection.connection.driver_connection
    if connection.dialect.driver != "psycopg" or not _supported():
        yield
        return
    assert raw is not None  # noqa: S101
    errors = connection.dialect.loaded_dbapi.Error
    try:
        with raw.pipeline():
            yield
    except errors as error:
        # Told at the end, past SQLAlchemy, which would have done the same.
        gone = connection.dialect.is_disconnect(error, raw, None)
        if gone:
            connection.invalidate(error)
        raise DBAPIError.instance(
            None, None, error, errors, connection_invalidated=gone, dialect=connection.dialect
        ) from error


@cache
def _supported() -> bool:
    """Whether the client library is new enough (14)."""
    from psycopg import Pipeline

    return bool(Pipeline.is_supported())
