"""How far joint trees in whole numbers are from the same training in floating point, all in the clear.

    python -m bench.boosting_clear [--shared FOLDER] [--seeds N]

UCI bank marketing as in `bench.federation`, one line a seed of the rows' split: AUC of the whole-number twin of either loss, of
floating point with the clipped and with the true logistic function, and of floating point with exponential loss.  Joint trees
are those of the twin, leaf by leaf, so what holds of the twin holds of them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.federation import Marketing, shared_folder
from tarim.federation import Role
from tarim.federation.learning.boosting import (
    PENALTY,
    Bins,
    BoostingPlan,
    Loss,
)
from tarim.federation.learning.boosting_in_the_clear import boosted_in_the_clear, scored_in_the_clear
from tarim.federation.learning.histograms import BINS, Binned
from tarim.models import auc

HESSIAN_LEAST = 2.0**-6

Floats = npt.NDArray[np.float64]


class Forest:
    """Trees grown in floating point on both parties' columns laid side by side."""

    def __init__(
        self, bins: Binned, shapes: tuple[Bins, ...], labels: Floats, plan: BoostingPlan, clipped: bool
    ) -> None:
        self._plan, self._clipped, self._labels = plan, clipped, labels
        self._counts = [count for shape in shapes for count in shape.counts]
        self._candidates = np.array([(c, last) for c, count in enumerate(self._counts) for last in range(count - 1)])
        self._trees: list[tuple[npt.NDArray[np.int64], Floats]] = []
        margins = np.zeros(len(labels))
        for _ in range(plan.trees):
            margins += self._grown(bins, *self._gradients(margins))

    def _gradients(self, margins: Floats) -> tuple[Floats, Floats]:
        if self._plan.loss is Loss.EXPONENTIAL:
            signs = 2 * self._labels - 1
            weights = np.exp(-signs * margins)
            return -signs * weights, weights + HESSIAN_LEAST
        p = np.clip(margins / 4 + 0.5, 0.0, 1.0) if self._clipped else 1 / (1 + np.exp(-margins))
        return p - self._labels, p * (1 - p) + HESSIAN_LEAST

    def _grown(self, bins: Binned, gradient: Floats, hessian: Floats) -> Floats:
        """Grow a tree; the values of its rows."""
        node, splits = np.zeros(len(bins), np.int64), np.empty(0, np.int64)
        for level in range(self._plan.depth):
            splits = np.concatenate([splits, self._best(bins, node, 1 << level, gradient, hessian)])
            node = self._below(bins, node, level, splits)
        leaves = 1 << self._plan.depth
        sums = [np.bincount(node, each, leaves) for each in (gradient, hessian)]
        values = -(2.0**self._plan.step_log2) * sums[0] / (sums[1] + PENALTY)
        self._trees.append((splits, values))
        return values[node]

    def _best(
        self, bins: Binned, node: npt.NDArray[np.int64], nodes: int, *sums: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.int64]:
        left, whole = [], []
        for each in sums:
            parts = []
            for column, count in enumerate(self._counts):
                cells = np.bincount(node * BINS + bins[:, column], each, nodes * BINS)
                parts.append(cells.reshape(nodes, BINS).cumsum(axis=1)[:, : count - 1])
            left.append(np.concatenate(parts, axis=1))
            whole.append(np.bincount(node, each, nodes)[:, None])
        right = [of_all - of_left for of_all, of_left in zip(whole, left, strict=True)]
        gain = sum(g * g / (h + PENALTY) for g, h in (left, right))
        best: npt.NDArray[np.int64] = np.asarray(gain).argmax(axis=1)
        return best

    def _below(
        self, bins: Binned, node: npt.NDArray[np.int64], level: int, splits: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        column, last = self._candidates[splits[(1 << level) - 1 + node]].T
        below: npt.NDArray[np.int64] = 2 * node + (bins[np.arange(len(bins)), column] > last)
        return below

    def margins(self, bins: Binned) -> Floats:
        """Of new rows."""
        total = np.zeros(len(bins))
        for splits, values in self._trees:
            node = np.zeros(len(bins), np.int64)
            for level in range(self._plan.depth):
                node = self._below(bins, node, level, splits)
            total += values[node]
        return total


def figures(shared: Path, seed: int) -> dict[str, float]:
    """AUC of each training, for one seed."""
    data = Marketing(shared, seed)
    trains, tests, shapes = zip(*(data.binned(role) for role in Role), strict=True)
    labels, judged = data.labels[data.train], data.labels[data.test]
    plan = BoostingPlan()
    found: dict[str, float] = {"seed": seed}
    for name, loss in (("whole_log", Loss.LOG), ("whole_exponential", Loss.EXPONENTIAL)):
        trees = boosted_in_the_clear(trains, shapes, labels, BoostingPlan(loss=loss))
        found[name] = auc(scored_in_the_clear(trees, tests, shapes, plan.depth).astype(float), judged)
    for name, loss, clipped in (
        ("clipped", Loss.LOG, True),
        ("logistic", Loss.LOG, False),
        ("exponential", Loss.EXPONENTIAL, False),
    ):
        forest = Forest(np.hstack(trains), shapes, labels.astype(np.float64), BoostingPlan(loss=loss), clipped)
        found[name] = auc(forest.margins(np.hstack(tests)), judged)
    return {name: round(value, 4) for name, value in found.items()}


def main() -> None:
    """Print the figures of some seeds."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--shared", type=Path, default=shared_folder())
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    for seed in range(options.seeds):
        print(json.dumps(figures(options.shared, seed)))


if __name__ == "__main__":
    main()
