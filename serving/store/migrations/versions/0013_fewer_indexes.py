"""Indexes that nothing asks any more go: each complaint dirtied a page of every one.

Boards and reports read their columns from memory, and the queue has an index of its own. What is
empty until somebody reviews stands no longer in the indexes of those who did.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_GONE = {
    "ix_cases_review": ("cases", ["review", "priority"]),
    **{
        f"ix_cases_{name}": ("cases", [name, "received_at"])
        for name in ("status", "lead", "product", "reason", "urgency", "branch")
    },
    "ix_clocks_clock": ("clocks", ["clock", "started_at"]),
    "ix_review_items_audit": ("review_items", ["audit", "state", "opened_at"]),
}
# The column that is empty at first, and the index.
_FILLED = {
    "ix_review_items_claimed": ("claimed_by", ["claimed_by", "state"]),
    "ix_review_items_submitted": ("submitted_by", ["submitted_by", "submitted_at"]),
    "ix_review_items_rounds": ("submitted_at", ["round", "submitted_at"]),
    "ix_review_items_bulk": ("bulk_id", ["bulk_id"]),
}


def upgrade() -> None:
    for name, (table, _) in _GONE.items():
        op.drop_index(name, table)
    for name, (filled, columns) in _FILLED.items():
        op.drop_index(name, "review_items")
        there = sa.text(f"{filled} IS NOT NULL")
        op.create_index(name, "review_items", columns, sqlite_where=there, postgresql_where=there)


def downgrade() -> None:
    for name, (_, columns) in _FILLED.items():
        op.drop_index(name, "review_items")
        op.create_index(name, "review_items", columns)
    for name, (table, columns) in _GONE.items():
        op.create_index(name, table, columns)
