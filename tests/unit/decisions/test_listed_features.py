"""Hops to listed accounts live, after a restart and in training: one number, whatever comes between a change's records."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tarim.bootstrap.lists import ListDesk, open_lists
from tarim.bootstrap.walking import SourceNames, walk
from tarim.decisions import DecisionService, RecordKind, Seen, State, advance
from tarim.journal import FolderReader, Journal, JournalLimits
from tarim.privacy import Tokenizer
from tarim.screening import ListProbe, RawRow, define_list
from tarim.stream import Col, Engine, FeatureSet, Graph, Rows
from tests.fakes.clock import FakeClock
from tests.fakes.decisions import FakeJudge, events

TOKENS = Tokenizer(bytes(range(32)))
NOW_MS = 1_760_000_000_000
MONEY = Graph("money", horizon="1d")
FEATURES = FeatureSet(
    "listed", MONEY.hops_to_listed("payee_account", ("mules", "trusted")), MONEY.fan_in("payee_account")
)
ACCOUNTS = 700

Floats = npt.NDArray[np.float64]


class Bank:
    """A decision service over a real journal and a real engine, and the desk that changes lists beside it."""

    def __init__(self, folder: Path) -> None:
        limits = JournalLimits(segment_bytes=1 << 22, block_bytes_max=512 << 10, free_bytes_min=0)
        self.folder = folder
        self.journal = Journal.open(folder / "journal", limits)
        self.engine = Engine(FEATURES, jit=False)
        self.service = DecisionService(self.journal, self.engine, FakeJudge(), Seen(10_000))
        self.book = open_lists(folder / "lists", self.journal, Tokenizer(bytes(range(32))), FakeClock(NOW_MS))
        self.desk = ListDesk(self.book, self.service)
        self.rng = np.random.default_rng(3)
        self.live: list[Floats] = []
        self.count = 0
        self.amid = -1

    def feed(self) -> None:
        """Decide some transfers; whoever the rules would call listed is nought transfers away."""
        payers, payees = self.rng.integers(0, ACCOUNTS, (2, 4))
        batch = events(*({"id": f"e{self.count + n}"} for n in range(4)))
        self.count += 4
        batch.rows[:, Col.OCCURRED_MS] = NOW_MS + 1_000 * self.count
        batch.rows[:, Col.RECEIVED_MS] = batch.rows[:, Col.OCCURRED_MS]
        batch.rows[:, Col.ACCOUNT] = [account(number) for number in payers]
        batch.rows[:, Col.PAYEE] = [account(number) for number in payees]
        taken = self.service.take(batch)
        bits = np.zeros((4, 4), np.uint64)
        self.book.membership.members(taken.rows, (ListProbe(Col.PAYEE, "mules"),), bits)
        assert ((bits[:, 0] != 0) == (taken.features[:, 0] == 0)).all()
        self.live.append(taken.features.copy())

    async def change(self, rows: list[RawRow], name: str = "mules") -> None:
        """Approve a change, with events between its records; amid the largest one the engine is snapshotted."""
        found, _ = self.book.propose_entries(name, rows, "zhang", "police", "fraud")
        await self.approved(found.proposal.id)

    async def approved(self, proposal_id: str) -> None:
        digest = self.book.proposal(proposal_id).proposal.digest
        approval = asyncio.ensure_future(self.desk.approve(proposal_id, "li", digest))
        begun = self.service.next_seq
        while not approval.done():
            await asyncio.sleep(0)
            self.feed()
            if self.amid < 0 and len([each for each in self.kinds(begun) if each == RecordKind.LIST]) == 2:
                self.amid = self.engine.offset
                self.engine.snapshot(self.folder / "engine.snapshot")
        await approval

    def kinds(self, from_seq: int) -> Iterator[int]:
        self.journal.commit()
        yield from (record.kind for record in self.journal.read(from_seq))


def account(number: int) -> int:
    return TOKENS.token("account", f"a{number}")


def listing(numbers: range, **more: str) -> list[RawRow]:
    return [RawRow(number + 2, {"value": f"a{number}", **more}) for number in numbers]


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    bank = Bank(tmp_path)
    yield bank
    bank.book.close()
    bank.journal.close()


async def life(bank: Bank) -> None:
    """Accounts are listed, some until a day, taken off again; a customer's own list has others, which count for nobody."""
    for name, kind in (("mules", "black"), ("trusted", "trusted_payees"), ("other", "grey")):
        field = "payee_account" if kind == "trusted_payees" else "account"
        await bank.approved(bank.book.propose_list(define_list(name, kind, field), "zhang", "new").proposal.id)
    for _ in range(30):
        bank.feed()
    await bank.change(listing(range(600))[::2])
    await bank.change(listing(range(0, 700, 7)), "other")
    await bank.change([RawRow(2, {"value": f"a{ACCOUNTS - 1}", "customer": "c1"})], "trusted")
    for _ in range(30):
        bank.feed()
    await bank.change(listing(range(0, 300, 2), operation="remove"))
    await bank.change(listing(range(600, 640), valid_to="2025-10-09T17:00:00+08:00"))
    for _ in range(60):
        bank.feed()
    bank.service.commit()


def test_live_after_a_restart_and_in_training_the_numbers_are_the_same(bank: Bank) -> None:
    asyncio.run(life(bank))
    live = np.concatenate(bank.live)
    assert {0.0, 1.0, 2.0} <= set(live[:, 0]) and np.isnan(live[:, 0]).any()
    assert bank.amid > 0, "a snapshot was taken between two records of one change"
    again: list[Floats] = []

    def look(_rows: Rows, features: Floats, _decisions: object) -> None:
        again.append(features.copy())

    advance(State(Engine(FEATURES, jit=False), Seen(10_000), {}), bank.journal.read(0), look=look)
    assert np.concatenate(again).tobytes() == live.tobytes()
    again.clear()
    restored = Engine.restore(bank.folder / "engine.snapshot", FEATURES, jit=False)
    advance(State(restored, Seen(10_000), {}), bank.journal.read(bank.amid), look=look)
    rest = np.concatenate(again)
    assert 0 < len(rest) < len(live) and rest.tobytes() == live[-len(rest) :].tobytes()
    with FolderReader(bank.folder / "journal") as reader:
        engine = Engine(FEATURES, jit=False)
        chunks = walk(
            engine,
            reader,
            reader.durable_seq,
            SourceNames(),
            what="test",
            progress=lambda *_: None,
            stopped=lambda: False,
        )
        cut = np.concatenate([chunk.features[: chunk.count].copy() for chunk in chunks])
    assert cut.tobytes() == live.tobytes()
