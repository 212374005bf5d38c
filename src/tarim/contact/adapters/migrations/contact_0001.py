"""Payments, what is pending, challenges, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "contact_0001"
down_revision = None
branch_labels = ("contact",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "contact_payments",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("customer", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("occurred_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("contact_payments_event", "contact_payments", ["source", "event_id"])
    op.create_index("contact_payments_customer", "contact_payments", ["customer", "source", "seq"])
    op.create_table(
        "contact_pending",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("held_seq", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    op.create_index("contact_pending_order", "contact_pending", ["source", "seq"])
    op.create_index("contact_pending_age", "contact_pending", ["at_ms"])
    op.create_table(
        "contact_challenges",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    op.create_index("contact_challenges_seq", "contact_challenges", ["seq"], unique=True)
    op.create_index("contact_challenges_event", "contact_challenges", ["source", "event_id"])
    op.create_index("contact_challenges_state", "contact_challenges", ["state", "opened_ms"])
    op.create_table(
        "contact_restrictions",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=False),
        sa.Column("measure", sa.String(24), nullable=False),
        sa.Column("basis", sa.String(32), nullable=False),
        sa.Column("article", sa.String(120), nullable=False),
    )
    op.create_table(
        "contact_messages",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("act_seq", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("destination", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("useful_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("payload_sha256", sa.String(64), nullable=False),
        sa.Column("trouble", sa.String(200), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    op.create_index("contact_messages_queue", "contact_messages", ["state", "destination", "kind", "act_seq", "place"])
    op.create_index("contact_messages_subject", "contact_messages", ["seq"])
