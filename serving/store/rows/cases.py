"""Where a complaint stands now, and its clocks: what queues, boards and reports are read from.

No customer's words stand here: codes, names of places, times.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, Float, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import Base, Json
from serving.store.types import UtcTime


def _now() -> datetime:
    return datetime.now(UTC)


class CaseRow(Base):
    """One complaint as it stands; `product`, `reason` and `urgency` are codes of the heads that
    play these parts, as decided or, once reviewed, as people said.

    `flags` are the codes of the sensitive markers, without hints. `confidence` is the lowest of the
    heads'. `review` is none, waiting or done; `status` open, accepted, resolved or withdrawn.
    """

    __tablename__ = "cases"

    complaint_id: Mapped[str] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(UtcTime)
    source: Mapped[str | None] = mapped_column(String(128))
    channel: Mapped[str | None] = mapped_column(String(128))
    branch: Mapped[str | None] = mapped_column(String(128))
    segment: Mapped[str | None] = mapped_column(String(128))
    product: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(64))
    urgency: Mapped[str | None] = mapped_column(String(64))
    lead: Mapped[str] = mapped_column(String(48))
    confidence: Mapped[float] = mapped_column(Float)
    automatic: Mapped[bool] = mapped_column(Boolean)
    audit: Mapped[bool] = mapped_column(Boolean)
    review: Mapped[str] = mapped_column(String(8))
    reasons: Mapped[list[Any]] = mapped_column(Json)
    flags: Mapped[list[Any] | None] = mapped_column(Json)
    priority: Mapped[float] = mapped_column(Float)
    status: Mapped[str] = mapped_column(String(12))
    accepted_at: Mapped[datetime | None] = mapped_column(UtcTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcTime)
    bounces: Mapped[int] = mapped_column(Integer)
    satisfaction: Mapped[str | None] = mapped_column(String(16))
    decision_id: Mapped[str] = mapped_column(String(26))
    model_version: Mapped[str] = mapped_column(String(128))
    policy_version: Mapped[str] = mapped_column(String(128))
    # Boards read what changed since they last looked: no writer may forget it.
    updated_at: Mapped[datetime] = mapped_column(UtcTime, onupdate=_now)

    __table_args__ = (
        Index("ix_cases_received_at", "received_at"),
        Index("ix_cases_updated_at", "updated_at"),
        # The queue's filters: the few that wait, read without the table.
        Index(
            "ix_cases_waiting",
            *("review", "product", "reason", "lead", "branch", "source", "channel"),
            "complaint_id",
            sqlite_where=text("review = 'waiting'"),
            postgresql_where=text("review = 'waiting'"),
        ),
    )


class ClockRow(Base):
    """One clock of a complaint; its name and legal basis stand in the decision and the policy.

    `state` is running, paused, met, breached or void. A breached clock stays breached when it is
    met late; `met_at` says when. `extended` names the extension (延期) by whose limit it runs, None
    its own.
    """

    __tablename__ = "clocks"

    complaint_id: Mapped[str] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    clock: Mapped[str] = mapped_column(String(48), primary_key=True)
    statutory: Mapped[bool] = mapped_column(Boolean)
    extended: Mapped[str | None] = mapped_column(String(48))
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    due_at: Mapped[datetime] = mapped_column(UtcTime)
    strict_due_at: Mapped[datetime] = mapped_column(UtcTime)
    state: Mapped[str] = mapped_column(String(8))
    met_at: Mapped[datetime | None] = mapped_column(UtcTime)
    breached_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = (Index("ix_clocks_state", "state", "strict_due_at"),)
