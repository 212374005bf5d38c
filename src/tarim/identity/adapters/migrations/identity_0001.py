"""Users, grants, sessions, and the counters of sign-in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tarim.records import instant, json_text, text_of

revision = "identity_0001"
down_revision = None
branch_labels = ("identity",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "identity_users",
        sa.Column("id", text_of(16), primary_key=True),
        sa.Column("login", text_of(32), nullable=False, unique=True),
        sa.Column("staff_number", text_of(32), nullable=False, unique=True),
        sa.Column("display_name", text_of(64), nullable=False),
        sa.Column("state", text_of(16), nullable=False),
        sa.Column("branches", json_text(), nullable=False),
        sa.Column("queues", json_text(), nullable=False),
        sa.Column("created_ms", instant(), nullable=False),
        sa.Column("created_by", text_of(64), nullable=False),
        sa.Column("password", text_of(256), nullable=False),
        sa.Column("password_ms", instant(), nullable=False),
        sa.Column("initial_until_ms", instant(), nullable=False),
        sa.Column("totp", text_of(256), nullable=False),
        sa.Column("totp_step", instant(), nullable=False),
        sa.Column("phrase", text_of(64), nullable=False),
        sa.Column("idle_min", sa.Integer, nullable=False),
        sa.Column("session_h", sa.Integer, nullable=False),
        sa.Column("openid_subject", text_of(64), unique=True),
        sa.Column("last_ms", instant(), nullable=False),
        sa.Column("last_address", text_of(64), nullable=False),
    )
    op.create_table(
        "identity_passwords",
        sa.Column("user", text_of(16), nullable=False),
        sa.Column("set_ms", instant(), nullable=False),
        sa.Column("password", text_of(256), nullable=False),
    )
    op.create_table(
        "identity_recovery",
        sa.Column("digest", text_of(64), primary_key=True),
        sa.Column("user", text_of(16), nullable=False),
    )
    op.create_table(
        "identity_grants",
        sa.Column("id", text_of(16), primary_key=True),
        sa.Column("user", text_of(16), nullable=False),
        sa.Column("role", text_of(32), nullable=False),
        sa.Column("since_ms", instant(), nullable=False),
        sa.Column("until_ms", instant(), nullable=False),
        sa.Column("for_user", text_of(16), nullable=False),
        sa.Column("proposed_by", text_of(64), nullable=False),
        sa.Column("approved_by", text_of(64), nullable=False),
        sa.Column("reason", text_of(500), nullable=False),
        sa.Column("ended_ms", instant(), nullable=False),
        sa.Column("ended_by", text_of(64), nullable=False),
    )
    op.create_table(
        "identity_changes",
        sa.Column("id", text_of(16), primary_key=True),
        sa.Column("change", json_text(), nullable=False),
        sa.Column("author", text_of(64), nullable=False),
        sa.Column("proposed_ms", instant(), nullable=False),
        sa.Column("reason", text_of(500), nullable=False),
        sa.Column("state", text_of(16), nullable=False),
        sa.Column("decider", text_of(64), nullable=False),
        sa.Column("decided_ms", instant(), nullable=False),
        sa.Column("note", text_of(500), nullable=False),
    )
    op.create_table(
        "identity_sessions",
        sa.Column("id", text_of(16), primary_key=True),
        sa.Column("digest", text_of(64), nullable=False, unique=True),
        sa.Column("user", text_of(16), nullable=False),
        sa.Column("created_ms", instant(), nullable=False),
        sa.Column("authenticated_ms", instant(), nullable=False),
        sa.Column("seen_ms", instant(), nullable=False),
        sa.Column("until_ms", instant(), nullable=False),
        sa.Column("idle_ms", instant(), nullable=False),
        sa.Column("pending", json_text(), nullable=False),
        sa.Column("network", text_of(64), nullable=False),
        sa.Column("agent", text_of(64), nullable=False),
        sa.Column("address", text_of(64), nullable=False),
        sa.Column("unusual", sa.Boolean, nullable=False),
        sa.Column("ended_ms", instant(), nullable=False),
        sa.Column("ended_why", text_of(64), nullable=False),
    )
    op.create_table(
        "identity_usual",
        sa.Column("user", text_of(16), primary_key=True),
        sa.Column("kind", text_of(8), primary_key=True),
        sa.Column("mark", text_of(64), primary_key=True),
        sa.Column("first_ms", instant(), nullable=False),
        sa.Column("seen_ms", instant(), nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
    )
    op.create_table(
        "identity_failures",
        sa.Column("subject", text_of(64), primary_key=True),
        sa.Column("user", text_of(16), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("first_ms", instant(), nullable=False),
        sa.Column("locked_until_ms", instant(), nullable=False),
        sa.Column("locks", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("seen_ms", instant(), nullable=False),
    )
    op.create_table(
        "identity_tries",
        sa.Column("id", text_of(32), primary_key=True),
        sa.Column("at_ms", instant(), nullable=False),
        sa.Column("login", text_of(64), nullable=False),
        sa.Column("address", text_of(64), nullable=False),
    )
    op.create_table(
        "identity_bans",
        sa.Column("address", text_of(64), primary_key=True),
        sa.Column("until_ms", instant(), nullable=False),
        sa.Column("why", text_of(16), nullable=False),
    )
    op.create_table(
        "identity_alarms",
        sa.Column("id", text_of(32), primary_key=True),
        sa.Column("at_ms", instant(), nullable=False),
        sa.Column("kind", text_of(16), nullable=False),
        sa.Column("login", text_of(64), nullable=False),
        sa.Column("address", text_of(64), nullable=False),
    )
    op.create_table(
        "identity_flows",
        sa.Column("state", text_of(64), primary_key=True),
        sa.Column("browser", text_of(64), nullable=False),
        sa.Column("secret", text_of(512), nullable=False),
        sa.Column("started_ms", instant(), nullable=False),
    )
    op.create_index("ix_identity_passwords_user", "identity_passwords", ["user"])
    op.create_index("ix_identity_recovery_user", "identity_recovery", ["user"])
    op.create_index("ix_identity_grants_user", "identity_grants", ["user"])
    op.create_index("ix_identity_changes_state", "identity_changes", ["state"])
    op.create_index("ix_identity_sessions_user", "identity_sessions", ["user"])
    op.create_index("ix_identity_failures_user", "identity_failures", ["user"])
    op.create_index("ix_identity_tries_at_ms", "identity_tries", ["at_ms"])
    op.create_index("identity_tries_of_address", "identity_tries", ["address", "at_ms"])
    op.create_index("ix_identity_alarms_at_ms", "identity_alarms", ["at_ms"])
    op.create_index("ix_identity_flows_started_ms", "identity_flows", ["started_ms"])
