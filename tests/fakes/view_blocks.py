"""Events for views, without a journal: rows and decisions of any length, cut into blocks anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from tarim.decisions import DECISION_WORDS, Versions, Word
from tarim.stream import Col, Kind, empty_rows
from tarim.views import Block

SPACES = {Col.CUSTOMER: 1, Col.ACCOUNT: 2, Col.PAYEE: 2, Col.DEVICE: 3, Col.ADDRESS: 4, Col.MERCHANT: 5}
VERSIONS = Versions("features", "rules", "")
BEGIN_MS = 1_772_380_800_000
RULES = """
name = "few"

[[rule]]
id = "large"
when = "amount_fen >= 100 yuan"
outcome = "challenge"
weight = 10
scenario = "telecom_fraud"
reason = "金额较大"
reason_en = "much money"

[[rule]]
id = "very_large"
when = "amount_fen >= 200 yuan"
outcome = "block"
weight = 20
scenario = "mule"
reason = "金额很大"
reason_en = "very much money"

[[rule]]
id = "larger"
when = "amount_fen >= 150 yuan"
outcome = "delay"
weight = 15
scenario = "telecom_fraud"
reason = "金额更大"
reason_en = "more money"
"""
SCENARIOS = ["telecom_fraud", "mule", "telecom_fraud"]


def events(count: int, seed: int, *, first_seq: int = 0, span_ms: int = 600_000) -> tuple[np.ndarray, np.ndarray]:
    """Rows and decisions of so many events over a span of time; received in order."""
    random = np.random.default_rng(seed)
    rows, decisions = empty_rows(count), np.zeros((count, DECISION_WORDS), np.int64)
    rows[:, Col.SEQ] = first_seq + np.arange(count)
    rows[:, Col.EVENT_KEY] = random.integers(-(1 << 62), 1 << 62, count)
    rows[:, Col.RECEIVED_MS] = rows[:, Col.OCCURRED_MS] = BEGIN_MS + np.sort(random.integers(0, span_ms, count))
    waited_ms = random.choice(
        [0, 1_000, 3_600_000, 3_600_001, 5 * 3_600_000, 3 * 86_400_000], count
    )  # some are history
    rows[:, Col.OCCURRED_MS] -= waited_ms
    for column, space in SPACES.items():
        tokens = random.integers(-5, 6, count)
        rows[:, column] = np.where(tokens == 0, 0, tokens + 16 * space)
    rows[:, Col.KIND] = random.choice([Kind.TRANSFER, Kind.PAYMENT, Kind.LABEL], count)
    decisions[:, Word.OUTCOME] = random.integers(0, 6, count)
    decisions[:, Word.BAND] = -1
    decisions[:, Word.HITS_0] = decisions[:, Word.EFFECTIVE_0] = random.integers(0, 8, count)
    return rows, decisions


def blocks(rows: np.ndarray, decisions: np.ndarray, cuts: Sequence[int]) -> Iterator[Block]:
    """The same events cut at these places; the arrays of each block are overwritten once it was taken."""
    edges = sorted({0, len(rows), *(cut % (len(rows) + 1) for cut in cuts)})
    for begin, end in pairwise(edges):
        part, decided = rows[begin:end].copy(), decisions[begin:end].copy()
        yield Block(int(part[0, Col.SEQ]), VERSIONS, part, decided, {"core"})
        part[:], decided[:] = -7, -7
