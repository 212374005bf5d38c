"""The index of accepted events agrees with a dictionary, grows without stalling, and survives being saved."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.base.errors import Damaged
from tarim.decisions.seen import NEW, OTHER, SAME, Seen
from tests.naive.seen import NaiveSeen

KEYS = st.sampled_from([1, 2, 3, -5, 2**62, 2**56, 7 << 57]) | st.integers(-(2**63), 2**63 - 1).filter(bool)


def _words(values: list[int]) -> np.ndarray:
    return np.array(values, np.int64)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.tuples(KEYS, st.integers(0, 2)), max_size=30), max_size=8),
    st.integers(1, 40),
)
def test_it_agrees_with_a_dictionary(batches: list[list[tuple[int, int]]], events_max: int) -> None:
    """Same states and positions as the naive twin, with duplicates in a batch and old events forgotten."""
    table, twin = Seen(events_max), NaiveSeen(events_max)
    seq = 0
    for batch in batches:
        keys, contents = [k for k, _ in batch], [c for _, c in batch]
        states, seqs, fresh = table.put(_words(keys), _words(contents), seq)
        assert list(zip(states.tolist(), seqs.tolist(), strict=True)) == twin.put(keys, contents, seq)
        assert fresh == states.tolist().count(NEW)
        seq += int(np.count_nonzero(states == NEW))


def test_where_a_batch_is_cut_changes_nothing() -> None:
    """One call with 50,000 events, or many calls: same answers, many growths in between."""
    rng = np.random.default_rng(7)
    keys = rng.integers(-(2**63), 2**63 - 1, 50_000)
    keys[::7] = keys[0]
    contents = np.arange(50_000) % 3
    whole = Seen(1 << 20)
    states, seqs, _ = whole.put(keys, contents, 0)
    cut, seq = Seen(1 << 20), 0
    for at in range(0, 50_000, 777):
        some, places, _ = cut.put(keys[at : at + 777], contents[at : at + 777], seq)
        assert np.array_equal(some, states[at : at + 777])
        assert np.array_equal(places, seqs[at : at + 777])
        seq += int(np.count_nonzero(some == NEW))
    assert np.array_equal(np.sort(whole.entries(), axis=0), np.sort(cut.entries(), axis=0))


def test_a_saved_index_answers_the_same() -> None:
    """Entries and fill carry everything over."""
    rng = np.random.default_rng(8)
    keys = rng.integers(-(2**63), 2**63 - 1, 30_000)
    first = Seen(1 << 20)
    first.put(keys, keys, 0)
    second = Seen(1 << 20)
    second.fill(first.entries())
    assert np.array_equal(second.find(keys), np.arange(30_000))
    states, _, _ = second.put(keys[:2], np.array([keys[0], 0]), 30_000)
    assert states.tolist() == [SAME, OTHER]


def test_a_saved_index_with_a_repeated_event_is_refused() -> None:
    """Damage is not loaded."""
    with pytest.raises(Damaged):
        Seen(100).fill(np.array([[5, 1, 1], [5, 1, 2]], np.int64))


def test_forgotten_events_make_room() -> None:
    """With a limit of 1,000 events the table stops growing however many come."""
    table = Seen(1_000)
    rng = np.random.default_rng(9)
    for seq in range(0, 2_000_000, 10_000):
        keys = rng.integers(-(2**63), 2**63 - 1, 10_000)
        table.put(keys, keys, seq)
    assert table.bytes_held == 256 * 1024 * 24
    assert table.find(keys)[-1_000:].tolist() == list(range(1_999_000, 2_000_000))


def test_no_growth_stalls() -> None:
    """Two million events in groups of 32, growing a thousand times: 5 ms is exceeded by the machine's noise at most."""
    table = Seen(1 << 25)
    rng = np.random.default_rng(10)
    keys = rng.integers(-(2**63), 2**63 - 1, 2_000_000)
    table.put(keys[:32], keys[:32], 0)
    stalls_s = []
    for at in range(32, 2_000_000, 32):
        begin = time.thread_time()
        table.put(keys[at : at + 32], keys[at : at + 32], at)
        took_s = time.thread_time() - begin
        if took_s >= 0.005:
            stalls_s.append(took_s)
    assert len(stalls_s) <= 2, stalls_s
    assert table.bytes_held / 2_000_000 < 60
