"""Claims: who works on which item, for as long as their browser shows signs of life."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.orm import Session

from data.errors import NotFoundError
from serving.review import acts
from serving.review.desk import Desk, Reviewer
from serving.review.errors import LeaseLostError, NotForYouError, StaleItemError
from serving.review.opening import DONE, OPEN, adopt, is_open
from serving.review.wanted import Wanted, conditions
from serving.store import users
from serving.store.rows.review import ActRow, ItemRow

ORDER = (ItemRow.rank, ItemRow.due_at, ItemRow.ease, ItemRow.id)
"""The most urgent first, then what is due first, then the most doubtful."""


def claim_next(
    session: Session,
    desk: Desk,
    reviewer: Reviewer,
    now: datetime,
    wanted: Wanted | None = None,
    *,
    draw: Callable[[], float] = lambda: 1.0,
) -> ItemRow | None:
    """The next item of the queue, from now on the reviewer's; None where there is none for them.

    What they hold already comes first. `draw` gives numbers in [0, 1): now and then it lets an
    audit sample go first, but never before something most urgent.
    """
    where = [*conditions(wanted or Wanted(), desk, now, session), *free_for(reviewer, now)]
    found = None
    if held := [row.id for row in holding(session, reviewer, now)]:
        found = _take(session, [*where, ItemRow.id.in_(held)], desk, reviewer, now)
    if found is None and draw() < desk.terms.audit_turn:
        urgent = select(ItemRow.id).where(*free_for(reviewer, now), is_open())
        if (
            desk.policies.at(now).roles.urgency is None
            or session.scalar(urgent.where(ItemRow.rank == 0).limit(1)) is None
        ):
            found = _take(session, [*where, ItemRow.audit.is_(True)], desk, reviewer, now)
    if found is None:
        found = _take(session, where, desk, reviewer, now)
    if found is None and adopt(session, desk, now):
        found = _take(session, where, desk, reviewer, now)
    if found is not None:
        acts.write(session, found, "claimed", reviewer.who, now)
    return found


def claim(session: Session, desk: Desk, reviewer: Reviewer, item_id: str, now: datetime) -> ItemRow:
    """This very item. Raises NotFoundError, NotForYouError or LeaseLostError."""
    where = [ItemRow.id == item_id, ItemRow.state == OPEN, *free_for(reviewer, now, skipped=True)]
    found = _take(session, where, desk, reviewer, now)
    if found is None:
        row = find(session, item_id)
        if row.state == OPEN and not leased(row, now):
            raise NotForYouError(_why_not(row, reviewer))
        raise LeaseLostError(lost(session, row, reviewer, now))
    acts.write(session, found, "claimed", reviewer.who, now)
    return found


def heartbeat(
    session: Session, desk: Desk, reviewer: Reviewer, item_id: str, now: datetime
) -> datetime:
    """Hold the item for longer; until when. Raises LeaseLostError, also where it had run out."""
    until = now + desk.terms.lease
    done = session.execute(
        update(ItemRow)
        .where(ItemRow.id == item_id, ItemRow.state == OPEN, *held_by(reviewer, now))
        .values(lease_until=until)
        .returning(ItemRow.id)
        .execution_options(synchronize_session=False)
    ).first()
    if done is None:
        raise LeaseLostError(lost(session, find(session, item_id), reviewer, now))
    return until


def release(session: Session, reviewer: Reviewer, item_id: str, now: datetime) -> None:
    """Give the item back unseen. Nothing happens where it was not the reviewer's."""
    row = locked(session, item_id)
    if row.state == OPEN and row.claimed_by == reviewer.who:
        free(row)
        acts.write(session, row, "released", reviewer.who, now)


def held(
    session: Session, reviewer: Reviewer, item_id: str, version: int | None, now: datetime
) -> ItemRow:
    """The item, locked, if it is the reviewer's now.

    Raises NotFoundError, LeaseLostError naming what happened, or StaleItemError where it was
    claimed anew since `version`.
    """
    row = locked(session, item_id)
    mine = row.state == OPEN and row.claimed_by == reviewer.who and leased(row, now)
    if not mine:
        raise LeaseLostError(lost(session, row, reviewer, now))
    if version is not None and row.version != version:
        raise StaleItemError("这一条已在另一窗口重新领取", field="version")
    return row


def holding(session: Session, reviewer: Reviewer, now: datetime) -> list[ItemRow]:
    """What the reviewer holds, in the queue's order."""
    # By the holder alone: a database that may choose goes through the whole queue for it.
    rows = session.scalars(select(ItemRow).where(ItemRow.claimed_by == reviewer.who)).all()
    live = [row for row in rows if row.state == OPEN and leased(row, now)]
    return sorted(live, key=lambda row: (row.rank, row.due_at, row.ease, row.id))


def find(session: Session, item_id: str) -> ItemRow:
    """The item. Raises NotFoundError."""
    row = session.get(ItemRow, item_id, populate_existing=True)
    if row is None:
        raise NotFoundError("no such review", field="item")
    return row


def locked(session: Session, item_id: str) -> ItemRow:
    """The item, which nobody else changes until the transaction ends. Raises NotFoundError."""
    row = session.scalar(
        select(ItemRow)
        .where(ItemRow.id == item_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFoundError("no such review", field="item")
    return row


def free(row: ItemRow) -> None:
    """Nobody's any longer."""
    row.claimed_by = row.claimed_at = row.lease_until = None
    row.version += 1


def free_for(
    reviewer: Reviewer, now: datetime, *, skipped: bool = False
) -> list[ColumnElement[bool]]:
    """Nobody's, and the reviewer's to take; with `skipped` also what they had skipped."""
    unheld = or_(ItemRow.lease_until.is_(None), ItemRow.lease_until <= now)
    return [
        or_(unheld, ItemRow.claimed_by == reviewer.who),
        *allowed(reviewer, skipped=skipped),
    ]


def held_by(reviewer: Reviewer, now: datetime) -> list[ColumnElement[bool]]:
    """Theirs, and not run out."""
    return [ItemRow.claimed_by == reviewer.who, ItemRow.lease_until > now]


def allowed(reviewer: Reviewer, *, skipped: bool = False) -> list[ColumnElement[bool]]:
    """Nobody gets two rounds of one complaint, nor what they passed on; some is for leads."""
    found = [
        or_(ItemRow.first_by.is_(None), ItemRow.first_by != reviewer.who),
        or_(ItemRow.second_by.is_(None), ItemRow.second_by != reviewer.who),
    ]
    if not skipped:
        # All of them at once: an item at a time takes longer than the items themselves.
        passed_on = select(ActRow.complaint_id).where(
            ActRow.who == reviewer.who, ActRow.kind == "skipped"
        )
        found.append(ItemRow.complaint_id.not_in(passed_on))
    if not reviewer.lead:
        found.append(ItemRow.lead_only.is_(False))
    return found


def queue_of(
    where: Sequence[ColumnElement[bool]], *, columns: Any = ItemRow.id, ordered: bool = True
) -> Select[Any]:
    """Items that meet all of `where`, in the queue's order."""
    query = select(columns).where(and_(*where))
    return query.order_by(*ORDER) if ordered else query


def _take(
    session: Session,
    where: Sequence[ColumnElement[bool]],
    desk: Desk,
    reviewer: Reviewer,
    now: datetime,
) -> ItemRow | None:
    """Claim the first of these in one statement; what another is just claiming is passed over."""
    first = queue_of(where).limit(1).with_for_update(of=ItemRow, skip_locked=True)
    taken = session.scalar(
        update(ItemRow)
        .where(ItemRow.id == first.scalar_subquery())
        .values(
            claimed_by=reviewer.who,
            claimed_at=now,
            lease_until=now + desk.terms.lease,
            version=ItemRow.version + 1,
        )
        .returning(ItemRow.id)
        .execution_options(synchronize_session=False)
    )
    return find(session, taken) if taken is not None else None


def leased(row: ItemRow, now: datetime) -> bool:
    """Whether somebody holds it now."""
    return row.lease_until is not None and row.lease_until > now


def lost(session: Session, row: ItemRow, reviewer: Reviewer, now: datetime) -> str:
    """What happened to an item that is not the reviewer's, in words for them."""
    if row.state == DONE:
        mine = row.submitted_by == reviewer.who
        whose = "您本人" if mine else _name(session, row.submitted_by)
        return f"这一条已由{whose}提交"
    if row.state != OPEN:
        return "这一条已不在复核队列中"
    if row.claimed_by is None or row.lease_until is None:
        return "这一条已放回队列，没有人占用"
    if row.claimed_by != reviewer.who and leased(row, now):
        return f"这一条现由{_name(session, row.claimed_by)}复核"
    return "占用已超时，这一条已放回队列"


def _name(session: Session, login: str | None) -> str:
    known = users.by_login(session, login or "")
    return known.name if known else login or "他人"


def _why_not(row: ItemRow, reviewer: Reviewer) -> str:
    if reviewer.who in (row.first_by, row.second_by):
        return "您已复核过这一条，须由他人给出意见"
    return "这一条须由组长裁定"
