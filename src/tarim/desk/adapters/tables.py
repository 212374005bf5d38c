"""Tables of the desk itself: where it stands, answers of commands that may be repeated, open holds, labels on their way.

desk_position   one row: the next position of either journal, and the instant of the last act
desk_answers    idempotency keys with the acts they led to
desk_holds      payments that wait, as the decisions' journal has them
desk_labels     verdicts to be told to the decisions service
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, SmallInteger, String, Table, Text

from tarim.desk.domain import KEY_CHARACTERS_MAX
from tarim.records import Migrations, instant, text_of, token

METADATA: Final = MetaData()

POSITION: Final = Table(
    "desk_position",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("acts_seq", BigInteger, nullable=False),
    Column("followed_seq", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("journal", String(64), nullable=False),
)

ANSWERS: Final = Table(
    "desk_answers",
    METADATA,
    Column("person", text_of(64), primary_key=True),
    Column("key", text_of(KEY_CHARACTERS_MAX), primary_key=True),
    Column("content", LargeBinary(32), nullable=False),
    Column("first_seq", BigInteger, nullable=False),
)

HOLDS: Final = Table(
    "desk_holds",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("customer", token(), nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("until_ms", instant(), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("desk_holds_due", "state", "until_ms"),
)

LABELS: Final = Table(
    "desk_labels",
    METADATA,
    Column("act_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("event_seq", BigInteger, nullable=False),
    Column("source", text_of(32), nullable=False),
    Column("refers_to", text_of(64), nullable=False),
    Column("event_id", text_of(64), nullable=False),
    Column("fraud", SmallInteger, nullable=False),
    Column("at_ms", instant(), nullable=False),
    Column("state", text_of(16), nullable=False),
    Column("accepted_seq", BigInteger, nullable=False),
    Column("trouble", Text, nullable=False),
    Index("desk_labels_state", "state", "act_seq"),
    Index("desk_labels_event", "source", "event_id", unique=True),
    Index("desk_labels_about", "event_seq"),
)

MIGRATIONS: Final = Migrations("desk", Path(__file__).parent / "migrations", METADATA)
