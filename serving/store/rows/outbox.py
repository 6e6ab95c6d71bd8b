"""Work orders on their way to departments, and what departments answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import Base, Json
from serving.store.types import CustomerText, UtcTime


class CaseEventRow(Base):
    """Something that happened to a case after its decision; only ever added.

    `at` is when it happened, `recorded_at` when we learned of it. `body` holds codes, names and
    times, `note` what was written in words. `event_id` is the other system's own, once for each
    `source`; `fingerprint` is the hash of what it said.
    """

    __tablename__ = "case_events"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    complaint_id: Mapped[str] = mapped_column(ForeignKey("complaints.id"))
    kind: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime] = mapped_column(UtcTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(128))
    department: Mapped[str | None] = mapped_column(String(48))
    source: Mapped[str] = mapped_column(String(64))
    event_id: Mapped[str | None] = mapped_column(String(128))
    fingerprint: Mapped[str] = mapped_column(String(64))
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    note: Mapped[str | None] = mapped_column(CustomerText("case_events.note"))

    __table_args__ = (
        Index("uq_case_events_source_event", "source", "event_id", unique=True),
        Index("ix_case_events_complaint", "complaint_id", "at"),
        Index("ix_case_events_kind", "kind", "at"),
    )


class OutboxRow(Base):
    """A message to a department about a complaint; what it says is made when it is sent.

    `kind` is order, withdrawal or escalation, `part` the department's part in it: lead, assisting,
    investigator, copy or escalation. `state` is pending, delivered or dead. It is due at `next_at`,
    which whoever delivers it puts off for as long as `lease` is theirs.
    """

    __tablename__ = "outbox"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    complaint_id: Mapped[str] = mapped_column(ForeignKey("complaints.id"))
    decision_id: Mapped[str] = mapped_column(String(26))
    department: Mapped[str] = mapped_column(String(48))
    kind: Mapped[str] = mapped_column(String(12))
    part: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    next_at: Mapped[datetime] = mapped_column(UtcTime)
    lease: Mapped[str | None] = mapped_column(String(26))
    done_at: Mapped[datetime | None] = mapped_column(UtcTime)
    status: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str | None] = mapped_column(String(200))

    __table_args__ = (
        Index("ix_outbox_state", "state", "department", "next_at"),
        Index("ix_outbox_complaint", "complaint_id", "department", "id"),
    )


class DepartmentRow(Base):
    """How a department is told; `id` is its code. What is unset here stands in the policy.

    Until `previous_until` both secrets sign.
    """

    __tablename__ = "departments"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    webhook: Mapped[str | None] = mapped_column(String(2048))
    secret: Mapped[str | None] = mapped_column(CustomerText("departments.secret"))
    previous_secret: Mapped[str | None] = mapped_column(CustomerText("departments.previous_secret"))
    previous_until: Mapped[datetime | None] = mapped_column(UtcTime)
    enabled: Mapped[bool] = mapped_column(Boolean)
    concurrency: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_by: Mapped[str] = mapped_column(String(128))
