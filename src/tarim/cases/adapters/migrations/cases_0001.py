"""Cases, their alerts and contents, restrictions, rings, assignment rules."""

import sqlalchemy as sa
from alembic import op

revision = "cases_0001"
down_revision = None
branch_labels = ("cases",)
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "cases_case",
        sa.Column("no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("ref", sa.String(20), nullable=False),
        sa.Column("group_key", sa.String(160), nullable=False),
        sa.Column("customer", sa.BigInteger(), nullable=False),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("ring", sa.String(64), nullable=False),
        sa.Column("branch", sa.String(32), nullable=False),
        sa.Column("queue", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("done", sa.SmallInteger(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("act_by_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("money_fen", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("score_ppm", sa.Integer(), nullable=False),
        sa.Column("savable", sa.Integer(), nullable=False),
        sa.Column("alerts", sa.Integer(), nullable=False),
        sa.Column("unreviewed", sa.Integer(), nullable=False),
        sa.Column("assignee", sa.String(64), nullable=False),
        sa.Column("lock_person", sa.String(64), nullable=False),
        sa.Column("lock_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("submitted_by", sa.String(64), nullable=False),
        sa.Column("submitted_ms", sa.BigInteger(), nullable=False),
        sa.Column("wish", sa.String(8), nullable=False),
        sa.Column("escalations", sa.SmallInteger(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=False),
        sa.Column("reported_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_index("cases_case_branch", "cases_case", ["branch", "done", "priority", "act_by_ms", "no"])
    op.create_index("cases_case_changed", "cases_case", ["changed_ms", "no"])
    op.create_index("cases_case_customer", "cases_case", ["customer", "no"])
    op.create_index("cases_case_due", "cases_case", ["done", "due_ms", "no"])
    op.create_index("cases_case_group", "cases_case", ["group_key", "no"])
    op.create_index("cases_case_money", "cases_case", ["money_fen", "no"])
    op.create_index("cases_case_opened", "cases_case", ["opened_ms", "no"])
    op.create_index("cases_case_person", "cases_case", ["assignee", "done", "priority", "act_by_ms", "no"])
    op.create_index("cases_case_queue", "cases_case", ["queue", "done", "priority", "act_by_ms", "no"])
    op.create_index("cases_case_ref", "cases_case", ["ref"], unique=True)
    op.create_index("cases_case_scenario", "cases_case", ["scenario", "done", "priority", "act_by_ms", "no"])
    op.create_index("cases_case_state", "cases_case", ["state", "priority", "act_by_ms", "no"])
    op.create_index("cases_case_work", "cases_case", ["done", "priority", "act_by_ms", "no"])
    op.create_table(
        "cases_alert",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("case_no", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("outcome", sa.SmallInteger(), nullable=False),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("event_kind", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("customer", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.BigInteger(), nullable=False),
        sa.Column("payee", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("risk_fen", sa.BigInteger(), nullable=False),
        sa.Column("savable", sa.SmallInteger(), nullable=False),
        sa.Column("occurred_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("act_by_ms", sa.BigInteger(), nullable=False),
        sa.Column("score_ppm", sa.Integer(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("ruleset", sa.String(64), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("repeat_of", sa.BigInteger(), nullable=False),
        sa.Column("repeat_key", sa.String(128), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("traits", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.String(64), nullable=False),
        sa.Column("reviewed_ms", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(8), nullable=False),
        sa.Column("hold", sa.String(16), nullable=False),
        sa.Column("release_by", sa.String(64), nullable=False),
        sa.Column("ordered", sa.String(8), nullable=False),
    )
    op.create_index("cases_alert_case", "cases_alert", ["case_no", "seq"])
    op.create_index("cases_alert_due", "cases_alert", ["kind", "verdict", "due_ms", "seq"])
    op.create_index("cases_alert_event", "cases_alert", ["event_id"])
    op.create_index("cases_alert_ordered", "cases_alert", ["ordered", "seq"])
    op.create_index("cases_alert_repeat", "cases_alert", ["case_no", "repeat_key", "seq"])
    op.create_table(
        "cases_hand",
        sa.Column("case_no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("person", sa.String(64), primary_key=True, autoincrement=False),
    )
    op.create_table(
        "cases_history",
        sa.Column("case_no", sa.BigInteger(), primary_key=True, autoincrement=False),
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
        "cases_note",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("case_no", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_index("cases_note_case", "cases_note", ["case_no", "id"])
    op.create_table(
        "cases_evidence",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("case_no", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("cases_evidence_case", "cases_evidence", ["case_no", "digest"], unique=True)
    op.create_table(
        "cases_tag",
        sa.Column("case_no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("tag", sa.String(32), primary_key=True, autoincrement=False),
    )
    op.create_index("cases_tag_tag", "cases_tag", ["tag", "case_no"])
    op.create_table(
        "cases_link",
        sa.Column("case_no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("other_no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "cases_diary",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("case_no", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=False),
        sa.Column("done_by", sa.String(64), nullable=False),
    )
    op.create_index("cases_diary_case", "cases_diary", ["case_no", "id"])
    op.create_index("cases_diary_due", "cases_diary", ["person", "done_ms", "due_ms"])
    op.create_table(
        "cases_restriction",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("case_no", sa.BigInteger(), nullable=False),
        sa.Column("customer", sa.BigInteger(), nullable=False),
        sa.Column("measure", sa.String(24), nullable=False),
        sa.Column("basis", sa.String(32), nullable=False),
        sa.Column("article", sa.String(120), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("asked_by", sa.String(64), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.Column("lift_asked_by", sa.String(64), nullable=False),
        sa.Column("lifted_by", sa.String(64), nullable=False),
        sa.Column("lifted_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("cases_restriction_case", "cases_restriction", ["case_no", "id"])
    op.create_index("cases_restriction_customer", "cases_restriction", ["customer", "state"])
    op.create_table(
        "cases_ring",
        sa.Column("account", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("ring", sa.String(64), nullable=False),
    )
    op.create_table(
        "cases_rules",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("proposed_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
    )
    op.create_index("cases_rules_state", "cases_rules", ["state", "id"])
