"""People who sign in, and their sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import Base
from serving.store.types import UtcTime


class UserRow(Base):
    """A person who may sign in. `branch` and `department` say whose complaints are theirs.

    Without `password_hash` they come through the bank's own sign-in, as `external` (issuer and
    subject there).
    """

    __tablename__ = "web_users"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    login: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    branch: Mapped[str | None] = mapped_column(String(64))
    department: Mapped[str | None] = mapped_column(String(64))
    password_hash: Mapped[str | None] = mapped_column(String(256))
    password_at: Mapped[datetime | None] = mapped_column(UtcTime)
    must_change: Mapped[bool] = mapped_column(Boolean, default=False)
    external: Mapped[str | None] = mapped_column(String(64))
    disabled_at: Mapped[datetime | None] = mapped_column(UtcTime)
    last_login_at: Mapped[datetime | None] = mapped_column(UtcTime)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    created_by: Mapped[str] = mapped_column(String(128))

    __table_args__ = (
        Index("uq_web_users_login", "login", unique=True),
        Index("uq_web_users_external", "external", unique=True),
    )


class SessionRow(Base):
    """A signed-in browser. `id` is the hash of the token in its cookie."""

    __tablename__ = "web_sessions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("web_users.id"), index=True)
    csrf: Mapped[str] = mapped_column(String(43))
    via: Mapped[str] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    seen_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)


class AttemptRow(Base):
    """Failed sign-ins of one login (as a hash: people type passwords there) or one address."""

    __tablename__ = "web_attempts"

    subject: Mapped[str] = mapped_column(String(96), primary_key=True)
    failed: Mapped[int] = mapped_column(Integer)
    last_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    locked_until: Mapped[datetime | None] = mapped_column(UtcTime)


class FlowRow(Base):
    """A sign-in under way at the bank's own provider. `id` is the hash of the browser's cookie."""

    __tablename__ = "web_flows"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(64))
    nonce: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(128))
    next: Mapped[str] = mapped_column(String(512))
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
