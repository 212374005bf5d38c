"""The batch of risky accounts: right, whole, and the same again by hand."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest

from tarim.base.errors import DefinitionError, Unavailable
from tarim.base.instants import DAY_MS, HOUR_MS
from tarim.reporting import BatchDiffers, BatchTable, OutboxFolder, ReportBook, RiskBatch, RiskyEvents
from tarim.reporting.domain.batch import COLUMNS, RiskyEvent, batch_of, risky_accounts
from tarim.reporting.domain.days import day_of, start_ms
from tarim.stream import Outcome
from tests.fakes.clock import START_MS, FakeClock
from tests.fakes.desk import DecisionsWritten, open_desk

DAY = day_of(START_MS)


class Vault:
    """Numbers are tokens with a letter before them."""

    def __init__(self) -> None:
        self.destroyed: set[int] = set()
        self.indexed = 8

    def accounts(self, owners: Mapping[int, Collection[int]]) -> dict[int, str]:
        return {of: f"A{of:+05d}" for of, customers in owners.items() if not set(customers) <= self.destroyed}

    def names(self, customer: int, accounts: Collection[int]) -> dict[int, str]:
        return {}

    def customer_token(self, number: str) -> int:
        return 0

    def indexed_seq(self) -> int:
        return self.indexed


class Room:
    """A journal with stopped and labelled payments, a desk over it, and the batch."""

    def __init__(self, folder: Path) -> None:
        self.written = DecisionsWritten(folder / "journal")
        told = [
            {"outcome": Outcome.BLOCK, "customer": 1, "account": 11, "payee": 21},
            {"outcome": Outcome.SUSPEND, "customer": 2, "account": 12, "payee": 21},
            {"outcome": Outcome.SUSPEND, "customer": 3, "account": 13, "payee": 23},
            {"outcome": Outcome.PASS, "customer": 4, "account": 14, "payee": 24},
            {"outcome": Outcome.CHALLENGE, "customer": 5, "account": 15, "payee": 25},
            {"outcome": Outcome.BLOCK, "customer": 6, "account": 16, "payee": 26, "at_ms": START_MS - 31 * DAY_MS},
        ]
        seqs = self.written.group(told[5:]) + self.written.group(told[:5])
        self.written.label(seqs[3], fraud=False)
        self.written.label(seqs[4], fraud=True)
        self.clock = FakeClock(start_ms(DAY) + DAY_MS + 3 * HOUR_MS)
        self.desk = open_desk(folder, f"sqlite:///{folder / 't.db'}", [ReportBook()], self.clock)
        while self.desk.state.behind or not self.desk.state.followed_seq:
            time.sleep(0.01)
        self.vault = Vault()
        self.outbox = folder / "outbox"
        events = RiskyEvents(folder / "journal")
        self.batch = RiskBatch(self.desk, events, self.vault, BatchTable(), OutboxFolder(self.outbox))

    @property
    def file(self) -> Path:
        return self.outbox / f"risky-accounts-{DAY}.csv"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.desk.close()
    made.written.journal.close()


def test_who_is_on_it_and_why(room: Room) -> None:
    """Stopped and not labelled genuine, or labelled fraud; of the last thirty days."""
    row = room.batch.make("op", DAY, "first run")
    found = {(each["account"], each["role"], each["reason"]) for each in csv.DictReader(room.file.open())}
    assert found == {
        ("A+0011", "payer", "stopped"), ("A+0012", "payer", "stopped"), ("A+0021", "payee", "stopped"),
        ("A+0014", "payer", "fraud_confirmed"), ("A+0024", "payee", "fraud_confirmed"),
    }  # fmt: skip
    assert row["rows"] == 5 and row["in_place"] and row["reason"] == "first run" and row["person"] == "op"


def test_file_and_manifest_agree_and_are_private(room: Room) -> None:
    room.batch.make("op", DAY, "first run")
    manifest = json.loads((room.outbox / f"risky-accounts-{DAY}.manifest.json").read_text())
    content = room.file.read_bytes()
    assert manifest["sha256"] == sha256(content).hexdigest() and manifest["bytes"] == len(content)
    assert manifest["rows"] == len(content.splitlines()) - 1 and manifest["columns"] == list(COLUMNS)
    assert sorted(path.name for path in room.outbox.iterdir()) == [
        room.file.name,
        f"risky-accounts-{DAY}.manifest.json",
    ]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in room.outbox.iterdir())


def test_a_lost_file_is_made_the_same_again_by_hand(room: Room) -> None:
    """Also when more has been journalled since, and the operator is named (RS-06)."""
    assert room.batch.make_due() == [DAY] and room.batch.make_due() == []
    before = {path.name: path.read_bytes() for path in room.outbox.iterdir()}
    room.written.group([{"outcome": Outcome.BLOCK, "customer": 9, "account": 19, "payee": 29}])
    room.written.label(2, fraud=False)
    while room.desk.state.behind:
        time.sleep(0.01)
    for path in room.outbox.iterdir():
        path.unlink()
    assert not room.batch.runs(1)[0]["in_place"]
    row = room.batch.make("zhao.op", DAY, "file lost on the transfer host")
    assert {path.name: path.read_bytes() for path in room.outbox.iterdir()} == before
    first, again = room.batch.runs(10)[::-1]
    assert (first["person"], first["by_hand"], again["person"], again["by_hand"]) == ("tarim", 0, "zhao.op", 1)
    assert first["digest"] == again["digest"] and again == row and row["in_place"]


def test_what_would_differ_is_refused_and_the_file_left_alone(room: Room) -> None:
    room.batch.make("op", DAY, "first run")
    before = room.file.read_bytes()
    room.vault.destroyed = {4}
    with pytest.raises(BatchDiffers, match="2 accounts cannot be named"):
        room.batch.make("op", DAY, "again")
    assert room.file.read_bytes() == before and len(room.batch.runs(10)) == 1


def test_refusals(room: Room) -> None:
    with pytest.raises(DefinitionError, match="not over"):
        room.batch.make("op", day_of(room.clock.at_ms), "too early")
    with pytest.raises(DefinitionError, match="reason"):
        room.batch.make("op", DAY, "  ")
    room.vault.indexed = 3
    with pytest.raises(Unavailable, match="within day"):
        room.batch.make("op", DAY, "now")
    assert room.batch.make_due() == [] and not room.outbox.exists()


def test_the_order_of_events_changes_nothing() -> None:
    events = [RiskyEvent(20260101 + place % 3, 7 + place % 2, 11 + place % 4, 21, place == 5) for place in range(12)]
    numbers = {token: f"N,{token}" for token in (11, 12, 13, 14, 21)}
    one = batch_of(20260131, 5, risky_accounts(events), numbers)
    other = batch_of(20260131, 5, risky_accounts(reversed(events)), numbers)
    assert one == other and one.rows == 5 and one.unresolved == 0
    assert [row["account"] for row in csv.DictReader(StringIO(one.content.decode()))] == sorted(numbers.values())
