"""Label records, append-only, and the texts from elsewhere that they speak of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEPT = (
    "id", "complaint_id", "text_id", "head", "code", "role", "who", "decided_at", "recorded_at",
    "model_code", "bundle", "via", "selection", "inclusion", "fingerprint",
)  # fmt: skip
_REFUSED = "label_records is append-only"


def upgrade() -> None:
    op.create_table(
        "label_texts",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("external_id", sa.String(128)),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("fields", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index(
        "uq_label_texts_source_external", "label_texts", ["source", "external_id"], unique=True
    )
    op.create_index("ix_label_texts_fingerprint", "label_texts", ["fingerprint"])
    op.create_table(
        "label_records",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("complaint_id", sa.String(26), sa.ForeignKey("complaints.id")),
        sa.Column("text_id", sa.String(26), sa.ForeignKey("label_texts.id")),
        sa.Column("head", sa.String(64), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model_code", sa.String(64)),
        sa.Column("bundle", sa.String(128)),
        sa.Column("comment", sa.Text),
        sa.Column("via", sa.String(32), nullable=False),
        sa.Column("selection", sa.String(64)),
        sa.Column("inclusion", sa.Float),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.CheckConstraint(
            "(complaint_id IS NULL) <> (text_id IS NULL)", name="ck_label_records_subject"
        ),
        sqlite_autoincrement=True,
    )
    for column in ("complaint_id", "text_id", "recorded_at"):
        op.create_index(f"ix_label_records_{column}", "label_records", [column])
    op.create_index("uq_label_records_fingerprint", "label_records", ["fingerprint"], unique=True)
    _guard()


def _guard() -> None:
    """The database itself refuses changes; only a comment may be blanked, when data are erased."""
    if op.get_bind().dialect.name == "sqlite":
        same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in _KEPT)
        op.execute(
            "CREATE TRIGGER label_records_update BEFORE UPDATE ON label_records "
            f"WHEN NOT (NEW.comment IS NULL AND {same}) "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        )
        op.execute(
            "CREATE TRIGGER label_records_delete BEFORE DELETE ON label_records "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        )
    else:
        same = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in _KEPT)
        op.execute(
            "CREATE FUNCTION label_records_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF TG_OP = 'UPDATE' THEN "
            f"IF NEW.comment IS NULL AND {same} THEN RETURN NEW; END IF; "
            "END IF; "
            f"RAISE EXCEPTION '{_REFUSED}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER label_records_guard BEFORE UPDATE OR DELETE ON label_records "
            "FOR EACH ROW EXECUTE FUNCTION label_records_guard()"
        )
        op.execute(
            "CREATE TRIGGER label_records_truncate BEFORE TRUNCATE ON label_records "
            "FOR EACH STATEMENT EXECUTE FUNCTION label_records_guard()"
        )


def downgrade() -> None:
    op.drop_table("label_records")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION label_records_guard()")
    op.drop_table("label_texts")
