"""Several tables' rows in one round trip, where the database's driver can send ahead.

A transaction that saves complaints writes to eight tables. To wait for the server's word on each
is to be put to sleep and woken eight times, on processors that the model keeps busy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Select, UpdateBase, event
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from serving.store import driver

# A statement, and its rows or its one set of values.
Write = tuple[Executable, Sequence[dict[str, Any]]]

_WAITING = "suda_writes"


def later(session: Session, *writes: Write) -> None:
    """Execute statements with the next that `send` or `ask` sends, in their order.

    Whoever reads or refers to what they write calls `send` first. They are sent before a commit.
    """
    session.info.setdefault(_WAITING, []).extend(writes)


@event.listens_for(Session, "before_commit")
def send(session: Session) -> None:
    """Execute what was left for later."""
    if left := _left(session):
        execute(session.connection(), *left)


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    """What was left belongs to the transaction that is rolled back."""
    _left(session)


def ask(session: Session, question: UpdateBase, values: dict[str, Any]) -> Sequence[Any]:
    """Execute what was left for later, then a statement that answers one row; the row.

    The values and the row are the driver's own: for plain types, numbers and text. Raises
    NoResultFound where there is none.
    """
    found = rows(session.connection(), question, values, *_left(session))
    if not found:
        raise NoResultFound
    return found[0]


def rows(
    connection: Connection,
    question: Select[Any] | UpdateBase,
    values: dict[str, Any],
    *before: Write,
) -> Sequence[Sequence[Any]]:
    """What a statement answers, which begins the transaction or follows `before` in one go."""
    with driver.telling(connection):
        with _sent_ahead(connection):
            _execute(connection, before)
            answer = driver.ask(connection, question, values)
        found: list[Sequence[Any]] = answer.fetchall()
    return found


def commit(session: Session) -> None:
    """Execute what was left for later, and commit; nothing where nothing was begun."""
    if not session.in_transaction() and not session.info.get(_WAITING):
        return
    if session.new or session.dirty or session.deleted:
        # Else they would be flushed behind the COMMIT.
        send(session)
        session.flush()
    connection = session.connection()
    with _sent_ahead(connection) as raw:
        _execute(connection, _left(session))
        if sends_ahead(connection):
            # By the driver itself it would be one more round trip.
            raw.execute("COMMIT", prepare=False)
    session.commit()


def sends_ahead(connection: Connection) -> bool:
    """Whether the database's driver can."""
    return connection.dialect.driver == "psycopg" and _supported()


def execute(connection: Connection, *writes: Write) -> None:
    """Execute statements that answer nothing, in their order; those without rows are left out.

    psycopg sends them together and hears of all of them at the end; others wait for each. Raises
    what SQLAlchemy raises for the first that fails.
    """
    if sum(bool(rows) for _, rows in writes) < 2:
        _execute(connection, writes)
        return
    with _sent_ahead(connection):
        _execute(connection, writes)


def _execute(connection: Connection, writes: Iterable[Write]) -> None:
    for statement, rows in writes:
        if rows:
            driver.write(connection, statement, rows)


@contextmanager
def _sent_ahead(connection: Connection) -> Iterator[Any]:
    """Within it the driver's connection, which is given, waits for no answer."""
    with driver.telling(connection) as raw:
        if not sends_ahead(connection):
            yield raw
            return
        # What fails is told at the end of it.
        with raw.pipeline():
            yield raw


def _left(session: Session) -> Sequence[Write]:
    left: list[Write] = session.info.pop(_WAITING, [])
    return left


@cache
def _supported() -> bool:
    """Whether the client library is new enough (14)."""
    from psycopg import Pipeline

    return bool(Pipeline.is_supported())
