"""Data folders for benches of people's work: a decisions' journal of any size, written as the service writes it.

Customers, payees and devices are drawn with repetition, instants go forward, outcomes above pass have rules of the starter pack
behind them, those that hold a payment a hold with its end, and ticks let time pass.  Everything by one seed.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final, Self

import msgspec
import numpy as np

from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.places import Places, make_data_folder
from tarim.decisions import Aftermath, RecordKind, Versions, Word
from tarim.decisions.aftermath import Tick
from tarim.decisions.domain import DECISION_WORDS
from tarim.decisions.hold_word import HoldWord, pack
from tarim.decisions.records import encode_events, encode_side
from tarim.intake import event_key
from tarim.journal import Journal, JournalLimits
from tarim.rules import starter_pack
from tarim.stream import Channel, Col, Flag, Kind, Outcome, empty_rows

BEGIN_MS: Final = 1_772_380_800_000
"""2026-03-02 in China."""
SOURCE: Final = "core-bank"
RECORD_EVENTS: Final = 256
TICK_RECORDS: Final = 4
LABEL_SHARE: Final = 0.02
_OUTCOMES: Final = (Outcome.NOTICE, Outcome.CHALLENGE, Outcome.DELAY, Outcome.SUSPEND, Outcome.BLOCK)
_SHARES: Final = (0.3, 0.3, 0.1, 0.2, 0.1)
_HOLD_S: Final = {Outcome.CHALLENGE: 300, Outcome.DELAY: 86_400, Outcome.SUSPEND: 172_800}


class DecisionsWriter:
    """Writes decided events into a new data folder, a share of them above pass and a share of those labelled later."""

    def __init__(
        self, data: Path, *, alert_share: float, customers: int = 100_000, every_ms: float = 7_776.0, seed: int = 7
    ) -> None:
        """every_ms: from one event to the next; as given, a million fill 90 days."""
        self.places: Places = make_data_folder(data)
        text = starter_pack()
        ruleset = Artefacts(self.places.artefacts).keep(text.encode())
        outcomes = [Outcome[rule["outcome"].upper()] for rule in tomllib.loads(text)["rule"]]
        self._rules_of = {
            each: [at for at, other in enumerate(outcomes) if other is each] or list(range(len(outcomes)))
            for each in _OUTCOMES
        }
        self._alert_share, self._every_ms = alert_share, every_ms
        self._random = np.random.default_rng(seed)
        self._tokens = self._random.integers(-(1 << 62), 1 << 62, (customers, 4))
        self._holds = {outcome: pack(HoldWord(s, 1, 3, 0, 0, 24, 0, 0)) for outcome, s in _HOLD_S.items()}
        self._versions = Versions("features", ruleset, "model")
        self._to_label: list[int] = []
        self._journal = Journal.open(self.places.journal, JournalLimits())
        self._fold = Aftermath()
        self._events = self._records = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()

    def write(self, events: int) -> None:
        """So many more events, durable."""
        for start in range(0, events, RECORD_EVENTS):
            self._record(min(RECORD_EVENTS, events - start))
            if self._records % 64 == 0:
                self._journal.commit()
        self._journal.commit()

    def _record(self, count: int) -> None:
        random = self._random
        rows, decisions = empty_rows(count), np.zeros((count, DECISION_WORDS), np.int64)
        seqs = self._journal.next_seq + np.arange(count)
        whose = self._tokens[random.integers(0, len(self._tokens), count)]
        rows[:, Col.SEQ], rows[:, Col.CONTENT_KEY] = seqs, seqs + 1
        rows[:, Col.EVENT_KEY] = [event_key(SOURCE, event_id(seq)) for seq in seqs.tolist()]
        rows[:, Col.OCCURRED_MS] = BEGIN_MS + (self._every_ms * (self._events + np.arange(count))).astype(np.int64)
        rows[:, Col.RECEIVED_MS] = rows[:, Col.OCCURRED_MS]
        rows[:, [Col.CUSTOMER, Col.ACCOUNT, Col.DEVICE]] = whose[:, :3]
        rows[:, Col.PAYEE] = self._tokens[random.integers(0, len(self._tokens), count), 3]
        rows[:, Col.AMOUNT_FEN] = random.lognormal(12, 1.6, count).astype(np.int64) + 100
        rows[:, Col.KIND], rows[:, Col.FLAGS] = Kind.TRANSFER, Flag.HISTORY_AUTHORISED
        rows[:, Col.CHANNEL] = random.choice([Channel.MOBILE, Channel.PC, Channel.API], count)
        rows[:, Col.CITY] = random.choice([310000, 440300, 510100, 110000], count)
        rows[:, Col.CURRENCY] = int.from_bytes(b"CNY", "big")
        outcomes = np.where(random.random(count) < self._alert_share, random.choice(_OUTCOMES, count, p=_SHARES), 0)
        labelled = self._to_label[: count // 8]
        del self._to_label[: len(labelled)]
        for place, seq in enumerate(labelled):
            rows[place, Col.KIND], rows[place, Col.LABEL] = Kind.LABEL, int(random.random() < 0.6)
            rows[place, Col.REFERS_SEQ], outcomes[place] = seq, 0
        decisions[:, Word.OUTCOME] = rows[:, Col.OUTCOME] = outcomes
        decisions[:, Word.SCORE] = random.random(count).view(np.int64)
        decisions[:, Word.BAND] = -1
        for place in np.flatnonzero(outcomes).tolist():
            outcome = Outcome(int(outcomes[place]))
            rules = self._rules_of[outcome]
            decisions[place, Word.HITS_0] = 1 << rules[int(random.integers(len(rules)))]
            decisions[place, Word.HOLD] = self._holds.get(outcome, 0)
            if random.random() < LABEL_SHARE:
                self._to_label.append(int(seqs[place]))
        decisions[:, Word.EFFECTIVE_0] = decisions[:, Word.HITS_0]
        ids = [event_id(seq) for seq in seqs.tolist()]
        side = encode_side(self._versions, ids, [SOURCE] * count, [None] * count, [None] * count)
        self._journal.append(RecordKind.EVENTS, encode_events(rows, decisions, side), count)
        self._fold.holds.take(rows, decisions)
        self._events, self._records = self._events + count, self._records + 1
        if self._records % TICK_RECORDS == 0:
            self._tick(int(rows[-1, Col.RECEIVED_MS]))

    def _tick(self, now_ms: int) -> None:
        due_ms = self._fold.holds.next_due_ms
        while due_ms is not None and due_ms <= now_ms:
            seq = self._journal.append(RecordKind.TICK, [msgspec.msgpack.encode(Tick(now_ms))], 1)
            self._fold.holds.tick(seq, now_ms)
            due_ms = self._fold.holds.next_due_ms


def event_id(seq: int) -> str:
    """How the source named the event at a position."""
    return f"T{seq:09d}"


def write_decisions(data: Path, events: int, *, alert_share: float, customers: int = 100_000) -> Places:
    """A data folder with so many decided events."""
    with DecisionsWriter(data, alert_share=alert_share, customers=customers) as writer:
        writer.write(events)
        return writer.places
