"""Send dead letters once more, and record who asked for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from serving.store import audit, outbox
from serving.store.rows.outbox import OutboxRow


def replay_one(session: Session, message_id: str, actor: str, now: datetime) -> OutboxRow:
    """One message. Raises NotFoundError, or WrongStateError if it is not dead."""
    row = outbox.replay(session, message_id, now)
    details = {"department": row.department, "complaint_id": row.complaint_id}
    audit.record(session, actor, "outbox.replayed", f"message:{row.id}", details, now=now)
    return row


def replay_department(session: Session, department: str, actor: str, now: datetime) -> int:
    """All of a department; how many there were."""
    count = outbox.replay_all(session, department, now)
    subject = f"department:{department}"
    audit.record(session, actor, "outbox.replayed", subject, {"messages": count}, now=now)
    return count
