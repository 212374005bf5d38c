"""Where blocks are cut changes nothing, and counts are what the plainest counting gives."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.base.instants import MINUTE_MS
from tarim.stream import Outcome
from tarim.views import WINDOWS, Entities, Live
from tests.fakes.view_blocks import BEGIN_MS, RULES, SCENARIOS, blocks, events
from tests.naive.views import NaiveViews

FEED_MAX = 64
OUTCOMES = [outcome.name.lower() for outcome in Outcome]


def views(count: int, seed: int, cuts: list[int], span_ms: int) -> tuple[Live, Entities]:
    live, entities = Live(lambda _version: RULES.encode(), (), FEED_MAX), Entities(100)
    for block in blocks(*events(count, seed, span_ms=span_ms), cuts):
        live.take(block)
        entities.take(block)
    return live, entities


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 300),
    seed=st.integers(0, 1 << 30),
    cuts=st.lists(st.integers(0, 1 << 20), max_size=8),
    span_ms=st.sampled_from([1_000, 90_000, 40 * MINUTE_MS, 15 * 1_440 * MINUTE_MS]),
    outcome=st.sampled_from([None, *Outcome]),
    scenario=st.sampled_from(["", "mule", "telecom_fraud"]),
    back=st.integers(0, 20) | st.just(1_000),
)
def test_any_cutting_gives_what_the_naive_twin_gives(
    count: int, seed: int, cuts: list[int], span_ms: int, outcome: Outcome | None, scenario: str, back: int
) -> None:
    live, entities = views(count, seed, cuts, span_ms)
    naive = NaiveViews(SCENARIOS)
    for row, decision in zip(*events(count, seed, span_ms=span_ms), strict=True):
        naive.take(row, decision)

    now_ms = BEGIN_MS + span_ms
    for window, (length_min, step_min) in WINDOWS.items():
        found = live.figures(now_ms, window)
        names = [*OUTCOMES, *("scenario " + name for name in found.scenarios)]
        wanted = np.zeros((length_min // step_min, len(names)), np.int64)
        for minute, counted in naive.by_minute.items():
            step = (minute - found.trend.from_ms // MINUTE_MS) // step_min
            if 0 <= step < len(wanted):
                wanted[step] += [counted[name] for name in names]
        assert np.array_equal(found.trend.counts[:, : len(names)], wanted)
        assert not found.trend.counts[:, len(names) :].any()
        end = now_ms // MINUTE_MS + 1
        decided = [counted for minute, counted in naive.by_minute.items() if end - length_min <= minute < end]
        assert found.total.decided == sum(each[name] for each in decided for name in OUTCOMES)
        assert found.total.declined == sum(each["block"] for each in decided)
        seconds = range(now_ms // 1_000 - 60, now_ms // 1_000)
        assert found.rate.decided == sum(len(naive.by_second.get(second, [])) for second in seconds)
        assert found.rate.declined == sum(sum(naive.by_second.get(second, [])) for second in seconds)

    kept, after = naive.decided[-FEED_MAX:], max(count - back, -1)
    wanted_seqs = [
        seq
        for seq in reversed(kept)
        if seq > after
        and (outcome is None or naive.outcome_of[seq] is outcome)
        and (not scenario or scenario in naive.scenarios_met[seq])
    ]
    page = live.newest(after, outcome, scenario, 10)
    assert [entry.seq for entry in page.entries] == wanted_seqs[:10]
    assert page.skipped == len(wanted_seqs[10:])

    for token in range(100):
        tally = entities.find(token)
        known = naive.tallies.get(token)
        assert (None if tally is None else (tally.decisions, tally.newest_seq)) == known


def test_the_reasons_in_the_feed_are_those_of_the_decision() -> None:
    live, _ = views(200, 3, [], 60_000)
    rows, decisions = events(200, 3, span_ms=60_000)
    of_seq = {int(row[0]): decision for row, decision in zip(rows, decisions, strict=True)}
    for entry in live.newest(-1, None, "", 50).entries:
        assert np.array_equal(entry.decision, of_seq[entry.seq])
        ids = {zh.id for zh, _ in entry.book.reasons(entry.decision)}
        bits = int(entry.decision[7])
        assert ids == {name for bit, name in enumerate(("large", "very_large", "larger")) if bits >> bit & 1}
