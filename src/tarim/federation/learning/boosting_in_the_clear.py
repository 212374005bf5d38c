"""The plaintext twin of joint trees, in the same whole numbers: every split and every leaf is the joint training's.

Rows are parted, summed, cut and rounded as `boosting`, `splits` and `leaves` do it on shares; exponentials are those of the
circuit, run in the clear.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.garbling import Plain, bits_of, number_of
from tarim.federation.learning.boosting import HESSIAN_LEAST, PENALTY, SQUARE_CUT, Bins, BoostingPlan, Loss
from tarim.federation.learning.histograms import Binned
from tarim.federation.learning.leaves import EXPONENT_BITS, LEAF_FRACTION_BITS, both_exponentials
from tarim.federation.learning.splits import (
    GRADIENT_FRACTION_BITS,
    HESSIAN_FRACTION_BITS,
    QUOTIENT_FRACTION_BITS,
    VALUE_FRACTION_BITS,
    half_of,
)
from tarim.federation.randomness import Bits
from tarim.federation.session import Role

Whole = npt.NDArray[np.int64]
ClearTree = tuple[Whole, Whole]
"""The splits, node by node, and the leaves' values with LEAF_FRACTION_BITS.

A split is a place among the candidates of both parties: those of the second begin at `half_of` both.
"""
_UNIT: Final = 1 << VALUE_FRACTION_BITS


class _OfLog:
    """Gradients and Hessians of log loss, as rows' margins change."""

    def __init__(self, labels: Bits) -> None:
        self._events = labels.astype(np.int64) * _UNIT
        self._margins = np.zeros(len(labels), np.int64)

    def gradients(self) -> tuple[Whole, Whole]:
        probability = np.clip(self._margins + _UNIT // 2, 0, _UNIT)
        return probability - self._events, probability - (probability * probability >> SQUARE_CUT)

    def add(self, leaves: Whole, node: Whole) -> None:
        self._margins = self._margins + leaves[node]


class _OfExponential:
    """The same for exponential loss, as rows' weights change."""

    def __init__(self, labels: Bits) -> None:
        self._signs = 2 * labels.astype(np.int64) - 1
        self._weights = np.full(len(labels), _UNIT, np.int64)

    def gradients(self) -> tuple[Whole, Whole]:
        return -self._signs * self._weights, self._weights

    def add(self, leaves: Whole, node: Whole) -> None:
        values = (leaves << (VALUE_FRACTION_BITS - LEAF_FRACTION_BITS)).astype(np.uint64)
        words = [[list(bits_of(each, EXPONENT_BITS))] for each in (values, np.zeros_like(values))]
        grown, shrunk = (number_of(np.stack(word)).astype(np.int64) for word in both_exponentials(Plain(), *words))
        factors = np.where(self._signs > 0, 2 * shrunk[node], 2 * grown[node])
        self._weights = self._weights * factors >> (VALUE_FRACTION_BITS + 1)


def boosted_in_the_clear(
    bins: Sequence[Binned], shapes: Sequence[Bins], labels: Bits, plan: BoostingPlan
) -> list[ClearTree]:
    """The trees.  bins, shapes: of the first and the second party."""
    rows, goes_left = len(labels), _ways(bins, shapes)
    state = _OfLog(labels) if plan.loss is Loss.LOG else _OfExponential(labels)
    trees = []
    for _ in range(plan.trees):
        gradient, hessian = state.gradients()
        hessian = hessian + HESSIAN_LEAST
        node, splits = np.zeros(rows, np.int64), []
        for level in range(plan.depth):
            for each in range(1 << level):
                inside = node == each
                splits.append(_best_in_the_clear(gradient[inside], hessian[inside], goes_left[:, inside]))
            chosen = np.array(splits[-(1 << level) :])
            node = 2 * node + ~goes_left[chosen[node], np.arange(rows)]
        sums = [np.bincount(node, each, 1 << plan.depth).astype(np.int64) for each in (gradient, hessian)]
        fraction = LEAF_FRACTION_BITS + plan.step_log2
        ratio = (np.abs(sums[0]) << fraction) // (sums[1] + round(PENALTY * _UNIT))
        leaves = np.where(sums[0] < 0, ratio, -ratio)
        state.add(leaves, node)
        trees.append((np.array(splits), leaves))
    return trees


def scored_in_the_clear(
    trees: Sequence[ClearTree], bins: Sequence[Binned], shapes: Sequence[Bins], depth: int
) -> Whole:
    """The margins of rows by the twin's trees, with LEAF_FRACTION_BITS."""
    goes_left = _ways(bins, shapes)
    rows = np.arange(len(bins[0]))
    margin = np.zeros(len(rows), np.int64)
    for splits, leaves in trees:
        node = np.zeros(len(rows), np.int64)
        for level in range(depth):
            node = 2 * node + ~goes_left[splits[node + (1 << level) - 1], rows]
        margin += leaves[node]
    return margin


def _ways(bins: Sequence[Binned], shapes: Sequence[Bins]) -> npt.NDArray[np.bool_]:
    """Whether each row goes left at each place of the tournament: (places, rows); nobody at places that are left over."""
    half = half_of((len(shapes[0].candidates), len(shapes[1].candidates)))
    ways = np.zeros((2 * half, len(bins[0])), np.bool_)
    for party in Role:
        for place, (column, last) in enumerate(shapes[party].candidates):
            ways[party * half + place] = bins[party][:, column] <= last
    return ways


def _cut_in_the_clear(gradient: Whole, hessian: Whole) -> tuple[Whole, Whole]:
    return (
        gradient >> VALUE_FRACTION_BITS - GRADIENT_FRACTION_BITS,
        (hessian >> VALUE_FRACTION_BITS - HESSIAN_FRACTION_BITS) + round(PENALTY * 2**HESSIAN_FRACTION_BITS),
    )


def _best_in_the_clear(gradient: Whole, hessian: Whole, goes_left: npt.NDArray[np.bool_]) -> int:
    left = [goes_left.astype(np.int64) @ each for each in (gradient, hessian)]
    score = np.zeros(len(goes_left), np.int64)
    for sums in (left, [gradient.sum() - left[0], hessian.sum() - left[1]]):
        size, weight = _cut_in_the_clear(*sums)
        score += (np.abs(size) << QUOTIENT_FRACTION_BITS) // weight * np.abs(size)
    places = np.arange(len(score))
    while len(places) > 1:
        lower, upper = np.split(places, 2)
        places = np.where(score[lower] < score[upper], upper, lower)
    return int(places[0])
