"""The tables of a party's node.

party_peers      whom it knows, with certificate and key for signatures
party_sets       its data sets
party_contracts  contracts with the signatures they have, and how much of them was used
party_runs       runs, each with its transcript and this side's signature of it
party_asked      how often a customer was asked about on a day
party_askers     how often a person's key asked on a day
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

from tarim.records import Migrations, instant, json_text, text_of

METADATA: Final = MetaData()

PEERS: Final = Table(
    "party_peers",
    METADATA,
    Column("name", text_of(32), primary_key=True),
    Column("host", text_of(255), nullable=False),
    Column("port", Integer, nullable=False),
    Column("certificate", text_of(64), nullable=False, unique=True),
    Column("signing_key", text_of(64), nullable=False),
    Column("added_ms", instant(), nullable=False),
    Column("added_by", text_of(64), nullable=False),
)

SETS: Final = Table(
    "party_sets",
    METADATA,
    Column("digest", text_of(64), primary_key=True),
    Column("name", text_of(32), nullable=False, unique=True),
    Column("body", json_text(), nullable=False),
    Column("added_ms", instant(), nullable=False),
    Column("added_by", text_of(64), nullable=False),
)

CONTRACTS: Final = Table(
    "party_contracts",
    METADATA,
    Column("digest", text_of(64), primary_key=True),
    Column("body", json_text(), nullable=False),
    Column("peer", text_of(32), nullable=False),
    Column("author", text_of(64), nullable=False),
    Column("signer", text_of(64), nullable=False),
    Column("kept_ms", instant(), nullable=False),
    Column("used", BigInteger, nullable=False),
)

RUNS: Final = Table(
    "party_runs",
    METADATA,
    Column("run", text_of(64), primary_key=True),
    Column("contract", text_of(64), nullable=False, index=True),
    Column("begun_ms", instant(), nullable=False),
    Column("state", text_of(16), nullable=False),
    Column("transcript", Text, nullable=False),
    Column("signature", text_of(128), nullable=False),
)

ASKED: Final = Table(
    "party_asked",
    METADATA,
    Column("contract", text_of(64), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    Column("times", Integer, nullable=False),
)

ASKERS: Final = Table(
    "party_askers",
    METADATA,
    Column("contract", text_of(64), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("key", text_of(64), primary_key=True),
    Column("asked", BigInteger, nullable=False),
    Column("missed", BigInteger, nullable=False),
)

MIGRATIONS: Final = Migrations("party", Path(__file__).parent / "migrations", METADATA)
