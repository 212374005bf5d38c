"""Peers, data sets, contracts, runs, and how often a customer was asked about."""

import sqlalchemy as sa
from alembic import op

from tarim.records import instant, json_text, text_of

revision = "party_0001"
down_revision = None
branch_labels = ("party",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "party_peers",
        sa.Column("name", text_of(32), primary_key=True),
        sa.Column("host", text_of(255), nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("certificate", text_of(64), nullable=False, unique=True),
        sa.Column("signing_key", text_of(64), nullable=False),
        sa.Column("added_ms", instant(), nullable=False),
        sa.Column("added_by", text_of(64), nullable=False),
    )
    op.create_table(
        "party_sets",
        sa.Column("digest", text_of(64), primary_key=True),
        sa.Column("name", text_of(32), nullable=False, unique=True),
        sa.Column("body", json_text(), nullable=False),
        sa.Column("added_ms", instant(), nullable=False),
        sa.Column("added_by", text_of(64), nullable=False),
    )
    op.create_table(
        "party_contracts",
        sa.Column("digest", text_of(64), primary_key=True),
        sa.Column("body", json_text(), nullable=False),
        sa.Column("peer", text_of(32), nullable=False),
        sa.Column("author", text_of(64), nullable=False),
        sa.Column("signer", text_of(64), nullable=False),
        sa.Column("kept_ms", instant(), nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "party_runs",
        sa.Column("run", text_of(64), primary_key=True),
        sa.Column("contract", text_of(64), nullable=False, index=True),
        sa.Column("begun_ms", instant(), nullable=False),
        sa.Column("state", text_of(16), nullable=False),
        sa.Column("transcript", sa.Text, nullable=False),
        sa.Column("signature", text_of(128), nullable=False),
    )
    op.create_table(
        "party_asked",
        sa.Column("contract", text_of(64), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("row", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("times", sa.Integer, nullable=False),
    )
