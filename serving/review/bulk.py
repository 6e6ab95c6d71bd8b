"""Decide many alike items at once, item by item as if each were submitted, and take all back."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session, sessionmaker
from ulid import ULID

from data.errors import NotFoundError, SudaError
from serving.review.choice import Choice
from serving.review.claims import ORDER, free_for, locked
from serving.review.desk import Desk, Reviewer
from serving.review.errors import CannotUndoError, NotForYouError, StaleItemError
from serving.review.opening import DONE, FIRST, OPEN, in_round
from serving.review.submit import apply
from serving.review.transaction import writing
from serving.review.undo import take_back
from serving.review.wanted import Wanted, conditions
from serving.store import audit
from serving.store.rows.review import BulkRow, ItemRow

_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class Pick:
    """An item that would be decided, as it was when it was shown."""

    id: str
    version: int
    complaint_id: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """Items that would be decided, in the queue's order, and how many are left out and why.

    `stamp` changes with any of them: what was shown must be what is decided.
    """

    items: tuple[Pick, ...]
    left_out: Mapping[str, int]
    stamp: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of it: how many were asked for and decided, and the refusals by reason."""

    id: str
    asked: int
    applied: int
    refused: Mapping[str, int]


def choose(
    session: Session,
    desk: Desk,
    reviewer: Reviewer,
    wanted: Wanted,
    now: datetime,
    *,
    severe: bool = False,
) -> Chosen:
    """What a filter comes to. Audit samples are left out, and the most urgent unless a lead asks.

    Raises NotForYouError where `severe` is not for the reviewer, InputError for a bad filter.
    """
    if severe and not reviewer.lead:
        raise NotForYouError("只有组长可以批量处理特急件", field="severe")
    where = [*conditions(wanted, desk, now, session), in_round(FIRST)]
    ranked = desk.policies.at(now).roles.urgency is not None
    usable = [*free_for(reviewer, now), ItemRow.blind.is_(False)]
    if ranked and not severe:
        usable.append(ItemRow.rank > 0)
    query = (
        select(ItemRow.id, ItemRow.version, ItemRow.complaint_id)
        .where(*where, *usable)
        .order_by(*ORDER)
        .limit(desk.terms.bulk_most)
    )
    items = tuple(Pick(*row) for row in session.execute(query))
    stamp = hashlib.sha256(repr([(i.id, i.version) for i in items]).encode()).hexdigest()[:16]
    return Chosen(items, _left_out(session, where, now, ranked and not severe), stamp)


def _left_out(
    session: Session, where: Sequence[ColumnElement[bool]], now: datetime, ranked: bool
) -> dict[str, int]:
    counted: dict[str, list[ColumnElement[bool]]] = {
        "audit": [ItemRow.blind.is_(True)],
        "urgent": [ItemRow.blind.is_(False), ItemRow.rank == 0],
        "held": [ItemRow.lease_until > now],
    }
    if not ranked:
        del counted["urgent"]
    query = (
        select(*(func.count(case((and_(*more), 1))) for more in counted.values()))
        .select_from(ItemRow)
        .where(*where)
    )
    found = zip(counted, session.execute(query).one(), strict=True)
    return {name: count for name, count in found if count}


def decide(
    sessions: sessionmaker[Session],
    desk: Desk,
    reviewer: Reviewer,
    wanted: Wanted,
    choice: Choice,
    stamp: str,
    now: datetime,
    *,
    severe: bool = False,
) -> Applied:
    """Put the labels on every item that was shown, a few in each transaction.

    An item that cannot be decided (claimed meanwhile, a rule asks for more) is refused by itself.
    Raises StaleItemError where others are chosen now than were shown, NotForYouError where they
    are too many for the reviewer.
    """
    with writing(sessions) as session:
        chosen = choose(session, desk, reviewer, wanted, now, severe=severe)
        if chosen.stamp != stamp:
            raise StaleItemError("所选范围已变化，请重新查看后再提交", field="stamp")
        ids = [(item.id, item.version) for item in chosen.items]
        if len(ids) > desk.terms.bulk and not reviewer.lead:
            raise NotForYouError(f"一次超过 {desk.terms.bulk} 条须由组长处理", field="items")
        row = _opened(session, reviewer, wanted, choice, len(ids), now)
    refused: Counter[str] = Counter()
    applied = 0
    for part in _parts(ids):
        with writing(sessions) as session:
            done, faults = _part(session, desk, reviewer, row, part, choice, now)
            applied += done
            refused.update(faults)
            found = session.get_one(BulkRow, row)
            found.applied, found.refused = applied, dict(refused)
    return Applied(row, len(ids), applied, dict(refused))


def _opened(
    session: Session, reviewer: Reviewer, wanted: Wanted, choice: Choice, asked: int, now: datetime
) -> str:
    row = BulkRow(
        id=str(ULID()),
        who=reviewer.who,
        at=now,
        criteria=wanted.as_json(),
        labels=dict(choice.labels),
        asked=asked,
        applied=0,
        refused={},
    )
    session.add(row)
    details = {"asked": asked, "labels": row.labels, "criteria": row.criteria}
    audit.record(session, reviewer.actor, "review.bulk", f"bulk:{row.id}", details, now=now)
    return row.id


def _part(
    session: Session,
    desk: Desk,
    reviewer: Reviewer,
    bulk_id: str,
    part: Sequence[tuple[str, int]],
    choice: Choice,
    now: datetime,
) -> tuple[int, Counter[str]]:
    refused: Counter[str] = Counter()
    records = []
    for item_id, version in part:
        try:
            with session.begin_nested():
                row = locked(session, item_id)
                taken = row.lease_until is not None and row.lease_until > now
                if (
                    row.state != OPEN
                    or row.version != version
                    or (taken and row.claimed_by != reviewer.who)
                ):
                    raise StaleItemError("was changed meanwhile", field="version")
                done = apply(session, desk, reviewer, row, choice, now, bulk_id=bulk_id)
                records.append(done.record)
        except SudaError as error:
            refused[error.code] += 1
    audit.append(session, records, now)
    return len(records), refused


def undo(
    sessions: sessionmaker[Session], desk: Desk, reviewer: Reviewer, bulk_id: str, now: datetime
) -> Applied:
    """Take back all of it that nobody built on; a lead may take back what others did.

    Raises NotFoundError, NotForYouError, or CannotUndoError where it was taken back before.
    """
    with writing(sessions) as session:
        row = session.get(BulkRow, bulk_id, with_for_update=True)
        if row is None:
            raise NotFoundError("no such bulk decision", field="bulk")
        if row.who != reviewer.who and not reviewer.lead:
            raise NotForYouError("这是别人的批量处理", field="bulk")
        if row.undone_at is not None:
            raise CannotUndoError("这次批量处理已经撤销")
        row.undone_at, row.undone_by = now, reviewer.who
        query = select(ItemRow.id).where(ItemRow.bulk_id == bulk_id, ItemRow.state == DONE)
        ids = list(session.scalars(query.order_by(ItemRow.id)))
    refused: Counter[str] = Counter()
    taken = 0
    for part in _parts(ids):
        with writing(sessions) as session:
            records = []
            for item_id in part:
                try:
                    with session.begin_nested():
                        item = locked(session, item_id)
                        records.append(take_back(session, desk, reviewer, item, now))
                except CannotUndoError as error:
                    refused[error.code] += 1
            taken += len(records)
            audit.append(session, records, now)
    return Applied(bulk_id, len(ids), taken, dict(refused))


def listed(session: Session, limit: int = 20) -> list[BulkRow]:
    """The last bulk decisions, newest first."""
    return list(session.scalars(select(BulkRow).order_by(BulkRow.at.desc()).limit(limit)))


def _parts(ids: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
