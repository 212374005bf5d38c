"""Suspicious transaction reports, figures by day, filed reports, batch files."""

import sqlalchemy as sa
from alembic import op

revision = "reports_0001"
down_revision = None
branch_labels = ("reports",)
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "reports_suspicious",
        sa.Column("no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("case_ref", sa.String(20), nullable=False),
        sa.Column("branch", sa.String(32), nullable=False),
        sa.Column("queue", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("subjects", sa.Text(), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("submitted_by", sa.String(64), nullable=False),
        sa.Column("submitted_ms", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.String(64), nullable=False),
        sa.Column("approved_ms", sa.BigInteger(), nullable=False),
        sa.Column("package", sa.String(64), nullable=False),
        sa.Column("exported_by", sa.String(64), nullable=False),
        sa.Column("exported_ms", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.String(64), nullable=False),
        sa.Column("sent_by", sa.String(64), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.String(64), nullable=False),
        sa.Column("receipt_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("reports_suspicious_case", "reports_suspicious", ["case_ref", "no"])
    op.create_index("reports_suspicious_number", "reports_suspicious", ["number"], unique=True)
    op.create_index("reports_suspicious_state", "reports_suspicious", ["state", "no"])
    op.create_table(
        "reports_hand",
        sa.Column("no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("person", sa.String(64), primary_key=True, autoincrement=False),
    )
    op.create_table(
        "reports_reader",
        sa.Column("no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("person", sa.String(64), primary_key=True, autoincrement=False),
    )
    op.create_table(
        "reports_history",
        sa.Column("no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("n", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("event", sa.String(24), nullable=False),
        sa.Column("before", sa.String(16), nullable=False),
        sa.Column("after", sa.String(16), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("about", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_table(
        "reports_staff",
        sa.Column("person", sa.String(64), primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), primary_key=True, autoincrement=False),
    )
    op.create_table(
        "reports_daily",
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("outcome", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("scenario", sa.String(64), primary_key=True, autoincrement=False),
        sa.Column("channel", sa.String(16), primary_key=True, autoincrement=False),
        sa.Column("currency", sa.String(3), primary_key=True, autoincrement=False),
        sa.Column("decisions", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "reports_labels",
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("fraud", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("labels", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "reports_filed",
        sa.Column("id", sa.String(40), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("from_day", sa.Integer(), nullable=False),
        sa.Column("to_day", sa.Integer(), nullable=False),
        sa.Column("as_of_seq", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("pdf", sa.String(64), nullable=False),
        sa.Column("workbook", sa.String(64), nullable=False),
    )
    op.create_index("reports_filed_at", "reports_filed", ["at_ms", "id"])
    op.create_table(
        "reports_batch",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("as_of_seq", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("by_hand", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_index("reports_batch_day", "reports_batch", ["day", "seq"])
