"""One worker at a time holds a job; what a dead one held goes to the next."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, or_, select, update
from sqlalchemy.orm import Session

from serving.store import audit, job_items
from serving.store.job_items import Tally
from serving.store.jobs import ENDED, State, changed, count, figures
from serving.store.rows.jobs import JobRow

# A job whose workers die so often without deciding a row in between is not handed to another.
MAX_TAKEOVERS = 5


def claim(session: Session, owner: str, now: datetime, lease: timedelta) -> JobRow | None:
    """Lease the oldest job that nobody works on; None if there is none.

    A job whose worker has not shown itself until its lease ended, or gave it up itself, is taken
    over.
    """
    lapsed = and_(
        JobRow.state == "running", or_(JobRow.lease_until < now, JobRow.lease_owner == owner)
    )
    free = or_(JobRow.state == "queued", lapsed)
    query = select(JobRow).where(free).order_by(JobRow.created_at, JobRow.id).limit(1)
    row = session.scalars(query.with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    takeovers = row.takeovers + 1 if row.state == "running" else row.takeovers
    worn = takeovers > MAX_TAKEOVERS
    taken = session.execute(
        update(JobRow)
        # Once more the condition: SQLite, which locks no rows, may let two come this far.
        .where(JobRow.id == row.id, free)
        .values(
            state="paused" if worn else "running",
            message="its workers failed again and again; see their logs" if worn else None,
            started_at=row.started_at or now,
            takeovers=takeovers,
            lease_owner=None if worn else owner,
            lease_until=None if worn else now + lease,
        )
        .execution_options(synchronize_session=False)
    )
    session.refresh(row)
    return row if taken.rowcount and not worn else None  # type: ignore[attr-defined]


def beat(
    session: Session, job_id: str, owner: str, until: datetime, counted: Tally, speed: float | None
) -> bool:
    """Show that the owner is alive, with its figures; False where it is no longer its job."""
    ours = and_(JobRow.id == job_id, JobRow.lease_owner == owner, JobRow.state == "running")
    values = {
        **figures(counted),
        "lease_until": until,
        "speed": speed,
        "takeovers": _fresh(counted),
    }
    return changed(session, ours, values)


def release(
    session: Session, job_id: str, owner: str, state: State, message: str | None, now: datetime
) -> JobRow | None:
    """Give a job back as queued, or end it, with figures that are exact; None where it is no
    longer the owner's.
    """
    row = session.scalars(
        select(JobRow).where(JobRow.id == job_id, JobRow.lease_owner == owner).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    count(row, job_items.tally(session, job_id))
    row.lease_owner = row.lease_until = None
    if row.state != "running":
        # Paused or cancelled meanwhile: that stands.
        return row
    row.state, row.message = state, message
    if state in ENDED:
        row.ended_at = now
        details = {**figures(job_items.tally(session, job_id)), "state": state}
        audit.record(session, "suda", "job.ended", f"job:{job_id}", details, now=now)
    return row


def _fresh(counted: Tally) -> Any:
    """No takeover counts any more once a row was decided after it."""
    before = JobRow.done + JobRow.failed
    return case((before < counted.done + counted.failed, 0), else_=JobRow.takeovers)
