"""Reports that were frozen: what was told for a closed period does not move."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import Base
from serving.store.types import UtcTime


class ReportSnapshotRow(Base):
    """A report as it stood when somebody closed its period.

    `scope` is the filter it was made with as a query string, `number` counts the snapshots of one
    period and scope (a second one is a correction 更正 of the first). `body` is the report as
    canonical JSON without customers' words, `sha256` its hash.
    """

    __tablename__ = "report_snapshots"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    period: Mapped[str] = mapped_column(String(16))
    scope: Mapped[str] = mapped_column(String(64))
    number: Mapped[int] = mapped_column(Integer)
    frozen_at: Mapped[datetime] = mapped_column(UtcTime)
    frozen_by: Mapped[str] = mapped_column(String(128))
    note: Mapped[str | None] = mapped_column(String(512))
    sha256: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index("uq_report_snapshots_period", "period", "scope", "number", unique=True),
    )
