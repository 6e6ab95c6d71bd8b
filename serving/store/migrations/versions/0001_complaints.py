"""Complaints, decisions and idempotency keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "complaints",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("external_id", sa.String(128)),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("fields", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index(
        "uq_complaints_source_external", "complaints", ["source", "external_id"], unique=True
    )
    op.create_index("ix_complaints_received_at", "complaints", ["received_at"])
    op.create_table(
        "decisions",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("complaint_id", sa.String(26), sa.ForeignKey("complaints.id"), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("model_version", sa.String(128), nullable=False),
        sa.Column("taxonomy_version", sa.String(128), nullable=False),
        sa.Column("policy_version", sa.String(128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_decisions_complaint_id", "decisions", ["complaint_id"])
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("complaint_id", sa.String(26), sa.ForeignKey("complaints.id"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("idempotency_keys")
    op.drop_table("decisions")
    op.drop_table("complaints")
