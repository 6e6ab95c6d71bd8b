"""Jobs in the store: begun, queued, steered, removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session, undefer
from ulid import ULID

from data.errors import ConflictError, NotFoundError, OverloadedError
from serving.store import audit, job_items
from serving.store.job_items import Tally
from serving.store.rows.jobs import JobRow

State = Literal["loading", "queued", "running", "paused", "done", "failed", "cancelled"]

ENDED = ("done", "failed", "cancelled")
_OPEN = ("loading", "queued", "running", "paused")
_MAY: dict[str, tuple[str, ...]] = {
    "paused": ("queued", "running"),
    "cancelled": ("queued", "running", "paused"),
    "queued": ("paused", "cancelled", "failed"),
}
_BUSY_AGAIN = 60.0


@dataclass(frozen=True, slots=True)
class Wish:
    """A job to be made: who hands in what; `key` is the caller's Idempotency-Key."""

    name: str
    actor: str
    digest: str
    options: Mapping[str, Any]
    key: str | None = None


def begin(session: Session, wish: Wish, until: datetime, max_open: int, now: datetime) -> str:
    """Make a job that rows are added to; unless it is queued by `until` it is swept away.

    Raises OverloadedError where `max_open` jobs are unfinished.
    """
    query = select(func.count()).select_from(JobRow).where(JobRow.state.in_(_OPEN))
    if (session.scalar(query) or 0) >= max_open:
        raise OverloadedError(
            f"{max_open} jobs are unfinished; wait for one, or cancel one", retry_after=_BUSY_AGAIN
        )
    job_id = str(ULID.from_datetime(now))
    session.add(
        JobRow(
            id=job_id,
            name=wish.name,
            actor=wish.actor,
            key=wish.key,
            digest=wish.digest,
            options=dict(wish.options),
            state="loading",
            created_at=now,
            lease_until=until,
        )
    )
    return job_id


def by_key(session: Session, key: str, digest: str) -> JobRow | None:
    """The job made with a key before. Raises ConflictError where it was for another file, or is
    still being read.
    """
    row = session.scalars(select(JobRow).where(JobRow.key == key)).one_or_none()
    if row is None:
        return None
    if row.digest != digest:
        raise ConflictError("was used before with another file", field="Idempotency-Key")
    if row.state == "loading":
        raise ConflictError("the same file is being read right now", field="Idempotency-Key")
    return row


def extend(session: Session, job_id: str, until: datetime) -> None:
    """It is still being read. Raises NotFoundError where it was swept away."""
    _change(session, and_(JobRow.id == job_id, JobRow.state == "loading"), lease_until=until)


def queue(session: Session, job_id: str, now: datetime) -> JobRow:
    """All its rows are there: it may be worked on."""
    counted = job_items.tally(session, job_id)
    row = get(session, job_id)
    row.state, row.lease_until = "queued", None
    count(row, counted)
    details = {"digest": row.digest, "rows": row.total, "saving": row.options.get("saving")}
    audit.record(session, row.actor, "job.created", f"job:{job_id}", details, now=now)
    return row


def get(session: Session, job_id: str) -> JobRow:
    """One job with its name. Raises NotFoundError."""
    row = session.get(JobRow, job_id, options=[undefer(JobRow.name)], populate_existing=True)
    if row is None:
        raise NotFoundError("no such job", field="job_id")
    return row


def listed(
    session: Session, *, state: str | None = None, before: str | None = None, limit: int = 50
) -> list[JobRow]:
    """Newest first, older than the one with id `before`; those still being read are left out."""
    query = select(JobRow).options(undefer(JobRow.name)).where(JobRow.state != "loading")
    query = query.order_by(JobRow.id.desc()).limit(limit)
    if state:
        query = query.where(JobRow.state == state)
    if before:
        query = query.where(JobRow.id < before)
    return list(session.scalars(query))


def running(session: Session) -> int:
    """How many jobs are worked on or wait for it."""
    query = select(func.count()).select_from(JobRow).where(JobRow.state.in_(("queued", "running")))
    return session.scalar(query) or 0


def turn(
    session: Session, job_id: str, state: State, actor: str, now: datetime, *, failed: bool = False
) -> JobRow:
    """Pause, cancel or resume a job, as a person asked; `failed` tries failed rows once more.

    Raises NotFoundError, or ConflictError where its state does not allow that.
    """
    row = session.scalars(select(JobRow).where(JobRow.id == job_id).with_for_update()).one_or_none()
    if row is None or row.state == "loading":
        raise NotFoundError("no such job", field="job_id")
    retried = state == "queued" and failed and row.state in (*_MAY["queued"], "done")
    if row.state not in _MAY[state] and not retried:
        raise ConflictError(f"it is {row.state}, expected one of {', '.join(_MAY[state])}")
    if row.purged_at is not None:
        raise ConflictError("its rows were removed when their time was over")
    if retried:
        job_items.again(session, job_id)
    if row.lease_owner is None:
        count(row, job_items.tally(session, job_id))
    row.state, row.message, row.takeovers = state, None, 0
    row.ended_at = now if state in ENDED else None
    verbs = {"queued": "resumed", "paused": "paused", "cancelled": "cancelled"}
    details = {"failed": True} if retried else {}
    audit.record(session, actor, f"job.{verbs[state]}", f"job:{job_id}", details, now=now)
    return row


def figures(counted: Tally) -> dict[str, Any]:
    """A tally by column."""
    return {
        "total": counted.total,
        "done": counted.done,
        "failed": counted.failed,
        "review": counted.review,
        "replayed": counted.replayed,
    }


def tally_of(row: JobRow) -> Tally:
    """The figures of a job as of its last heartbeat."""
    return Tally(row.total, row.done, row.failed, row.review, row.replayed)


def count(row: JobRow, counted: Tally) -> None:
    """Put a tally into its job."""
    for name, value in figures(counted).items():
        setattr(row, name, value)


def _change(session: Session, which: Any, **values: Any) -> None:
    if not changed(session, which, values):
        raise NotFoundError("no such job", field="job_id")


def changed(session: Session, which: Any, values: dict[str, Any]) -> bool:
    """Change the jobs that `which` says; whether there was one."""
    done = session.execute(
        update(JobRow).where(which).values(values).execution_options(synchronize_session=False)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]
