"""Extensions, standing still, and being told late: what becomes of the clocks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from data.errors import InputError, WrongStateError
from serving.cases.events import record
from serving.cases.sweep import sweep
from serving.store.rows.cases import ClockRow
from serving.store.store import Store
from tests.cases.kit import NOW, clocks_of, event, events_of, keep, local, policy, tried

LATER = NOW + timedelta(days=90)
TOLD = "2026-06-10T09:00:00+08:00"


def told(store: Store, complaint_id: str, kind: str, days: float, **body: Any) -> Any:
    what = event(complaint_id, kind, days * 24, body=body)
    return tried(store, lambda session: record(session, what, LATER, policy()))


def extend(store: Store, complaint_id: str, days: float, extension: str, **more: Any) -> Any:
    said = {"extension": extension, "approver": "分管行长", "told_at": TOLD, **more}
    return told(store, complaint_id, "extended", days, **said)


def decide(store: Store, complaint_id: str) -> ClockRow:
    return clocks_of(store, complaint_id)["decide"]


def day(when: datetime) -> str:
    return local(when).date().isoformat()


def test_fifteen_then_thirty_then_sixty_days(store: Store) -> None:
    """令2020-3 Art. 18, from 2026-06-03: 18 June is a working day, 3 July and 2 August are not."""
    one = keep(store)
    assert day(decide(store, one).strict_due_at) == "2026-06-18"
    extend(store, one, 10, "decide_complex")
    clock = decide(store, one)
    assert (clock.extended, clock.state) == ("decide_complex", "running")
    assert day(clock.strict_due_at) == "2026-07-03"
    extend(store, one, 25, "decide_special")
    clock = decide(store, one)
    assert day(clock.strict_due_at) == "2026-08-02"
    assert day(clock.due_at) == "2026-08-03"
    (first, _) = (row for row in events_of(store, one) if row.kind == "extended")
    assert first.body["clock"] == "decide"
    assert first.body["approver"] == "分管行长"


def test_an_extension_after_the_end_or_to_an_earlier_one_is_refused(sqlite_store: Store) -> None:
    one = keep(sqlite_store)
    with pytest.raises(WrongStateError, match="ran out"):
        extend(sqlite_store, one, 20, "decide_complex")
    extend(sqlite_store, one, 10, "decide_special")
    with pytest.raises(WrongStateError, match="as long already"):
        extend(sqlite_store, one, 11, "decide_complex")
    told(sqlite_store, one, "resolved", 30, result="refunded")
    assert decide(sqlite_store, one).state == "met"


def test_only_what_the_decision_allows_is_extended(sqlite_store: Store) -> None:
    one = keep(sqlite_store)
    for extension, more, field in (
        ("decide", {}, "extension"),
        # Only complaints that the central bank passed on have that clock.
        ("pbc_answer_extended", {}, "extension"),
        ("decide_complex", {"clock": "plan"}, "clock"),
    ):
        with pytest.raises(InputError) as caught:
            extend(sqlite_store, one, 5, extension, **more)
        assert caught.value.field == field


def test_an_extension_told_late_takes_the_breach_back(store: Store) -> None:
    one = keep(store)
    tried(store, lambda session: sweep(session, NOW + timedelta(days=20)))
    assert decide(store, one).state == "breached"
    extend(store, one, 14, "decide_complex")
    assert (decide(store, one).state, decide(store, one).breached_at) == ("running", None)


def test_an_answer_told_late_counts_from_when_it_was_given(store: Store) -> None:
    one = keep(store)
    tried(store, lambda session: sweep(session, NOW + timedelta(days=20)))
    recorded = told(store, one, "resolved", 14, result="refunded")
    assert recorded.late == ()
    clock = decide(store, one)
    assert (clock.state, clock.breached_at) == ("met", None)
    assert clock.met_at == NOW + timedelta(days=14)
    # That it was taken for breached is part of what happened.
    assert "decide" in [row.body.get("clock") for row in events_of(store, one)]


def test_the_clock_stands_still_for_an_appraisal(store: Store) -> None:
    """令2020-3 Art. 18: its time is not counted; house rules and other duties go on."""
    one = keep(store, "我的信息被你们泄露了", source="pbc")
    told(store, one, "paused", 5, why="appraisal", told_at=TOLD)
    states = {name: row.state for name, row in clocks_of(store, one).items()}
    assert (states["decide"], states["pbc_answer"]) == ("paused", "paused")
    assert states["plan"] == "running"
    with pytest.raises(WrongStateError, match="stand still"):
        told(store, one, "paused", 6, why="mediation", told_at=TOLD)
    tried(store, lambda session: sweep(session, NOW + timedelta(days=25)))
    assert decide(store, one).state == "paused"
    told(store, one, "resumed", 15)
    clock = decide(store, one)
    assert (clock.state, day(clock.strict_due_at)) == ("running", "2026-06-28")
    extend(store, one, 20, "decide_complex")
    # What it gained it keeps: the 30th day, and ten more.
    assert day(decide(store, one).strict_due_at) == "2026-07-13"


def test_one_clock_of_several_can_stand_still(sqlite_store: Store) -> None:
    one = keep(sqlite_store, source="pbc")
    with pytest.raises(InputError, match="decide"):
        told(sqlite_store, one, "paused", 1, why="mediation", told_at=TOLD, clocks=["plan"])
    told(sqlite_store, one, "paused", 1, why="mediation", told_at=TOLD, clocks=["decide"])
    clocks = clocks_of(sqlite_store, one)
    assert (clocks["decide"].state, clocks["pbc_answer"].state) == ("paused", "running")


def test_an_answer_while_the_clock_stands_still_is_in_time(sqlite_store: Store) -> None:
    one = keep(sqlite_store)
    told(sqlite_store, one, "paused", 10, why="mediation", told_at=TOLD)
    told(sqlite_store, one, "resolved", 40, result="settled")
    assert decide(sqlite_store, one).state == "met"


def test_withdrawn_ends_what_runs_and_keeps_what_was(sqlite_store: Store) -> None:
    one = keep(sqlite_store)
    told(sqlite_store, one, "accepted", 0.01)
    told(sqlite_store, one, "withdrawn", 3)
    states = {name: row.state for name, row in clocks_of(sqlite_store, one).items()}
    assert states["dispatch"] == "met"
    assert {state for name, state in states.items() if name != "dispatch"} == {"void"}
