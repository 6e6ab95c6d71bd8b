"""What follows from what departments say: labels, review, escalation, supervision, audit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from data.errors import InputError
from serving.cases.desk import Desk, Taken
from serving.cases.events import Event
from serving.outbox import departments
from serving.outbox.departments import Change
from serving.store import audit, labels, outbox
from serving.store.outbox import Filter
from serving.store.store import Store
from serving.triage.policy import PolicySet
from tests.cases.kit import NOW, case_of, event, events_of, keep, policies, policy, taxonomy, tried

LATER = NOW + timedelta(days=2)
ESCALATION = "consumer_protection"


def told(store: Store, what: Event, desk: Desk | None = None) -> Taken:
    using = desk or Desk(policies(), taxonomy())
    taken: Taken = tried(store, lambda session: using.take(session, what, "key:k1", LATER))
    return taken


def bounced(complaint_id: str, hours: float = 1, **body: Any) -> Event:
    said = {"reason": "not_ours", **body}
    return event(complaint_id, "bounced", hours, department="credit_card_center", body=said)


def actions(store: Store) -> list[str]:
    with store.session() as session:
        return [link.action for link in audit.page(session, audit.Filter(), 100)]


def test_a_bounce_with_labels_is_what_the_department_holds_for_right(store: Store) -> None:
    one = keep(store)
    what = replace(
        bounced(one, suggested="personal_finance", labels={"product": "B03015"}), note="借记卡"
    )
    taken = told(store, what)
    assert taken.then == "review"
    with store.session() as session:
        (record,) = labels.of(session, one)
    assert (record.head, record.code, record.role, record.who) == (
        "product",
        "B03015",
        "department",
        "staff-7",
    )
    assert (record.model_code, record.via, record.comment) == ("B03022", "event", "借记卡")
    assert case_of(store, one).review == "waiting"
    (row,) = events_of(store, one)
    assert (row.body["suggested"], row.department) == ("personal_finance", "credit_card_center")
    assert actions(store) == ["case.bounced", "labels.recorded"]
    again = told(store, what)
    assert again.recorded.replayed is False, "without an event_id it is another bounce"


def test_the_second_bounce_escalates_and_the_third_is_a_warning(store: Store) -> None:
    one = keep(store)
    change = Change(webhook="http://localhost:9/")
    tried(store, lambda s: departments.change(s, policy(), ESCALATION, change, "admin", NOW))
    seen = [told(store, bounced(one, n)).then for n in (1, 2, 3, 4)]
    assert seen == ["review", "escalation", "supervision", "supervision"]
    escalated = [row for row in events_of(store, one) if row.kind == "escalated"]
    assert sorted((row.body["step"], row.body["bounces"]) for row in escalated) == [
        ("escalation", 2),
        ("supervision", 3),
        ("supervision", 4),
    ]
    assert {row.department for row in escalated} == {ESCALATION}
    with store.session() as session:
        (message,) = outbox.page(session, Filter(), 10)
        assert (message.kind, message.department) == ("escalation", ESCALATION)
        assert audit.verify(session).intact
    assert actions(store).count("case.supervision") == 2


def test_a_policy_that_names_nobody_escalates_to_nobody(store: Store) -> None:
    file = policy().pack.routing.model_copy(update={"escalation": None})
    silent = replace(policy(), pack=replace(policy().pack, routing=file))
    desk = Desk(PolicySet(policies().zone, (silent,)), taxonomy())
    one = keep(store)
    assert [told(store, bounced(one, n), desk).then for n in (1, 2)] == ["review", "escalation"]
    (row,) = (row for row in events_of(store, one) if row.kind == "escalated")
    assert row.department is None


@pytest.mark.parametrize(
    ("what", "field"),
    [
        (lambda one: bounced(one, suggested="nobody"), "suggested"),
        (lambda one: replace(bounced(one), department="nobody"), "department"),
        (lambda one: bounced(one, labels={"product": "B9"}), "labels.product"),
        (lambda one: bounced(one, labels={"colour": "red"}), "labels.colour"),
        (lambda one: event(one, "breached"), "kind"),
        (lambda one: event(one, "delivered"), "kind"),
    ],
)
def test_what_is_not_known_changes_nothing(sqlite_store: Store, what: Any, field: str) -> None:
    one = keep(sqlite_store)
    with pytest.raises(InputError) as caught:
        told(sqlite_store, what(one))
    assert caught.value.field == field
    assert events_of(sqlite_store, one) == []
    assert case_of(sqlite_store, one).bounces == 0
    assert actions(sqlite_store) == []


def test_a_replay_has_no_further_consequence(sqlite_store: Store) -> None:
    one = keep(sqlite_store)
    what = replace(bounced(one, labels={"product": "B03015"}), source="crm", event_id="1")
    assert told(sqlite_store, what).then == "review"
    again = told(sqlite_store, what)
    assert (again.then, again.recorded.replayed) == (None, True)
    assert case_of(sqlite_store, one).bounces == 1
    assert len(actions(sqlite_store)) == 2
