"""Files of complaints, worked through in the background."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("key", sa.String(200)),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("options", _JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("message", sa.Text),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("review", sa.Integer, nullable=False),
        sa.Column("replayed", sa.Integer, nullable=False),
        sa.Column("speed", sa.Float),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME),
        sa.Column("ended_at", _TIME),
        sa.Column("purged_at", _TIME),
        sa.Column("lease_owner", sa.String(128)),
        sa.Column("lease_until", _TIME),
        sa.Column("takeovers", sa.Integer, nullable=False),
    )
    op.create_index("uq_jobs_key", "jobs", ["key"], unique=True)
    op.create_index("ix_jobs_state", "jobs", ["state", "created_at"])
    op.create_table(
        "job_items",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("job_id", sa.String(26), sa.ForeignKey("jobs.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("given_id", sa.String(128)),
        sa.Column("source", sa.String(128)),
        sa.Column("external_id", sa.String(128)),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("fields", _JSON, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("review", sa.Boolean, nullable=False),
        sa.Column("replayed", sa.Boolean, nullable=False),
        sa.Column("complaint_id", sa.String(26), sa.ForeignKey("complaints.id")),
        sa.Column("model_version", sa.String(128)),
        sa.Column("answer", sa.LargeBinary),
        sa.Column("problem", sa.Text),
        sa.Column("erased_at", _TIME),
    )
    op.create_index("ix_job_items_waiting", "job_items", ["job_id", "state", "number"])
    op.create_index("uq_job_items_number", "job_items", ["job_id", "number"], unique=True)
    op.create_index("ix_job_items_external_id", "job_items", ["external_id"])
    op.create_index("ix_job_items_complaint_id", "job_items", ["complaint_id"])


def downgrade() -> None:
    op.drop_table("job_items")
    op.drop_table("jobs")
