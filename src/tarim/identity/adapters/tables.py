"""Tables of identity.  Secrets are hashed, sealed or kept as digests; what was typed as a login is kept as a keyed digest."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table

from tarim.records import Migrations, instant, json_text, text_of

METADATA: Final = MetaData()
MIGRATIONS: Final = Migrations("identity", Path(__file__).parent / "migrations", METADATA)

USERS: Final = Table(
    "identity_users",
    METADATA,
    Column("id", text_of(16), primary_key=True),
    Column("login", text_of(32), nullable=False, unique=True),
    Column("staff_number", text_of(32), nullable=False, unique=True),
    Column("display_name", text_of(64), nullable=False),
    Column("state", text_of(16), nullable=False),
    Column("branches", json_text(), nullable=False),
    Column("queues", json_text(), nullable=False),
    Column("created_ms", instant(), nullable=False),
    Column("created_by", text_of(64), nullable=False),
    Column("password", text_of(256), nullable=False),
    Column("password_ms", instant(), nullable=False),
    Column("initial_until_ms", instant(), nullable=False),
    Column("totp", text_of(256), nullable=False),
    Column("totp_step", instant(), nullable=False),
    Column("phrase", text_of(64), nullable=False),
    Column("idle_min", Integer, nullable=False),
    Column("session_h", Integer, nullable=False),
    Column("openid_subject", text_of(64), unique=True),
    Column("last_ms", instant(), nullable=False),
    Column("last_address", text_of(64), nullable=False),
)
PASSWORDS: Final = Table(
    "identity_passwords",
    METADATA,
    Column("user", text_of(16), nullable=False, index=True),
    Column("set_ms", instant(), nullable=False),
    Column("password", text_of(256), nullable=False),
)
RECOVERY: Final = Table(
    "identity_recovery",
    METADATA,
    Column("digest", text_of(64), primary_key=True),
    Column("user", text_of(16), nullable=False, index=True),
)
GRANTS: Final = Table(
    "identity_grants",
    METADATA,
    Column("id", text_of(16), primary_key=True),
    Column("user", text_of(16), nullable=False, index=True),
    Column("role", text_of(32), nullable=False),
    Column("since_ms", instant(), nullable=False),
    Column("until_ms", instant(), nullable=False),
    Column("for_user", text_of(16), nullable=False),
    Column("proposed_by", text_of(64), nullable=False),
    Column("approved_by", text_of(64), nullable=False),
    Column("reason", text_of(500), nullable=False),
    Column("ended_ms", instant(), nullable=False),
    Column("ended_by", text_of(64), nullable=False),
)
CHANGES: Final = Table(
    "identity_changes",
    METADATA,
    Column("id", text_of(16), primary_key=True),
    Column("change", json_text(), nullable=False),
    Column("author", text_of(64), nullable=False),
    Column("proposed_ms", instant(), nullable=False),
    Column("reason", text_of(500), nullable=False),
    Column("state", text_of(16), nullable=False, index=True),
    Column("decider", text_of(64), nullable=False),
    Column("decided_ms", instant(), nullable=False),
    Column("note", text_of(500), nullable=False),
)
SESSIONS: Final = Table(
    "identity_sessions",
    METADATA,
    Column("id", text_of(16), primary_key=True),
    Column("digest", text_of(64), nullable=False, unique=True),
    Column("user", text_of(16), nullable=False, index=True),
    Column("created_ms", instant(), nullable=False),
    Column("authenticated_ms", instant(), nullable=False),
    Column("seen_ms", instant(), nullable=False),
    Column("until_ms", instant(), nullable=False),
    Column("idle_ms", instant(), nullable=False),
    Column("pending", json_text(), nullable=False),
    Column("network", text_of(64), nullable=False),
    Column("agent", text_of(64), nullable=False),
    Column("address", text_of(64), nullable=False),
    Column("unusual", Boolean, nullable=False),
    Column("ended_ms", instant(), nullable=False),
    Column("ended_why", text_of(64), nullable=False),
)
USUAL: Final = Table(
    "identity_usual",
    METADATA,
    Column("user", text_of(16), primary_key=True),
    Column("kind", text_of(8), primary_key=True),
    Column("mark", text_of(64), primary_key=True),
    Column("first_ms", instant(), nullable=False),
    Column("seen_ms", instant(), nullable=False),
    Column("times", Integer, nullable=False),
)
FAILURES: Final = Table(
    "identity_failures",
    METADATA,
    Column("subject", text_of(64), primary_key=True),
    Column("user", text_of(16), nullable=False, index=True),
    Column("count", Integer, nullable=False),
    Column("first_ms", instant(), nullable=False),
    Column("locked_until_ms", instant(), nullable=False),
    Column("locks", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("seen_ms", instant(), nullable=False),
)
TRIES: Final = Table(
    "identity_tries",
    METADATA,
    Column("id", text_of(32), primary_key=True),
    Column("at_ms", instant(), nullable=False, index=True),
    Column("login", text_of(64), nullable=False),
    Column("address", text_of(64), nullable=False),
    Index("identity_tries_of_address", "address", "at_ms"),
)
BANS: Final = Table(
    "identity_bans",
    METADATA,
    Column("address", text_of(64), primary_key=True),
    Column("until_ms", instant(), nullable=False),
    Column("why", text_of(16), nullable=False),
)
ALARMS: Final = Table(
    "identity_alarms",
    METADATA,
    Column("id", text_of(32), primary_key=True),
    Column("at_ms", instant(), nullable=False, index=True),
    Column("kind", text_of(16), nullable=False),
    Column("login", text_of(64), nullable=False),
    Column("address", text_of(64), nullable=False),
)
FLOWS: Final = Table(
    "identity_flows",
    METADATA,
    Column("state", text_of(64), primary_key=True),
    Column("browser", text_of(64), nullable=False),
    Column("secret", text_of(512), nullable=False),
    Column("started_ms", instant(), nullable=False, index=True),
)
