"""Tables of cases.  All of them are made from the two journals, and can be dropped and made again.

    cases_case          a case, with everything a list is sorted and filtered by
    cases_alert         its alerts, each with its review and the standing of its hold
    cases_hand          who had a hand in a case: none of them can be its second person
    cases_history       what happened to it, numbered from 1
    cases_note, cases_evidence, cases_tag, cases_link, cases_diary
    cases_restriction   restrictions of customers and the law they rest on
    cases_ring          community of an account, as the last analysis of gangs found it
    cases_rules         texts of assignment rules: proposed, in force, past

Free text is sealed (`tarim.desk.Texts`), {} = none.  Scores are in parts per million, -1 = none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, SmallInteger, Table, Text

from tarim.records import Migrations, instant, json_text, text_of, token

METADATA: Final = MetaData()


def _column(name: str, kind: Any, *, key: bool = False) -> Column[Any]:
    return Column(name, kind, primary_key=key, nullable=False, autoincrement=False)


CASE: Final = Table(
    "cases_case",
    METADATA,
    _column("no", BigInteger, key=True),
    _column("ref", text_of(20)),
    _column("group_key", text_of(160)),
    _column("customer", token()),
    _column("scenario", text_of(64)),
    _column("ring", text_of(64)),
    _column("branch", text_of(32)),
    _column("queue", text_of(32)),
    _column("state", text_of(16)),
    _column("done", SmallInteger),
    _column("priority", SmallInteger),
    _column("act_by_ms", instant()),
    _column("due_ms", instant()),
    _column("money_fen", BigInteger),
    _column("amount_fen", BigInteger),
    _column("score_ppm", Integer),
    _column("savable", Integer),
    _column("alerts", Integer),
    _column("unreviewed", Integer),
    _column("assignee", text_of(64)),
    _column("lock_person", text_of(64)),
    _column("lock_until_ms", instant()),
    _column("submitted_by", text_of(64)),
    _column("submitted_ms", instant()),
    _column("wish", text_of(8)),
    _column("escalations", SmallInteger),
    _column("opened_ms", instant()),
    _column("changed_ms", instant()),
    _column("closed_ms", instant()),
    _column("reported_ms", instant()),
    _column("version", Integer),
    Index("cases_case_ref", "ref", unique=True),
    Index("cases_case_group", "group_key", "no"),
    Index("cases_case_work", "done", "priority", "act_by_ms", "no"),
    Index("cases_case_queue", "queue", "done", "priority", "act_by_ms", "no"),
    Index("cases_case_branch", "branch", "done", "priority", "act_by_ms", "no"),
    Index("cases_case_person", "assignee", "done", "priority", "act_by_ms", "no"),
    Index("cases_case_state", "state", "priority", "act_by_ms", "no"),
    Index("cases_case_scenario", "scenario", "done", "priority", "act_by_ms", "no"),
    Index("cases_case_sieve", "done", "state", "scenario", "queue", "priority", "due_ms", "no"),
    Index("cases_case_due", "done", "due_ms", "no"),
    Index("cases_case_opened", "opened_ms", "no"),
    Index("cases_case_changed", "changed_ms", "no"),
    Index("cases_case_money", "money_fen", "no"),
    Index("cases_case_level", "priority", "money_fen", "no"),
    Index("cases_case_customer", "customer", "no"),
)

ALERT: Final = Table(
    "cases_alert",
    METADATA,
    _column("seq", BigInteger, key=True),
    _column("case_no", BigInteger),
    _column("kind", text_of(16)),
    _column("outcome", SmallInteger),
    _column("scenario", text_of(64)),
    _column("event_kind", text_of(16)),
    _column("channel", text_of(16)),
    _column("source", text_of(32)),
    _column("event_id", text_of(64)),
    _column("customer", token()),
    _column("account", token()),
    _column("payee", token()),
    _column("device", token()),
    _column("amount_fen", BigInteger),
    _column("risk_fen", BigInteger),
    _column("savable", SmallInteger),
    _column("occurred_ms", instant()),
    _column("decided_ms", instant()),
    _column("until_ms", instant()),
    _column("due_ms", instant()),
    _column("act_by_ms", instant()),
    _column("score_ppm", Integer),
    _column("rules", json_text()),
    _column("ruleset", text_of(64)),
    _column("model", text_of(64)),
    _column("repeat_of", BigInteger),
    _column("repeat_key", text_of(128)),
    _column("verdict", text_of(16)),
    _column("cause", text_of(32)),
    _column("traits", json_text()),
    _column("reviewer", text_of(64)),
    _column("reviewed_ms", instant()),
    _column("label", text_of(8)),
    _column("hold", text_of(16)),
    _column("release_by", text_of(64)),
    _column("ordered", text_of(8)),
    Index("cases_alert_case", "case_no", "seq"),
    Index("cases_alert_repeat", "case_no", "repeat_key", "seq"),
    Index("cases_alert_due", "kind", "verdict", "due_ms", "seq"),
    Index("cases_alert_event", "event_id"),
    Index("cases_alert_ordered", "ordered", "seq"),
)

HAND: Final = Table(
    "cases_hand",
    METADATA,
    _column("case_no", BigInteger, key=True),
    _column("person", text_of(64), key=True),
)

HISTORY: Final = Table(
    "cases_history",
    METADATA,
    _column("case_no", BigInteger, key=True),
    _column("n", Integer, key=True),
    _column("event", text_of(24)),
    _column("before", text_of(16)),
    _column("after", text_of(16)),
    _column("person", text_of(64)),
    _column("at_ms", instant()),
    _column("about", text_of(128)),
    _column("reason", json_text()),
)

NOTE: Final = Table(
    "cases_note",
    METADATA,
    _column("id", BigInteger, key=True),
    _column("case_no", BigInteger),
    _column("person", text_of(64)),
    _column("at_ms", instant()),
    _column("text", json_text()),
    Index("cases_note_case", "case_no", "id"),
)

EVIDENCE: Final = Table(
    "cases_evidence",
    METADATA,
    _column("id", BigInteger, key=True),
    _column("case_no", BigInteger),
    _column("digest", text_of(64)),
    _column("media_type", text_of(64)),
    _column("size_bytes", BigInteger),
    _column("name", json_text()),
    _column("person", text_of(64)),
    _column("at_ms", instant()),
    Index("cases_evidence_case", "case_no", "digest", unique=True),
)

TAG: Final = Table(
    "cases_tag",
    METADATA,
    _column("case_no", BigInteger, key=True),
    _column("tag", text_of(32), key=True),
    Index("cases_tag_tag", "tag", "case_no"),
)

LINK: Final = Table(
    "cases_link",
    METADATA,
    _column("case_no", BigInteger, key=True),
    _column("other_no", BigInteger, key=True),
    _column("person", text_of(64)),
    _column("at_ms", instant()),
)

DIARY: Final = Table(
    "cases_diary",
    METADATA,
    _column("id", BigInteger, key=True),
    _column("case_no", BigInteger),
    _column("due_ms", instant()),
    _column("person", text_of(64)),
    _column("text", json_text()),
    _column("done_ms", instant()),
    _column("done_by", text_of(64)),
    Index("cases_diary_case", "case_no", "id"),
    Index("cases_diary_due", "person", "done_ms", "due_ms"),
)

RESTRICTION: Final = Table(
    "cases_restriction",
    METADATA,
    _column("id", BigInteger, key=True),
    _column("case_no", BigInteger),
    _column("customer", token()),
    _column("measure", text_of(24)),
    _column("basis", text_of(32)),
    _column("article", text_of(120)),
    _column("state", text_of(16)),
    _column("asked_by", text_of(64)),
    _column("asked_ms", instant()),
    _column("decided_by", text_of(64)),
    _column("decided_ms", instant()),
    _column("lift_asked_by", text_of(64)),
    _column("lifted_by", text_of(64)),
    _column("lifted_ms", instant()),
    Index("cases_restriction_case", "case_no", "id"),
    Index("cases_restriction_customer", "customer", "state"),
)

RING: Final = Table(
    "cases_ring",
    METADATA,
    _column("account", token(), key=True),
    _column("ring", text_of(64)),
)

RULES: Final = Table(
    "cases_rules",
    METADATA,
    _column("id", BigInteger, key=True),
    _column("text", Text),
    _column("version", text_of(16)),
    _column("state", text_of(16)),
    _column("author", text_of(64)),
    _column("proposed_ms", instant()),
    _column("decided_by", text_of(64)),
    _column("decided_ms", instant()),
    Index("cases_rules_state", "state", "id"),
)

MIGRATIONS: Final = Migrations("cases", Path(__file__).parent / "migrations", METADATA)
