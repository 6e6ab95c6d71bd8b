"""Reports that were frozen: added, numbered, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from ulid import ULID

from serving.store.rows.reports import ReportSnapshotRow


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A frozen report: its canonical JSON with the hash that was told when it was frozen."""

    id: str
    period: str
    scope: str
    number: int
    frozen_at: datetime
    frozen_by: str
    note: str | None
    sha256: str
    body: str


def keep(
    session: Session,
    period: str,
    scope: str,
    body: str,
    sha256: str,
    who: str,
    now: datetime,
    note: str | None = None,
) -> Snapshot:
    """Add the next snapshot of a period and scope.

    Two at the same time: the database's unique number refuses the second.
    """
    last = session.scalar(
        select(func.max(ReportSnapshotRow.number)).where(
            ReportSnapshotRow.period == period, ReportSnapshotRow.scope == scope
        )
    )
    row = ReportSnapshotRow(
        id=str(ULID.from_datetime(now)),
        period=period,
        scope=scope,
        number=(last or 0) + 1,
        frozen_at=now,
        frozen_by=who,
        note=note,
        sha256=sha256,
        body=body,
    )
    session.add(row)
    session.flush()
    return _snapshot(row)


def of(session: Session, period: str, scope: str) -> list[Snapshot]:
    """The snapshots of a period and scope, the first one first."""
    query = select(ReportSnapshotRow).where(
        ReportSnapshotRow.period == period, ReportSnapshotRow.scope == scope
    )
    return [_snapshot(row) for row in session.scalars(query.order_by(ReportSnapshotRow.number))]


def recent(session: Session, limit: int = 50) -> list[Snapshot]:
    """The snapshots frozen last."""
    query = select(ReportSnapshotRow).order_by(ReportSnapshotRow.id.desc()).limit(limit)
    return [_snapshot(row) for row in session.scalars(query)]


def _snapshot(row: ReportSnapshotRow) -> Snapshot:
    return Snapshot(
        row.id,
        row.period,
        row.scope,
        row.number,
        row.frozen_at,
        row.frozen_by,
        row.note,
        row.sha256,
        row.body,
    )
