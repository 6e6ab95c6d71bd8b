"""How the outbox stands, department by department: what administrators look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serving.store.outbox import DEAD, DELIVERED, PENDING
from serving.store.rows.outbox import OutboxRow

# All deliveries there ever were are too many to look through for each page.
_LOOKED_THROUGH = 2_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What waits for a department, since when, what was given up, and what arrived last.

    `delivered_at` is None where nothing arrived among the last 2,000 messages.
    """

    pending: int = 0
    oldest: datetime | None = None
    dead: int = 0
    delivered_at: datetime | None = None


def standings(session: Session) -> dict[str, Standing]:
    """By department; those with nothing to tell are left out."""
    waiting: dict[str, tuple[int, datetime | None]] = {}
    dead: dict[str, int] = {}
    query = (
        select(OutboxRow.state, OutboxRow.department, func.count(), func.min(OutboxRow.created_at))
        .where(OutboxRow.state.in_((PENDING, DEAD)))
        .group_by(OutboxRow.state, OutboxRow.department)
    )
    for state, department, count, oldest in session.execute(query):
        if state == PENDING:
            waiting[department] = (count, oldest)
        else:
            dead[department] = count
    arrived = _arrived(session)
    return {
        department: Standing(
            *waiting.get(department, (0, None)), dead.get(department, 0), arrived.get(department)
        )
        for department in {*waiting, *dead, *arrived}
    }


def _arrived(session: Session) -> dict[str, datetime]:
    last = (
        select(OutboxRow.department, OutboxRow.done_at, OutboxRow.state)
        .order_by(OutboxRow.id.desc())
        .limit(_LOOKED_THROUGH)
        .subquery()
    )
    query = (
        select(last.c.department, func.max(last.c.done_at))
        .where(last.c.state == DELIVERED)
        .group_by(last.c.department)
    )
    return {department: at for department, at in session.execute(query) if at is not None}
