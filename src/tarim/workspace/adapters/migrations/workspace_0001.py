"""Drafts of rulesets, and saved views."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tarim.records import instant, json_text, text_of

revision = "workspace_0001"
down_revision = None
branch_labels = ("workspace",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "workspace_drafts",
        sa.Column("person", text_of(64), primary_key=True),
        sa.Column("id", text_of(16), primary_key=True),
        sa.Column("title", text_of(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("base", text_of(64), nullable=False),
        sa.Column("writer", text_of(16), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("begun_ms", instant(), nullable=False),
        sa.Column("saved_ms", instant(), nullable=False),
    )
    op.create_table(
        "workspace_views",
        sa.Column("person", text_of(64), primary_key=True),
        sa.Column("id", text_of(16), primary_key=True),
        sa.Column("page", text_of(16), nullable=False),
        sa.Column("name", text_of(32), nullable=False),
        sa.Column("filters", json_text(), nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("saved_ms", instant(), nullable=False),
        sa.UniqueConstraint("person", "page", "name", name="workspace_views_by_name"),
    )
