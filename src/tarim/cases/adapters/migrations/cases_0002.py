"""Indexes for coarse filters, and for the money of one priority."""

from alembic import op

revision = "cases_0002"
down_revision = "cases_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_index("cases_case_level", "cases_case", ["priority", "money_fen", "no"])
    op.create_index(
        "cases_case_sieve", "cases_case", ["done", "state", "scenario", "queue", "priority", "due_ms", "no"]
    )
