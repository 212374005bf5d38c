"""Lists after a stop at any step: what the journal holds whole is in force, what it does not never happened."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from tarim.base.errors import Unavailable
from tarim.bootstrap.lists import HitCounter, ListDesk, membership_before, open_lists
from tarim.decisions import RecordKind
from tarim.journal import FolderReader, Journal, JournalLimits
from tarim.privacy import Tokenizer
from tarim.screening import ListBook, ListProbe, Membership, RawRow, define_list
from tarim.stream import Col, empty_rows
from tests.fakes.clock import FakeClock

KEY = bytes(range(32))
NOW_MS = 1_760_000_000_000


class Killed(BaseException):
    """The process ends here."""


class Service:
    """What the desk needs of the decision service, over a real journal; ends the process after so many steps."""

    def __init__(self, journal: Journal, steps: int) -> None:
        self.journal = journal
        self.steps = steps
        self.broken = ""

    def _step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Killed

    def control(self, kind: RecordKind, payload: bytes) -> int:
        self._step()
        self.journal.reserve(len(payload) + 4_096)
        return self.journal.append(kind, [payload], 1)

    def commit(self) -> None:
        self._step()
        self.journal.commit()
        self._step()

    def break_down(self, why: str) -> None:
        self.broken = why


class Life:
    """One process: a journal and its lists, opened."""

    def __init__(self, folder: Path, steps: int = 1 << 30) -> None:
        limits = JournalLimits(segment_bytes=1 << 20, block_bytes_max=512 << 10, free_bytes_min=0)
        self.journal = Journal.open(folder / "journal", limits)
        self.book = open_lists(folder / "lists", self.journal, Tokenizer(KEY), FakeClock(NOW_MS))
        self.desk = ListDesk(self.book, Service(self.journal, steps))

    def approve(self, proposal_id: str) -> None:
        digest = self.book.proposal(proposal_id).proposal.digest
        asyncio.run(self.desk.approve(proposal_id, "li", digest))

    def end(self) -> None:
        self.book.close()
        self.journal.close()


def on_list(membership: Membership, numbers: range) -> set[int]:
    tokenizer = Tokenizer(KEY)
    rows = empty_rows(len(numbers))
    rows[:, Col.RECEIVED_MS] = NOW_MS
    rows[:, Col.ACCOUNT] = [tokenizer.token("account", f"a{number}") for number in numbers]
    bits = np.zeros((len(rows), 4), np.uint64)
    membership.members(rows, (ListProbe(Col.ACCOUNT, "mules"),), bits)
    return {number for number, word in zip(numbers, bits[:, 0].tolist(), strict=True) if word}


def propose(book: ListBook, numbers: set[int], present: set[int]) -> str:
    rows = [RawRow(number + 2, {"value": f"a{number}"}) for number in sorted(numbers - present)]
    rows += [RawRow(number + 2, {"value": f"a{number}", "operation": "remove"}) for number in sorted(numbers & present)]
    found, _ = book.propose_entries("mules", rows, "zhang", "police", "fraud")
    return found.proposal.id


def start(folder: Path) -> Life:
    life = Life(folder)
    life.approve(life.book.propose_list(define_list("mules", "black", "account"), "zhang", "new").proposal.id)
    return life


def test_a_change_is_whole_or_never_happened_wherever_the_process_ends(tmp_path: Path) -> None:
    """Killed at a random step of each approval; the proposal is then approved, or still waits and can be."""
    chooser = random.Random(7)
    start(tmp_path).end()
    present: set[int] = set()
    universe = range(1_200)
    outcomes = {"done": 0, "undone": 0, "known": 0}
    for _ in range(14):
        wanted = set(chooser.sample(universe, chooser.choice((3, 700))))
        life = Life(tmp_path, chooser.choice((0, 1, 2, 3, 4, 5, 6, 20)))
        assert on_list(life.book.membership, universe) == present
        proposal_id = propose(life.book, wanted, present)
        done = True
        try:
            life.approve(proposal_id)
        except Killed:
            done = False
        life.end()
        life = Life(tmp_path)
        state = life.book.proposal(proposal_id).proposal.state
        if not done and state == "proposed":
            outcomes["undone"] += 1
            assert on_list(life.book.membership, universe) == present
            life.approve(proposal_id)
        else:
            outcomes["done" if done else "known"] += 1
            assert state == "approved"
        present = present ^ wanted
        assert on_list(life.book.membership, universe) == present
        assert len(life.book.entries("mules", NOW_MS)) == len(present)
        life.end()
    assert all(outcomes.values()), outcomes
    reader = FolderReader(tmp_path / "journal")
    assert on_list(membership_before(reader, reader.durable_seq), universe) == present
    shutil.rmtree(tmp_path / "lists")
    life = Life(tmp_path)
    assert on_list(life.book.membership, universe) == present
    assert len(life.book.entries("mules", NOW_MS)) == len(present)
    life.end()


def test_a_journal_that_was_set_back_takes_the_lists_with_it(tmp_path: Path) -> None:
    """A copy of the journal from before a change: the change never happened."""
    life = start(tmp_path)
    life.end()
    shutil.copytree(tmp_path / "journal", tmp_path / "copy")
    life = Life(tmp_path)
    life.approve(propose(life.book, {1, 2}, set()))
    life.end()
    shutil.rmtree(tmp_path / "journal")
    (tmp_path / "copy").rename(tmp_path / "journal")
    life = Life(tmp_path)
    assert on_list(life.book.membership, range(5)) == set()
    assert life.book.entries("mules", NOW_MS) == []
    life.end()


def test_lists_outlive_old_segments_of_the_journal_with_their_history_only(tmp_path: Path) -> None:
    life = start(tmp_path)
    life.approve(propose(life.book, {1, 2}, set()))
    for _ in range(60):
        life.journal.reserve(40_000)
        life.journal.append(RecordKind.TICK, [bytes(40_000)], 1)
    life.journal.commit()
    life.end()
    life = Life(tmp_path)
    assert life.journal.drop_before(life.journal.durable_seq - 2) > 3
    life.end()
    life = Life(tmp_path)
    assert on_list(life.book.membership, range(5)) == {1, 2}
    life.end()
    shutil.rmtree(tmp_path / "lists")
    with pytest.raises(Unavailable, match="older than what is left of the journal"):
        Life(tmp_path)


def test_hits_are_counted_once(tmp_path: Path) -> None:
    """Counting again without new events counts nothing."""
    life = start(tmp_path)
    counter = HitCounter(life.book, tmp_path / "journal", 16 << 10)
    assert counter.count() == 0
    assert life.book.history.hits_seq == life.journal.durable_seq
    assert counter.count() == 0
    life.end()
