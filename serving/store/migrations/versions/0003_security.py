"""API keys, the audit chain, and when a complaint's words were erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_REFUSED = "audit_log is append-only"
_LABELS_REFUSED = "label_records is append-only"
_LABELS_KEPT = (
    "id", "complaint_id", "text_id", "head", "code", "role", "who", "decided_at", "recorded_at",
    "model_code", "bundle", "via", "selection", "inclusion", "fingerprint",
)  # fmt: skip
_BLANKED = "NEW.comment IS NULL"
# What `suda keys reencrypt` writes; a readable comment can still not be put in another's place.
_SEALED = "(NEW.comment IS NULL OR NEW.comment LIKE 'suda1:%')"


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("scopes", sa.String(64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
        sa.Column("expires_at", _TIME),
        sa.Column("revoked_at", _TIME),
        sa.Column("last_used_at", _TIME),
        sa.Column("rate", sa.Integer),
        sa.Column("replaces", sa.String(12)),
    )
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ix_audit_log_subject", "audit_log", ["subject"])
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_audit_head_single"),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": "0" * 64}])
    for table in ("complaints", "label_texts"):
        op.add_column(table, sa.Column("erased_at", _TIME))
    _guard()
    _guard_labels(_SEALED)


def _guard_labels(comment: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in _LABELS_KEPT)
        op.execute("DROP TRIGGER label_records_update")
        op.execute(
            "CREATE TRIGGER label_records_update BEFORE UPDATE ON label_records "
            f"WHEN NOT ({comment} AND {same}) "
            f"BEGIN SELECT RAISE(ABORT, '{_LABELS_REFUSED}'); END"
        )
        return
    same = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in _LABELS_KEPT)
    op.execute(
        "CREATE OR REPLACE FUNCTION label_records_guard() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF TG_OP = 'UPDATE' THEN IF {comment} AND {same} THEN RETURN NEW; END IF; END IF; "
        f"RAISE EXCEPTION '{_LABELS_REFUSED}'; END $$"
    )


def _guard() -> None:
    """The database itself refuses changes, so that only someone who alters the schema makes any."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER audit_log_{verb} BEFORE {verb.upper()} ON audit_log "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_log_guard() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_log_guard BEFORE UPDATE OR DELETE ON audit_log "
        "FOR EACH ROW EXECUTE FUNCTION audit_log_guard()"
    )
    op.execute(
        "CREATE TRIGGER audit_log_truncate BEFORE TRUNCATE ON audit_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_log_guard()"
    )


def downgrade() -> None:
    _guard_labels(_BLANKED)
    for table in ("complaints", "label_texts"):
        op.drop_column(table, "erased_at")
    op.drop_table("audit_head")
    op.drop_table("audit_log")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION audit_log_guard()")
    op.drop_table("api_keys")
