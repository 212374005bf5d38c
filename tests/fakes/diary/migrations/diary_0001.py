"""The diary's tables."""

import sqlalchemy as sa
from alembic import op

revision = "diary_0001"
down_revision = None
branch_labels = ("diary",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "diary_notes",
        sa.Column("act_seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("alerts_then", sa.Integer(), nullable=False),
    )
    op.create_table(
        "diary_alerts",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=False),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("fraud", sa.Integer(), nullable=False),
        sa.Column("hold", sa.String(32), nullable=False),
        sa.Column("outcome", sa.Integer(), nullable=False),
        sa.Column("notes_then", sa.Integer(), nullable=False),
    )
