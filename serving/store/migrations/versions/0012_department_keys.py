"""API keys that speak for one department."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("api_keys") as table:
        table.add_column(sa.Column("department", sa.String(48)))


def downgrade() -> None:
    # Without their department they would be keys without scopes, which nothing before this reads.
    op.execute("DELETE FROM api_keys WHERE department IS NOT NULL")
    with op.batch_alter_table("api_keys") as table:
        table.drop_column("department")
