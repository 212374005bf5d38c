"""Holds and day sums agree with their naive twins, wherever batches are cut and wherever a snapshot is taken."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.base.errors import NotAllowed, TarimError
from tarim.decisions import DECISION_WORDS, Word
from tarim.decisions.aftermath import Aftermath, Tick, encode_record
from tarim.decisions.governance import Override, encode_content
from tarim.decisions.holds import Action
from tarim.decisions.records import RecordKind, Versions, encode_events, encode_side
from tarim.decisions.treatment import default_treatment, read_treatment
from tarim.decisions.verification import OwnLimit
from tarim.stream import Col, Flag, Kind, Outcome, Result, empty_rows
from tests.fakes.decisions import FakeRecord
from tests.naive.holds import NaiveHolds, NaiveSpending

BANDS = [(1_000, 1), (5_000, 2), (9_000, 3)]
LIMITS = [(3, 8_000, 20_000), (1, 4_000, 9_000), (0, 500, 1_500)]
METHODS = {3: '"password", "sms_code"', 1: '"password"', 0: ""}
TREATMENT = read_treatment(
    default_treatment()
    + '[[rights]]\nrole = "all"\npeople = ["a", "b"]\noutcomes = ["challenge", "delay", "suspend"]\n'
    + "alone_fen_max = 4_000\ntogether_fen_max = 8_000\n"
    + "".join(f"[[verification.bands]]\nfrom_fen = {start}\nstrength = {need}\n" for start, need in BANDS)
    + "".join(
        f"[[verification.limits]]\nmethods = [{METHODS[bits]}]\nsingle_fen_max = {single}\nday_fen_max = {day}\n"
        for bits, single, day in LIMITS
    )
)
MINUTE_MS = 60_000
START_MS = 1_790_000_000_000


def rows_of(rng: random.Random, count: int, first_seq: int, now_ms: int) -> np.ndarray:
    """Events of a few customers around midnight, some of which refer to earlier ones."""
    rows = empty_rows(count)
    for at, row in enumerate(rows):
        seq = first_seq + at
        row[Col.SEQ], row[Col.RECEIVED_MS] = seq, now_ms
        row[Col.OCCURRED_MS] = now_ms - rng.choice((0, 0, 0, 60, 1_440, 3_000)) * MINUTE_MS
        row[Col.CUSTOMER] = rng.randrange(3) - 1
        row[Col.AMOUNT_FEN] = rng.choice((0, 400, 900, 1_000, 3_000, 4_000, 5_000, 8_001, 9_000))
        row[Col.KIND] = rng.choice((Kind.TRANSFER, Kind.PAYMENT, Kind.LOGIN, Kind.CONFIRMATION, Kind.REVERSAL))
        row[Col.VERIFICATION] = rng.choice((0, 1, 2, 3, 3, 19, 32))
        row[Col.RESULT] = rng.choice((Result.UNKNOWN, Result.SUCCEEDED, Result.SUCCEEDED, Result.FAILED))
        row[Col.FLAGS] = Flag.BACKFILL if rng.random() < 0.1 else 0
        row[Col.REFERS_SEQ] = rng.randrange(-1, seq) if seq and row[Col.KIND] > Kind.BINDING else -1
    return rows


class Pair:
    """The same journal for the aftermath and for its twins."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.after = Aftermath()
        self.again = Aftermath()
        """Fed with what was recorded, as a recovery is, in other batches."""
        self.holds = NaiveHolds()
        self.spending = NaiveSpending(BANDS, LIMITS)
        self.recorded: list[tuple[np.ndarray, np.ndarray]] = []
        self.seq, self.now_ms = 0, START_MS

    def events(self, count: int) -> None:
        rows = rows_of(self.rng, count, self.seq, self.now_ms)
        decisions = np.zeros((count, DECISION_WORDS), np.int64)
        decisions[:, Word.OUTCOME] = [self.rng.choice(list(Outcome)) for _ in range(count)]
        rows[:, Col.OUTCOME] = decisions[:, Word.OUTCOME]
        expected = [self.spending.outcome(row, row[Col.OUTCOME]) for row in rows.tolist()]
        self.after.treat(rows, decisions, TREATMENT)
        self.after.holds.take(rows, decisions)
        for row, decision, (outcome, why, needed) in zip(rows.tolist(), decisions.tolist(), expected, strict=True):
            assert (decision[Word.OUTCOME], row[Col.OUTCOME]) == (outcome, outcome)
            word = decision[Word.HOLD]
            assert word // 2**40 % 4 == why
            if word % 2**32:
                asked = {Outcome.CHALLENGE: 2, Outcome.DELAY: 0, Outcome.SUSPEND: 0}[Outcome(outcome)]
                assert word // 2**38 % 4 == max(asked, needed)
        side = encode_side(Versions("f", "r", ""), ["e"] * count, ["s"] * count, [None] * count, [None] * count)
        payload = memoryview(b"".join(bytes(part) for part in encode_events(rows, decisions, side)))
        self.holds.record(FakeRecord(self.seq, count, RecordKind.EVENTS, payload))
        self.recorded.append((rows, decisions))
        self.seq += count

    def control(self, kind: RecordKind, content: Tick | Action | OwnLimit | Override) -> None:
        self.flush()
        payload = encode_content(content) if isinstance(content, Override) else encode_record(content)
        record = FakeRecord(self.seq, 1, kind, memoryview(payload))
        for each in (self.after, self.again):
            each.take(record)
        self.holds.record(record)
        if isinstance(content, OwnLimit):
            self.spending.own[content.customer, content.methods] = (content.single_fen_max, content.day_fen_max)
        self.seq += 1

    def flush(self) -> None:
        """Give what was recorded to the second aftermath, as one batch."""
        if self.recorded:
            rows, decisions = (np.concatenate(part) for part in zip(*self.recorded, strict=True))
            self.again.take_events(rows, decisions)
            self.recorded = []

    def act(self) -> None:
        try:
            hold = self.after.holds.get(self.rng.randrange(self.seq + 1))
            person, release = self.rng.choice("ab"), self.rng.random() < 0.7
            step, role = TREATMENT.step(hold, person, release=release)
            action = Action(hold.seq, step, person, role, "asked", self.now_ms)
            self.after.holds.considered(action, self.seq)
        except (NotAllowed, TarimError):
            return
        self.control(RecordKind.HOLD, action)

    def compare(self) -> None:
        self.flush()
        holds = self.after.holds
        changes = holds.changes(0, self.seq, 1 << 30)
        assert [(each.seq, each.id, each.state.name.lower(), each.cause.name.lower()) for each in changes] == (
            self.holds.log
        )
        for number, naive in self.holds.holds.items():
            hold = holds.get(number)
            assert (hold.state.name.lower(), hold.until_ms) == (naive["state"], naive["until"])
        for (customer, methods, day), total in self.spending.sums.items():
            if day >= self.spending.newest_day - 1:
                assert self.after.spending.spent_fen(customer, methods, day) == total
        assert self.again.encoded() == self.after.encoded()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from("eeetaalosw"), min_size=1, max_size=40))
def test_the_fold_equals_its_twins(seed: int, story: list[str]) -> None:
    """Events, ticks, persons, limits and snapshots in any order: same changes, states, sums, from any batches."""
    pair = Pair(seed)
    for step in story:
        match step:
            case "e":
                pair.events(pair.rng.randrange(1, 12))
            case "w":
                pair.now_ms += pair.rng.choice((1, 10, 14, 600, 1_440, 4_320)) * MINUTE_MS
            case "t":
                pair.control(RecordKind.TICK, Tick(pair.now_ms))
            case "a":
                pair.act()
            case "o":
                held, outcome = pair.rng.randrange(pair.seq + 1), pair.rng.choice(list(Outcome)).name.lower()
                pair.control(RecordKind.OVERRIDE, Override(held, outcome, "seen", "a", pair.now_ms, "b"))
            case "l":
                methods, single, day = pair.rng.choice(LIMITS)
                limit = OwnLimit(pair.rng.randrange(3) - 1, methods, single // 2, day // 3, "app", pair.now_ms)
                pair.control(RecordKind.LIMIT, limit)
            case _:
                pair.flush()
                pair.after, pair.again = Aftermath.decoded(pair.after.encoded()), pair.after
    pair.now_ms += 10 * 1_440 * MINUTE_MS
    pair.control(RecordKind.TICK, Tick(pair.now_ms))
    pair.compare()


def test_sums_survive_growth_and_days() -> None:
    """Thousands of customers over several days, so that the table grows and leaves days behind."""
    rng = np.random.default_rng(3)
    after, naive = Aftermath(), NaiveSpending([], [(0, 10**9, 300)])
    policy = read_treatment(
        default_treatment()
        + "[[verification.limits]]\nmethods = []\nsingle_fen_max = 1_000_000_000\nday_fen_max = 300\n"
    )
    seq = 0
    for day in range(4):
        rows = empty_rows(9_000)
        rows[:, Col.SEQ] = np.arange(seq, seq + len(rows))
        rows[:, Col.KIND], rows[:, Col.AMOUNT_FEN] = Kind.PAYMENT, 100
        rows[:, Col.CUSTOMER] = rng.integers(-4_000, 4_000, len(rows)) * 2**40
        rows[:, Col.OCCURRED_MS] = START_MS + day * 86_400_000 + rng.integers(-80_000_000, 1, len(rows))
        rows[:, Col.RECEIVED_MS] = START_MS + day * 86_400_000
        decisions = np.zeros((len(rows), DECISION_WORDS), np.int64)
        expected = [naive.outcome(row, 0)[0] for row in rows.tolist()]
        after.treat(rows, decisions, policy)
        assert decisions[:, Word.OUTCOME].tolist() == expected
        assert after.encoded() == Aftermath.decoded(after.encoded()).encoded()
        seq += len(rows)
    assert 0 < expected.count(Outcome.CHALLENGE) < len(expected)
