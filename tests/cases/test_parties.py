"""Whom a complaint is with, and who may tell of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from data.errors import NotFoundError
from serving.cases import parties
from serving.cases.desk import Desk
from serving.cases.events import Event
from serving.security.gate import ForbiddenError
from serving.store.earlier import latest
from serving.store.store import Store
from serving.store.tables import DecisionRow
from tests.cases.kit import NOW, event, keep, opened, policies, taxonomy, tried

LEAD, OTHER = "credit_card_center", "personal_finance"
PARTY = {"code": "", "name": ""}


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with opened(database_url) as found:
        yield found


def redecided(store: Store, complaint_id: str, routing: Mapping[str, Any]) -> None:
    """A later decision, which says otherwise whom the complaint goes to."""

    def decide(session: Session) -> None:
        answer = orjson.loads(latest(session, complaint_id))
        row = {
            "id": "Z" * 26,
            "complaint_id": complaint_id,
            "body": orjson.dumps(answer | {"routing": answer["routing"] | routing}),
            "model_version": "m",
            "taxonomy_version": "t",
            "policy_version": "p",
            "created_at": NOW + timedelta(days=1),
        }
        session.execute(insert(DecisionRow), [row])

    tried(store, decide)


def told(store: Store, said: Event, department: str) -> None:
    def tell(session: Session) -> None:
        parties.check_tells(session, said, department)
        Desk(policies(), taxonomy()).take(session, said, "key:1", NOW + timedelta(hours=2))

    tried(store, tell)


def handling(store: Store, complaint_id: str) -> frozenset[str]:
    found: frozenset[str] = tried(store, lambda s: parties.handling(s, complaint_id))
    return found


def test_it_is_with_those_who_handle_it_not_with_those_who_are_to_know(store: Store) -> None:
    complaint = keep(store)
    redecided(
        store,
        complaint,
        {
            "lead": PARTY | {"code": LEAD},
            "assisting": [PARTY | {"code": "anti_fraud"}],
            "investigator": PARTY | {"code": "audit"},
            "copies": [PARTY | {"code": "legal"}],
        },
    )
    assert handling(store, complaint) == {LEAD, "anti_fraud", "audit"}


def test_only_the_latest_decision_counts(store: Store) -> None:
    complaint = keep(store)
    assert LEAD in handling(store, complaint)
    redecided(store, complaint, {"lead": PARTY | {"code": OTHER}, "assisting": []})
    assert LEAD not in handling(store, complaint)
    assert OTHER in handling(store, complaint)


def test_who_it_was_escalated_to_handles_it_as_well(store: Store) -> None:
    complaint = keep(store)
    to = policies().at(NOW).pack.routing.escalation
    assert to is not None
    redecided(store, complaint, {"lead": PARTY | {"code": LEAD}, "assisting": []})
    for number in range(2):
        assert to not in handling(store, complaint)
        bounce = event(
            complaint, "bounced", source=LEAD, event_id=f"b{number}", body={"reason": "not_ours"}
        )
        told(store, bounce, LEAD)
    assert handling(store, complaint) >= {LEAD, to}


def test_what_was_told_is_told_again_by_who_no_longer_handles_it(store: Store) -> None:
    complaint = keep(store)
    first = event(complaint, "accepted", source=LEAD, event_id="a1", department=LEAD)
    told(store, first, LEAD)
    redecided(store, complaint, {"lead": PARTY | {"code": OTHER}, "assisting": []})
    # Its answer may have been lost on the way.
    told(store, first, LEAD)
    for new in (
        event(complaint, "contacted", source=LEAD, event_id="a2", department=LEAD),
        event(complaint, "contacted", source=LEAD, department=LEAD),
    ):
        with pytest.raises(ForbiddenError) as refused:
            told(store, new, LEAD)
        assert refused.value.field == "complaint_id"


def test_an_id_told_of_one_complaint_opens_no_other(store: Store) -> None:
    mine, other = keep(store), keep(store, product="B01")
    redecided(store, other, {"lead": PARTY | {"code": OTHER}, "assisting": []})
    told(store, event(mine, "accepted", source=LEAD, event_id="a1", department=LEAD), LEAD)
    with pytest.raises(ForbiddenError):
        told(store, event(other, "accepted", source=LEAD, event_id="a1", department=LEAD), LEAD)


def test_an_unknown_complaint_is_not_found(store: Store) -> None:
    with pytest.raises(NotFoundError):
        tried(store, lambda s: parties.check_reads(s, "no-such", LEAD))
