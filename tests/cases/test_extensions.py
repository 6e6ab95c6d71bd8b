from __future__ import annotations

from datetime import timedelta

import orjson

from serving.cases import clocks
from serving.cases.events import record
from serving.cases.extensions import Extension, offered
from serving.store import cases
from serving.store.store import Store
from serving.store.tables import DecisionRow
from tests.cases.kit import NOW, clocks_of, event, keep, policy, tried


def next_of(store: Store, complaint_id: str) -> dict[str, Extension]:
    with store.session() as session:
        row = session.get(DecisionRow, cases.find(session, complaint_id).decision_id)
        assert row is not None
        answer = orjson.loads(row.body)
        return offered(clocks.of(session, complaint_id), answer, policy())


def happen(store: Store, complaint_id: str, kind: str, hours: float = 1, **body: str) -> None:
    told = event(complaint_id, kind, hours, body=body)
    tried(store, lambda s: record(s, told, NOW + timedelta(hours=hours), policy()))


def extend(store: Store, complaint_id: str, one: Extension) -> None:
    told = NOW.isoformat()
    happen(store, complaint_id, "extended", extension=one.id, approver="王", told_at=told)


def test_one_extension_after_the_other_and_then_none(store: Store) -> None:
    complaint_id = keep(store)
    ((clock, first),) = next_of(store, complaint_id).items()
    assert not first.further
    assert (first.due_at - clocks_of(store, complaint_id)[clock].due_at).days in (14, 15, 16, 17)
    extend(store, complaint_id, first)
    assert clocks_of(store, complaint_id)[clock].due_at == first.due_at
    second = next_of(store, complaint_id)[clock]
    assert second.further
    assert second.id != first.id
    extend(store, complaint_id, second)
    assert clocks_of(store, complaint_id)[clock].due_at == second.due_at
    assert next_of(store, complaint_id) == {}


def test_a_clock_that_was_met_has_none(sqlite_store: Store) -> None:
    complaint_id = keep(sqlite_store)
    happen(sqlite_store, complaint_id, "resolved", result="explained")
    assert next_of(sqlite_store, complaint_id) == {}


def test_what_a_clock_gained_by_standing_still_it_keeps(sqlite_store: Store) -> None:
    complaint_id = keep(sqlite_store)
    plain = next(iter(next_of(sqlite_store, complaint_id).values()))
    happen(sqlite_store, complaint_id, "paused", why="appraisal", told_at=NOW.isoformat())
    happen(sqlite_store, complaint_id, "resumed", 49)
    later = next(iter(next_of(sqlite_store, complaint_id).values()))
    assert later.due_at - plain.due_at == timedelta(days=2)
