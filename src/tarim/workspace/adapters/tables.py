"""Tables of the workspace.  The person is the first column of every key, so nobody's row is found under another name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Boolean, Column, Integer, MetaData, Table, Text, UniqueConstraint

from tarim.records import Migrations, instant, json_text, text_of

METADATA: Final = MetaData()
MIGRATIONS: Final = Migrations("workspace", Path(__file__).parent / "migrations", METADATA)

DRAFTS: Final = Table(
    "workspace_drafts",
    METADATA,
    Column("person", text_of(64), primary_key=True),
    Column("id", text_of(16), primary_key=True),
    Column("title", text_of(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("base", text_of(64), nullable=False),
    Column("writer", text_of(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("begun_ms", instant(), nullable=False),
    Column("saved_ms", instant(), nullable=False),
)
VIEWS: Final = Table(
    "workspace_views",
    METADATA,
    Column("person", text_of(64), primary_key=True),
    Column("id", text_of(16), primary_key=True),
    Column("page", text_of(16), nullable=False),
    Column("name", text_of(32), nullable=False),
    Column("filters", json_text(), nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("saved_ms", instant(), nullable=False),
    UniqueConstraint("person", "page", "name", name="workspace_views_by_name"),
)
