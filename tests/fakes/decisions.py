"""Fakes for the decision service: a log in memory, an engine that counts, a judge that follows the amount."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tarim.base.errors import FieldError, NotFound, TarimError, Unavailable
from tarim.decisions import DECISION_WORDS, Beside, Lineup, Word
from tarim.stream import Col, Flag, Kind, empty_rows


@dataclass(frozen=True)
class FakeRecord:
    """One record."""

    first_seq: int
    count: int
    kind: int
    payload: memoryview


@dataclass
class FakeLog:
    """A log in memory; `commit` makes durable, `power_cut` loses the rest.  `full` and `dead` make it fail."""

    records: list[FakeRecord] = field(default_factory=list)
    durable_count: int = 0
    full: bool = False
    dead: bool = False

    @property
    def next_seq(self) -> int:
        return self.records[-1].first_seq + self.records[-1].count if self.records else 0

    @property
    def durable_seq(self) -> int:
        durable = self.records[: self.durable_count]
        return durable[-1].first_seq + durable[-1].count if durable else 0

    def reserve(self, bytes_count: int) -> None:
        if self.full:
            raise Unavailable("the disk is full")

    def append(self, kind: int, payload_parts: Sequence[bytes | memoryview], count: int) -> int:
        first = self.next_seq
        self.records.append(FakeRecord(first, count, kind, memoryview(b"".join(payload_parts))))
        return first

    def commit(self) -> None:
        if self.dead:
            raise OSError("the disk is gone")
        self.durable_count = len(self.records)

    def power_cut(self) -> None:
        del self.records[self.durable_count :]

    def read(self, from_seq: int = 0, to_seq: int | None = None) -> Iterator[FakeRecord]:
        for record in self.records:
            begun = record.first_seq + max(record.count, 1) > from_seq
            if begun and (to_seq is None or record.first_seq < to_seq):
                yield record

    def read_at(self, seq: int) -> FakeRecord:
        for record in self.records[: self.durable_count]:
            if record.first_seq <= seq < record.first_seq + record.count:
                return record
        raise NotFound("no such position")


@dataclass
class FakeFeatures:
    """Two features."""

    names: tuple[str, ...] = ("count", "amount_fen")
    version: str = "features-1"
    needs_outcomes: bool = False


@dataclass
class FakeEngine:
    """Features: how many events of the account so far, and the amount.  Refuses a gap."""

    features: FakeFeatures = field(default_factory=FakeFeatures)
    offset: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    failing: bool = False
    lists: tuple[str, ...] = ()

    def list_part(self, change: str, name: str, index: int, accounts: np.ndarray, periods: np.ndarray) -> None:
        raise AssertionError("no feature looks at lists")

    def list_close(self, change: str) -> None:
        raise AssertionError("no feature looks at lists")

    def pass_over(self, first_seq: int, count: int = 1) -> None:
        assert first_seq == self.offset, "a gap"
        self.offset += count

    def process(self, rows: np.ndarray, out: np.ndarray, decide: object = None) -> None:
        if self.failing:
            raise RuntimeError("the engine failed")
        for row, features in zip(rows, out, strict=True):
            assert row[Col.SEQ] == self.offset, "a gap"
            self.offset += 1
            account = int(row[Col.ACCOUNT])
            self.counts[account] = self.counts.get(account, 0) + 1
            features[:] = self.counts[account], row[Col.AMOUNT_FEN]

    def snapshot(self, path: Path) -> None:
        path.write_text(repr((self.offset, self.counts)))


@dataclass
class FakeJudge:
    """Blocks the fourth event of an account, notices amounts from 1,000,000 fen, which are in score band 0."""

    ruleset_version: str = "rules-1"
    lineup: Lineup = field(default_factory=Lineup)
    rules: tuple[()] = ()

    def steer(self, effects: object) -> None:
        """Nothing of it is steered."""

    def line_up(self, lineup: Lineup) -> None:
        self.lineup = lineup

    def decide(
        self, rows: np.ndarray, features: np.ndarray, decisions: np.ndarray | None = None, beside: Beside | None = None
    ) -> np.ndarray:
        decisions = np.zeros((len(rows), DECISION_WORDS), np.int64)
        large = features[:, 1] >= 1_000_000
        decisions[:, 0] = np.where(features[:, 0] >= 4, 5, large)
        decisions[:, Word.BAND] = np.where(large, 0, -1)
        rows[:, Col.OUTCOME] = decisions[:, 0]
        return decisions


@dataclass(frozen=True)
class FakeBatch:
    """Events as intake gives them."""

    rows: np.ndarray
    event_ids: list[str]
    sources: list[str]
    notes: list[dict[str, str] | None]
    sealed: list[bytes | None]


class FakeReader:
    """Bodies are JSON objects as `events` takes them; `{"bad": 1}` is refused.  Remembers what was accepted."""

    def __init__(self) -> None:
        self.accepted_ids: list[str] = []

    def message(self, body: bytes, *, backfill: bool = False) -> FakeBatch:
        batch, (error,) = self.group([body])
        if error is not None:
            raise error
        return batch

    def messages(self, body: bytes, *, backfill: bool = False) -> FakeBatch:
        described = json.loads(body)
        if any("bad" in each for each in described):
            raise FieldError("bad", "must not be there")
        return events(*described)

    def group(self, bodies: Sequence[bytes]) -> tuple[FakeBatch, list[TarimError | None]]:
        described = [json.loads(body) for body in bodies]
        errors = [FieldError("bad", "must not be there") if "bad" in each else None for each in described]
        return events(*(each for each in described if "bad" not in each)), errors

    def accepted(self, batches: Sequence[FakeBatch]) -> None:
        self.accepted_ids += [each for batch in batches for each in batch.event_ids]


class FakeWatcher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.failures: list[BaseException] = []

    def group(self, batch: FakeBatch, taken: object, judged_s: float, durable_s: float) -> None:
        self.groups.append(len(batch.event_ids))

    def failed(self, error: BaseException) -> None:
        self.failures.append(error)


def key_of(text: str) -> int:
    """A 64-bit key that is never 0."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True) or 1


def events(*described: dict[str, object]) -> FakeBatch:
    """A batch of events: `events({"id": "a", "account": 7, "amount_fen": 100}, ...)`."""
    rows = empty_rows(len(described))
    for row, each in zip(rows, described, strict=True):
        row[Col.EVENT_KEY] = key_of(f"test/{each['id']}")
        row[Col.CONTENT_KEY] = key_of(repr(sorted(each.items())))
        row[Col.OCCURRED_MS] = each.get("at", 1_000)
        row[Col.RECEIVED_MS] = 2_000
        row[Col.ACCOUNT] = each.get("account", 1)
        row[Col.CUSTOMER] = each.get("customer", 9)
        row[Col.AMOUNT_FEN] = each.get("amount_fen", 100)
        row[Col.KIND] = each.get("kind", Kind.TRANSFER)
        row[Col.FLAGS] = Flag.HISTORY_AUTHORISED
        if "refers_to" in each:
            row[Col.REFERS_KEY] = key_of(f"test/{each['refers_to']}")
            row[Col.LABEL] = 1
    return FakeBatch(
        rows,
        [str(each["id"]) for each in described],
        ["test"] * len(described),
        [None] * len(described),
        [None] * len(described),
    )
