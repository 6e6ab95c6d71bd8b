"""The outbox: messages are added with what they tell of, claimed, and marked once it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, select, update
from sqlalchemy.orm import Session, aliased
from ulid import ULID

from data.errors import NotFoundError, WrongStateError
from serving.store import pipelining
from serving.store.base import insert_into
from serving.store.rows.outbox import DepartmentRow, OutboxRow

PENDING, DELIVERED, DEAD = "pending", "delivered", "dead"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages: before `before`, of one department, complaint or state, each where given."""

    before: str | None = None
    department: str | None = None
    complaint_id: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How many wait, since when, and how many were given up."""

    pending: int
    oldest: datetime | None
    dead: int


def message(
    complaint_id: str, decision_id: str, department: str, kind: str, part: str, now: datetime
) -> dict[str, Any]:
    """The columns of a new message, due at once."""
    return {
        "id": str(ULID()),
        "complaint_id": complaint_id,
        "decision_id": decision_id,
        "department": department,
        "kind": kind,
        "part": part,
        "state": PENDING,
        "attempts": 0,
        "created_at": now,
        "next_at": now,
    }


def add(session: Session, messages: Sequence[dict[str, Any]]) -> None:
    """Add messages, in the session's transaction."""
    add_later(session, messages)
    pipelining.send(session)


def add_later(session: Session, messages: Sequence[dict[str, Any]]) -> None:
    """The same with what is sent next, see `pipelining.later`."""
    pipelining.later(session, (insert_into(OutboxRow), messages))


def due(session: Session, departments: Sequence[str], now: datetime) -> list[str]:
    """Those of the departments to which something is due; how much is not counted."""
    if not departments:
        return []
    asked = (exists().where(*_due(now), OutboxRow.department == code) for code in departments)
    answers = session.execute(select(*asked)).one()
    return [code for code, there in zip(departments, answers, strict=True) if there]


def claim(
    session: Session, department: str, limit: int, now: datetime, until: datetime
) -> list[OutboxRow]:
    """Take up to `limit` due messages until `until`: nobody else delivers them before.

    Of the messages to one department about one complaint only the first that was not delivered,
    so that they arrive in their order; a dead one keeps back those behind it.
    """
    earlier = aliased(OutboxRow)
    first = ~exists().where(
        earlier.complaint_id == OutboxRow.complaint_id,
        earlier.department == OutboxRow.department,
        earlier.id < OutboxRow.id,
        earlier.state != DELIVERED,
    )
    chosen = session.scalars(
        select(OutboxRow.id)
        .where(*_due(now), OutboxRow.department == department, first)
        .order_by(OutboxRow.next_at, OutboxRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not chosen:
        return []
    taken = session.scalars(
        update(OutboxRow)
        # SQLite locks no rows: what another process took meanwhile is not due any more.
        .where(OutboxRow.id.in_(chosen), *_due(now))
        .values(next_at=until, lease=str(ULID()), attempts=OutboxRow.attempts + 1)
        .returning(OutboxRow)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return sorted(taken, key=lambda row: row.id)


def delivered(session: Session, message_id: str, status: int, now: datetime) -> bool:
    """It arrived, whoever holds the lease by now; False where that was known."""
    values = {"state": DELIVERED, "lease": None, "done_at": now, "status": status, "error": None}
    return _mark(session, and_(OutboxRow.id == message_id, OutboxRow.state != DELIVERED), values)


def failed(
    session: Session,
    message_id: str,
    lease: str,
    *,
    again: datetime | None,
    status: int | None,
    error: str,
    now: datetime,
) -> bool:
    """It did not arrive: try at `again`, or never (None: dead). False where another took over."""
    values: dict[str, Any] = {"lease": None, "status": status, "error": error[:200]}
    if again is None:
        values |= {"state": DEAD, "done_at": now}
    else:
        values |= {"next_at": again}
    held = and_(OutboxRow.id == message_id, OutboxRow.lease == lease, OutboxRow.state == PENDING)
    return _mark(session, held, values)


def replay(session: Session, message_id: str, now: datetime) -> OutboxRow:
    """Send a dead message once more. Raises NotFoundError, or WrongStateError if it is not dead."""
    row = session.get(OutboxRow, message_id, with_for_update=True)
    if row is None:
        raise NotFoundError("no such message", field="id")
    if row.state != DEAD:
        raise WrongStateError(f"only a dead message is sent again, this one is {row.state}")
    _mark(session, OutboxRow.id == message_id, _anew(now))
    session.refresh(row)
    return row


def replay_all(session: Session, department: str, now: datetime) -> int:
    """Send all dead messages of a department once more; how many there were."""
    dead = and_(OutboxRow.department == department, OutboxRow.state == DEAD)
    return _count(session, dead, _anew(now))


def page(session: Session, wanted: Filter, limit: int) -> list[OutboxRow]:
    """Messages, the latest first."""
    query = select(OutboxRow).order_by(OutboxRow.id.desc()).limit(limit)
    if wanted.before is not None:
        query = query.where(OutboxRow.id < wanted.before)
    for name in ("department", "complaint_id", "state"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(OutboxRow, name) == value)
    return list(session.scalars(query))


def standing(session: Session, department: str | None = None) -> Standing:
    """What waits and what was given up, of all departments or one.

    The oldest is that of departments that are told: what waits for one that was switched off waits
    because somebody wants it to.
    """
    off = select(DepartmentRow.id).where(DepartmentRow.enabled.is_(False))
    told = case((OutboxRow.department.not_in(off), OutboxRow.created_at))
    query = select(OutboxRow.state, func.count(), func.min(told)).where(
        OutboxRow.state.in_((PENDING, DEAD))
    )
    if department is not None:
        query = query.where(OutboxRow.department == department)
    found = {
        state: (count, oldest)
        for state, count, oldest in session.execute(query.group_by(OutboxRow.state))
    }
    pending, oldest = found.get(PENDING, (0, None))
    return Standing(pending, oldest, found.get(DEAD, (0, None))[0])


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return OutboxRow.state == PENDING, OutboxRow.next_at <= now


def _anew(now: datetime) -> dict[str, Any]:
    return {"state": PENDING, "attempts": 0, "next_at": now, "lease": None, "done_at": None}


def _mark(session: Session, which: ColumnElement[bool], values: dict[str, Any]) -> bool:
    return _count(session, which, values) > 0


def _count(session: Session, which: ColumnElement[bool], values: dict[str, Any]) -> int:
    done = session.execute(
        update(OutboxRow).where(which).values(values).execution_options(synchronize_session=False)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]
