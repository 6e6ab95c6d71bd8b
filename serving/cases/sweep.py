"""Find what is overdue and what is about to be: clocks that ran out, counts for the figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select, update
from sqlalchemy.orm import Session

from serving.cases import events
from serving.store.cases import BREACHED, RUNNING
from serving.store.rows.cases import CaseRow, ClockRow

WARN_DAYS = (5, 3, 1)
"""Days before its strict limit at which a clock is at risk (临期)."""

OPEN = ("open", "accepted")
# Some thirty milliseconds, in which SQLite saves nothing else.
_AT_ONCE = 50
# Names the lock under which one process sweeps at a time; any number will do.
_LOCK = 0x5355_4441_5357


@dataclass(frozen=True, slots=True)
class Swept:
    """Ids of the clocks that were found to have run out; `more` if there may be others."""

    clocks: tuple[str, ...]
    more: bool = False


def sweep(session: Session, now: datetime) -> Swept:
    """Mark running clocks past their due time as breached, in the session's transaction.

    Where another process sweeps at this moment, nothing is done here.
    """
    if not _alone(session):
        return Swept(())
    rows = session.execute(
        select(ClockRow.complaint_id, ClockRow.clock)
        # The strict limit is never the later one, and has the index.
        .where(ClockRow.state == RUNNING, ClockRow.strict_due_at < now, ClockRow.due_at < now)
        .order_by(ClockRow.complaint_id, ClockRow.clock)
        .limit(_AT_ONCE)
    ).all()
    marked: list[ClockRow] = []
    for complaint_id, clock in rows:
        marked += session.scalars(
            # An answer may come in between: it is asked once more whether it still runs.
            update(ClockRow)
            .where(
                ClockRow.complaint_id == complaint_id,
                ClockRow.clock == clock,
                ClockRow.state == RUNNING,
                ClockRow.due_at < now,
            )
            .values(state=BREACHED, breached_at=ClockRow.due_at)
            .returning(ClockRow)
            .execution_options(synchronize_session=False, populate_existing=True)
        ).all()
    events.breaches(session, marked, now)
    return Swept(tuple(row.clock for row in marked), more=len(rows) == _AT_ONCE)


def overdue(session: Session) -> dict[str, int]:
    """Open complaints by the clock that ran out on them and was not met since."""
    query = _open(func.count()).where(ClockRow.state == BREACHED, ClockRow.met_at.is_(None))
    return {clock: count for clock, count in session.execute(query)}  # noqa: C416 - no pairs to mypy


def at_risk(session: Session, now: datetime) -> dict[int, dict[str, int]]:
    """For each of WARN_DAYS, open complaints by the running clock whose strict limit is at most so
    many days away, or past.
    """
    near = [
        func.count(case((ClockRow.strict_due_at <= now + timedelta(days=days), 1)))
        for days in WARN_DAYS
    ]
    rows = session.execute(_open(*near).where(*_near(now, max(WARN_DAYS)))).all()
    return {
        days: {clock: counts[place] for clock, *counts in rows if counts[place]}
        for place, days in enumerate(WARN_DAYS)
    }


def due_soon(session: Session, now: datetime, days: int, limit: int = 200) -> Sequence[ClockRow]:
    """The clocks behind `at_risk`, what is due first before the others."""
    query = (
        select(ClockRow)
        .join(CaseRow, CaseRow.complaint_id == ClockRow.complaint_id)
        .where(CaseRow.status.in_(OPEN), *_near(now, days))
        .order_by(ClockRow.strict_due_at, ClockRow.complaint_id)
    )
    return session.scalars(query.limit(limit)).all()


def _near(now: datetime, days: int) -> tuple[ColumnElement[bool], ...]:
    return ClockRow.state == RUNNING, ClockRow.strict_due_at <= now + timedelta(days=days)


def _open(*counts: ColumnElement[int]) -> Select[Any]:
    query: Any = select(ClockRow.clock, *counts)
    return (  # type: ignore[no-any-return]
        query.join(CaseRow, CaseRow.complaint_id == ClockRow.complaint_id)
        .where(CaseRow.status.in_(OPEN))
        .group_by(ClockRow.clock)
    )


def _alone(session: Session) -> bool:
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))))
