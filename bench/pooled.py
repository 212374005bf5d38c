"""How far joint models are from pooled plaintext with the same parameters, all in the clear, over many splits of the rows.

    python -m bench.pooled [--shared FOLDER] [--seeds N] [--trees N]

UCI bank marketing as in `bench.federation`, one line a seed: AUC of the whole-number twin of joint trees and of the same
training in floating point, for either loss, and at how many nodes their splits differ; then the greatest difference and the
mean.  Joint trees are those of the twin, leaf by leaf, so what holds of the twin holds of them.  For comparison, floating point
with the true logistic function, and logistic regression with the clipped and with the true one.

Both have one rule for ties: of equal gains the lowest place is chosen, the first party's columns first.  Candidates that part a
node's rows alike have equal gains; in floating point, where the order of summing shows, gains are equal that lie within 10^-9
of the greatest, or of 1.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.federation import Marketing, shared_folder
from tarim.federation import Role
from tarim.federation.learning.boosting import Bins, BoostingPlan, Loss
from tarim.federation.learning.boosting_in_the_clear import boosted_in_the_clear, scored_in_the_clear
from tarim.federation.learning.histograms import BINS, Binned
from tarim.federation.learning.logistic_in_the_clear import trained_in_the_clear
from tarim.federation.learning.logistic_plan import Plan
from tarim.federation.learning.precision import HESSIAN_LEAST_LOG2, PENALTY
from tarim.federation.learning.splits import half_of
from tarim.models import auc

HESSIAN_LEAST = 2.0**HESSIAN_LEAST_LOG2
TIE = 1e-9
"""Gains that are equal but for the order of summing, relative to the greatest or to 1."""

Floats = npt.NDArray[np.float64]


class Forest:
    """Trees grown in floating point on both parties' columns laid side by side."""

    def __init__(
        self, bins: Binned, shapes: tuple[Bins, ...], labels: Floats, plan: BoostingPlan, clipped: bool
    ) -> None:
        self._plan, self._clipped, self._labels = plan, clipped, labels
        self._counts = [count for shape in shapes for count in shape.counts]
        self._candidates = np.array([(c, last) for c, count in enumerate(self._counts) for last in range(count - 1)])
        self.trees: list[tuple[npt.NDArray[np.int64], Floats]] = []
        """Of each tree, node by node, the number of the candidate, the first party's first; and the values of the leaves."""
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
        self.trees.append((splits, values))
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
        right = [of_node - of_left for of_node, of_left in zip(whole, left, strict=True)]
        gain = sum(g * g / (h + PENALTY) for g, h in (left, right))
        of_all = np.asarray(gain)
        most = of_all.max(axis=1)[:, None]
        best: npt.NDArray[np.int64] = (of_all >= most - TIE * np.maximum(most, 1)).argmax(axis=1)
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
        for splits, values in self.trees:
            node = np.zeros(len(bins), np.int64)
            for level in range(self._plan.depth):
                node = self._below(bins, node, level, splits)
            total += values[node]
        return total


def boosting(shared: Path, seed: int, plan: BoostingPlan) -> dict[str, float]:
    """Of one loss: AUC of the twin and of floating point, and how many of their splits differ."""
    data = Marketing(shared, seed)
    trains, tests, shapes = zip(*(data.binned(role) for role in Role), strict=True)
    labels, judged = data.labels[data.train], data.labels[data.test]
    trees = boosted_in_the_clear(trains, shapes, labels, plan)
    forest = Forest(np.hstack(trains), shapes, labels.astype(np.float64), plan, clipped=True)
    counts = (len(shapes[0].candidates), len(shapes[1].candidates))
    # A place of the tournament is not the number of a candidate: the second party's begin at half the places.
    numbers = [np.where(places < half_of(counts), places, places - half_of(counts) + counts[0]) for places, _ in trees]
    return {
        "whole": round(auc(scored_in_the_clear(trees, tests, shapes, plan.depth).astype(float), judged), 5),
        "float": round(auc(forest.margins(np.hstack(tests)), judged), 5),
        "splits_differ": int(sum((a != b).sum() for a, (b, _) in zip(numbers, forest.trees, strict=True))),
    }


def by_true_logistic(shared: Path, seed: int, plan: BoostingPlan) -> dict[str, float]:
    """AUC of plain trees and regressions, none of them joint."""
    data = Marketing(shared, seed)
    trains, tests, shapes = zip(*(data.binned(role) for role in Role), strict=True)
    labels, judged = data.labels[data.train], data.labels[data.test]
    forest = Forest(np.hstack(trains), shapes, labels.astype(np.float64), plan, clipped=False)
    (first, first_tests), (second, second_tests) = (data.encoded(role) for role in Role)
    x, rows = (
        np.column_stack([np.ones(len(one)), one.values, other.values])
        for one, other in ((first, second), (first_tests, second_tests))
    )
    clipped = trained_in_the_clear(first, second, labels, Plan())
    return {
        "trees, true logistic": round(auc(forest.margins(np.hstack(tests)), judged), 5),
        "LR, clipped": round(auc(rows @ clipped, judged), 5),
        "LR, true logistic": round(auc(rows @ _descended(x, labels.astype(np.float64), Plan()), judged), 5),
    }


def _descended(x: Floats, labels: Floats, plan: Plan) -> Floats:
    """Weights of the same mini-batch descent with the true logistic function."""
    weights, course = np.zeros(x.shape[1]), plan.course(len(x))
    for _ in range(plan.epochs):
        for start in range(0, course.trained, course.batch):
            part = x[start : start + course.batch]
            residual = 1 / (1 + np.exp(-part @ weights)) - labels[start : start + course.batch]
            weights -= 2.0**plan.learning_rate_log2 * (part.T @ residual) / course.batch
    return weights


def main() -> None:
    """Print the figures of some seeds."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--shared", type=Path, default=shared_folder())
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trees", type=int, default=10)
    options = parser.parse_args()
    differences: dict[Loss, list[float]] = {loss: [] for loss in Loss}
    for seed in range(options.seeds):
        line: dict[str, object] = {"seed": seed}
        for loss in Loss:
            found = boosting(options.shared, seed, BoostingPlan(options.trees, loss=loss))
            differences[loss].append(found["whole"] - found["float"])
            line[loss.value] = found
        line |= by_true_logistic(options.shared, seed, BoostingPlan(options.trees))
        print(json.dumps(line), flush=True)
    for loss, found_of_loss in differences.items():
        most, mean = np.abs(found_of_loss).max(), np.mean(found_of_loss)
        print(f"{loss.value}: AUC differs by {most:.5f} at most, {mean:+.5f} in the mean of {options.seeds} seeds")


if __name__ == "__main__":
    main()
