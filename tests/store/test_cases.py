"""Cases and clocks: opened with their decision, late, and changed by a later decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, select, text

from data.errors import NotFoundError
from serving.store import cases
from serving.store.database import connect, downgrade, migrate
from serving.store.rows.cases import ClockRow
from serving.store.store import Store
from serving.store.tables import ComplaintRow
from serving.triage.schema import Roles
from tests.store.kit import WHEN, entry

ROLES = Roles(product="product", reason=None, urgency="urgency")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def answer(**changes: Any) -> dict[str, Any]:
    due = (WHEN + timedelta(days=15)).isoformat()
    clock = {
        "clock": "decide",
        "due_at": due,
        "strict_due_at": due,
        "statutory": True,
        "extension": False,
    }
    return {
        "labels": {
            "product": {"code": "P1", "confidence": 0.9},
            "urgency": {"code": "II", "confidence": 0.6},
        },
        "routing": {"lead": {"code": "cards", "name": "卡"}, "branch": "城东支行"},
        "flags": [],
        "deadlines": [clock, clock | {"clock": "decide_complex", "extension": True}],
        "review": {"needed": True, "reasons": ["audit_sample"], "priority": 0.7},
        "versions": {"model": "m-1", "policy": "p-1"},
        **changes,
    }


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    engine = connect(database_url)
    migrate(engine)
    store = Store(engine)
    yield store
    store.close()


def opened(store: Store, **changes: Any) -> str:

    store.attach(cases.opener(lambda _: ROLES, lambda: NOW))
    told = replace(entry(source="phone"), decision=answer(**changes))
    store.save(told)
    return told.complaint_id


def test_a_case_is_opened_with_its_clocks_in_the_same_transaction(store: Store) -> None:
    complaint_id = opened(store)
    with store.session() as session:
        case = cases.find(session, complaint_id)
        assert (case.product, case.reason, case.urgency) == ("P1", None, "II")
        assert (case.lead, case.branch, case.source) == ("cards", "城东支行", "phone")
        assert (case.review, case.automatic, case.audit, case.status) == (
            "waiting", False, True, "open",
        )  # fmt: skip
        assert case.confidence == 0.6
        assert case.received_at == WHEN
        clocks = session.scalars(select(ClockRow)).all()
        # An extension runs once it is approved.
        assert [(c.clock, c.state, c.started_at) for c in clocks] == [("decide", "running", WHEN)]


def test_what_cannot_be_opened_is_not_saved_either(store: Store) -> None:
    with pytest.raises(KeyError):
        opened(store, routing={})
    with store.session() as session:
        assert session.scalars(select(ComplaintRow)).all() == []


def test_complaints_from_before_get_their_case_once(store: Store) -> None:

    old = replace(entry(source="app"), body=orjson.dumps(answer()))
    store.save(old)
    with store.session.begin() as session:
        assert cases.backfill(session, lambda _: ROLES, NOW) == 1
    with store.session.begin() as session:
        assert cases.backfill(session, lambda _: ROLES, NOW) == 0
        assert cases.find(session, old.complaint_id).received_at == WHEN


def test_a_later_decision_moves_labels_and_running_clocks_only(store: Store) -> None:
    complaint_id = opened(store)
    later = (WHEN + timedelta(hours=1)).isoformat()
    contact = answer()["deadlines"][0] | {
        "clock": "contact",
        "due_at": later,
        "strict_due_at": later,
    }
    with store.session.begin() as session:
        case = cases.find(session, complaint_id)
        changed = answer(deadlines=[contact], routing={"lead": {"code": "loans"}, "branch": None})
        cases.redecided(session, case, changed, "D2", ROLES, NOW)
    with store.session() as session:
        case = cases.find(session, complaint_id)
        assert (case.lead, case.branch, case.decision_id) == ("loans", None, "D2")
        states = {row.clock: row.state for row in session.scalars(select(ClockRow))}
        assert states == {"decide": "void", "contact": "running"}


def test_a_met_clock_stays_met(store: Store) -> None:
    complaint_id = opened(store)
    with store.session.begin() as session:
        session.scalars(select(ClockRow)).one().state = "met"
    with store.session.begin() as session:
        case = cases.find(session, complaint_id)
        cases.redecided(session, case, answer(), "D2", ROLES, NOW)
        assert session.scalars(select(ClockRow)).one().state == "met"


def test_an_unknown_complaint_is_named(store: Store) -> None:
    with store.session() as session, pytest.raises(NotFoundError, match="complaint_id"):
        cases.find(session, "nobody")


def test_times_of_receipt_keep_their_moment_up_and_down(sqlite_url: str) -> None:
    engine: Engine = connect(sqlite_url)
    migrate(engine, "0003")
    row = {
        "id": "C", "source": "", "text": "x", "fields": "{}", "fingerprint": "f",
        "received_at": "2026-01-01 07:30:00.123456", "created_at": "2025-12-31 23:30:00.123456",
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO complaints (id, source, text, fields, fingerprint, received_at, "
                "created_at) VALUES (:id, :source, :text, :fields, :fingerprint, :received_at, "
                ":created_at)"
            ),
            row,
        )
    migrate(engine)
    with Store(engine).session() as session:
        found = session.scalars(select(ComplaintRow)).one()
        assert found.received_at == datetime(2025, 12, 31, 23, 30, 0, 123456, tzinfo=UTC)
        assert found.created_at == found.received_at

    downgrade(engine, "0003")
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT received_at FROM complaints")).scalar_one()
    engine.dispose()
    assert kept == row["received_at"]
