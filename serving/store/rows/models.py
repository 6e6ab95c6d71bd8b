"""What a shadow model would have answered otherwise. Codes and figures only, never a word."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import Base, Json
from serving.store.types import UtcTime


class ShadowResultRow(Base):
    """One complaint on which a shadow differs from what was answered.

    `fields` has both codes, and confidences where a model gives one, by field; `differs` names the
    fields that differ, each between commas.
    """

    __tablename__ = "shadow_results"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    complaint_id: Mapped[str] = mapped_column(ForeignKey("complaints.id"), index=True)
    shadow: Mapped[str] = mapped_column(String(128))
    champion: Mapped[str] = mapped_column(String(128))
    differs: Mapped[str] = mapped_column(String(1024))
    fields: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(UtcTime, index=True)

    __table_args__ = (Index("ix_shadow_results_pair", "shadow", "champion", "id"),)


class ShadowCountRow(Base):
    """How many complaints two models both decided, and on how many they agree in a field."""

    __tablename__ = "shadow_counts"

    shadow: Mapped[str] = mapped_column(String(128), primary_key=True)
    champion: Mapped[str] = mapped_column(String(128), primary_key=True)
    field: Mapped[str] = mapped_column(String(80), primary_key=True)
    texts: Mapped[int] = mapped_column(BigInteger)
    agreed: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime] = mapped_column(UtcTime)
    last_at: Mapped[datetime] = mapped_column(UtcTime)
