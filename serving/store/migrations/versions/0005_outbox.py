"""Work orders on their way to departments, and what departments answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_REFUSED = "case events are only ever added"
# Erasing blanks the note; another text key writes it anew.
_KEPT = (
    *("id", "complaint_id", "kind", "at", "recorded_at", "who", "department", "source"),
    *("event_id", "body"),
)


def _complaint() -> sa.Column[str]:
    return sa.Column("complaint_id", sa.String(26), sa.ForeignKey("complaints.id"), nullable=False)


def upgrade() -> None:
    _events()
    _outbox()
    op.create_table(
        "departments",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("webhook", sa.String(2048)),
        sa.Column("secret", sa.Text),
        sa.Column("previous_secret", sa.Text),
        sa.Column("previous_until", _TIME),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("concurrency", sa.Integer, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
    )


def _events() -> None:
    op.create_table(
        "case_events",
        sa.Column("id", sa.String(26), primary_key=True),
        _complaint(),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("department", sa.String(48)),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("event_id", sa.String(128)),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.Column("note", sa.Text),
    )
    op.create_index(
        "uq_case_events_source_event", "case_events", ["source", "event_id"], unique=True
    )
    op.create_index("ix_case_events_complaint", "case_events", ["complaint_id", "at"])
    op.create_index("ix_case_events_kind", "case_events", ["kind", "at"])
    _guard()


def _guard() -> None:
    """The database itself refuses changes of what happened."""
    if op.get_bind().dialect.name == "sqlite":
        same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in _KEPT)
        refused = f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
        op.execute(
            "CREATE TRIGGER case_events_update BEFORE UPDATE ON case_events "
            f"WHEN NOT ({same}) {refused}"
        )
        op.execute(f"CREATE TRIGGER case_events_delete BEFORE DELETE ON case_events {refused}")
        return
    same = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in _KEPT)
    op.execute(
        "CREATE FUNCTION case_events_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'UPDATE' THEN IF {same} THEN RETURN NEW; END IF; END IF; "
        f"RAISE EXCEPTION '{_REFUSED}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER case_events_guard BEFORE UPDATE OR DELETE ON case_events "
        "FOR EACH ROW EXECUTE FUNCTION case_events_guard()"
    )
    op.execute(
        "CREATE TRIGGER case_events_truncate BEFORE TRUNCATE ON case_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION case_events_guard()"
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(26), primary_key=True),
        _complaint(),
        sa.Column("decision_id", sa.String(26), nullable=False),
        sa.Column("department", sa.String(48), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("part", sa.String(12), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("next_at", _TIME, nullable=False),
        sa.Column("lease", sa.String(26)),
        sa.Column("done_at", _TIME),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.String(200)),
    )
    op.create_index("ix_outbox_state", "outbox", ["state", "department", "next_at"])
    op.create_index("ix_outbox_complaint", "outbox", ["complaint_id", "department", "id"])


def downgrade() -> None:
    op.drop_table("departments")
    op.drop_table("outbox")
    op.drop_table("case_events")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION case_events_guard()")
