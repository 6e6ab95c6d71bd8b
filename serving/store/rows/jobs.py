"""Files of complaints, worked through in the background."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import Base, Json
from serving.store.types import CustomerBytes, CustomerText, UtcTime


class JobRow(Base):
    """A file that was handed in. `lease_owner` is the process that works on it until `lease_until`.

    The figures are those of its rows as of the last heartbeat; `speed` is rows a second.
    """

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    # A file may be named after a customer. Read when asked for only: work, and the end of it, must
    # not depend on the key.
    name: Mapped[str] = mapped_column(CustomerText("jobs.name"), deferred=True)
    actor: Mapped[str] = mapped_column(String(128))
    key: Mapped[str | None] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    options: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(String(16))
    message: Mapped[str | None] = mapped_column(Text)
    total: Mapped[int] = mapped_column(Integer, default=0)
    done: Mapped[int] = mapped_column(Integer, default=0)
    failed: Mapped[int] = mapped_column(Integer, default=0)
    review: Mapped[int] = mapped_column(Integer, default=0)
    replayed: Mapped[int] = mapped_column(Integer, default=0)
    speed: Mapped[float | None] = mapped_column(Float)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    purged_at: Mapped[datetime | None] = mapped_column(UtcTime)
    lease_owner: Mapped[str | None] = mapped_column(String(128))
    lease_until: Mapped[datetime | None] = mapped_column(UtcTime)
    takeovers: Mapped[int] = mapped_column(Integer, default=0)

    __table_args__ = (
        Index("uq_jobs_key", "key", unique=True),
        Index("ix_jobs_state", "state", "created_at"),
    )


class JobItemRow(Base):
    """One row of a job's file; `fields` is what the caller sent beside text and ids.

    `answer` is the decision of a dry run; that of a stored complaint is found by `complaint_id`.
    """

    __tablename__ = "job_items"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    number: Mapped[int] = mapped_column(Integer)
    line: Mapped[int] = mapped_column(Integer)
    given_id: Mapped[str | None] = mapped_column(String(128))
    source: Mapped[str | None] = mapped_column(String(128))
    external_id: Mapped[str | None] = mapped_column(String(128))
    text: Mapped[str] = mapped_column(CustomerText("job_items.text"))
    fields: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(String(8))
    review: Mapped[bool] = mapped_column(Boolean, default=False)
    replayed: Mapped[bool] = mapped_column(Boolean, default=False)
    complaint_id: Mapped[str | None] = mapped_column(ForeignKey("complaints.id"), index=True)
    model_version: Mapped[str | None] = mapped_column(String(128))
    answer: Mapped[bytes | None] = mapped_column(CustomerBytes("job_items.answer"))
    problem: Mapped[str | None] = mapped_column(CustomerText("job_items.problem"))
    erased_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = (
        Index("ix_job_items_waiting", "job_id", "state", "number"),
        Index("uq_job_items_number", "job_id", "number", unique=True),
        Index("ix_job_items_external_id", "external_id"),
    )
