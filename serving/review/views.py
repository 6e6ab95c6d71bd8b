"""Filters of the queue that people keep, and that leads share."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from ulid import ULID

from data.errors import ConflictError, InputError, NotFoundError
from serving.review.desk import Reviewer
from serving.review.errors import NotForYouError
from serving.review.wanted import Wanted
from serving.store.rows.review import ViewRow

_LONGEST = 64
_MOST = 50


def keep(
    session: Session, reviewer: Reviewer, name: str, wanted: Wanted, shared: bool, now: datetime
) -> ViewRow:
    """Keep a filter under a name. Raises InputError, ConflictError or NotForYouError."""
    name = name.strip()
    if not name or len(name) > _LONGEST or any(ord(sign) < ord(" ") for sign in name):
        raise InputError(f"expected a name of 1 to {_LONGEST} characters", field="name")
    if not wanted.as_json():
        raise InputError("expected at least one condition", field="wanted")
    if shared and not reviewer.lead:
        raise NotForYouError("只有组长可以共享视图", field="shared")
    if len(list(session.scalars(select(ViewRow.id).where(ViewRow.owner == reviewer.who)))) >= _MOST:
        raise InputError(f"expected at most {_MOST} views", field="name")
    row = ViewRow(
        id=str(ULID()),
        owner=reviewer.who,
        name=name,
        wanted=wanted.as_json(),
        shared=shared,
        created_at=now,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise ConflictError("已有同名视图", field="name") from error
    return row


def usable(session: Session, reviewer: Reviewer) -> list[ViewRow]:
    """One's own, and those that are shared, by name."""
    query = select(ViewRow).where(or_(ViewRow.owner == reviewer.who, ViewRow.shared.is_(True)))
    return list(session.scalars(query.order_by(ViewRow.name, ViewRow.id)))


def drop(session: Session, reviewer: Reviewer, view_id: str) -> None:
    """Drop a view: one's own, or as a lead a shared one. Raises NotFoundError or NotForYouError."""
    row = session.get(ViewRow, view_id)
    if row is None:
        raise NotFoundError("no such view", field="view")
    if row.owner != reviewer.who and not (row.shared and reviewer.lead):
        raise NotForYouError("这是别人的视图", field="view")
    session.delete(row)
