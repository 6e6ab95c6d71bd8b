"""The tables. A decision is never changed: a new one is added."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from serving.store.base import Base as Base
from serving.store.base import Json
from serving.store.rows import cases, jobs, models, outbox, policies, reports, review, web
from serving.store.types import CustomerBytes, CustomerText, UtcTime

# The tables of each room beside the intake's own: whoever knows Base.metadata knows them all.
ROOMS = (cases, jobs, models, outbox, policies, reports, review, web)


class ComplaintRow(Base):
    """A complaint as it came in; `fingerprint` is the hash of what the caller sent."""

    __tablename__ = "complaints"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    # Empty where the caller named none: a NULL would let two rows share (NULL, external_id).
    source: Mapped[str] = mapped_column(String(64))
    external_id: Mapped[str | None] = mapped_column(String(128))
    text: Mapped[str] = mapped_column(CustomerText("complaints.text"))
    fields: Mapped[dict[str, Any]] = mapped_column(Json)
    fingerprint: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(UtcTime)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    erased_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = (
        Index("uq_complaints_source_external", "source", "external_id", unique=True),
        Index("ix_complaints_received_at", "received_at"),
    )


class DecisionRow(Base):
    """One decision; `body` holds the very bytes that were answered."""

    __tablename__ = "decisions"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    complaint_id: Mapped[str] = mapped_column(ForeignKey("complaints.id"), index=True)
    body: Mapped[bytes] = mapped_column(CustomerBytes("decisions.body"))
    model_version: Mapped[str] = mapped_column(String(128))
    taxonomy_version: Mapped[str] = mapped_column(String(128))
    policy_version: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class IdempotencyRow(Base):
    """A key a caller used, with what it was used for."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    complaint_id: Mapped[str] = mapped_column(ForeignKey("complaints.id"))
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class ApiKeyRow(Base):
    """An API key: its secret only as a hash; scopes with commas, none for a department's."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    created_by: Mapped[str] = mapped_column(String(128))
    expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcTime)
    rate: Mapped[int | None] = mapped_column(Integer)
    replaces: Mapped[str | None] = mapped_column(String(12))
    department: Mapped[str | None] = mapped_column(String(48))


class AuditRow(Base):
    """An entry of the audit chain. Text as hashed: a time or JSON column would be rewritten."""

    __tablename__ = "audit_log"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(128), index=True)
    details: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        Index("ix_audit_log_actor", "actor", "seq"),
        Index("ix_audit_log_action", "action", "seq"),
    )


class AuditHeadRow(Base):
    """The one row that says where the chain ends; writers queue up for it."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))


class LabelTextRow(Base):
    """A text that people labelled elsewhere and that was never decided here."""

    __tablename__ = "label_texts"

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    source: Mapped[str] = mapped_column(String(64))
    external_id: Mapped[str | None] = mapped_column(String(128))
    text: Mapped[str] = mapped_column(CustomerText("label_texts.text"))
    fields: Mapped[dict[str, Any]] = mapped_column(Json)
    fingerprint: Mapped[str] = mapped_column(String(64), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    erased_at: Mapped[datetime | None] = mapped_column(UtcTime)

    __table_args__ = (
        Index("uq_label_texts_source_external", "source", "external_id", unique=True),
    )


class LabelRecordRow(Base):
    """What one person decided about one head. The database refuses to change or delete it."""

    __tablename__ = "label_records"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    complaint_id: Mapped[str | None] = mapped_column(ForeignKey("complaints.id"), index=True)
    text_id: Mapped[str | None] = mapped_column(ForeignKey("label_texts.id"), index=True)
    head: Mapped[str] = mapped_column(String(64))
    code: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    who: Mapped[str] = mapped_column(String(128))
    decided_at: Mapped[datetime] = mapped_column(UtcTime)
    recorded_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    model_code: Mapped[str | None] = mapped_column(String(64))
    bundle: Mapped[str | None] = mapped_column(String(128))
    comment: Mapped[str | None] = mapped_column(CustomerText("label_records.comment"))
    via: Mapped[str] = mapped_column(String(32))
    selection: Mapped[str | None] = mapped_column(String(64))
    inclusion: Mapped[float | None] = mapped_column(Float)
    fingerprint: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        Index("uq_label_records_fingerprint", "fingerprint", unique=True),
        CheckConstraint(
            "(complaint_id IS NULL) <> (text_id IS NULL)", name="ck_label_records_subject"
        ),
        {"sqlite_autoincrement": True},
    )
