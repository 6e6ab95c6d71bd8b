"""Who looks at which complaint, and what they made of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_OPEN = [
    *("state", "rank", "due_at", "ease", "id", "complaint_id", "round"),
    *("blind", "audit", "lead_only", "first_by", "second_by", "opened_at"),
]
_INDEXES = {
    "audit": ["audit", "state", "opened_at"],
    "complaint": ["complaint_id", "state", "round"],
    "claimed": ["claimed_by", "state"],
    "submitted": ["submitted_by", "submitted_at"],
    "rounds": ["round", "submitted_at"],
    "bulk": ["bulk_id"],
}


def _complaint() -> sa.Column[str]:
    return sa.Column("complaint_id", sa.String(26), sa.ForeignKey("complaints.id"), nullable=False)


def upgrade() -> None:
    _items()
    _acts()
    op.create_table(
        "review_bands",
        sa.Column("key", sa.BigInteger, nullable=False, autoincrement=False),
        _complaint(),
        sa.Column("band", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", "complaint_id"),
    )
    op.create_index("ix_review_bands_complaint", "review_bands", ["complaint_id", "band", "key"])
    op.create_table(
        "review_bulks",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("criteria", _JSON, nullable=False),
        sa.Column("labels", _JSON, nullable=False),
        sa.Column("asked", sa.Integer, nullable=False),
        sa.Column("applied", sa.Integer, nullable=False),
        sa.Column("refused", _JSON, nullable=False),
        sa.Column("undone_at", _TIME),
        sa.Column("undone_by", sa.String(128)),
    )
    op.create_index("ix_review_bulks_at", "review_bulks", ["at"])
    op.create_table(
        "review_views",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("wanted", _JSON, nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
    )
    op.create_index("uq_review_views_name", "review_views", ["owner", "name"], unique=True)


def _items() -> None:
    op.create_table(
        "review_items",
        sa.Column("id", sa.String(26), primary_key=True),
        _complaint(),
        sa.Column("round", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("first_id", sa.String(26)),
        sa.Column("second_id", sa.String(26)),
        sa.Column("first_by", sa.String(128)),
        sa.Column("second_by", sa.String(128)),
        sa.Column("blind", sa.Boolean, nullable=False),
        sa.Column("audit", sa.Boolean, nullable=False),
        sa.Column("lead_only", sa.Boolean, nullable=False),
        sa.Column("rank", sa.SmallInteger, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("ease", sa.Float, nullable=False),
        sa.Column("reasons", _JSON, nullable=False),
        sa.Column("selection", sa.String(64)),
        sa.Column("inclusion", sa.Float),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("claimed_by", sa.String(128)),
        sa.Column("claimed_at", _TIME),
        sa.Column("lease_until", _TIME),
        sa.Column("suggestion", sa.LargeBinary),
        sa.Column("submitted_by", sa.String(128)),
        sa.Column("submitted_at", _TIME),
        sa.Column("labels", _JSON),
        sa.Column("changed", _JSON),
        sa.Column("before_id", sa.String(26)),
        sa.Column("decision_id", sa.String(26)),
        sa.Column("bulk_id", sa.String(26)),
    )
    for name, columns in _INDEXES.items():
        op.create_index(f"ix_review_items_{name}", "review_items", columns)
    op.create_index(
        "ix_review_items_open",
        "review_items",
        _OPEN,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def _acts() -> None:
    op.create_table(
        "review_acts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("item_id", sa.String(26), nullable=False),
        _complaint(),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("reason", sa.String(32)),
        sa.Column("note", sa.Text),
        sa.Column("body", _JSON, nullable=False),
    )
    op.create_index("ix_review_acts_item_id", "review_acts", ["item_id"])
    op.create_index("ix_review_acts_who", "review_acts", ["who", "kind", "complaint_id"])
    op.create_index("ix_review_acts_complaint", "review_acts", ["complaint_id"])


def downgrade() -> None:
    for table in ("review_views", "review_bulks", "review_bands", "review_acts", "review_items"):
        op.drop_table(table)
