"""Values kept in order, and selection among a ring's values, against Python's sort and NumPy's percentiles."""

from __future__ import annotations

import bisect
import random

import numpy as np
import pytest

from tarim.stream.kernels import arena, ordered
from tarim.stream.plan import RING_LG_MAX


def percentile_100(values: list[int], percent: int) -> int:
    """A hundred times the interpolated percentile, by whole numbers."""
    k, part = divmod((len(values) - 1) * percent, 100)
    rising = sorted(values)
    return (100 - part) * rising[k] + (part * rising[k + 1] if part else 0)


def held(words: np.ndarray, at: int, lg: int) -> list[int]:
    """All values in the blocks' order."""
    slots, room = ordered.slots_of(lg), 1 << ordered.block_lg(lg)
    found: list[int] = []
    for entry in words[at + 1 : at + 1 + int(words[at])].tolist():
        begin = at + 1 + slots + (entry >> 32) * room
        found += words[begin : begin + (entry & arena.LOW32)].tolist()
    return found


@pytest.mark.parametrize("lg", range(RING_LG_MAX + 1))
def test_blocks_fit_into_the_words_stated(lg: int):
    """And one slot is free even when every two neighbours together hold just more than three quarters of a block."""
    room, slots = 1 << ordered.block_lg(lg), int(ordered.slots_of(lg))
    assert 1 + slots + slots * room <= (ordered.WORDS_PER_PLACE << lg) + ordered.WORDS_MORE
    pairs = (1 << lg) // (3 * room // 4 + 1)
    assert 2 * pairs + 1 < slots


@pytest.mark.parametrize("lg", [0, 1, 2, 5, 8, 11])
@pytest.mark.parametrize("kind", ["spread", "few values", "queue", "rising", "sawtooth"])
def test_values_come_out_as_sorted(lg: int, kind: str):
    """Adding and taking out in any order, to full and to empty, within the words stated."""
    chance = random.Random(f"{lg} {kind}")
    words = np.full((4 << lg) + 16 + 2, -7, np.int64)
    ordered.ordered_clear(words, 1, lg)
    model: list[int] = []
    arrived: list[int] = []
    value = 0
    for step in range(6_000):
        filling = (step // max(50, 2 << lg)) % 2 == 0
        if len(model) < 1 << lg and (not model or chance.random() < (0.75 if filling else 0.3)):
            match kind:
                case "spread":
                    value = chance.randrange(-(10**12), 10**12)
                case "few values":
                    value = chance.randrange(3)
                case "rising":
                    value += chance.randrange(3)
                case _:
                    value = (value + 37) % 1000
            ordered.ordered_insert(words, 1, lg, value)
            bisect.insort(model, value)
            arrived.append(value)
        else:
            leaver = arrived.pop(0 if kind in ("queue", "rising") else chance.randrange(len(arrived)))
            ordered.ordered_remove(words, 1, lg, leaver)
            model.remove(leaver)
        assert 1 <= words[1] < ordered.slots_of(lg)
        if step % 17 == 0 or len(model) < 4:
            assert held(words, 1, lg) == model
            if model:
                k = chance.randrange(len(model))
                assert ordered.ordered_select(words, 1, lg, k) == model[k]
    assert words[0] == words[-1] == -7


@pytest.mark.parametrize("percent", [0, 1, 25, 50, 73, 100])
def test_both_ways_give_the_same_percentile(percent: int):
    """With and without the event's own value; NumPy agrees."""
    chance = random.Random(percent)
    for _ in range(200):
        words = np.zeros(4_000, np.int64)
        words[arena.BUMP] = 2_000
        count = chance.randrange(1, 60)
        values = [chance.choice((0, 5, chance.randrange(-1000, 10**12))) for _ in range(count)]
        others, value = values[:-1], values[-1]
        ordered.ordered_clear(words, 3_000, 6)
        for each in values:
            ordered.ordered_insert(words, 3_000, 6, each)
        words[1_000 : 1_000 + count] = values  # a ring of one column
        ring = (1_000, (1 << 40) - 1, 1, 0, 0)
        whole = percentile_100(values, percent)
        assert ordered.ordered_percentile(words, 3_000, 6, count, value, 0, percent) == whole
        assert ordered.percentile_between(words, *ring, count - 1, value, 0, percent) == whole
        np.testing.assert_allclose(whole / 100, np.percentile(values, percent), rtol=1e-12)
        if others:
            without = percentile_100(others, percent)
            assert ordered.ordered_percentile(words, 3_000, 6, count, value, 1, percent) == without
            assert ordered.percentile_between(words, *ring, count - 1, value, 1, percent) == without
            times = 1 + percent // 25
            above = sum(100 * each > times * percentile_100(others, 50) for each in others)
            assert ordered.ordered_outliers(words, 3_000, 6, count, value, times) == above
            assert ordered.outliers_between(words, *ring, count - 1, times) == above
