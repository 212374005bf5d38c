"""Gradient-boosted trees of two parties on vertically split columns, with log loss or exponential loss and the true Hessian.

    a tree     gradients and Hessians on shares
               level by level: histograms of both parties' columns (left children; the right ones by subtraction)
                               best split of each node in a circuit; its owner learns it
                               left child = owner's bit times the shared gradients: one transfer a row and node
               leaf values in a circuit; each row's value by the same transfers; margins += values

Public: rows, bins of each column, depth, number of trees, step, and whose split each node is.  Nobody learns sums, node
membership, margins or leaf values; the split's owner alone learns the split.  Semi-honest.

Everything is exact in whole numbers, nothing is left to the chance of how a number is shared: `boosting_in_the_clear` is the
twin for both losses and has the same splits and leaves.
Source: Chen, Guestrin, KDD 2016; for exponential loss Friedman, Hastie, Tibshirani, Annals of Statistics 2000, section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.federation.correlated import choose, give
from tarim.federation.learning.histograms import BINS, LANES, Binned, OwnBins, TheirBins
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS, exponentials, leaf_values
from tarim.federation.learning.routes import Routes, routed
from tarim.federation.learning.sigmoid import EXACT, ClippedSigmoid
from tarim.federation.learning.splits import (
    VALUE_FRACTION_BITS,
    Chosen,
    Precision,
    best_splits,
)
from tarim.federation.multiplication import cut_down, products, squares
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Role, Session

DEPTH_MAX: Final = 8
TREES_MAX: Final = 1_000
BLOCK_ROWS: Final = 8_192
HESSIAN_LEAST: Final = 1 << (VALUE_FRACTION_BITS - 6)
"""Added to every row's Hessian: 2^-6."""
PENALTY: Final = 1.0
SQUARE_CUT: Final = VALUE_FRACTION_BITS
"""From the fraction bits of p^2 to VALUE_FRACTION_BITS."""
_SQUARE_RING: Final = 2 * VALUE_FRACTION_BITS + 2
"""p^2 is at most 1, and its highest bit has to be 0."""
_WEIGHT_RING: Final = 48
"""Weights of exponential loss times their factors."""

Numbers = npt.NDArray[np.uint32]
Progress = Callable[[int, int], None]


class Loss(StrEnum):
    """What is minimised."""

    LOG = "log"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True)
class BoostingPlan:
    """How to train; public.  step_log2: each tree counts 2^step_log2."""

    trees: int = 10
    depth: int = 5
    step_log2: int = -1
    loss: Loss = Loss.LOG

    def check(self) -> None:
        """Nothing for a plan that can be followed.  Raises InputError."""
        if not 1 <= self.trees <= TREES_MAX or not 1 <= self.depth <= DEPTH_MAX or not -6 <= self.step_log2 <= 0:
            raise InputError(f"1 to {TREES_MAX} trees of depth 1 to {DEPTH_MAX} and a step of 2^-6 to 1 are possible")


@dataclass(frozen=True)
class Bins:
    """Public shape of a party's columns: how many bins each has, 2 to BINS."""

    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.counts or not all(2 <= count <= BINS for count in self.counts):
            raise InputError(f"every column has 2 to {BINS} bins")

    @property
    def candidates(self) -> list[tuple[int, int]]:
        """(column, last bin that goes left) of every split."""
        return [(column, last) for column, count in enumerate(self.counts) for last in range(count - 1)]


@dataclass(frozen=True)
class Tree:
    """This side's part of a tree: whose split each node is, its own splits by node, its part of the leaves' values.

    Nodes are numbered level by level from 0; own: node to (column, last bin that goes left).
    """

    owners: npt.NDArray[np.int64]
    own: dict[int, tuple[int, int]]
    leaves: Words


@dataclass(frozen=True)
class JointTrees:
    """This side's part of the model."""

    depth: int
    trees: list[Tree] = field(default_factory=list)


@dataclass(frozen=True)
class BoostingState:
    """This side's part of a training after some trees: the trees, and margins and weights of the rows, (rows,)."""

    trees: tuple[Tree, ...]
    margins: Words
    weights: Words


def binned(column: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """The bin of each value."""
    return np.searchsorted(edges, column, side="right").astype(np.uint8)


def bin_edges(column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Edges of at most BINS bins: between the values where they are few, by quantiles where they are many."""
    values = np.unique(column)
    if len(values) <= BINS:
        edges: npt.NDArray[np.float64] = (values[:-1] + values[1:]) / 2
        return edges
    return np.unique(np.quantile(column, np.arange(1, BINS) / BINS))


class Boosting:
    """Trains trees; both sides at the same time, with the same plan.  labels: (n,) at the SECOND party."""

    def __init__(
        self, session: Session, bins: Binned, own: Bins, theirs: Bins, labels: Bits | None, plan: BoostingPlan
    ) -> None:
        plan.check()
        rows = len(bins)
        if (labels is None) is not session.first or (labels is not None and len(labels) != rows):
            raise InputError("the second party gives one label for each row, the first party none")
        if rows >= 1 << (31 - VALUE_FRACTION_BITS):
            raise InputError(f"at most {(1 << (31 - VALUE_FRACTION_BITS)) - 1} rows can be summed")
        self._session, self._plan, self._bins, self._labels = session, plan, bins, labels
        self._precision = Precision.of(rows)
        first, second = (own, theirs) if session.first else (theirs, own)
        self._columns = len(first.counts)
        self._candidates = (first.candidates, second.candidates)
        self._sizes = (len(first.candidates), len(second.candidates))
        if session.first:
            self._mine = OwnBins(session, bins)
            self._other = TheirBins(session, rows, len(theirs.counts))
        else:
            self._other = TheirBins(session, rows, len(theirs.counts))
            self._mine = OwnBins(session, bins)
        self._margins = np.zeros(rows, np.uint64)
        one = np.uint64(1 << VALUE_FRACTION_BITS if session.first else 0)
        self._weights = np.full(rows, one, np.uint64)

    def run(
        self,
        progress: Progress = lambda _done, _all: None,
        keep: Callable[[BoostingState], None] = lambda _: None,
        begun: BoostingState | None = None,
    ) -> JointTrees:
        """Train all trees.  keep: given the state after each.  begun: a state, of as many trees at both sides, to go on from.

        Raises InputError.
        """
        model = JointTrees(self._plan.depth)
        if begun is not None:
            if not len(begun.margins) == len(begun.weights) == len(self._bins):
                raise InputError("the state is that of a training on other rows")
            model.trees.extend(begun.trees)
            self._margins, self._weights = begun.margins, begun.weights
        for number in range(len(model.trees), self._plan.trees):
            model.trees.append(self._tree())
            keep(BoostingState(tuple(model.trees), self._margins, self._weights))
            progress(number + 1, self._plan.trees)
        return model

    # ---- gradients -------------------------------------------------------------------------------------------------

    def _gradients(self) -> Numbers:
        """Shares of gradient and Hessian of each row, (rows, 2), modulo 2^32."""
        gradient, hessian = self._of_log() if self._plan.loss is Loss.LOG else self._of_exponential()
        if self._session.first:
            hessian = hessian + np.uint64(HESSIAN_LEAST)
        return np.stack([gradient, hessian], axis=1).astype(np.uint32)

    def _of_log(self) -> tuple[Words, Words]:
        session, rows = self._session, len(self._margins)
        # 4 p with the fraction bits of the margins, which is p with two more
        probability = np.empty(rows, np.uint64)
        for start in range(0, rows, BLOCK_ROWS):
            part = slice(start, min(start + BLOCK_ROWS, rows))
            sigmoid = ClippedSigmoid(session, part.stop - start, LEAF_FRACTION_BITS, EXACT)
            sigmoid.finish()
            probability[part] = sigmoid.apply(self._margins[part], 0)
        squared = cut_down(session, squares(session, probability, _SQUARE_RING), SQUARE_CUT, _SQUARE_RING)
        gradient = probability
        if self._labels is not None:
            gradient = probability - (self._labels.astype(np.uint64) << np.uint64(VALUE_FRACTION_BITS))
        return gradient, probability - squared

    def _of_exponential(self) -> tuple[Words, Words]:
        """Gradient -y w and Hessian w for labels -1 and 1 and the weights w = exp(-y margin)."""
        signed = self._signed(self._weights[:, None])[:, 0]
        return np.uint64(0) - signed, self._weights.copy()

    def _signed(self, numbers: Words) -> Words:
        """Shares of y times shared numbers (rows, lanes), y = -1 or 1 known to the second party: 2 bit x - x."""
        session, use = self._session, self._session.uses.take()
        if session.first:
            part = give(session, session.sender.extend(len(numbers)), numbers, use)
        else:
            assert self._labels is not None
            bits = np.ascontiguousarray(self._labels)
            part = choose(session, session.receiver.extend(bits), bits, np.uint64, numbers.shape[1], use)
            part = part + numbers * bits[:, None].astype(np.uint64)
        signed: Words = np.uint64(2) * part - numbers
        return signed

    # ---- a tree ----------------------------------------------------------------------------------------------------

    def _tree(self) -> Tree:
        nodes = [self._gradients()]
        histograms: list[Numbers] = []
        routes: list[Routes] = []
        owners: list[npt.NDArray[np.int64]] = []
        own: dict[int, tuple[int, int]] = {}
        for level in range(self._plan.depth):
            histograms = self._histograms(nodes, histograms)
            chosen = self._splits(histograms)
            splits = {
                node: self._candidates[self._session.role][place]
                for node, place in enumerate(chosen.places.tolist())
                if place >= 0
            }
            own |= {(1 << level) - 1 + node: split for node, split in splits.items()}
            owners.append(chosen.owners)
            routes.append(Routes(self._session, chosen, splits, self._bins))
            left = routes[-1].times(nodes)
            nodes = [child for node, part in zip(nodes, left, strict=True) for child in (part, node - part)]
        return self._finished(nodes, routes, owners, own)

    def _finished(
        self,
        nodes: list[Numbers],
        routes: list[Routes],
        owners: list[npt.NDArray[np.int64]],
        own: dict[int, tuple[int, int]],
    ) -> Tree:
        """Leaf values, and what they change."""
        session = self._session
        sums = np.stack([node.sum(axis=0, dtype=np.uint32) for node in nodes])
        leaves = leaf_values(session, sums, PENALTY, self._plan.step_log2)
        if self._plan.loss is Loss.LOG:
            self._margins = self._margins + routed(routes, leaves[:, None], len(self._bins))[:, 0]
        else:
            grown, shrunk = exponentials(session, leaves << np.uint64(VALUE_FRACTION_BITS - LEAF_FRACTION_BITS))
            # exp(-y leaf) = mean of both factors - y times half their difference
            halves = np.stack([grown + shrunk, grown - shrunk], axis=1)
            of_rows = routed(routes, halves, len(self._bins))
            factor = of_rows[:, 0] - self._signed(np.ascontiguousarray(of_rows[:, 1:]))[:, 0]
            grown_weights = products(session, self._weights, factor, _WEIGHT_RING)
            self._weights = cut_down(session, grown_weights, VALUE_FRACTION_BITS + 1, _WEIGHT_RING)
        return Tree(np.concatenate(owners), own, leaves)

    def _histograms(self, nodes: list[Numbers], parents: list[Numbers]) -> list[Numbers]:
        """Of every node of the level, (columns of both, BINS, 2), this side's part."""
        wanted = nodes[0::2] if parents else nodes
        found: list[Numbers] = []
        for start in range(0, len(wanted), LANES // 2):
            pair = wanted[start : start + LANES // 2]
            lanes = np.concatenate(pair, axis=1)
            use = self._session.uses.take(2)
            theirs = self._other.sums(lanes, use + 1 - self._session.role)
            mine = self._mine.sums(lanes, use + self._session.role)
            both = np.concatenate([mine, theirs] if self._session.first else [theirs, mine])
            found += [np.ascontiguousarray(both[..., 2 * place : 2 * place + 2]) for place in range(len(pair))]
        if not parents:
            return found
        return [each for parent, left in zip(parents, found, strict=True) for each in (left, parent - left)]

    def _splits(self, histograms: list[Numbers]) -> Chosen:
        places = [(column, last) for column, last in self._candidates[Role.FIRST]]
        places += [(self._columns + column, last) for column, last in self._candidates[Role.SECOND]]
        columns, lasts = np.array(places).T
        left = np.stack([each.cumsum(axis=1, dtype=np.uint32)[columns, lasts] for each in histograms])
        whole = np.stack([each[0].sum(axis=0, dtype=np.uint32) for each in histograms])[:, None]
        parts = [
            word
            for sums in (left, whole - left)
            for word in self._precision.parts(sums, PENALTY, first=self._session.first)
        ]
        return best_splits(self._session, parts, self._precision, len(histograms), self._sizes)


def margins(session: Session, model: JointTrees, bins: Binned) -> Words:
    """Shares of the sum of leaf values of new rows (rows,), with LEAF_FRACTION_BITS; both sides, the same rows."""
    total = np.zeros(len(bins), np.uint64)
    for tree in model.trees:
        routes = []
        for level in range(model.depth):
            first = (1 << level) - 1
            nodes = range(first, 2 * first + 1)
            chosen = Chosen(tree.owners[first : 2 * first + 1], np.zeros(0, np.int64))
            routes.append(
                Routes(session, chosen, {node - first: tree.own[node] for node in nodes if node in tree.own}, bins)
            )
        total = total + routed(routes, tree.leaves[:, None], len(bins))[:, 0]
    return total
