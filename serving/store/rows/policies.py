"""Policy packs that were uploaded, and which one holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import Base, Json
from serving.store.types import UtcTime


class PolicyPackRow(Base):
    """The files of a pack as they were uploaded, by name; never changed. `digest` is of them."""

    __tablename__ = "policy_packs"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    stamp: Mapped[str] = mapped_column(String(128))
    digest: Mapped[str] = mapped_column(String(64))
    files: Mapped[dict[str, Any]] = mapped_column(Json)
    uploaded_at: Mapped[datetime] = mapped_column(UtcTime)
    uploaded_by: Mapped[str] = mapped_column(String(128))
    note: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index("uq_policy_packs_digest", "name", "digest", unique=True),)


class PolicyActivationRow(Base):
    """A pack began to hold; no pack is the one the service was started with. The last one holds."""

    __tablename__ = "policy_activations"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    pack_id: Mapped[str | None] = mapped_column(ForeignKey("policy_packs.id"))
    at: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(128))
    why: Mapped[str] = mapped_column(Text)
    replay: Mapped[dict[str, Any]] = mapped_column(Json)

    __table_args__ = ({"sqlite_autoincrement": True},)
