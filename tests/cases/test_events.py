"""What is recorded of a case, and where it stands after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Executable, delete, update
from sqlalchemy.exc import DBAPIError

from data.errors import ConflictError, InputError, NotFoundError, WrongStateError
from serving.cases.events import Event, Recorded, append, record
from serving.store import disclosure, privacy
from serving.store.privacy import Held
from serving.store.rows.outbox import CaseEventRow
from serving.store.store import Store
from tests.cases.kit import NOW, case_of, clocks_of, event, events_of, keep, opened, policy, tried
from tests.store.security_kit import KEY

LATER = NOW + timedelta(days=40)


def told(store: Store, what: Event) -> Recorded:
    found: Recorded = tried(store, lambda session: record(session, what, LATER, policy()))
    return found


def test_a_case_goes_its_way(store: Store) -> None:
    one = keep(store)
    told(store, event(one, "accepted", 0.2))
    assert (case_of(store, one).status, case_of(store, one).accepted_at) == (
        "accepted",
        NOW + timedelta(hours=0.2),
    )
    told(store, event(one, "contacted", 3))
    told(store, event(one, "planned", 30))
    told(store, event(one, "resolved", 100, body={"result": "refunded"}))
    told(store, event(one, "opinion", 200, body={"satisfaction": "satisfied"}))
    case = case_of(store, one)
    assert (case.status, case.satisfaction) == ("resolved", "satisfied")
    assert case.resolved_at == NOW + timedelta(hours=100)
    clocks = clocks_of(store, one)
    assert {name: row.state for name, row in clocks.items()} == dict.fromkeys(clocks, "met")
    met = {name: row.met_at for name, row in clocks.items()}
    assert met["dispatch"] == NOW + timedelta(hours=0.2)
    assert met["first_contact"] == NOW + timedelta(hours=3)
    assert met["plan"] == NOW + timedelta(hours=30)
    assert met["decide"] == NOW + timedelta(hours=100)
    assert [row.kind for row in events_of(store, one)] == [
        "accepted",
        "contacted",
        "planned",
        "resolved",
        "opinion",
    ]


def test_what_comes_later_proves_what_was_not_told(store: Store) -> None:
    """Whoever contacts the customer has taken the case; a plan alone is no contact."""
    one = keep(store)
    told(store, event(one, "planned", 1))
    clocks = clocks_of(store, one)
    assert (clocks["dispatch"].state, clocks["plan"].state) == ("met", "met")
    assert clocks["first_contact"].state == "running"
    assert case_of(store, one).status == "accepted"


def test_what_was_done_late_stays_breached_with_when(store: Store) -> None:
    one = keep(store)
    late = told(store, event(one, "resolved", 24 * 20, body={"result": "refunded"})).late
    clocks = clocks_of(store, one)
    assert {row.clock for row in late} == set(clocks)
    for row in clocks.values():
        assert (row.state, row.met_at) == ("breached", NOW + timedelta(days=20))
        assert row.breached_at == row.due_at
    breached = [row for row in events_of(store, one) if row.kind == "breached"]
    assert {row.body["clock"] for row in breached} == set(clocks)
    assert all(row.at < NOW + timedelta(days=20) for row in breached)


def test_the_same_told_again_counts_once(store: Store) -> None:
    one = keep(store)
    said: dict[str, Any] = {"source": "crm", "event_id": "7", "note": "已退"}
    said["body"] = {"result": "refunded"}
    first = told(store, event(one, "resolved", **said))
    again = told(store, event(one, "resolved", **said))
    assert (first.replayed, again.replayed) == (False, True)
    assert first.event.id == again.event.id
    assert len(events_of(store, one)) == 1
    # Another system may use the same number.
    other = {**said, "source": "erp", "body": {"satisfaction": "neutral"}}
    assert not told(store, event(one, "opinion", **other)).replayed


def test_an_id_that_stood_for_something_else_is_a_conflict(store: Store) -> None:
    one = keep(store)
    said: dict[str, Any] = {"source": "crm", "event_id": "7", "body": {"result": "refunded"}}
    told(store, event(one, "resolved", **said))
    changes: list[dict[str, Any]] = [
        {"note": "别的"},
        {"body": {"result": "other"}},
        {"hours": 2},
        {"department": "x"},
        {"complaint_id": keep(store)},
    ]
    for change in changes:
        with pytest.raises(ConflictError) as caught:
            told(store, event(**{"complaint_id": one, "kind": "resolved", **said, **change}))
        assert caught.value.field == "event_id"


def test_an_event_without_a_time_is_now_and_the_same_when_told_again(store: Store) -> None:
    one = keep(store)
    what = Event(one, "withdrawn", "staff-7", source="crm", event_id="1")
    first = tried(store, lambda s: record(s, what, NOW, policy()))
    again = tried(store, lambda s: record(s, what, LATER, policy()))
    assert again.replayed
    assert again.event.at == first.event.at == NOW
    assert {row.state for row in clocks_of(store, one).values()} == {"void"}
    assert case_of(store, one).status == "withdrawn"


def test_what_cannot_be_changes_nothing(store: Store) -> None:
    one = keep(store)
    before = case_of(store, one)
    wrong = [
        (event(one, "resolved"), InputError),
        (event(one, "accepted", 24 * 60), InputError),
        (event(one, "accepted", -2), InputError),
        (event("0" * 26, "accepted"), NotFoundError),
        (event(one, "resumed"), WrongStateError),
    ]
    for what, error in wrong:
        with pytest.raises(error):
            told(store, what)
    assert events_of(store, one) == []
    assert case_of(store, one).updated_at == before.updated_at


def test_a_kind_that_touches_clocks_takes_the_policy(store: Store) -> None:
    one = keep(store)
    with pytest.raises(TypeError, match="policy"):
        tried(store, lambda session: record(session, event(one, "accepted"), LATER))
    told_by_us = Event(one, "reviewed", "staff-7", body={"labels": {"product": "B0101"}})
    tried(store, lambda session: record(session, told_by_us, LATER))
    assert [row.kind for row in events_of(store, one)] == ["reviewed"]


def test_bouncing_puts_the_case_back(store: Store) -> None:
    one = keep(store)
    told(store, event(one, "accepted", 0.2))
    told(store, event(one, "bounced", 1, body={"reason": "not_ours"}))
    case = case_of(store, one)
    assert (case.status, case.review, case.bounces) == ("open", "waiting", 1)
    assert case.accepted_at is None
    assert case.reasons.count("bounced") == 1
    told(store, event(one, "bounced", 2, body={"reason": "not_ours"}))
    assert case_of(store, one).reasons.count("bounced") == 1
    # What was done in time was done in time.
    assert clocks_of(store, one)["dispatch"].state == "met"


def test_the_database_refuses_to_change_what_happened(store: Store) -> None:
    one = keep(store)
    told(store, event(one, "accepted", note="客户很急"))
    changes: list[Executable] = [
        update(CaseEventRow).values(kind="resolved"),
        update(CaseEventRow).values(at=LATER),
        update(CaseEventRow).values(body={"x": 1}),
        delete(CaseEventRow),
    ]
    for change in changes:
        with (
            pytest.raises(DBAPIError, match="only ever added"),
            store.session.begin() as session,
        ):
            session.execute(change)
    assert len(events_of(store, one)) == 1


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
def test_notes_are_kept_like_customers_words_and_erased_with_them(
    database_url: str, key: str | None
) -> None:
    with opened(database_url, key) as store:
        one, other = keep(store), keep(store)
        said: dict[str, Any] = {"note": "冯女士说她不急", "source": "crm", "event_id": "1"}
        told(store, event(one, "accepted", **said))
        told(store, event(other, "accepted", note="别人的话"))
        with store.engine.connect() as connection:
            stored = connection.exec_driver_sql("SELECT note FROM case_events").scalars().all()
        assert ("冯女士" in "".join(stored)) == (key is None)
        tried(
            store,
            lambda s: privacy.erase(s, Held((one,), ()), "customer.erased", "客户要求", "t", NOW),
        )
        (kept,) = events_of(store, one)
        assert (kept.kind, kept.note) == ("accepted", None)
        assert events_of(store, other)[0].note == "别人的话"
        with store.session() as session:
            (shown,) = disclosure.export(session, Held((other,), ()), masked=False)
        assert [(e["kind"], e["note"]) for e in shown["events"]] == [("accepted", "别人的话")]
        # Sent late once more, it does not bring the words back.
        with pytest.raises(ConflictError):
            told(store, event(one, "accepted", **said))


def test_a_case_that_something_happened_to_lately_is_not_past_its_time(store: Store) -> None:
    one, other = keep(store), keep(store)
    tried(store, lambda s: append(s, [Event(one, "delivered", "suda")], LATER))
    with store.session() as session:
        assert privacy.expired(session, LATER).complaints == (other,)
