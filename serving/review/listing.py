"""The queue as people see it before they claim anything."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, load_only

from serving.review.claims import allowed, holding, leased, queue_of
from serving.review.desk import Desk, Reviewer
from serving.review.opening import OPEN, is_open
from serving.review.wanted import Wanted, conditions
from serving.store.rows.review import ItemRow

_SHOWN = (
    ItemRow.complaint_id,
    ItemRow.round,
    ItemRow.state,
    ItemRow.blind,
    ItemRow.reasons,
    ItemRow.due_at,
    ItemRow.opened_at,
    ItemRow.claimed_by,
    ItemRow.lease_until,
)


def listed(
    session: Session,
    desk: Desk,
    reviewer: Reviewer,
    wanted: Wanted,
    now: datetime,
    *,
    limit: int,
    offset: int,
    most: int,
) -> tuple[list[ItemRow], int]:
    """The queue as the reviewer will get it, with what others hold now, of an item what a list
    shows; and how many there are, counted up to `most`.
    """
    where = [*conditions(wanted, desk, now, session), *allowed(reviewer)]
    query = queue_of(where).limit(max(most, offset + limit))
    # Past the mapper: thousands of ids would take longer than the database.
    ids = session.connection().execute(query).scalars().all()
    shown = ids[offset : offset + limit]
    found = select(ItemRow).where(ItemRow.id.in_(shown)).options(load_only(*_SHOWN))
    rows = {row.id: row for row in session.scalars(found)}
    return [rows[id_] for id_ in shown if id_ in rows], min(len(ids), most)


def waiting(
    session: Session, desk: Desk, reviewer: Reviewer, wanted: Wanted, now: datetime, most: int
) -> int:
    """How many such items there are, counted up to `most`."""
    where = [*conditions(wanted, desk, now, session), *allowed(reviewer)]
    inner = queue_of(where, ordered=False).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(inner)) or 0


def mine(session: Session, reviewer: Reviewer, now: datetime) -> ItemRow | None:
    """What the reviewer holds."""
    return next(iter(holding(session, reviewer, now)), None)


def holder(row: ItemRow, now: datetime) -> str | None:
    """Who works on an item now."""
    return row.claimed_by if row.state == OPEN and leased(row, now) else None


def by_rank(session: Session) -> dict[int, int]:
    """How many open items there are of each urgency."""
    query = select(ItemRow.rank, func.count()).where(is_open()).group_by(ItemRow.rank)
    return dict(session.execute(query).all())
