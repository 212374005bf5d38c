"""Joint trees' twin against the same training in floating point: the same splits."""

from __future__ import annotations

import numpy as np
import pytest

from bench.pooled import Forest
from tarim.federation.learning.boosting import Bins, BoostingPlan, Loss, bin_edges, binned
from tarim.federation.learning.boosting_in_the_clear import boosted_in_the_clear
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS
from tarim.federation.learning.splits import half_of


@pytest.mark.parametrize("loss", list(Loss))
def test_the_twin_splits_as_floating_point_does(loss: Loss) -> None:
    rng = np.random.default_rng(8)
    numbers = rng.normal(size=(4_000, 4))
    lean = numbers[:, 0] - numbers[:, 2] * (numbers[:, 1] > 0) - 0.5
    labels = (rng.random(4_000) < 1 / (1 + np.exp(-2 * lean))).astype(np.uint8)
    columns = np.stack([binned(column, bin_edges(column)) for column in numbers.T], axis=1)
    columns = np.concatenate([columns, columns[:, :1] // 2, columns[:, 2:3]], axis=1)  # splits that part rows alike
    bins = [np.ascontiguousarray(columns[:, :3]), np.ascontiguousarray(columns[:, 3:])]
    shapes = (Bins((16, 16, 16)), Bins((16, 8, 16)))
    plan = BoostingPlan(trees=4, depth=4, loss=loss)
    trees = boosted_in_the_clear(bins, shapes, labels, plan)
    forest = Forest(columns, shapes, labels.astype(np.float64), plan, clipped=True)
    half, first = half_of((45, 37)), 45
    for (places, leaves), (expected, values) in zip(trees, forest.trees, strict=True):
        assert np.array_equal(np.where(places < half, places, places - half + first), expected)
        assert np.abs(leaves / 2**LEAF_FRACTION_BITS - values).max() < 2e-3
