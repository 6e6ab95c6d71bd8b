"""Let another decision hold: its row, the case and its clocks, work orders, the event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.orm import Session
from ulid import ULID

from serving.cases import clocks, events
from serving.cases.events import Event
from serving.outbox import orders
from serving.store import cases
from serving.store.rows.cases import CaseRow
from serving.store.tables import DecisionRow
from serving.triage.policy import Policy


def decide_anew(
    session: Session,
    case: CaseRow,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    policy: Policy,
    who: str,
    now: datetime,
) -> str:
    """The id of the new decision. Departments are told where it says something else to them.

    The case keeps the confidence that the model had.
    """
    decision_id, confidence = str(ULID()), case.confidence
    session.add(
        DecisionRow(
            id=decision_id,
            complaint_id=case.complaint_id,
            body=orjson.dumps(after),
            model_version=after["versions"]["model"],
            taxonomy_version=after["versions"]["taxonomy"],
            policy_version=after["versions"]["policy"],
            created_at=now,
        )
    )
    cases.redecided(session, case, after, decision_id, policy.roles, now)
    case.confidence = confidence
    session.flush()
    if case.status in ("resolved", "withdrawn"):
        clocks.void(session, case)
        return decision_id
    orders.reroute(session, case, before, after, policy, now)
    old, new = before["routing"]["lead"]["code"], after["routing"]["lead"]["code"]
    if old != new:
        body = {"from": old, "to": new, "decision": decision_id}
        event = Event(case.complaint_id, "rerouted", who, department=new, body=body)
        events.record(session, event, now)
    return decision_id
