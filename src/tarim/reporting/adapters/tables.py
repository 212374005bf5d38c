"""Tables of reports.  All of them are made from the two journals, and can be dropped and made again.

    reports_suspicious   a suspicious transaction report and where it stands; its content lies sealed in a file of that digest
    reports_hand         who had a hand in one: none of them can approve or discard it
    reports_reader       who may read one beside those and whoever may approve
    reports_history      what happened to it, numbered from 1
    reports_staff        which persons are customers themselves: what is about them is not there for them
    reports_daily        decisions above pass by day (China), outcome, scenario, channel and currency, with their money
    reports_labels       labels by day: of fraud, and of genuine payments
    reports_filed        risk reports that were filed, with their figures
    reports_batch        batch files that were made, and by whom

Free text is sealed (`tarim.desk.Texts`), {} = none.  Days are numbers like 20260228.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, SmallInteger, Table

from tarim.records import Migrations, instant, json_text, text_of, token

METADATA: Final = MetaData()


def _column(name: str, kind: Any, *, key: bool = False) -> Column[Any]:
    return Column(name, kind, primary_key=key, nullable=False, autoincrement=False if key else "auto")


SUSPICIOUS: Final = Table(
    "reports_suspicious",
    METADATA,
    _column("no", BigInteger, key=True),
    _column("number", text_of(20)),
    _column("case_ref", text_of(20)),
    _column("branch", text_of(32)),
    _column("queue", text_of(32)),
    _column("state", text_of(16)),
    _column("version", Integer),
    _column("digest", text_of(64)),
    _column("subjects", json_text()),
    _column("author", text_of(64)),
    _column("created_ms", instant()),
    _column("changed_ms", instant()),
    _column("submitted_by", text_of(64)),
    _column("submitted_ms", instant()),
    _column("approved_by", text_of(64)),
    _column("approved_ms", instant()),
    _column("package", text_of(64)),
    _column("exported_by", text_of(64)),
    _column("exported_ms", instant()),
    _column("message", text_of(64)),
    _column("sent_by", text_of(64)),
    _column("sent_ms", instant()),
    _column("receipt", text_of(64)),
    _column("receipt_ms", instant()),
    Index("reports_suspicious_number", "number", unique=True),
    Index("reports_suspicious_case", "case_ref", "no"),
    Index("reports_suspicious_state", "state", "no"),
)

HAND: Final = Table(
    "reports_hand", METADATA, _column("no", BigInteger, key=True), _column("person", text_of(64), key=True)
)
READER: Final = Table(
    "reports_reader", METADATA, _column("no", BigInteger, key=True), _column("person", text_of(64), key=True)
)

HISTORY: Final = Table(
    "reports_history",
    METADATA,
    _column("no", BigInteger, key=True),
    _column("n", Integer, key=True),
    _column("event", text_of(24)),
    _column("before", text_of(16)),
    _column("after", text_of(16)),
    _column("person", text_of(64)),
    _column("at_ms", instant()),
    _column("about", text_of(128)),
    _column("reason", json_text()),
)

STAFF: Final = Table(
    "reports_staff", METADATA, _column("person", text_of(64), key=True), _column("customer", token(), key=True)
)

DAILY: Final = Table(
    "reports_daily",
    METADATA,
    _column("day", Integer, key=True),
    _column("outcome", SmallInteger, key=True),
    _column("scenario", text_of(64), key=True),
    _column("channel", text_of(16), key=True),
    _column("currency", text_of(3), key=True),
    _column("decisions", BigInteger),
    _column("amount_fen", BigInteger),
)

LABELS: Final = Table(
    "reports_labels",
    METADATA,
    _column("day", Integer, key=True),
    _column("fraud", SmallInteger, key=True),
    _column("labels", BigInteger),
)

FILED: Final = Table(
    "reports_filed",
    METADATA,
    _column("id", text_of(40), key=True),
    _column("kind", text_of(16)),
    _column("from_day", Integer),
    _column("to_day", Integer),
    _column("as_of_seq", BigInteger),
    _column("person", text_of(64)),
    _column("at_ms", instant()),
    _column("figures", json_text()),
    _column("digest", text_of(64)),
    _column("pdf", text_of(64)),
    _column("workbook", text_of(64)),
    Index("reports_filed_at", "at_ms", "id"),
)

BATCH: Final = Table(
    "reports_batch",
    METADATA,
    _column("seq", BigInteger, key=True),
    _column("day", Integer),
    _column("as_of_seq", BigInteger),
    _column("rows", Integer),
    _column("digest", text_of(64)),
    _column("person", text_of(64)),
    _column("at_ms", instant()),
    _column("by_hand", SmallInteger),
    _column("reason", json_text()),
    Index("reports_batch_day", "day", "seq"),
)

MIGRATIONS: Final = Migrations("reports", Path(__file__).parent / "migrations", METADATA)
