"""Second opinions and adjudications: who looks again, and when."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session
from ulid import ULID

from serving.review.desk import Terms
from serving.review.opening import ADJUDICATION, OPEN, SECOND
from serving.store.cases import AUDIT_SAMPLE
from serving.store.rows.review import ItemRow

# A second opinion changes nothing the customer waits for.
_UNHURRIED = timedelta(days=1)


def doubled(item: ItemRow, terms: Terms) -> bool:
    """Whether a first opinion gets a second: the same complaint always answers the same."""
    share = terms.double_audit if AUDIT_SAMPLE in item.reasons else terms.double
    digest = hashlib.sha256(f"double\0{item.complaint_id}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2.0**64


def second(session: Session, first: ItemRow, now: datetime) -> ItemRow:
    """Open a second opinion, which sees neither the first nor what the model said."""
    row = ItemRow(
        **_after(first, now),
        round=SECOND,
        blind=True,
        lead_only=False,
        due_at=now + _UNHURRIED,
        first_id=first.id,
        first_by=first.submitted_by,
        reasons=["double"],
    )
    session.add(row)
    return row


def adjudication(
    session: Session, first: ItemRow, second: ItemRow, due_at: datetime, now: datetime
) -> ItemRow:
    """Open an adjudication by a lead, who sees both opinions."""
    row = ItemRow(
        **_after(first, now),
        round=ADJUDICATION,
        blind=False,
        lead_only=True,
        due_at=due_at,
        first_id=first.id,
        second_id=second.id,
        first_by=first.submitted_by,
        second_by=second.submitted_by,
        reasons=[f"disagreement:{head}" for head in differing(first, second)],
    )
    session.add(row)
    return row


def differing(first: ItemRow, second: ItemRow) -> list[str]:
    """Heads on which two opinions name different codes."""
    one: Mapping[str, Any] = first.labels or {}
    other: Mapping[str, Any] = second.labels or {}
    return sorted(head for head in {*one, *other} if one.get(head) != other.get(head))


def _after(first: ItemRow, now: datetime) -> dict[str, Any]:
    return {
        "id": str(ULID()),
        "complaint_id": first.complaint_id,
        "state": OPEN,
        "audit": False,
        "rank": first.rank,
        "ease": first.ease,
        # The complaint was drawn once, however many look at it.
        "selection": first.selection,
        "inclusion": first.inclusion,
        "opened_at": now,
        "version": 1,
    }
