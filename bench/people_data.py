"""Data folders for benches of people's work: a decisions' journal of any size, written as the service writes it.

Customers, payees and devices are drawn with repetition, instants go forward over 90 days, outcomes above pass have rules of the
starter pack behind them, those that hold a payment a hold with its end, and ticks let time pass.  Everything by one seed.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.places import Places, make_data_folder
from tarim.decisions import Aftermath, RecordKind, Versions, Word
from tarim.decisions.aftermath import Tick
from tarim.decisions.domain import DECISION_WORDS
from tarim.decisions.hold_word import HoldWord, pack
from tarim.decisions.records import encode_events, encode_side
from tarim.journal import Journal, JournalLimits
from tarim.rules import starter_pack
from tarim.stream import Channel, Col, Flag, Kind, Outcome, empty_rows

DAYS: Final = 90
BEGIN_MS: Final = 1_772_380_800_000
"""2026-03-02 in China."""
SOURCE: Final = "core-bank"
RECORD_EVENTS: Final = 256
TICK_RECORDS: Final = 4
_DAY_MS: Final = 86_400_000
_OUTCOMES: Final = (Outcome.NOTICE, Outcome.CHALLENGE, Outcome.DELAY, Outcome.SUSPEND, Outcome.BLOCK)
_SHARES: Final = (0.3, 0.3, 0.1, 0.2, 0.1)
_HOLD_S: Final = {Outcome.CHALLENGE: 300, Outcome.DELAY: 86_400, Outcome.SUSPEND: 172_800}


def write_decisions(
    data: Path, events: int, *, alert_share: float, label_share: float = 0.02, customers: int = 100_000, seed: int = 7
) -> Places:
    """A data folder with so many decided events, of which a share is above pass and a share of those is labelled."""
    places = make_data_folder(data)
    text = starter_pack()
    ruleset = Artefacts(places.artefacts).keep(text.encode())
    outcomes_of_rules = [Outcome[rule["outcome"].upper()] for rule in tomllib.loads(text)["rule"]]
    rules_of = {each: [at for at, other in enumerate(outcomes_of_rules) if other is each] for each in _OUTCOMES}
    random = np.random.default_rng(seed)
    tokens = random.integers(-(1 << 62), 1 << 62, (customers, 4))
    holds = {
        outcome: pack(HoldWord(seconds, 1, 3, 0, 0, 24, 0, 0)) for outcome, seconds in _HOLD_S.items()
    }  # refused at the end
    versions = Versions("features", ruleset, "model")
    waiting: list[int] = []
    with Journal.open(places.journal, JournalLimits()) as journal:
        fold = Aftermath()
        written = records = 0
        while written < events:
            count = min(RECORD_EVENTS, events - written)
            labelled = waiting[: count // 8]
            del waiting[: len(labelled)]
            rows, decisions = empty_rows(count), np.zeros((count, DECISION_WORDS), np.int64)
            at_ms = BEGIN_MS + np.linspace(written, written + count, count, False) * (DAYS * _DAY_MS / events)
            whose = tokens[random.integers(0, customers, count)]
            seqs = journal.next_seq + np.arange(count)
            rows[:, Col.SEQ], rows[:, Col.EVENT_KEY], rows[:, Col.CONTENT_KEY] = seqs, seqs + 1, seqs + 1
            rows[:, Col.OCCURRED_MS] = rows[:, Col.RECEIVED_MS] = at_ms.astype(np.int64)
            rows[:, Col.CUSTOMER], rows[:, Col.ACCOUNT] = whose[:, 0], whose[:, 1]
            rows[:, Col.DEVICE] = whose[:, 2]
            rows[:, Col.PAYEE] = tokens[random.integers(0, customers, count), 3]
            rows[:, Col.AMOUNT_FEN] = (random.lognormal(12, 1.6, count)).astype(np.int64) + 100
            rows[:, Col.KIND] = Kind.TRANSFER
            rows[:, Col.CHANNEL] = random.choice([Channel.MOBILE, Channel.PC, Channel.API], count)
            rows[:, Col.CITY] = random.choice([310000, 440300, 510100, 110000], count)
            rows[:, Col.CURRENCY] = int.from_bytes(b"CNY", "big")
            rows[:, Col.FLAGS] = Flag.HISTORY_AUTHORISED
            outcomes = np.where(random.random(count) < alert_share, random.choice(_OUTCOMES, count, p=_SHARES), 0)
            for place, seq in enumerate(labelled):
                rows[place, Col.KIND], rows[place, Col.LABEL] = Kind.LABEL, int(random.random() < 0.6)
                rows[place, Col.REFERS_SEQ], outcomes[place] = seq, 0
            decisions[:, Word.OUTCOME] = rows[:, Col.OUTCOME] = outcomes
            decisions[:, Word.SCORE] = random.random(count).view(np.int64)
            decisions[:, Word.BAND] = -1
            for place in np.flatnonzero(outcomes).tolist():
                outcome = Outcome(int(outcomes[place]))
                rules = rules_of[outcome] or range(len(outcomes_of_rules))
                decisions[place, Word.HITS_0] = 1 << int(random.choice(rules))
                decisions[place, Word.HOLD] = holds.get(outcome, 0)
                if random.random() < label_share:
                    waiting.append(int(seqs[place]))
            decisions[:, Word.EFFECTIVE_0] = decisions[:, Word.HITS_0]
            ids = [f"T{seq:09d}" for seq in seqs.tolist()]
            side = encode_side(versions, ids, [SOURCE] * count, [None] * count, [None] * count)
            journal.append(RecordKind.EVENTS, encode_events(rows, decisions, side), count)
            fold.holds.take(rows, decisions)
            written, records = written + count, records + 1
            if records % TICK_RECORDS == 0:
                due_ms, now_ms = fold.holds.next_due_ms, int(at_ms[-1])
                while due_ms is not None and due_ms <= now_ms:
                    seq = journal.append(RecordKind.TICK, [msgspec.msgpack.encode(Tick(now_ms))], 1)
                    fold.holds.tick(seq, now_ms)
                    due_ms = fold.holds.next_due_ms
            if records % 64 == 0:
                journal.commit()
        journal.commit()
    return places
