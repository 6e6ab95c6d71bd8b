"""Take in what departments say of a case, with what follows: labels, review, escalation, audit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from data.errors import InputError, SudaError
from data.exchange.judgement import Judgement
from data.taxonomy.schema import Taxonomy
from serving.cases import events
from serving.cases.events import BOUNCED, OURSELVES, Event, Recorded, record
from serving.cases.machine import machine
from serving.feedback import take as take_labels
from serving.outbox import orders
from serving.pipeline import Pipeline
from serving.review import desk as review_desk
from serving.review import opening
from serving.security.audit import Record
from serving.store import audit, cases
from serving.triage.policy import Policy, PolicySet

ESCALATES_AT, SUPERVISED_AT = 2, 3
"""The bounce that escalates (升级), and the one from which on every one is a warning (督办)."""

Then = Literal["review", "escalation", "supervision"]


@dataclass(frozen=True, slots=True)
class Taken:
    """An event as it was recorded; `then` is what followed from a bounce."""

    recorded: Recorded
    then: Then | None = None


@dataclass(frozen=True)
class Desk:
    """Events from outside, under the policies and taxonomy that are in force."""

    policies: PolicySet
    taxonomy: Taxonomy

    @classmethod
    def of(cls, pipeline: Pipeline) -> Desk:
        """With what serves now."""
        return cls(pipeline.policies, pipeline.taxonomy)

    def take(self, session: Session, event: Event, actor: str, now: datetime) -> Taken:
        """Record `event` with what follows, in the session's transaction; the last thing in it.

        `actor` is who told us, for the audit trail. Raises what `record` raises, and InputError
        for a department, kind or label that is not known.
        """
        policy = self.policies.at(cases.find(session, event.complaint_id).received_at)
        _check(event, policy)
        recorded = record(session, event, now, policy)
        if recorded.replayed:
            return Taken(recorded)
        then, follows = None, list[Record]()
        if event.kind == BOUNCED:
            follows += self._relabel(session, event, recorded, actor, now)
            desk = review_desk.Desk(self.taxonomy, self.policies)
            opening.sent_back(session, recorded.case, desk, now)
            then = self._escalate(session, recorded, policy, now)
        audit.append(session, [*_records(event, recorded, then, actor), *follows], now)
        return Taken(recorded, then)

    def _relabel(
        self, session: Session, event: Event, recorded: Recorded, actor: str, now: datetime
    ) -> list[Record]:
        """Labels that the department holds for right are label records, for people to weigh."""
        labels = recorded.event.body.get("labels")
        if not labels:
            return []
        judgement = Judgement(
            labels=labels,
            who=event.who,
            role="department",
            id=event.complaint_id,
            decided_at=recorded.event.at,
            comment=event.note,
        )
        (answer,) = take_labels(session, [judgement], self.taxonomy, now, "event")
        if isinstance(answer, SudaError):
            raise answer
        said = {"who": event.who, "role": "department", "labels": labels}
        return [Record(actor, "labels.recorded", event.complaint_id, said)]

    def _escalate(
        self, session: Session, recorded: Recorded, policy: Policy, now: datetime
    ) -> Then:
        bounces = recorded.case.bounces
        if bounces < ESCALATES_AT:
            return "review"
        to = policy.pack.routing.escalation
        then: Then = "escalation" if bounces < SUPERVISED_AT else "supervision"
        if then == "escalation" and to is not None:
            orders.escalate(session, recorded.case, to, policy, now)
        escalated = Event(
            recorded.case.complaint_id,
            "escalated",
            OURSELVES,
            department=to,
            body={"step": then, "bounces": bounces},
        )
        events.append(session, [escalated], now)
        return then


def _check(event: Event, policy: Policy) -> None:
    if machine().kind(event.kind).internal:
        raise InputError(f"{event.kind} is not said from outside", field="kind")
    policy.router.check_known(event.department)
    policy.router.check_known(event.body.get("suggested"), "suggested")


def _records(event: Event, recorded: Recorded, then: Then | None, actor: str) -> list[Record]:
    subject = f"complaint:{event.complaint_id}"
    row = recorded.event
    details: dict[str, Any] = {
        "event": row.id,
        "source": row.source,
        "event_id": row.event_id,
        "who": row.who,
        "department": row.department,
        "at": row.at.isoformat(),
    }
    found = [Record(actor, f"case.{row.kind}", subject, details)]
    if then in ("escalation", "supervision"):
        found.append(Record(OURSELVES, f"case.{then}", subject, {"bounces": recorded.case.bounces}))
    return found
