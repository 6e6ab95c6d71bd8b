"""Overdue is found once, by one at a time, and counted while it lasts."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from serving.cases import sweep as sweeping
from serving.cases.events import record
from serving.cases.sweep import at_risk, due_soon, overdue, sweep
from serving.store.store import Store
from tests.cases.kit import NOW, clocks_of, event, events_of, keep, opened, policy, tried


def swept(store: Store, now: datetime) -> tuple[str, ...]:
    return tuple(sorted(tried(store, lambda session: sweep(session, now)).clocks))


def test_breached_only_after_the_due_time_and_once(store: Store) -> None:
    one = keep(store)
    due = clocks_of(store, one)["decide"].due_at
    assert swept(store, NOW) == ()
    assert "decide" not in swept(store, due)
    assert swept(store, due + timedelta(seconds=1)) == ("decide",)
    assert swept(store, due + timedelta(days=1)) == ()
    row = clocks_of(store, one)["decide"]
    assert (row.state, row.breached_at) == ("breached", due)
    told = [row.body["clock"] for row in events_of(store, one) if row.kind == "breached"]
    assert sorted(told) == ["decide", "dispatch", "first_contact", "plan"]


def test_the_strict_limit_warns_and_does_not_breach(store: Store) -> None:
    """From 2026-06-05 the fifteenth day is Saturday the 20th, which is rolled to Monday."""
    one = keep(store, received_at=NOW + timedelta(days=2))
    row = clocks_of(store, one)["decide"]
    between = row.strict_due_at + timedelta(hours=1)
    assert between < row.due_at
    assert "decide" not in swept(store, between)
    with store.session() as session:
        assert at_risk(session, between)[1]["decide"] == 1


def test_what_is_overdue_is_counted_while_it_lasts(store: Store) -> None:
    one, two = keep(store), keep(store)
    end = NOW + timedelta(days=20)
    swept(store, end)
    with store.session() as session:
        assert overdue(session) == {"decide": 2, "dispatch": 2, "first_contact": 2, "plan": 2}
    resolved = event(one, "resolved", 24 * 20, body={"result": "refunded"})
    tried(store, lambda session: record(session, resolved, end, policy()))
    contacted = event(two, "contacted", 24 * 20)
    tried(store, lambda session: record(session, contacted, end, policy()))
    with store.session() as session:
        assert overdue(session) == {"decide": 1, "plan": 1}


def test_at_risk_five_three_and_one_day_before(store: Store) -> None:
    one = keep(store)
    limit = clocks_of(store, one)["decide"].strict_due_at
    with store.session() as session:
        for days_before, found in ((6, ()), (5, (5,)), (3, (5, 3)), (1, (5, 3, 1))):
            now = limit - timedelta(days=days_before)
            seen = tuple(d for d, clocks in at_risk(session, now).items() if "decide" in clocks)
            assert seen == found
            soon = [row.clock for row in due_soon(session, now, 1)]
            assert ("decide" in soon) == (1 in found)


def test_a_flood_is_swept_in_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "_AT_ONCE", 3)
    keep(store), keep(store)
    end = NOW + timedelta(days=20)
    parts = [tried(store, lambda session: sweep(session, end)) for _ in range(4)]
    assert [len(part.clocks) for part in parts] == [3, 3, 2, 0]
    assert [part.more for part in parts] == [True, True, False, False]


def test_one_process_sweeps_at_a_time(postgres_url: str) -> None:
    """Several processes take PostgreSQL."""
    with opened(postgres_url) as store:
        keep(store)
        end = NOW + timedelta(days=20)
        with store.engine.begin() as other:
            other.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": sweeping._LOCK})
            assert swept(store, end) == ()
        assert len(swept(store, end)) == 4


def test_sweeping_and_answers_at_once_lose_nothing(store: Store) -> None:
    """Whichever comes first, a clock met in time ends met, and no event is told twice."""
    ids = [keep(store) for _ in range(12)]
    end = NOW + timedelta(days=20)
    failed: list[BaseException] = []

    def answer(mine: list[str]) -> None:
        try:
            for one in mine:
                resolved = event(one, "resolved", 24 * 14, body={"result": "refunded"})
                with store.session.begin() as session:
                    record(session, resolved, end, policy())
        except BaseException as error:  # noqa: BLE001 - shown below
            failed.append(error)

    threads = [threading.Thread(target=answer, args=(ids[n::2],)) for n in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        swept(store, end)
    assert failed == []
    swept(store, end)
    for one in ids:
        row = clocks_of(store, one)["decide"]
        assert (row.state, row.breached_at) == ("met", None)
