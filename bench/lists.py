"""Lists: past instants against a twin that reads everything again, ten million entries, and one person alone.

python -m bench.lists
"""

from __future__ import annotations

import gc
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.acceptance import Line, Run, at_most, none
from tarim.base.errors import TarimError
from tarim.privacy import Tokenizer
from tarim.screening import (
    FOREVER_S,
    PART_ENTRIES,
    REMOVED,
    Closing,
    ContentDigest,
    Entries,
    History,
    ListBook,
    ListDefinition,
    ListProbe,
    Membership,
    RawRow,
    define_list,
    encode_closing,
    encode_part,
    period_of,
)
from tarim.stream import COLUMN_OF_FIELD, Col, empty_rows
from tests.fakes.clock import FakeClock
from tests.naive.lists import Key, NaiveChange, NaiveLists

TRIAL_OPERATIONS: Final = 10_000
ENTRIES_FULL: Final = 10_000_000
ENTRIES_QUICK: Final = 1_000_000
BYTES_MAX: Final = 64
LOOKUP_NS_MAX: Final = 1_000
CHANGE_MS_MAX: Final = 5
STEP_MS_MAX: Final = 5
_BATCH: Final = 256
_LOOKUPS: Final = 200_000
_START_S: Final = 1_700_000_000

Words = npt.NDArray[np.int64]


def change_records(
    change: str, definition: ListDefinition, entries: Iterator[Entries], at_ms: int, *, create: bool = False
) -> Iterator[bytes]:
    """The records of a change as an approval writes them."""
    content, parts, count = ContentDigest(), 0, 0
    for batch in entries:
        payload = encode_part(change, definition.name, parts, batch)
        content.add(payload)
        parts, count = parts + 1, count + len(batch)
        yield payload
    new = definition if create else None
    yield encode_closing(
        Closing(
            change,
            definition.name,
            new,
            parts,
            count,
            content.hexdigest(new),
            "author",
            "approver",
            "test",
            "",
            0,
            at_ms,
        )
    )


# ---- past instants against the twin ------------------------------------------------------------------------------------

LISTS: Final = (
    define_list("bad_payees", "black", "payee_account"),
    define_list("good_customers", "white", "customer"),
    define_list("watched_devices", "grey", "device_id"),
    define_list("my_payees", "trusted_payees"),
    define_list("my_devices", "trusted_devices"),
    define_list("addresses", "suspect_addresses"),
)


@dataclass
class Trial:
    """A journal of LIST records in memory, and the three that follow it: table, history, twin."""

    folder: Path
    random: random.Random
    journal: list[tuple[int, bytes]] = field(default_factory=list)
    membership: Membership = field(default_factory=Membership)
    twin: NaiveLists = field(default_factory=NaiveLists)
    seq: int = 0
    at_ms: int = _START_S * 1_000
    differing: int = 0

    def __post_init__(self) -> None:
        self.history = History(self.folder / "history.sqlite")
        for definition in LISTS:
            self._write(change_records(f"new-{definition.name}", definition, iter(()), self.at_ms, create=True))

    def _write(self, records: Iterator[bytes]) -> None:
        for payload in records:
            self.seq += self.random.randrange(1, 4)
            self.journal.append((self.seq, payload))
            self.membership.apply(payload)
            self.history.put(self.seq, payload)

    def _key(self, definition: ListDefinition) -> Key:
        owner = self.random.randrange(1, 12) if definition.per_customer else 0
        return definition.name, owner, self.random.randrange(1, 60)

    def change(self, number: int) -> None:
        """One to forty entries of one list; one change in ten is broken off before its closing record."""
        definition = self.random.choice(LISTS)
        said: dict[Key, tuple[int, int] | None] = {}
        for _ in range(self.random.choice((1, 1, 1, 2, 5, 40))):
            begin = _START_S + self.random.randrange(-50, 100)
            period = (
                self.random.choice((0, begin)),
                self.random.choice((FOREVER_S, begin + self.random.randrange(1, 60))),
            )
            said[self._key(definition)] = None if self.random.random() < 0.3 else period
        keys = list(said)
        cut = self.random.randrange(1, len(keys) + 1)
        batches = [_entries(definition, keys[:cut], said), _entries(definition, keys[cut:], said)]
        self.at_ms += self.random.choice((0, 0, 7, 400, 1_000))
        records = list(change_records(f"c{number}", definition, (each for each in batches if len(each)), self.at_ms))
        if self.random.random() < 0.1:
            self._write(iter(records[:-1]))
            return
        self._write(iter(records))
        self.twin.changes.append(NaiveChange(self.at_ms, self.seq, said))

    def look_up(self) -> None:
        """A past instant in the history; an event of now, and one as of a past position, in the table."""
        definition = self.random.choice(LISTS)
        key = self._key(definition)
        at_ms = _START_S * 1_000 + self.random.randrange(0, max(1, self.at_ms - _START_S * 1_000) + 50_000)
        if self.twin.changes and self.random.random() < 0.5:
            at_ms = self.random.choice(self.twin.changes).at_ms  # to the millisecond when something changed
        entry = self.history.entry_at(*key, self.history.change_at(at_ms))
        self.differing += (entry is not None and entry.valid_at(at_ms)) is not self.twin.as_at(key, at_ms)
        self.differing += found(self.membership, definition, key, at_ms) is not self.twin.member(
            key, at_ms, self.seq + 1
        )

    def look_back(self) -> None:
        """The table and the history made again from the journal, as of a past position."""
        seq = self.random.randrange(0, self.seq + 2)
        again, history = Membership(), History(self.folder / f"again-{seq}.sqlite")
        for payload in self.history.records(seq):
            again.apply(payload)
        for at, payload in self.journal:
            if at < seq:
                history.put(at, payload)
        change = history.change_before(seq)
        self.differing += change != self.history.change_before(seq)
        for definition in LISTS:
            for _ in range(20):
                key, at_ms = self._key(definition), self.at_ms + self.random.randrange(-50_000, 50_000)
                member = self.twin.member(key, at_ms, seq)
                if definition.name in again.lists:
                    self.differing += found(again, definition, key, at_ms) is not member
                    entry = history.entry_at(*key, change)
                    self.differing += (entry is not None and entry.valid_at(at_ms)) is not member
        history.close()


def _entries(definition: ListDefinition, keys: list[Key], said: dict[Key, tuple[int, int] | None]) -> Entries:
    periods = [said[key] for key in keys]
    return Entries(
        np.array([customer for _, customer, _ in keys], np.int64),
        np.array([token for _, _, token in keys], np.int64),
        np.array([REMOVED if period is None else period_of(*period) for period in periods], np.int64),
        [definition.name] * len(keys),
        ["test"] * len(keys),
        ["****"] * len(keys),
    )


def found(membership: Membership, definition: ListDefinition, key: Key, received_ms: int) -> bool:
    """Whether an event with this value is a member; one of another customer must not be, on a customer's own list."""
    column = COLUMN_OF_FIELD[definition.field]
    rows = empty_rows(2)
    rows[:, Col.RECEIVED_MS] = received_ms
    rows[:, Col.CUSTOMER] = (key[1] or 1, 99)
    rows[:, column] = key[2]
    bits = np.zeros((2, 4), np.uint64)
    membership.members(rows, (ListProbe(0, "no_such_list"), ListProbe(column, definition.name)), bits)
    first, second = (bits[:, 0] == 2).tolist()
    assert not (definition.per_customer and second)
    return bool(first)


def trial(operations: int, seed: int) -> dict[str, Any]:
    """Half changes, half look-ups, and a few times everything made again from the journal."""
    with tempfile.TemporaryDirectory() as folder:
        run = Trial(Path(folder), random.Random(seed))
        for number in range(operations):
            run.change(number) if number % 2 else run.look_up()
        for _ in range(3):
            run.look_back()
        run.history.close()
        return {
            "changes": len(run.twin.changes),
            "look_ups": operations // 2,
            "entries": sum(len(change.entries) for change in run.twin.changes),
            "differing": run.differing,
        }


# ---- ten million -------------------------------------------------------------------------------------------------------


def many(count: int) -> dict[str, Any]:
    """A list of `count` entries: applied record by record, asked, changed, and what it weighs."""
    definition = define_list("many", "black", "payee_account")
    tokens = np.random.default_rng(3).permutation(count).astype(np.int64) * 922_337_203_685 + 1
    membership = Membership()
    for payload in change_records("new", definition, iter(()), 1, create=True):
        membership.apply(payload)
    gc.collect()
    before = _resident_bytes()
    steps: list[float] = []
    journal_bytes = 0
    for payload in change_records("all", definition, _batches(tokens, period_of(0, FOREVER_S)), 2):
        begin = time.thread_time()  # what the step itself costs, whoever else wants the processor
        membership.apply(payload)
        steps.append(time.thread_time() - begin)
        journal_bytes += len(payload)
    resident = _resident_bytes() - before
    small: list[float] = []
    for number in range(20):
        part = tokens[number * 100 : number * 100 + 100]
        records = list(change_records(f"few{number}", definition, _batches(part, REMOVED), 3))
        begin = time.perf_counter()
        for payload in records:
            membership.apply(payload)
        small.append(time.perf_counter() - begin)
    batch, single = _asked(membership, tokens)
    return {
        "entries": count,
        "bytes_per_entry": round(max(resident, membership.bytes_held) / count, 1),
        "journal_bytes_per_entry": round(journal_bytes / count, 1),
        "apply_s": round(sum(steps), 2),
        "step_ms_p99": round(float(np.percentile(steps, 99)) * 1e3, 2),
        "step_ms_max": round(max(steps) * 1e3, 2),
        "look_up_ns": round(batch, 1),
        "single_us": round(single, 2),
        "change_of_100_ms": round(statistics.median(small) * 1e3, 3),
    }


def _batches(tokens: Words, period: int) -> Iterator[Entries]:
    for begin in range(0, len(tokens), PART_ENTRIES):
        part = tokens[begin : begin + PART_ENTRIES]
        count = len(part)
        yield Entries(
            np.zeros(count, np.int64),
            part,
            np.full(count, period, np.int64),
            ["police"] * count,
            ["bulk"] * count,
            ["****1234"] * count,
        )


def _asked(membership: Membership, tokens: Words) -> tuple[float, float]:
    """(ns a look-up in batches of 256, half of them hits; microseconds for a single event)."""
    chooser = np.random.default_rng(4)
    rows = empty_rows(_LOOKUPS)
    rows[:, Col.RECEIVED_MS] = _START_S * 1_000
    hit = chooser.random(_LOOKUPS) < 0.5
    rows[:, Col.PAYEE] = np.where(hit, chooser.choice(tokens, _LOOKUPS), chooser.integers(2, 1 << 62, _LOOKUPS))
    probes = (ListProbe(Col.PAYEE, "many"),)
    bits = np.zeros((_BATCH, 4), np.uint64)
    membership.members(rows[:_BATCH], probes, bits)
    rounds = []
    for _ in range(7):
        begin = time.perf_counter()
        for at in range(0, _LOOKUPS - _BATCH, _BATCH):
            membership.members(rows[at : at + _BATCH], probes, bits)
        rounds.append((time.perf_counter() - begin) / (_LOOKUPS - _LOOKUPS % _BATCH))
    begin = time.perf_counter()
    for at in range(5_000):
        membership.members(rows[at : at + 1], probes, bits[:1])
    return statistics.median(rounds) * 1e9, (time.perf_counter() - begin) / 5_000 * 1e6


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096


# ---- one person alone --------------------------------------------------------------------------------------------------


def alone() -> dict[str, Any]:
    """Every way by which one person could change a list is tried; how many worked, of how many."""
    with tempfile.TemporaryDirectory() as folder:
        book = ListBook(Path(folder), Membership(), Tokenizer(bytes(32)), FakeClock(_START_S * 1_000))
        proposed = book.propose_list(LISTS[0], "zhang", "new")
        _put_in_force(book, proposed.proposal.id, "li", 1)
        row = [RawRow(2, {"value": "6222020200112233"})]
        entries, _ = book.propose_entries("bad_payees", row, "zhang", "police", "mule")
        removal, _ = book.propose_entries("bad_payees", row, "zhang", "police", "again")
        another = book.propose_list(LISTS[1], "zhang", "new")
        ways: list[Callable[[], object]] = []
        for found in (entries, removal, another):
            id_, digest = found.proposal.id, found.proposal.digest
            ways += [
                partial(book.approve, id_, "zhang", digest),
                partial(book.approve, id_, "zhang", "0" * 64),
                partial(book.approve, id_, "li", "0" * 64),
                partial(book.approve, id_, "", digest),
                partial(book.approve, id_, "zhang ", digest),
                partial(book.reject, id_, "zhang", "no"),
                partial(book.withdraw, id_, "li"),
            ]
        before = (book.membership.change, len(book.proposals()))
        refused = sum(_refused(way) for way in ways)
        unchanged = before == (book.membership.change, len(book.proposals()))
        _put_in_force(book, entries.proposal.id, "li", 3)
        effective = book.membership.change - before[0]
        book.close()
        return {"ways": len(ways), "worked": len(ways) - refused, "unchanged": unchanged, "by_two": effective}


def _put_in_force(book: ListBook, proposal_id: str, person: str, first_seq: int) -> None:
    approval = book.approve(proposal_id, person, book.proposal(proposal_id).proposal.digest)
    payloads = list(book.records(approval))
    for payload in payloads:
        book.membership.apply(payload)
    book.settle(approval, range(first_seq, first_seq + len(payloads)))


def _refused(way: Callable[[], object]) -> bool:
    try:
        way()
    except TarimError:
        return True
    return False


# ---- the bars ----------------------------------------------------------------------------------------------------------

LINES: Final = (
    "lists, as at past instants",
    "lists, memory per entry",
    "lists, look-up",
    "lists, a change of 100 entries",
    "lists, one step of a change, p99, CPU",
    "lists, by one person alone",
)


def lines(run: Run) -> Iterator[Line]:
    """The lines of the lists' bar."""
    tried = trial(run.pick(TRIAL_OPERATIONS, 2_000), 20_261_122)
    note = f"{tried['changes']:,} changes of {tried['entries']:,} entries, {tried['look_ups']:,} look-ups"
    yield none(LINES[0], "answer differs from the twin", tried["differing"], note)
    measured = many(run.pick(ENTRIES_FULL, ENTRIES_QUICK))
    note = f"{measured['entries']:,} entries, applied in {measured['apply_s']} s"
    yield at_most(LINES[1], BYTES_MAX, measured["bytes_per_entry"], " bytes", note)
    yield at_most(LINES[2], LOOKUP_NS_MAX, measured["look_up_ns"], " ns", f"a single event {measured['single_us']} us")
    yield at_most(LINES[3], CHANGE_MS_MAX, measured["change_of_100_ms"], " ms")
    yield at_most(LINES[4], STEP_MS_MAX, measured["step_ms_p99"], " ms", f"longest {measured['step_ms_max']} ms")
    found = alone()
    worked = found["worked"] + (not found["unchanged"]) + (found["by_two"] != 1)
    yield none(LINES[5], "way worked", worked, f"of {found['ways']} ways; by two persons it does")


def main() -> int:
    """Print the lines."""
    run = Run(False, time.monotonic() + 600)
    found = list(lines(run))
    for line in found:
        print(f"{'PASS' if line.passed else 'MISS'}  {line.name:<40}  {line.target:<28}  {line.figure}")
    return 0 if all(line.passed for line in found) else 1


if __name__ == "__main__":
    sys.exit(main())
