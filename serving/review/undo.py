"""Take a submission back. Nothing is deleted: retractions and a decision as before are added."""

from __future__ import annotations

from datetime import datetime

import orjson
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from data.errors import NotFoundError
from data.snapshot.record import RETRACTION, LabelRecord
from serving.cases import events
from serving.review import acts
from serving.review.answers import standing_answer
from serving.review.deciding import decide_anew
from serving.review.desk import Desk, Reviewer
from serving.review.errors import CannotUndoError
from serving.review.opening import CLOSED, DONE, OPEN, SECOND
from serving.review.submit import VIA
from serving.security.audit import Record
from serving.store import audit, labels
from serving.store.rows.cases import CaseRow
from serving.store.rows.review import ItemRow
from serving.store.tables import DecisionRow


def undo(session: Session, desk: Desk, reviewer: Reviewer, now: datetime) -> ItemRow:
    """Take back the reviewer's own last submission; the item is theirs to decide anew.

    Raises CannotUndoError where there is none, it is too long ago, or somebody built on it.
    """
    row = session.scalar(
        select(ItemRow)
        .where(
            ItemRow.submitted_by == reviewer.who, ItemRow.state == DONE, ItemRow.bulk_id.is_(None)
        )
        .order_by(ItemRow.submitted_at.desc(), ItemRow.id.desc())
        .limit(1)
        .with_for_update()
    )
    if row is None or row.submitted_at is None:
        raise CannotUndoError("没有可以撤销的提交")
    if now - row.submitted_at > desk.terms.undo:
        minutes = round(desk.terms.undo.total_seconds() / 60)
        raise CannotUndoError(f"提交已超过 {minutes} 分钟，不能撤销")
    record = take_back(session, desk, reviewer, row, now)
    row.claimed_by, row.claimed_at = reviewer.who, now
    row.lease_until = now + desk.terms.lease
    session.flush()
    audit.append(session, [record], now)
    return row


def take_back(
    session: Session, desk: Desk, reviewer: Reviewer, row: ItemRow, now: datetime
) -> Record:
    """Take back one submission and open its item again; what is to go into the audit trail.

    Raises CannotUndoError.
    """
    case = events.locked(session, row.complaint_id)
    _check(case, row)
    _close_later(session, row, now)
    _retract(session, row, now)
    if row.decision_id is not None:
        _restore(session, desk, case, row, reviewer, now)
    case.review = "done" if row.round == SECOND else "waiting"
    case.updated_at = now
    acts.write(session, row, "undone", reviewer.who, now, body={"labels": row.labels})
    details = {"item": row.id, "labels": row.labels}
    row.state, row.version = OPEN, row.version + 1
    row.submitted_by = row.submitted_at = row.labels = row.changed = None
    row.decision_id = row.before_id = row.bulk_id = None
    return Record(reviewer.actor, "labels.retracted", f"complaint:{row.complaint_id}", details)


def _check(case: CaseRow, row: ItemRow) -> None:
    if case.decision_id != (row.decision_id or row.before_id):
        raise CannotUndoError("之后又有了新的决定，不能撤销")
    for at, what in ((case.accepted_at, "主办部门已受理"), (case.resolved_at, "投诉已办结")):
        if at is not None and row.submitted_at is not None and at >= row.submitted_at:
            raise CannotUndoError(f"{what}，不能撤销")


def _close_later(session: Session, row: ItemRow, now: datetime) -> None:
    """Rounds that this one opened go, unless somebody began them."""
    later = session.scalars(
        select(ItemRow)
        .where(
            or_(ItemRow.first_id == row.id, ItemRow.second_id == row.id),
            ItemRow.complaint_id == row.complaint_id,
            ItemRow.state.in_((OPEN, DONE)),
        )
        .with_for_update()
    )
    for item in later:
        if item.state == DONE or (item.lease_until is not None and item.lease_until > now):
            raise CannotUndoError("另一位已开始复核同一条，不能撤销")
        item.state, item.version = CLOSED, item.version + 1


def _retract(session: Session, row: ItemRow, now: datetime) -> None:
    records = [
        LabelRecord(
            subject=row.complaint_id,
            head=head,
            code=code,
            who=row.submitted_by or "",
            decided_at=now,
            role=RETRACTION,
            via=VIA,
        )
        for head, code in (row.labels or {}).items()
    ]
    labels.append(session, records, now)


def _restore(
    session: Session, desk: Desk, case: CaseRow, row: ItemRow, reviewer: Reviewer, now: datetime
) -> None:
    """The decision from before holds again, as a new one."""
    earlier = session.get(DecisionRow, row.before_id)
    if earlier is None:
        raise NotFoundError("no such decision", field="before_id")
    current = standing_answer(session, case)
    restored = {"by": reviewer.who, "at": now.isoformat(), "undone": row.decision_id}
    answer = {**orjson.loads(earlier.body), "restored": restored}
    policy = desk.policies.at(case.received_at)
    decide_anew(session, case, current, answer, policy, reviewer.who, now)
