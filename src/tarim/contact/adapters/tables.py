"""Tables of contact.

    contact_payments      payments that were not simply let through, by their position in the decisions' journal
    contact_pending       what happened to them that their customers and channels have not been told of
    contact_restrictions  restrictions of customers that were asked for in cases
    contact_challenges    one challenge a held payment; `content` is a `Challenge`
    contact_messages      the outbox; `content` says what to write, and the raw values are put in when it is sent

No personal value lies in any of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table

from tarim.records import Migrations, instant, json_text, text_of, token

METADATA: Final = MetaData()

PAYMENTS: Final = Table(
    "contact_payments",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("source", text_of(32), nullable=False),
    Column("event_id", text_of(64), nullable=False),
    Column("kind", text_of(32), nullable=False),
    Column("customer", token(), nullable=False),
    Column("device", token(), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("currency", text_of(3), nullable=False),
    Column("occurred_ms", instant(), nullable=False),
    Index("contact_payments_event", "source", "event_id"),
    Index("contact_payments_customer", "customer", "source", "seq"),
)

PENDING: Final = Table(
    "contact_pending",
    METADATA,
    Column("id", text_of(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("held_seq", BigInteger, nullable=False),
    Column("source", text_of(32), nullable=False),
    Column("what", text_of(16), nullable=False),
    Column("at_ms", instant(), nullable=False),
    Column("content", json_text(), nullable=False),
    Index("contact_pending_order", "source", "seq"),
    Index("contact_pending_age", "at_ms"),
)

CHALLENGES: Final = Table(
    "contact_challenges",
    METADATA,
    Column("id", text_of(32), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("source", text_of(32), nullable=False),
    Column("event_id", text_of(64), nullable=False),
    Column("state", text_of(16), nullable=False),
    Column("opened_ms", instant(), nullable=False),
    Column("content", json_text(), nullable=False),
    Index("contact_challenges_seq", "seq", unique=True),
    Index("contact_challenges_event", "source", "event_id"),
    Index("contact_challenges_state", "state", "opened_ms"),
)

RESTRICTIONS: Final = Table(
    "contact_restrictions",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("customer", token(), nullable=False),
    Column("measure", text_of(24), nullable=False),
    Column("basis", text_of(32), nullable=False),
    Column("article", text_of(120), nullable=False),
)

MESSAGES: Final = Table(
    "contact_messages",
    METADATA,
    Column("id", text_of(64), primary_key=True),
    Column("act_seq", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    Column("destination", text_of(32), nullable=False),
    Column("kind", text_of(16), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("state", text_of(16), nullable=False),
    Column("created_ms", instant(), nullable=False),
    Column("useful_until_ms", instant(), nullable=False),
    Column("ended_ms", instant(), nullable=False),
    Column("payload_sha256", text_of(64), nullable=False),
    Column("trouble", text_of(200), nullable=False),
    Column("content", json_text(), nullable=False),
    Index("contact_messages_queue", "state", "destination", "kind", "act_seq", "place"),
    Index("contact_messages_subject", "seq"),
)

MIGRATIONS: Final = Migrations("contact", Path(__file__).parent / "migrations", METADATA)
