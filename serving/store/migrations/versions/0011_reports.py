"""Reports as they stood when their period was closed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "report_snapshots",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frozen_by", sa.String(128), nullable=False),
        sa.Column("note", sa.String(512)),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index(
        "uq_report_snapshots_period", "report_snapshots", ["period", "scope", "number"], unique=True
    )


def downgrade() -> None:
    op.drop_table("report_snapshots")
