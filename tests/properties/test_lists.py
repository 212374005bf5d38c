"""Lists follow their records: any sequence of changes, broken-off ones too, answers as the naive twin does."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.lists import trial
from tarim.screening import FOREVER_S, REMOVED, period_of
from tarim.screening.kernels import members as kernel


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1 << 30))
def test_past_instants_and_positions_equal_the_twin(seed: int) -> None:
    """History, table, and both made again from the journal, against a twin that reads all changes again."""
    assert trial(120, seed)["differing"] == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=200),
    st.lists(st.integers(1, 200), max_size=20),
)
def test_a_segment_answers_as_a_dictionary_does(versions: list[tuple[int, bool]], closings: list[int]) -> None:
    """Put, sweep, grow and refill of one segment: the newest version in force stands, at every moment."""
    arena = np.zeros((kernel.SEGMENTS * kernel.FIRST_ROWS * 3, 3), np.int64)
    generation, used = np.zeros((2, kernel.SEGMENTS), np.int64)
    in_force, twin, staged = 0, {}, {}
    ends = set(closings)
    for number, (key, removed) in enumerate(versions):
        period = REMOVED if removed else period_of(number, FOREVER_S)
        done = kernel.put(arena, generation, used, np.array([key]), np.array([period]), 0, in_force + 1, in_force)
        assert done == 1
        staged[key] = period
        if number in ends:
            in_force += 1
            twin |= staged
            staged = {}
        if number % 50 == 49:
            live = np.empty((int(used[0]), 3), np.int64)
            live = live[: kernel.collect(arena, 0, 0, in_force, live)]
            arena[: kernel.FIRST_ROWS] = 0
            used[0] = len(live)
            kernel.fill(arena, 0, 0, live)
        for each in range(1, 41):
            place = kernel.newest(arena, 0, kernel.FIRST_ROWS - 1, each, in_force)
            assert (0 if place < 0 else int(arena[place, 1])) == twin.get(each, 0)
    assert int(used[0]) <= 3 * 40
