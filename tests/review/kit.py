"""A store whose complaints are decided by the shipped policy over answers that a test states."""

from __future__ import annotations

import functools
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session
from ulid import ULID

from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from model.classifier import Prediction
from serving.answer import decision_json
from serving.review import claims, opening
from serving.review.choice import Choice
from serving.review.desk import Desk, Reviewer, Terms
from serving.review.submit import Submitted, submit
from serving.review.transaction import writing
from serving.store import cases
from serving.store.database import connect, migrate
from serving.store.entry import Entry
from serving.store.rows.cases import CaseRow
from serving.store.rows.review import ItemRow
from serving.store.store import Store
from serving.triage.decide import decide
from tests.triage import build

ANNA, BEN, CHEN = Reviewer("anna"), Reviewer("ben"), Reviewer("chen", lead=True)
RIGHT = {"product": "B03022", "reason": "C03", "urgency": "III"}
VERSIONS = {"model": "m1", "taxonomy": "t", "policy": "p"}
_numbers = itertools.count()


@dataclass
class Clock:
    """A clock that tests move."""

    now: datetime = build.NOW

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def pass_by(self, **more: float) -> datetime:
        self.now += timedelta(**more)
        return self.now


@dataclass
class Kit:
    """Keeps complaints, claims and submits."""

    store: Store
    desk: Desk
    clock: Clock = field(default_factory=Clock)

    def keep(
        self,
        text: str | None = None,
        said: Prediction | None = None,
        *,
        reasons: tuple[str, ...] | None = ("low_confidence:reason",),
        model: str = "m1",
        **fields: Any,
    ) -> str:
        """Save a complaint decided so; with `reasons` given a person must look for these."""
        number = next(_numbers)
        complaint_id = str(ULID())
        given = {"received_at": self.clock(), **fields}
        # Numbers that no rule knows: 110 is the police, 315 a broadcast.
        complaint = build.complaint(text or f"年费为什么扣了{500_000 + number}", **given)
        policy = self.desk.policies.at(complaint.received_at)
        answer = decide(
            complaint,
            normalise(complaint.text),
            said or build.prediction(),
            policy,
            self.desk.taxonomy,
            audit_key="key-0",
        )
        if reasons is not None:
            priority = max(1.0 - head.confidence for head in answer.heads.values())
            review = replace(
                answer.review, needed=bool(reasons), reasons=reasons, priority=priority
            )
            answer = replace(answer, review=review)
        versions = {**VERSIONS, "model": model}
        decision = decision_json(complaint, complaint_id, answer, self.desk.taxonomy, versions)
        body = orjson.dumps(decision)
        self.store.save(
            Entry(complaint_id, complaint, f"f{number}", None, body, versions, decision)
        )
        return complaint_id

    def next(self, reviewer: Reviewer, **more: Any) -> ItemRow | None:
        with writing(self.store.session) as session:
            return claims.claim_next(session, self.desk, reviewer, self.clock(), **more)

    def need(self, reviewer: Reviewer, **more: Any) -> ItemRow:
        found = self.next(reviewer, **more)
        assert found is not None
        return found

    def submit(self, reviewer: Reviewer, item: ItemRow, **labels: str) -> Submitted:
        comment, why = labels.pop("comment", ""), labels.pop("why_below", "")
        chosen = Choice({**RIGHT, **labels}, comment, why)
        with writing(self.store.session) as session:
            return submit(
                session, self.desk, reviewer, item.id, chosen, self.clock(), version=item.version
            )

    def case(self, complaint_id: str) -> CaseRow:
        with self.store.session() as session:
            return cases.find(session, complaint_id)

    def item(self, item_id: str) -> ItemRow:
        with self.store.session() as session:
            return claims.find(session, item_id)

    def items(self, complaint_id: str) -> list[ItemRow]:
        with self.store.session() as session:
            query = session.query(ItemRow).filter_by(complaint_id=complaint_id)
            return list(query.order_by(ItemRow.round, ItemRow.id))

    def session(self) -> Session:
        return self.store.session()


@functools.cache
def _migrated() -> bytes:
    """An SQLite file with all tables and no rows."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "empty.sqlite3"
        engine = connect(f"sqlite:///{path}")
        migrate(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        engine.dispose()
        return path.read_bytes()


def kit_on(url: str, terms: Terms | None = None, taxonomy: Taxonomy | None = None) -> Kit:
    """On an empty database; second opinions only where `terms` ask for them."""
    engine = connect(url)
    if engine.dialect.name == "sqlite":
        # For tests that lose nothing in a power cut, and migrate once for all of them.
        event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA synchronous=OFF"))
        Path(str(engine.url.database)).write_bytes(_migrated())
    else:
        migrate(engine)
    clock = Clock()
    store = Store(engine, clock=clock)
    desk = Desk(
        taxonomy or build.taxonomy(), build.policies(), terms or Terms(double=0.0, double_audit=0.0)
    )
    kit = Kit(store, desk, clock)

    def roles_at(when: datetime) -> Any:
        return desk.policies.at(when).roles

    store.attach(cases.opener(roles_at, kit.clock))
    store.attach(opening.opener(lambda: kit.desk, kit.clock))
    return kit


@pytest.fixture
def kit(database_url: str) -> Iterator[Kit]:
    """An empty queue, on SQLite and on PostgreSQL."""
    found = kit_on(database_url)
    yield found
    found.store.close()
