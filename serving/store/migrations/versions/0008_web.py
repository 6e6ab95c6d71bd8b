"""People who sign in, and their sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "web_users",
        sa.Column("id", sa.String(26), primary_key=True),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("branch", sa.String(64)),
        sa.Column("department", sa.String(64)),
        sa.Column("password_hash", sa.String(256)),
        sa.Column("password_at", _TIME),
        sa.Column("must_change", sa.Boolean, nullable=False),
        sa.Column("external", sa.String(64)),
        sa.Column("disabled_at", _TIME),
        sa.Column("last_login_at", _TIME),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("created_by", sa.String(128), nullable=False),
    )
    op.create_index("uq_web_users_login", "web_users", ["login"], unique=True)
    op.create_index("uq_web_users_external", "web_users", ["external"], unique=True)
    op.create_table(
        "web_sessions",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.String(26), sa.ForeignKey("web_users.id"), nullable=False),
        sa.Column("csrf", sa.String(43), nullable=False),
        sa.Column("via", sa.String(16), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
    )
    op.create_index("ix_web_sessions_user_id", "web_sessions", ["user_id"])
    op.create_index("ix_web_sessions_seen_at", "web_sessions", ["seen_at"])
    op.create_table(
        "web_attempts",
        sa.Column("subject", sa.String(96), primary_key=True),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("last_at", _TIME, nullable=False),
        sa.Column("locked_until", _TIME),
    )
    op.create_index("ix_web_attempts_last_at", "web_attempts", ["last_at"])
    op.create_table(
        "web_flows",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("verifier", sa.String(128), nullable=False),
        sa.Column("next", sa.String(512), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
    )
    op.create_index("ix_audit_log_actor", "audit_log", ["actor", "seq"])
    op.create_index("ix_audit_log_action", "audit_log", ["action", "seq"])


def downgrade() -> None:
    for name in ("actor", "action"):
        op.drop_index(f"ix_audit_log_{name}", "audit_log")
    for table in ("web_flows", "web_attempts", "web_sessions", "web_users"):
        op.drop_table(table)
