"""What a shadow model would have answered otherwise."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "shadow_results",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("complaint_id", sa.String(26), sa.ForeignKey("complaints.id"), nullable=False),
        sa.Column("shadow", sa.String(128), nullable=False),
        sa.Column("champion", sa.String(128), nullable=False),
        sa.Column("differs", sa.String(1024), nullable=False),
        sa.Column("fields", _JSON, nullable=False),
        sa.Column("at", _TIME, nullable=False),
    )
    op.create_index("ix_shadow_results_complaint_id", "shadow_results", ["complaint_id"])
    op.create_index("ix_shadow_results_at", "shadow_results", ["at"])
    op.create_index("ix_shadow_results_pair", "shadow_results", ["shadow", "champion", "id"])
    op.create_table(
        "shadow_counts",
        sa.Column("shadow", sa.String(128), primary_key=True),
        sa.Column("champion", sa.String(128), primary_key=True),
        sa.Column("field", sa.String(80), primary_key=True),
        sa.Column("texts", sa.BigInteger, nullable=False),
        sa.Column("agreed", sa.BigInteger, nullable=False),
        sa.Column("first_at", _TIME, nullable=False),
        sa.Column("last_at", _TIME, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("shadow_counts")
    op.drop_table("shadow_results")
