"""Which departments a complaint is with."""

from __future__ import annotations

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.cases.events import Event
from serving.outbox.orders import HANDLING, recipients
from serving.security.gate import ForbiddenError
from serving.store import events
from serving.store.earlier import latest
from serving.store.rows.outbox import CaseEventRow


def handling(session: Session, complaint_id: str) -> frozenset[str]:
    """Who handles it by its latest decision, and whom it was escalated to. Raises NotFoundError."""
    parts = recipients(orjson.loads(latest(session, complaint_id)))
    escalated = session.scalars(
        select(CaseEventRow.department).where(
            CaseEventRow.complaint_id == complaint_id, CaseEventRow.kind == "escalated"
        )
    )
    named = {code for code, part in parts.items() if part in HANDLING}
    return frozenset(named.union(code for code in escalated if code is not None))


def check_reads(session: Session, complaint_id: str, department: str) -> None:
    """Raises ForbiddenError unless the department handles the complaint, NotFoundError."""
    if department not in handling(session, complaint_id):
        raise ForbiddenError(f"{department} does not handle this complaint", field="complaint_id")


def check_tells(session: Session, event: Event, department: str) -> None:
    """The same for who tells of it. What it told while it did may be sent again."""
    told = events.told(session, event.source, event.event_id) if event.event_id else None
    if told is None or told.complaint_id != event.complaint_id:
        check_reads(session, event.complaint_id, department)
