"""Put complaints into the queue: with their decision, after a department sent them back, late."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, insert, literal, select
from sqlalchemy.orm import Session
from ulid import ULID

from serving.review.desk import Desk
from serving.review.signature import bands
from serving.store import pipelining
from serving.store.base import insert_into
from serving.store.cases import AUDIT_SAMPLE
from serving.store.entry import Entry, GroupHook
from serving.store.rows.cases import CaseRow
from serving.store.rows.review import BandRow, ItemRow
from serving.store.tables import ComplaintRow, DecisionRow

OPEN, DONE, UNDONE, CLOSED = "open", "done", "undone", "closed"
FIRST, SECOND, ADJUDICATION = 1, 2, 3
BOUNCED = "bounced"
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When something without a clock is due."""

_AT_ONCE = 500


def is_open(item: Any = ItemRow) -> ColumnElement[bool]:
    """Said in full: given a parameter, no database sees that the index of the open ones serves."""
    said: ColumnElement[bool] = item.state == literal(OPEN, literal_execute=True)
    return said


def waits(case: Any = CaseRow) -> ColumnElement[bool]:
    """The same for cases that wait for a person."""
    said: ColumnElement[bool] = case.review == literal("waiting", literal_execute=True)
    return said


def in_round(number: int, item: Any = ItemRow) -> ColumnElement[bool]:
    """Not by "equal", or the index of rounds, most of them done, would seem the better way."""
    said: ColumnElement[bool] = item.round.not_in({FIRST, SECOND, ADJUDICATION} - {number})
    return said


def opener(desk_of: Callable[[], Desk], clock: Callable[[], datetime]) -> GroupHook:
    """A hook for Store.attach: an item, with its signature, for each entry that a person must see.

    Attach it after the one that opens cases.
    """

    def opened(session: Session, entries: Sequence[Entry]) -> None:
        desk, now = desk_of(), clock()
        items, keys = [], []
        for entry in entries:
            answer = entry.decision
            if answer is None or not answer["review"]["needed"]:
                continue
            reasons, received = answer["review"]["reasons"], entry.complaint.received_at
            items.append(first_item(entry.complaint_id, received, answer, reasons, desk, now))
            keys += _bands(entry.complaint_id, entry.complaint.text)
        pipelining.later(session, (insert_into(ItemRow), items), (insert_into(BandRow), keys))

    return opened


def adopt(session: Session, desk: Desk, now: datetime) -> int:
    """Open items for waiting cases that have none, the oldest 500; returns how many there were."""
    # Not by "equal", or SQLite goes through all open items for each waiting case.
    standing = ItemRow.state.not_in({DONE, UNDONE, CLOSED})
    has_item = (
        select(ItemRow.id).where(ItemRow.complaint_id == CaseRow.complaint_id, standing).exists()
    )
    found = session.execute(
        select(CaseRow, ComplaintRow, DecisionRow.body)
        .join(ComplaintRow, ComplaintRow.id == CaseRow.complaint_id)
        .join(DecisionRow, DecisionRow.id == CaseRow.decision_id)
        .where(waits(), ~has_item, ComplaintRow.erased_at.is_(None))
        .order_by(CaseRow.complaint_id)
        .limit(_AT_ONCE)
    ).all()
    for case, complaint, body in found:
        reopen(session, case, complaint.text, orjson.loads(body), desk, now)
    return len(found)


def sent_back(session: Session, case: CaseRow, desk: Desk, now: datetime) -> ItemRow | None:
    """A department sent a case back: whoever looks next starts afresh.

    Rounds that nobody has begun are closed; one that somebody works on goes on, and None is
    returned.
    """
    rows = session.scalars(
        select(ItemRow)
        .where(ItemRow.complaint_id == case.complaint_id, ItemRow.state == OPEN)
        .with_for_update()
    ).all()
    if any(row.lease_until is not None and row.lease_until > now for row in rows):
        return None
    for row in rows:
        row.state, row.version = CLOSED, row.version + 1
    complaint = session.get(ComplaintRow, case.complaint_id)
    decision = session.get(DecisionRow, case.decision_id)
    if complaint is None or decision is None or complaint.erased_at is not None:
        return None
    return reopen(session, case, complaint.text, orjson.loads(decision.body), desk, now)


def reopen(
    session: Session,
    case: CaseRow,
    text: str,
    answer: Mapping[str, Any],
    desk: Desk,
    now: datetime,
) -> ItemRow:
    """A first look at a case that waits for one, for the reasons that stand on it."""
    row = ItemRow(
        **first_item(case.complaint_id, case.received_at, answer, case.reasons, desk, now)
    )
    session.add(row)
    signed = select(BandRow.key).where(BandRow.complaint_id == case.complaint_id).limit(1)
    if session.scalar(signed) is None and (keys := _bands(case.complaint_id, text)):
        session.execute(insert(BandRow), keys)
    session.flush()
    return row


def first_item(
    complaint_id: str,
    received_at: datetime,
    answer: Mapping[str, Any],
    reasons: Sequence[str],
    desk: Desk,
    now: datetime,
) -> dict[str, Any]:
    """The row of a first look."""
    doubts = [reason for reason in reasons if reason != AUDIT_SAMPLE]
    share = desk.policies.at(received_at).review.audit_share
    selection, inclusion = chosen(doubts, share)
    return {
        "id": str(ULID()),
        "complaint_id": complaint_id,
        "round": FIRST,
        "state": OPEN,
        "blind": AUDIT_SAMPLE in reasons and BOUNCED not in reasons,
        "audit": not doubts,
        "lead_only": False,
        **placed(answer, received_at, desk),
        "reasons": list(reasons),
        "selection": selection,
        "inclusion": inclusion,
        "opened_at": now,
        "version": 1,
    }


def chosen(doubts: Sequence[str], audit_share: float) -> tuple[str, float | None]:
    """Why a complaint is shown to a person, and how probable that was.

    The random sample's share where nothing else brought it here; 1 for a doubt of the policy; None
    where a department sent it back, which nobody knows the probability of.
    """
    if not doubts:
        return AUDIT_SAMPLE, audit_share or None
    if BOUNCED in doubts:
        return BOUNCED, None
    return doubts[0][:64], 1.0


def placed(answer: Mapping[str, Any], received_at: datetime, desk: Desk) -> dict[str, Any]:
    """Where in the queue it stands: rank of its urgency, nearest deadline, priority."""
    return {
        "rank": rank_of(answer, received_at, desk),
        "due_at": nearest(answer),
        "ease": 1.0 - float(answer["review"]["priority"]),
    }


def rank_of(answer: Mapping[str, Any], received_at: datetime, desk: Desk) -> int:
    """Severity of the urgency head's answer, 0 the most severe; 0 for all where there is none."""
    head = desk.policies.at(received_at).roles.urgency
    if head is None or head not in answer["labels"]:
        return 0
    return desk.taxonomy[head].leaf_index.get(answer["labels"][head]["code"], 0)


def nearest(answer: Mapping[str, Any]) -> datetime:
    """When the first of its clocks runs out."""
    running = (clock for clock in answer["deadlines"] if not clock["extension"])
    return min((datetime.fromisoformat(c["strict_due_at"]) for c in running), default=NEVER)


def _bands(complaint_id: str, text: str) -> list[dict[str, Any]]:
    return [
        {"key": key, "complaint_id": complaint_id, "band": band}
        for band, key in enumerate(bands(text))
    ]
