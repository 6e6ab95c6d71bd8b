"""A transaction that reads before it writes, on either database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

_guard = threading.Lock()
_turns: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()


@contextmanager
def writing(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """One transaction that will write.

    SQLite refuses to write on what another changed since it was read, so the file is locked first,
    and since it lets those who wait for it starve, the threads of a process take turns. On
    PostgreSQL rows are locked as they are read.
    """
    engine = sessions.kw["bind"]
    if engine.dialect.name != "sqlite":
        with sessions.begin() as session:
            yield session
        return
    with _turn(engine), sessions.begin() as session:
        session.connection().exec_driver_sql("BEGIN IMMEDIATE")
        yield session


def _turn(engine: Engine) -> threading.Lock:
    with _guard:
        return _turns.setdefault(engine, threading.Lock())
