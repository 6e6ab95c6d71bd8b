"""Who looks at which complaint, and what they made of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import Base, Json
from serving.store.types import CustomerBytes, CustomerText, UtcTime


def _filled(name: str, filled: str, *columns: str) -> Index:
    """An index of the rows where a column is filled, which it is not before somebody reviews."""
    there = text(f"{filled} IS NOT NULL")
    return Index(name, *columns, sqlite_where=there, postgresql_where=there)


class ItemRow(Base):
    """One look at one complaint: `round` 1 the first, 2 a second opinion, 3 an adjudication.

    `state` is open, done, undone or closed; an open item is somebody's while `lease_until` has not
    passed, and `version` grows with whatever happens to it. Items are worked by `rank` (of the
    urgency, 0 the most severe), then `due_at`, then `ease` (1 − priority). `first_by` and
    `second_by` are who had the earlier rounds. `audit` marks what only the random sample brought
    here. `suggestion` is the answer of a newer model than the decision's, where one was asked.
    `before_id` is the decision that stood when it was submitted, `decision_id` the one that made.
    """

    __tablename__ = "review_items"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    complaint_id: Mapped[str] = mapped_column(ForeignKey("complaints.id"))
    round: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str] = mapped_column(String(8))
    first_id: Mapped[str | None] = mapped_column(String(26))
    second_id: Mapped[str | None] = mapped_column(String(26))
    first_by: Mapped[str | None] = mapped_column(String(128))
    second_by: Mapped[str | None] = mapped_column(String(128))
    blind: Mapped[bool] = mapped_column(Boolean)
    audit: Mapped[bool] = mapped_column(Boolean)
    lead_only: Mapped[bool] = mapped_column(Boolean)
    rank: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime] = mapped_column(UtcTime)
    ease: Mapped[float] = mapped_column(Float)
    reasons: Mapped[list[Any]] = mapped_column(Json)
    selection: Mapped[str | None] = mapped_column(String(64))
    inclusion: Mapped[float | None] = mapped_column(Float)
    opened_at: Mapped[datetime] = mapped_column(UtcTime)
    version: Mapped[int] = mapped_column(Integer)
    claimed_by: Mapped[str | None] = mapped_column(String(128))
    claimed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcTime)
    suggestion: Mapped[bytes | None] = mapped_column(CustomerBytes("review_items.suggestion"))
    submitted_by: Mapped[str | None] = mapped_column(String(128))
    submitted_at: Mapped[datetime | None] = mapped_column(UtcTime)
    labels: Mapped[dict[str, Any] | None] = mapped_column(Json)
    changed: Mapped[list[Any] | None] = mapped_column(Json)
    before_id: Mapped[str | None] = mapped_column(String(26))
    decision_id: Mapped[str | None] = mapped_column(String(26))
    bulk_id: Mapped[str | None] = mapped_column(String(26))

    __table_args__ = (
        # All that the queue's filters ask of an item: few rows, read without the table.
        Index(
            "ix_review_items_open",
            *("state", "rank", "due_at", "ease", "id", "complaint_id", "round"),
            *("blind", "audit", "lead_only", "first_by", "second_by", "opened_at"),
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_review_items_complaint", "complaint_id", "state", "round"),
        _filled("ix_review_items_claimed", "claimed_by", "claimed_by", "state"),
        _filled("ix_review_items_submitted", "submitted_by", "submitted_by", "submitted_at"),
        _filled("ix_review_items_rounds", "submitted_at", "round", "submitted_at"),
        _filled("ix_review_items_bulk", "bulk_id", "bulk_id"),
    )


class ActRow(Base):
    """Something that a person did to an item; only ever added. `note` is what they wrote.

    `kind` is claimed, released, skipped, submitted, undone or revealed; `reason` a code.
    """

    __tablename__ = "review_acts"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    item_id: Mapped[str] = mapped_column(String(26), index=True)
    complaint_id: Mapped[str] = mapped_column(ForeignKey("complaints.id"))
    kind: Mapped[str] = mapped_column(String(12))
    who: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(UtcTime)
    reason: Mapped[str | None] = mapped_column(String(32))
    note: Mapped[str | None] = mapped_column(CustomerText("review_acts.note"))
    body: Mapped[dict[str, Any]] = mapped_column(Json)

    __table_args__ = (
        Index("ix_review_acts_who", "who", "kind", "complaint_id"),
        Index("ix_review_acts_complaint", "complaint_id"),
    )


class BandRow(Base):
    """One band of a complaint's signature: complaints of like words share some of them."""

    __tablename__ = "review_bands"

    key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    complaint_id: Mapped[str] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    band: Mapped[int] = mapped_column(SmallInteger)

    __table_args__ = (Index("ix_review_bands_complaint", "complaint_id", "band", "key"),)


class BulkRow(Base):
    """Labels put on many items at once, and taken off again once `undone_at` is set."""

    __tablename__ = "review_bulks"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    who: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    criteria: Mapped[dict[str, Any]] = mapped_column(Json)
    labels: Mapped[dict[str, Any]] = mapped_column(Json)
    asked: Mapped[int] = mapped_column(Integer)
    applied: Mapped[int] = mapped_column(Integer)
    refused: Mapped[dict[str, Any]] = mapped_column(Json)
    undone_at: Mapped[datetime | None] = mapped_column(UtcTime)
    undone_by: Mapped[str | None] = mapped_column(String(128))


class ViewRow(Base):
    """A filter of the queue that somebody kept; a shared one is everybody's to use."""

    __tablename__ = "review_views"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    owner: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(64))
    wanted: Mapped[dict[str, Any]] = mapped_column(Json)
    shared: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(UtcTime)

    __table_args__ = (Index("uq_review_views_name", "owner", "name", unique=True),)
