"""Where a complaint stands now, and its clocks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def _complaint() -> sa.Column[str]:
    return sa.Column("complaint_id", sa.String(26), sa.ForeignKey("complaints.id"), nullable=False)


def _shift(hours: str) -> None:
    """SQLite kept times of receipt by the clock of Shanghai; from here on all its times are UTC."""
    if op.get_bind().dialect.name == "sqlite":
        moved = sa.text(
            "UPDATE complaints SET received_at = "
            "strftime('%Y-%m-%d %H:%M:%S', received_at, :hours) || substr(received_at, 20)"
        )
        op.execute(moved.bindparams(hours=hours))


def upgrade() -> None:
    _shift("-8 hours")
    op.create_table(
        "cases",
        _complaint(),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("source", sa.String(128)),
        sa.Column("channel", sa.String(128)),
        sa.Column("branch", sa.String(128)),
        sa.Column("segment", sa.String(128)),
        sa.Column("product", sa.String(64)),
        sa.Column("reason", sa.String(64)),
        sa.Column("urgency", sa.String(64)),
        sa.Column("lead", sa.String(48), nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("automatic", sa.Boolean, nullable=False),
        sa.Column("audit", sa.Boolean, nullable=False),
        sa.Column("review", sa.String(8), nullable=False),
        sa.Column("reasons", _JSON, nullable=False),
        sa.Column("flags", _JSON),
        sa.Column("priority", sa.Float, nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("accepted_at", _TIME),
        sa.Column("resolved_at", _TIME),
        sa.Column("bounces", sa.Integer, nullable=False),
        sa.Column("satisfaction", sa.String(16)),
        sa.Column("decision_id", sa.String(26), nullable=False),
        sa.Column("model_version", sa.String(128), nullable=False),
        sa.Column("policy_version", sa.String(128), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("complaint_id"),
    )
    op.create_index("ix_cases_received_at", "cases", ["received_at"])
    op.create_index("ix_cases_updated_at", "cases", ["updated_at"])
    op.create_index("ix_cases_review", "cases", ["review", "priority"])
    for column in ("status", "lead", "product", "reason", "urgency", "branch"):
        op.create_index(f"ix_cases_{column}", "cases", [column, "received_at"])
    op.create_index(
        "ix_cases_waiting",
        "cases",
        ["review", "product", "reason", "lead", "branch", "source", "channel", "complaint_id"],
        sqlite_where=sa.text("review = 'waiting'"),
        postgresql_where=sa.text("review = 'waiting'"),
    )
    op.create_table(
        "clocks",
        _complaint(),
        sa.Column("clock", sa.String(48), nullable=False),
        sa.Column("statutory", sa.Boolean, nullable=False),
        sa.Column("extended", sa.String(48)),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("strict_due_at", _TIME, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("met_at", _TIME),
        sa.Column("breached_at", _TIME),
        sa.PrimaryKeyConstraint("complaint_id", "clock"),
    )
    op.create_index("ix_clocks_state", "clocks", ["state", "strict_due_at"])
    op.create_index("ix_clocks_clock", "clocks", ["clock", "started_at"])


def downgrade() -> None:
    op.drop_table("clocks")
    op.drop_table("cases")
    _shift("+8 hours")
