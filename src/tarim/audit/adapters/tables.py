"""The tables of the trail.

audit_entries     one row an entry; nothing but retention removes one
audit_head        one row: the end of the chain; who appends holds it
audit_bridges     what retention dropped
audit_exports     exports asked for, and what became of them
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text

from tarim.audit.domain.chain import DIGEST_BYTES
from tarim.audit.domain.entry import CHARACTERS_MAX
from tarim.records import Migrations, instant, json_text, text_of

METADATA: Final = MetaData()

ENTRIES: Final = Table(
    "audit_entries",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", instant(), nullable=False),
    *(Column(name, text_of(characters), nullable=False) for name, characters in CHARACTERS_MAX.items()),
    Column("result", text_of(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("before", LargeBinary(DIGEST_BYTES), nullable=False),
    Column("digest", LargeBinary(DIGEST_BYTES), nullable=False),
    Index("audit_entries_by_at", "at_ms"),
    Index("audit_entries_by_who", "who", "seq"),
    Index("audit_entries_by_act", "act", "seq"),
    Index("audit_entries_by_object", "object", "seq"),
)

HEAD: Final = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("digest", LargeBinary(DIGEST_BYTES), nullable=False),
)

BRIDGES: Final = Table(
    "audit_bridges",
    METADATA,
    Column("first_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("bridge", json_text(), nullable=False),
)

EXPORTS: Final = Table(
    "audit_exports",
    METADATA,
    Column("id", text_of(32), primary_key=True),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("proposal", json_text(), nullable=False),
    Column("state", text_of(16), nullable=False),
    Column("lines_sha256", text_of(64), nullable=False),
    Column("proposed_ms", instant(), nullable=False),
)

MIGRATIONS: Final = Migrations("audit", Path(__file__).parent / "migrations", METADATA)
