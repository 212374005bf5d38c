"""How often each person's key asked, and about how many customers who are not common."""

import sqlalchemy as sa
from alembic import op

from tarim.records import text_of

revision = "party_0002"
down_revision = "party_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "party_askers",
        sa.Column("contract", text_of(64), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("key", text_of(64), primary_key=True),
        sa.Column("asked", sa.BigInteger, nullable=False),
        sa.Column("missed", sa.BigInteger, nullable=False),
    )
