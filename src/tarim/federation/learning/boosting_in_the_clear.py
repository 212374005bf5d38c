"""The plaintext twin of joint trees, in the same whole numbers: every split and every leaf is the joint training's.

Rows are parted, summed, cut and rounded as `boosting`, `splits` and `leaves` do it on shares; exponentials are those of the
circuit, run in the clear.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tarim.federation.garbling import Plain, bits_of, number_of
from tarim.federation.learning.boosting import Bins, BoostingPlan, Loss, counted_rows
from tarim.federation.learning.histograms import Binned
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS, both_exponentials, exponent_bits
from tarim.federation.learning.precision import COARSE_FRACTION_BITS, PENALTY, QUOTIENT_FRACTION_BITS, Precision
from tarim.federation.learning.splits import GAIN_ADDED, GAIN_FRACTION_BITS, half_of
from tarim.federation.learning.stopping import held_rows, stops_in_the_clear
from tarim.federation.randomness import Bits
from tarim.federation.session import Role

Whole = npt.NDArray[np.int64]
ClearTree = tuple[Whole, Whole]
"""The splits, node by node, and the leaves' values with LEAF_FRACTION_BITS.

A split is a place among the candidates of both parties: those of the second begin at `half_of` both.
"""


class _OfLog:
    """Gradients and Hessians of log loss, as rows' margins change."""

    def __init__(self, labels: Bits, precision: Precision) -> None:
        self._unit = 1 << precision.gradient_fraction_bits
        self.loss_fraction_bits = precision.gradient_fraction_bits + precision.leaf_fraction_bits
        self._events = labels.astype(np.int64) * self._unit
        self._margins = np.zeros(len(labels), np.int64)

    def gradients(self) -> tuple[Whole, Whole]:
        probability = np.clip(self._margins + self._unit // 2, 0, self._unit)
        return probability - self._events, _rounded(probability * (self._unit - probability), 2 * self._unit)

    def loss(self, gradient: Whole, hessian: Whole, held: int) -> int:
        return int((gradient * self._margins + hessian * self._unit)[-held:].sum())

    def add(self, leaves: Whole, node: Whole) -> None:
        self._margins = self._margins + leaves[node]


class _OfExponential:
    """The same for exponential loss, as rows' weights change."""

    def __init__(self, labels: Bits, precision: Precision) -> None:
        self._bits, self._moved = (
            precision.hessian_fraction_bits,
            precision.hessian_fraction_bits - precision.leaf_fraction_bits,
        )
        self.loss_fraction_bits = precision.hessian_fraction_bits
        self._signs = 2 * labels.astype(np.int64) - 1
        self._weights = np.full(len(labels), 1 << self._bits, np.int64)

    def gradients(self) -> tuple[Whole, Whole]:
        return -2 * self._signs * self._weights, self._weights

    def loss(self, _gradient: Whole, hessian: Whole, held: int) -> int:
        return int(hessian[-held:].sum())

    def add(self, leaves: Whole, node: Whole) -> None:
        values = (leaves << self._moved).astype(np.uint64)
        words = [list(bits_of(each, exponent_bits(self._bits))) for each in (values, np.zeros_like(values))]
        found = both_exponentials(Plain(), words[0], words[1], self._bits)
        grown, shrunk = (number_of(np.stack(word)).astype(np.int64) for word in found)
        self._weights = _rounded(self._weights * np.where(self._signs > 0, shrunk[node], grown[node]), 1 << self._bits)


def _rounded(numbers: Whole, unit: int) -> Whole:
    """Divided by a power of two, to the nearest."""
    return (numbers + unit // 2) // unit


def boosted_in_the_clear(
    bins: Sequence[Binned], shapes: Sequence[Bins], labels: Bits, plan: BoostingPlan, gained: list[Whole] | None = None
) -> list[ClearTree]:
    """The trees.  bins, shapes: of the first and the second party.

    gained: is filled with what each column of both gained in each tree, with GAIN_FRACTION_BITS, as `column_gains` counts it.
    """
    rows, goes_left, held = len(labels), _ways(bins, shapes), _held(shapes)
    precision, columns = Precision.of(rows), _columns(shapes)
    state = _OfLog(labels, precision) if plan.loss is Loss.LOG else _OfExponential(labels, precision)
    one = 1 << precision.hessian_fraction_bits
    fraction = precision.leaf_fraction_bits + plan.step_log2
    kept_back = 0 if plan.stop is None else held_rows(rows, plan.stop)
    trees: list[ClearTree] = []
    losses: list[int] = []
    for number in range(plan.trees):
        gradient, hessian = state.gradients()
        if plan.stop is not None and number:
            losses.append(state.loss(gradient, hessian, kept_back))
            if stops_in_the_clear(losses, plan.stop.patience, plan.stop.least(kept_back, state.loss_fraction_bits)):
                if gained is not None:
                    del gained[-plan.stop.patience :]
                return trees[: -plan.stop.patience]
        counted = counted_rows(rows, number, plan)
        gradient, hessian = gradient * counted, (hessian + precision.hessian_least) * counted
        node, splits = np.zeros(rows, np.int64), []
        of_columns = np.zeros(sum(len(shape.counts) for shape in shapes), np.int64)
        for level in range(plan.depth):
            of_level = np.zeros_like(of_columns)
            for each in range(1 << level):
                inside = node == each
                place, more = _best_in_the_clear(
                    gradient[inside], hessian[inside], goes_left[:, inside], held, precision
                )
                splits.append(place)
                of_level[columns[place]] += more
            of_columns += np.maximum(of_level >> precision.gain_fraction_bits - GAIN_FRACTION_BITS, 0)
            chosen = np.array(splits[-(1 << level) :])
            node = 2 * node + ~goes_left[chosen[node], np.arange(rows)]
        sums = [np.bincount(node, each, 1 << plan.depth).astype(np.int64) for each in (gradient, hessian)]
        ratio = _rounded((np.abs(sums[0]) << fraction) // (sums[1] + PENALTY * one), 2)
        signs, spare = np.where(sums[0] < 0, 1, -1), precision.leaf_fraction_bits - LEAF_FRACTION_BITS
        leaves, kept = signs * ratio, signs * (_rounded(ratio, 1 << spare) if spare > 0 else ratio << -spare)
        state.add(leaves, node)
        trees.append((np.array(splits), kept))
        if gained is not None:
            gained.append(of_columns)
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


def _held(shapes: Sequence[Bins]) -> npt.NDArray[np.bool_]:
    """Which places of the tournament hold a candidate."""
    counts = (len(shapes[0].candidates), len(shapes[1].candidates))
    return np.concatenate([np.arange(half_of(counts)) < count for count in counts])


def _columns(shapes: Sequence[Bins]) -> Whole:
    """The column, of both parties' one after the other, of each place of the tournament; 0 at places that are left over."""
    half = half_of((len(shapes[0].candidates), len(shapes[1].candidates)))
    columns = np.zeros(2 * half, np.int64)
    for party in Role:
        for place, (column, _) in enumerate(shapes[party].candidates):
            columns[party * half + place] = column + party * len(shapes[0].counts)
    return columns


def _ways(bins: Sequence[Binned], shapes: Sequence[Bins]) -> npt.NDArray[np.bool_]:
    """Whether each row goes left at each place of the tournament: (places, rows); nobody at places that are left over."""
    half = half_of((len(shapes[0].candidates), len(shapes[1].candidates)))
    ways = np.zeros((2 * half, len(bins[0])), np.bool_)
    for party in Role:
        for place, (column, last) in enumerate(shapes[party].candidates):
            ways[party * half + place] = bins[party][:, column] <= last
    return ways


def _best_in_the_clear(
    gradient: Whole, hessian: Whole, goes_left: npt.NDArray[np.bool_], held: npt.NDArray[np.bool_], precision: Precision
) -> tuple[int, int]:
    """The place of the greatest gain, the lowest of equal ones, and its gain less that of a split that sends every row left.

    held: the places that hold a candidate.
    """
    gain = _gains_in_the_clear(gradient, hessian, goes_left, precision)
    score = np.where(held, gain, 0) >> precision.gain_fraction_bits - GAIN_FRACTION_BITS
    place = int(score.argmax())
    whole = _gains_in_the_clear(gradient, hessian, np.ones((1, len(gradient)), np.bool_), precision)
    return place, int(gain[place] - whole[0])


def _gains_in_the_clear(
    gradient: Whole, hessian: Whole, goes_left: npt.NDArray[np.bool_], precision: Precision
) -> Whole:
    """The gain of each way of parting some rows, with what is added to every gain.  goes_left: (ways, rows)."""
    ways = goes_left.astype(np.float64)  # whole numbers below 2^53: sums are exact, and quicker than those of integers
    left = [(ways @ each.astype(np.float64)).astype(np.int64) for each in (gradient, hessian)]
    gain = np.full(len(goes_left), GAIN_ADDED << precision.gain_fraction_bits, np.int64)
    for of_gradient, of_hessian in (left, [gradient.sum() - left[0], hessian.sum() - left[1]]):
        weight = of_hessian + (PENALTY << precision.hessian_fraction_bits)
        negative = -(of_gradient < 0).astype(np.int64)
        size = (of_gradient >> precision.gradient_fraction_bits - COARSE_FRACTION_BITS) ^ negative
        cut = weight >> precision.hessian_fraction_bits - COARSE_FRACTION_BITS
        quotient = (size << QUOTIENT_FRACTION_BITS) // cut ^ negative
        moved = 1 + QUOTIENT_FRACTION_BITS + precision.hessian_fraction_bits - precision.gradient_fraction_bits
        gain += quotient * ((of_gradient << moved) - quotient * weight)
    return gain
