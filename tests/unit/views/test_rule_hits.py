"""Hits by rule: counted by when events occurred, labels find them afterwards, and where blocks are cut changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.instants import HOUR_MS
from tarim.decisions import DECISION_WORDS, Versions, Word
from tarim.stream import Col, Kind, empty_rows
from tarim.views import Block, RuleHits

NAMES = ("payer_count_1h",)
NOW_MS = 1_790_000_000_000
TEXT = """name = "two"
[[rule]]
id = "{first}"
when = "late"
outcome = "block"
weight = 1
scenario = "s"
reason = "一"
reason_en = "one"
[[rule]]
id = "{second}"
when = "backfill"
outcome = "notice"
weight = 1
scenario = "s"
reason = "二"
reason_en = "two"
"""
TEXTS = {"r1": TEXT.format(first="a", second="b"), "r2": TEXT.format(first="b", second="c")}


def text_of(version: str) -> bytes:
    return TEXTS[version].encode()


def events(*told: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(seq, hours ago, hits, effective) of each."""
    rows, decisions = empty_rows(len(told)), np.zeros((len(told), DECISION_WORDS), np.int64)
    for at, (seq, ago, hits, effective) in enumerate(told):
        rows[at, Col.SEQ], rows[at, Col.KIND] = seq, Kind.PAYMENT
        rows[at, Col.OCCURRED_MS] = NOW_MS - ago * HOUR_MS
        decisions[at, Word.HITS_0], decisions[at, Word.EFFECTIVE_0] = hits, effective
    return rows, decisions


def label(seq: int, refers: int, fraud: int) -> tuple[np.ndarray, np.ndarray]:
    rows, decisions = events((seq, 0, 0, 0))
    rows[0, Col.KIND], rows[0, Col.REFERS_SEQ], rows[0, Col.LABEL] = Kind.LABEL, refers, fraud
    return rows, decisions


def block(part: tuple[np.ndarray, np.ndarray], ruleset: str = "r1") -> Block:
    rows, decisions = part
    return Block(int(rows[0, Col.SEQ]), Versions("f", ruleset, ""), rows, decisions)


def view(events_max: int = 1_000) -> RuleHits:
    return RuleHits(text_of, NAMES, events_max)


def told(hits: RuleHits) -> dict[str, dict[str, tuple[int, int, int, int]]]:
    return {
        rule.id: {name: (s.hits, s.effective, s.fraud, s.genuine) for name, s in rule.spans.items()}
        for rule in hits.figures(NOW_MS).rules
    }


def test_hits_are_counted_by_span_and_labels_find_them() -> None:
    hits = view()
    hits.take(
        block(events((1, 1, 0b11, 0b01), (2, 30, 0b01, 0b01), (3, 200, 0b10, 0b10), (4, 2, 0, 0), (5, 800, 1, 1)))
    )
    hits.take(block(label(6, 1, 1)))
    hits.take(block(label(7, 3, 0)))
    hits.take(block(label(8, 4, 1)))
    found = told(hits)
    assert found["a"] == {"day": (1, 1, 1, 0), "week": (2, 2, 1, 0), "month": (2, 2, 1, 0)}
    assert found["b"] == {"day": (1, 0, 1, 0), "week": (1, 0, 1, 0), "month": (2, 1, 1, 1)}
    assert hits.figures(NOW_MS).decided == {"day": 2, "week": 3, "month": 4}
    hits.take(block(label(9, 1, 0)))
    assert told(hits)["a"]["day"] == (1, 1, 0, 1), "the latest label counts"


def test_a_rule_keeps_its_hits_when_another_ruleset_has_it_in_another_place() -> None:
    hits = view()
    hits.take(block(events((1, 3, 0b10, 0b10))))
    hits.take(block(events((2, 2, 0b01, 0b01)), "r2"))
    assert told(hits)["b"]["day"] == (2, 2, 0, 0) and list(told(hits)) == ["b"]


def test_days_are_days_in_china_and_the_last_one_is_today() -> None:
    hits = view()
    hits.take(block(events((1, 0, 1, 1), (2, 24, 1, 1), (3, 24 * 29, 1, 1))))
    (rule,) = hits.figures(NOW_MS).rules
    assert len(rule.days) == 30 and rule.days[-1] == 1 and rule.days[-2] == 1 and sum(rule.days) == 3
    later = hits.figures(NOW_MS + 40 * 24 * HOUR_MS)
    assert later.rules == [] and later.decided["month"] == 0


def test_a_ring_that_comes_round_forgets_what_was_there() -> None:
    hits = view()
    hits.take(block(events((1, 31 * 24, 1, 1))))
    hits.take(block(events((2, 0, 1, 1))))
    hits.take(block(events((3, 31 * 24, 1, 1))))
    assert told(hits)["a"]["month"] == (1, 1, 0, 0)


@pytest.mark.parametrize("cut", [1, 7, 64])
def test_where_blocks_are_cut_changes_nothing(cut: int) -> None:
    random = np.random.default_rng(3)
    many = [(at, int(random.integers(0, 720)), *random.integers(0, 4, 2).tolist()) for at in range(200)]
    whole, pieces = view(), view()
    rows, decisions = events(*sorted(many))
    spoken = [label(1_000 + at, int(random.integers(0, 200)), int(random.integers(0, 2))) for at in range(40)]
    whole.take(block((rows, decisions)))
    for at in range(0, len(rows), cut):
        pieces.take(block((rows[at : at + cut].copy(), decisions[at : at + cut].copy())))
    for each in spoken:
        whole.take(block(each))
        pieces.take(block(each))
    assert told(whole) == told(pieces)


def test_memory_is_bounded_and_the_newest_events_are_still_found() -> None:
    hits = view(events_max=100)
    hits.take(block(events(*((at, 1, 1, 1) for at in range(90)))))
    hits.take(block(events(*((at, 1, 1, 1) for at in range(90, 130)))))
    hits.take(block(label(200, 129, 1)))
    hits.take(block(label(201, 3, 1)))
    assert told(hits)["a"]["day"] == (130, 130, 1, 0), "an event forgotten keeps its hit and loses its label"
