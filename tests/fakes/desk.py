"""A desk for tests: over real journals and a real database, with decisions written by hand.

with DecisionsWritten(folder / "journal") as written:
    seq = written.decided(outcome=Outcome.SUSPEND, rules=[0], hold_s=600, customer=7)
    written.label(seq, fraud=True)
desk = open_desk(folder, url, [Diary()], FakeClock())
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, Table, select

from tarim.decisions import Action, Override, RecordKind, Versions, Word
from tarim.decisions.aftermath import Tick
from tarim.decisions.domain import DECISION_WORDS
from tarim.decisions.hold_word import HoldWord, pack
from tarim.decisions.holds import Expiry, Step
from tarim.decisions.records import encode_events, encode_side
from tarim.desk import MIGRATIONS, Book, Desk, DeskLimits, Follower, RuleWords, Shelf, Texts
from tarim.intake import event_key
from tarim.journal import Journal, JournalLimits
from tarim.privacy import MasterKey
from tarim.records import Database, DatabaseLimits
from tarim.stream import Channel, Col, Flag, Kind, Outcome, Result, empty_rows
from tests.fakes.clock import START_MS, FakeClock

SMALL = JournalLimits(segment_bytes=1 << 20, block_bytes_max=1 << 18, free_bytes_min=0)

RULESET = b"""
name = "test"

[[rule]]
id = "many_transfers"
when = "payer_count_10m >= 5"
outcome = "suspend"
weight = 60
scenario = "telecom_fraud"
reason = "x"
reason_en = "x"

[[rule]]
id = "new_payee"
when = "payer_is_new_payee_30d == 1"
outcome = "challenge"
weight = 80
scenario = "account_takeover"
reason = "x"
reason_en = "x"

[[policy.bands]]
at_least = 0.9
outcome = "delay"
reason = "x"
reason_en = "x"
"""


class DecisionsWritten:
    """The decisions' journal, with its writer."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal.open(folder, SMALL)
        self.at_ms = START_MS

    def __enter__(self) -> DecisionsWritten:
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()

    def decided(self, **told: Any) -> int:
        """One event with its decision; its position."""
        return self.group([told])[0]

    def group(self, described: Sequence[dict[str, Any]]) -> list[int]:
        """Events of one record; their positions."""
        rows = empty_rows(len(described))
        decisions = np.zeros((len(described), DECISION_WORDS), np.int64)
        decisions[:, Word.BAND] = -1
        first = self.journal.next_seq
        ids = []
        for place, told in enumerate(described):
            self.at_ms += 1_000
            row, decision = rows[place], decisions[place]
            row[Col.SEQ] = first + place
            row[Col.OCCURRED_MS] = row[Col.RECEIVED_MS] = told.get("at_ms", self.at_ms)
            ids.append(told.get("event_id", f"e{first + place}"))
            row[Col.EVENT_KEY] = event_key("bank", ids[-1])
            row[Col.CUSTOMER] = told.get("customer", 7)
            row[Col.ACCOUNT] = told.get("account", 11)
            row[Col.PAYEE] = told.get("payee", -3)
            row[Col.ADDRESS] = told.get("address", 0)
            row[Col.AMOUNT_FEN] = told.get("amount_fen", 80_000_00)
            row[Col.KIND] = told.get("kind", Kind.TRANSFER)
            row[Col.CHANNEL] = Channel.MOBILE
            row[Col.CURRENCY] = int.from_bytes(b"CNY", "big")
            row[Col.FLAGS] = Flag.HISTORY_AUTHORISED
            row[Col.REFERS_SEQ] = told.get("refers_seq", -1)
            row[Col.LABEL] = told.get("label", -1)
            row[Col.RESULT] = told.get("result", Result.UNKNOWN)
            row[Col.OUTCOME] = decision[Word.OUTCOME] = told.get("outcome", Outcome.PASS)
            score = told.get("score", float("nan"))
            decision[Word.SCORE] = np.array([score]).view(np.int64)[0]
            decision[Word.BAND] = 0 if score >= 0.9 else -1
            decision[Word.HITS_0] = decision[Word.EFFECTIVE_0] = sum(1 << rule for rule in told.get("rules", ()))
            if told.get("hold_s"):
                decision[Word.HOLD] = pack(
                    HoldWord(
                        told["hold_s"], int(told.get("expiry", Expiry.REFUSE)), 3, told.get("strength", 0), 0, 24, 0, 0
                    )
                )
        versions = Versions("features-1", "rules-1", "model-1" if any("score" in each for each in described) else "")
        side = encode_side(versions, ids, ["bank"] * len(ids), [None] * len(ids), [None] * len(ids))
        self.journal.append(RecordKind.EVENTS, encode_events(rows, decisions, side), len(rows))
        self.journal.commit()
        return list(range(first, first + len(rows)))

    def label(self, seq: int, *, fraud: bool, event_id: str = "") -> int:
        """A label of the event at a position."""
        named = {"event_id": event_id} if event_id else {}
        return self.decided(kind=Kind.LABEL, refers_seq=seq, label=int(fraud), **named)

    def confirmed(self, seq: int, *, customer: int = 7) -> int:
        """The customer says yes to a payment that waits."""
        return self.decided(kind=Kind.CONFIRMATION, refers_seq=seq, result=Result.SUCCEEDED, customer=customer)

    def tick(self, at_ms: int) -> int:
        """Time has come this far."""
        return self.control(RecordKind.TICK, Tick(at_ms))

    def refused(self, seq: int, person: str) -> int:
        """A person refuses a payment that waits."""
        return self.control(RecordKind.HOLD, Action(seq, Step.REFUSE, person, "risk", "stolen phone", self.at_ms))

    def overridden(self, seq: int, outcome: Outcome) -> int:
        """Two persons put another outcome in a decision's place."""
        override = Override(seq, outcome.name.lower(), "seen", "li.na", self.at_ms, "wang.wei")
        return self.control(RecordKind.OVERRIDE, override)

    def control(self, kind: RecordKind, content: object) -> int:
        """A control record."""
        seq = self.journal.append(kind, [msgspec.msgpack.encode(content)], 1)
        self.journal.commit()
        return seq


def open_shelf(folder: Path, url: str, books: Sequence[Book]) -> Shelf:
    """A shelf over `folder/journal` (the decisions') and `folder/desk`."""
    desk = folder / "desk"
    database = Database.open(
        url, [MIGRATIONS, *(book.migrations for book in books)], DatabaseLimits(durable=False, connections_max=4)
    )
    return Shelf(
        Journal.open(desk / "journal", SMALL),
        Follower(folder / "journal", lambda _version: RuleWords.of(RULESET)),
        database,
        books,
        Texts(desk / "vault", MasterKey(bytes(32))),
    )


def open_desk(folder: Path, url: str, books: Sequence[Book], clock: FakeClock | None = None) -> Desk:
    """A desk that has caught up, and works."""
    clock = clock or FakeClock()
    desk = Desk(open_shelf(folder, url, books), clock, DeskLimits(follow_ms=5, readers=2))
    desk.catch_up()
    desk.start()
    return desk


def contents(connection: Connection, books: Sequence[Book]) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables of the desk and of these books, sorted: equal contents are equal tables."""
    tables: list[Table] = [
        table for each in (MIGRATIONS, *(book.migrations for book in books)) for table in each.metadata.sorted_tables
    ]
    return {table.name: sorted(tuple(map(repr, row)) for row in connection.execute(select(table))) for table in tables}


def rebuilt(folder: Path, url: str, books: Sequence[Book]) -> dict[str, list[tuple[Any, ...]]]:
    """The contents of the tables made again from the journals; no desk is open there."""
    shelf = open_shelf(folder, url, books)
    try:
        shelf.rebuild()
        with shelf.database.reading() as connection:
            return contents(connection, books)
    finally:
        shelf.close()
