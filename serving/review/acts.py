"""What people did to an item: written down, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from data.pii.mask import mask
from serving.store.rows.review import ActRow, ItemRow

Kind = Literal["claimed", "released", "skipped", "submitted", "undone", "revealed"]


def write(
    session: Session,
    item: ItemRow,
    kind: Kind,
    who: str,
    now: datetime,
    *,
    reason: str | None = None,
    note: str | None = None,
    body: Mapping[str, Any] | None = None,
) -> None:
    """Note an act; personal data in `note` are masked, and NUL, which PostgreSQL does not hold."""
    words = mask(note.replace("\x00", "\ufffd")).text if note and note.strip() else None
    session.add(
        ActRow(
            item_id=item.id,
            complaint_id=item.complaint_id,
            kind=kind,
            who=who,
            at=now,
            reason=reason,
            note=words,
            body={"version": item.version, "round": item.round, **(body or {})},
        )
    )


def of_item(session: Session, item_id: str) -> list[ActRow]:
    """All acts on an item, in order."""
    query = select(ActRow).where(ActRow.item_id == item_id).order_by(ActRow.id)
    return list(session.scalars(query))


def of_complaint(session: Session, complaint_id: str) -> list[ActRow]:
    """All acts on a complaint, in order: for its page."""
    query = select(ActRow).where(ActRow.complaint_id == complaint_id).order_by(ActRow.id)
    return list(session.scalars(query))
