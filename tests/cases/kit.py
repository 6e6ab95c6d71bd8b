"""Decided complaints in a store, each with its case and clocks."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from ulid import ULID

from serving.answer import decision_json
from serving.cases import clocks
from serving.cases.events import Event
from serving.settings import Settings
from serving.store import cases, events
from serving.store.database import connect, migrate
from serving.store.entry import Entry
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.rows.outbox import CaseEventRow
from serving.store.store import Store
from tests.triage.build import NOW, complaint, decided, policies, policy, prediction, taxonomy

__all__ = ["NOW", "policies", "policy", "taxonomy"]

VERSIONS = {"model": "m", "taxonomy": "t", "policy": "p"}


@contextmanager
def opened(url: str, text_key: str | None = None) -> Iterator[Store]:
    """A store that opens a case for each decision."""
    engine = connect(url, Settings(text_key=text_key))  # type: ignore[arg-type]
    _schema(engine)
    store = Store(engine, clock=lambda: NOW)
    store.attach(cases.opener(lambda when: policies().at(when).roles, lambda: NOW))
    try:
        yield store
    finally:
        store.close()


def _schema(engine: Engine) -> None:
    """All tables; on SQLite copied, which is sooner than to migrate each time."""
    if engine.dialect.name != "sqlite":
        migrate(engine)
        return
    Path(str(engine.url.database)).write_bytes(_migrated())


@functools.cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "empty.sqlite3"
        engine = connect(f"sqlite:///{path}")
        migrate(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        engine.dispose()
        return path.read_bytes()


def answer_of(complaint_id: str, text: str, product: str, **fields: Any) -> dict[str, Any]:
    """A whole decision as it is stored."""
    decision = decided(text, prediction(product), **fields)
    return decision_json(complaint(text, **fields), complaint_id, decision, taxonomy(), VERSIONS)


def keep(
    store: Store,
    text: str = "年费为什么扣了",
    product: str = "B03022",
    metadata: dict[str, Any] | None = None,
    **fields: Any,
) -> str:
    """Save a decided complaint; its id."""
    complaint_id = str(ULID())
    answer = answer_of(complaint_id, text, product, **fields)
    given: Any = {**fields, "metadata": metadata or {}}
    store.save(
        Entry(
            complaint_id,
            complaint(text, **given),
            text,
            None,
            orjson.dumps(answer),
            VERSIONS,
            answer,
        )
    )
    return complaint_id


def event(complaint_id: str, kind: str, hours: float = 1, **given: Any) -> Event:
    """Something that happened so many hours after the complaint came in."""
    return Event(complaint_id, kind, "staff-7", at=NOW + timedelta(hours=hours), **given)


def tried(store: Store, work: Callable[[Session], Any]) -> Any:
    """Run `work` in one transaction."""
    with store.session.begin() as session:
        return work(session)


def case_of(store: Store, complaint_id: str) -> CaseRow:
    with store.session() as session:
        return cases.find(session, complaint_id)


def clocks_of(store: Store, complaint_id: str) -> dict[str, ClockRow]:
    with store.session() as session:
        return {row.clock: row for row in clocks.of(session, complaint_id)}


def events_of(store: Store, complaint_id: str) -> list[CaseEventRow]:
    with store.session() as session:
        return events.of(session, complaint_id)


def local(when: datetime) -> datetime:
    """On the bank's own clock."""
    return policy().clocks.local(when)
