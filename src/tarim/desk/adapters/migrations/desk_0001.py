"""Position of the desk, answers, open holds, labels."""

import sqlalchemy as sa
from alembic import op

revision = "desk_0001"
down_revision = None
branch_labels = ("desk",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "desk_position",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("acts_seq", sa.BigInteger(), nullable=False),
        sa.Column("followed_seq", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("journal", sa.String(64), nullable=False),
    )
    op.create_table(
        "desk_answers",
        sa.Column("person", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("content", sa.LargeBinary(32), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "desk_holds",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    op.create_index("desk_holds_due", "desk_holds", ["state", "until_ms"])
    op.create_table(
        "desk_labels",
        sa.Column("act_seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("refers_to", sa.String(64), nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("fraud", sa.SmallInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("accepted_seq", sa.BigInteger(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
    )
    op.create_index("desk_labels_state", "desk_labels", ["state", "act_seq"])
    op.create_index("desk_labels_event", "desk_labels", ["source", "event_id"], unique=True)
    op.create_index("desk_labels_about", "desk_labels", ["event_seq"])
