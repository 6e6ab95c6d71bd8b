"""Write where complaints stand: opened with their decision, opened late for those from before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from data.errors import NotFoundError
from serving.store import pipelining
from serving.store.base import insert_into
from serving.store.entry import Entry, GroupHook
from serving.store.rows.cases import CaseRow, ClockRow
from serving.store.tables import ComplaintRow, DecisionRow
from serving.triage.schema import Roles

RUNNING, PAUSED, MET, BREACHED, VOID = "running", "paused", "met", "breached", "void"
AUDIT_SAMPLE = "audit_sample"
_AT_ONCE = 500

RolesAt = Callable[[datetime], Roles]


def opener(roles_at: RolesAt, clock: Callable[[], datetime]) -> GroupHook:
    """A hook for Store.attach: a case, with its clocks, for each new entry.

    `roles_at` says which heads play which part at a time of receipt.
    """

    def opened(session: Session, entries: Sequence[Entry]) -> None:
        now = clock()
        told = [entry for entry in entries if entry.decision is not None]
        _insert(session, [(_given(entry), entry.decision or {}) for entry in told], roles_at, now)

    return opened


def backfill(session: Session, roles_at: RolesAt, now: datetime) -> int:
    """Open cases for complaints that have none, the oldest 500; returns how many there were."""
    missing = session.execute(
        select(ComplaintRow, DecisionRow)
        .join(DecisionRow, DecisionRow.id == ComplaintRow.id)
        .outerjoin(CaseRow, CaseRow.complaint_id == ComplaintRow.id)
        .where(CaseRow.complaint_id.is_(None))
        .order_by(ComplaintRow.id)
        .limit(_AT_ONCE)
    ).all()
    pairs = [
        (
            {
                "complaint_id": row.id,
                "received_at": row.received_at,
                "source": row.source or None,
                "channel": row.fields.get("channel"),
                "segment": row.fields.get("customer_segment"),
            },
            orjson.loads(decision.body),
        )
        for row, decision in missing
    ]
    _insert(session, pairs, roles_at, now)
    pipelining.send(session)
    return len(pairs)


def find(session: Session, complaint_id: str) -> CaseRow:
    """The case. Raises NotFoundError."""
    row = session.get(CaseRow, complaint_id)
    if row is None:
        raise NotFoundError("no such complaint", field="complaint_id")
    return row


def redecided(
    session: Session, case: CaseRow, answer: Mapping[str, Any], decision_id: str, roles: Roles,
    now: datetime,
) -> None:  # fmt: skip
    """A later decision holds from now on: labels, departments and clocks follow it.

    Clocks that were met, breached or extended stay as they are; of those that run, the ones that
    no longer apply are void.
    """
    for name, value in _decided(answer, roles).items():
        setattr(case, name, value)
    case.decision_id, case.updated_at = decision_id, now
    wanted = {row["clock"]: row for row in _clocks(case.complaint_id, case.received_at, answer)}
    standing = {
        row.clock: row
        for row in session.scalars(
            select(ClockRow).where(ClockRow.complaint_id == case.complaint_id)
        )
    }
    running = [
        row.clock for row in standing.values() if row.state == RUNNING and row.extended is None
    ]
    session.execute(
        update(ClockRow)
        .where(
            ClockRow.complaint_id == case.complaint_id,
            ClockRow.clock.in_([clock for clock in running if clock not in wanted]),
        )
        .values(state=VOID)
    )
    replaced = [clock for clock in running if clock in wanted]
    session.execute(
        delete(ClockRow).where(
            ClockRow.complaint_id == case.complaint_id, ClockRow.clock.in_(replaced)
        )
    )
    added = [row for clock, row in wanted.items() if clock in replaced or clock not in standing]
    if added:
        session.execute(insert(ClockRow), added)


def _insert(
    session: Session,
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    roles_at: RolesAt,
    now: datetime,
) -> None:
    if not pairs:
        return
    clocks = [
        row
        for given, answer in pairs
        for row in _clocks(given["complaint_id"], given["received_at"], answer)
    ]
    pipelining.later(
        session,
        (
            insert_into(CaseRow),
            [_case(given, answer, roles_at(given["received_at"]), now) for given, answer in pairs],
        ),
        (insert_into(ClockRow), clocks),
    )


def _given(entry: Entry) -> dict[str, Any]:
    complaint = entry.complaint
    return {
        "complaint_id": entry.complaint_id,
        "received_at": complaint.received_at,
        "source": complaint.source,
        "channel": complaint.channel,
        "segment": complaint.customer_segment,
    }


def _case(
    given: Mapping[str, Any], answer: Mapping[str, Any], roles: Roles, now: datetime
) -> dict[str, Any]:
    review = answer["review"]
    return {
        **given,
        **_decided(answer, roles),
        "automatic": not review["needed"],
        "audit": AUDIT_SAMPLE in review["reasons"],
        "review": "waiting" if review["needed"] else "none",
        "reasons": review["reasons"],
        "priority": review["priority"],
        "status": "open",
        "accepted_at": None,
        "resolved_at": None,
        "bounces": 0,
        "satisfaction": None,
        "decision_id": given["complaint_id"],
        "updated_at": now,
    }


def _decided(answer: Mapping[str, Any], roles: Roles) -> dict[str, Any]:
    labels = answer["labels"]

    def code(head: str | None) -> str | None:
        return labels[head]["code"] if head in labels else None

    return {
        "branch": answer["routing"]["branch"],
        "product": code(roles.product),
        "reason": code(roles.reason),
        "urgency": code(roles.urgency),
        "lead": answer["routing"]["lead"]["code"],
        "flags": [flag["code"] for flag in answer["flags"] if not flag.get("hint")],
        "confidence": min((label["confidence"] for label in labels.values()), default=0.0),
        "model_version": answer["versions"]["model"],
        "policy_version": answer["versions"]["policy"],
    }


def _clocks(
    complaint_id: str, started_at: datetime, answer: Mapping[str, Any]
) -> list[dict[str, Any]]:
    return [
        {
            "complaint_id": complaint_id,
            "clock": clock["clock"],
            "statutory": clock["statutory"],
            "extended": None,
            "started_at": started_at,
            "due_at": datetime.fromisoformat(clock["due_at"]),
            "strict_due_at": datetime.fromisoformat(clock["strict_due_at"]),
            "state": RUNNING,
            "met_at": None,
            "breached_at": None,
        }
        for clock in answer["deadlines"]
        # An extension runs from when it is approved.
        if not clock["extension"]
    ]
