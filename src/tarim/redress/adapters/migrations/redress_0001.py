"""Files and their history."""

import sqlalchemy as sa
from alembic import op

revision = "redress_0001"
down_revision = None
branch_labels = ("redress",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "redress_file",
        sa.Column("id", sa.String(40), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("ended", sa.SmallInteger(), nullable=False),
        sa.Column("waits", sa.SmallInteger(), nullable=False),
        sa.Column("customer", sa.BigInteger(), nullable=False),
        sa.Column("branch", sa.String(32), nullable=False),
        sa.Column("department", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("came_ms", sa.BigInteger(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
    )
    op.create_index("redress_file_work", "redress_file", ["kind", "ended", "came_ms", "id"])
    op.create_index("redress_file_owner", "redress_file", ["owner", "ended", "came_ms", "id"])
    op.create_index("redress_file_customer", "redress_file", ["customer", "kind", "state"])
    op.create_table(
        "redress_history",
        sa.Column("file", sa.String(40), primary_key=True, autoincrement=False),
        sa.Column("n", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("act_seq", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("before", sa.String(16), nullable=False),
        sa.Column("after", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
    )
