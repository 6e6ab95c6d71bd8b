"""Take jobs away again, a few rows at a time: nobody who saves a complaint waits for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session, sessionmaker

from data.errors import ConflictError, NotFoundError
from serving.store import audit, jobs
from serving.store.rows.jobs import JobItemRow, JobRow

_AT_ONCE = 2_000


def remove(sessions: sessionmaker[Session], job_id: str, actor: str, now: datetime) -> None:
    """Remove a job with its rows; complaints it stored stay.

    Raises NotFoundError, or ConflictError while it is queued or running.
    """
    with sessions.begin() as session:
        row = session.get(JobRow, job_id)
        if row is None:
            raise NotFoundError("no such job", field="job_id")
        if row.state in ("loading", "queued", "running"):
            raise ConflictError(f"it is {row.state}; cancel it first")
        details = {**jobs.figures(jobs.tally_of(row)), "digest": row.digest}
        # From here on it is as one never read to its end: not shown, and swept away if need be.
        row.state, row.lease_until, row.key = "loading", now, None
        audit.record(session, actor, "job.deleted", f"job:{job_id}", details, now=now)
    discard(sessions, job_id)


def discard(sessions: sessionmaker[Session], job_id: str) -> None:
    """Remove a job that is not shown, and its rows, without a trace in the audit trail."""
    _remove_items(sessions, job_id)
    with sessions.begin() as session:
        session.execute(delete(JobRow).where(JobRow.id == job_id))


def sweep(sessions: sessionmaker[Session], before: datetime, now: datetime) -> int:
    """Remove the rows of jobs that ended, or were left alone, before `before`, and what was never
    read to its end; of how many jobs.
    """
    stale = and_(JobRow.state == "loading", JobRow.lease_until < now)
    rested = func.coalesce(JobRow.ended_at, JobRow.created_at) < before
    # Rows of a purged job are those of a purge that broke off.
    rows = exists().where(JobItemRow.job_id == JobRow.id)
    past = and_(
        rested, JobRow.state.in_(("paused", *jobs.ENDED)), or_(JobRow.purged_at.is_(None), rows)
    )
    with sessions() as session:
        halves = session.scalars(select(JobRow.id).where(stale)).all()
        old = session.scalars(select(JobRow.id).where(past)).all()
    for job_id in halves:
        discard(sessions, job_id)
    for job_id in old:
        _purge(sessions, job_id, now)
    return len(halves) + len(old)


def _purge(sessions: sessionmaker[Session], job_id: str, now: datetime) -> None:
    with sessions.begin() as session:
        row = session.get(JobRow, job_id, with_for_update=True)
        if row is None or row.state in ("queued", "running"):
            return
        if row.purged_at is None:
            row.purged_at = now
            audit.record(session, "suda", "job.purged", f"job:{job_id}", now=now)
        if row.state == "paused":
            row.state, row.ended_at = "cancelled", now
    _remove_items(sessions, job_id)


def _remove_items(sessions: sessionmaker[Session], job_id: str) -> None:
    some = select(JobItemRow.id).where(JobItemRow.job_id == job_id).limit(_AT_ONCE)
    removed = True
    while removed:
        with sessions.begin() as session:
            if session.get_bind().dialect.name == "sqlite":
                # Else the words stay readable in the file's free pages.
                session.connection().exec_driver_sql("PRAGMA secure_delete=ON")
            done = session.execute(
                delete(JobItemRow)
                .where(JobItemRow.id.in_(some))
                .execution_options(synchronize_session=False)
            )
            removed = bool(done.rowcount)  # type: ignore[attr-defined]
