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
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.federation.learning.column_gains import ColumnGains
from tarim.federation.learning.gradients import ExponentialGradients, Gradients, LogGradients
from tarim.federation.learning.histograms import BINS, Binned, Histogram, OwnBins, TheirBins
from tarim.federation.learning.leaves import leaf_values
from tarim.federation.learning.precision import Precision
from tarim.federation.learning.routes import Routes, routed
from tarim.federation.learning.splits import Chosen, best_splits, gains
from tarim.federation.learning.stopping import EarlyStop, Stopping, held_rows
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Role, Session

DEPTH_MAX: Final = 8
TREES_MAX: Final = 1_000
SAMPLE_MIN: Final = 0.05

Progress = Callable[[int, int], None]


class Loss(StrEnum):
    """What is minimised."""

    LOG = "log"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True)
class BoostingPlan:
    """How to train; public.

    step_log2: each tree counts 2^step_log2.  stop: when before the last tree, if so.  sample: share of the rows that each tree
    is grown on, others for every tree (Friedman, "Stochastic Gradient Boosting", 2002); it does not change what a tree costs.
    """

    trees: int = 10
    depth: int = 5
    step_log2: int = -1
    loss: Loss = Loss.LOG
    stop: EarlyStop | None = None
    sample: float = 1.0

    def check(self) -> None:
        """Nothing for a plan that can be followed.  Raises InputError."""
        if not SAMPLE_MIN <= self.sample <= 1:
            raise InputError(f"a tree is grown on a share of {SAMPLE_MIN} to 1 of the rows")
        if not 1 <= self.trees <= TREES_MAX or not 1 <= self.depth <= DEPTH_MAX or not -6 <= self.step_log2 <= 0:
            raise InputError(f"1 to {TREES_MAX} trees of depth 1 to {DEPTH_MAX} and a step of 2^-6 to 1 are possible")
        if self.stop is not None:
            self.stop.check()


def counted_rows(rows: int, number: int, plan: BoostingPlan) -> npt.NDArray[np.bool_]:
    """Which rows count in the sums of a tree, (rows,); public: the rows' order is drawn by the run.

    number: of the tree, from 0.  Rows held back for an early stop, the last ones, never do.
    """
    held = 0 if plan.stop is None else held_rows(rows, plan.stop)
    counted = np.arange(rows) < rows - held
    if plan.sample < 1:
        drawn = np.random.default_rng(number).permutation(rows - held)
        counted[drawn[max(1, int((rows - held) * plan.sample)) :]] = False
    return counted


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

    Nodes are numbered level by level from 0; own: node to (column, last bin that goes left).  gained: its part of what each
    column of both gained, see `column_gains`, where the training counts that; none in a model that is kept.
    """

    owners: npt.NDArray[np.int64]
    own: dict[int, tuple[int, int]]
    leaves: Words
    gained: Words = field(default_factory=lambda: np.zeros(0, np.uint64))


@dataclass(frozen=True)
class JointTrees:
    """This side's part of the model."""

    depth: int
    trees: list[Tree] = field(default_factory=list)


@dataclass(frozen=True)
class BoostingState:
    """This side's part of a training after some trees: the trees, and the rows' numbers, see `gradients.Gradients`."""

    trees: tuple[Tree, ...]
    numbers: Words


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
    """Trains trees; both sides at the same time, with the same plan.  labels: (n,) at the SECOND party.

    counts_gains: whether trees say, in shares, what each column gained.
    """

    def __init__(
        self, session: Session, bins: Binned, own: Bins, theirs: Bins, labels: Bits | None, plan: BoostingPlan, *,
        counts_gains: bool = False,
    ) -> None:  # fmt: skip
        plan.check()
        rows = len(bins)
        if (labels is None) is not session.first or (labels is not None and len(labels) != rows):
            raise InputError("the second party gives one label for each row, the first party none")
        self._session, self._plan, self._bins = session, plan, bins
        self._precision = Precision.of(rows)
        kind = LogGradients if plan.loss is Loss.LOG else ExponentialGradients
        self._gradients: Gradients = kind(session, labels, self._precision, rows)
        self._held = 0 if plan.stop is None else held_rows(rows, plan.stop)
        first, second = (own, theirs) if session.first else (theirs, own)
        self._columns, self._counts_gains = (len(first.counts), len(second.counts)), counts_gains
        self._candidates = (first.candidates, second.candidates)
        self._sizes = (len(first.candidates), len(second.candidates))
        if session.first:
            self._mine = OwnBins(session, bins)
            self._other = TheirBins(session, rows, len(theirs.counts))
        else:
            self._other = TheirBins(session, rows, len(theirs.counts))
            self._mine = OwnBins(session, bins)

    def run(
        self,
        progress: Progress = lambda _done, _all: None,
        keep: Callable[[BoostingState], None] = lambda _: None,
        begun: BoostingState | None = None,
    ) -> JointTrees:
        """Train all trees, or as many as are good.  keep: given the state after each.  begun: a state of both to go on from.

        An early stop compares losses from there on where it goes on.  Raises InputError.
        """
        model = JointTrees(self._plan.depth)
        if begun is not None:
            if len(begun.numbers) != len(self._bins):
                raise InputError("the state is that of a training on other rows")
            if self._counts_gains and any(len(tree.gained) != sum(self._columns) for tree in begun.trees):
                raise InputError("the state does not say what each column gained: train from the beginning")
            model.trees.extend(begun.trees)
            self._gradients.numbers = begun.numbers
        stop, losses = self._plan.stop, self._gradients.loss_fraction_bits
        stopping = None if stop is None else Stopping(self._session, stop, self._held, losses)
        for number in range(len(model.trees), self._plan.trees):
            both = self._gradients.both()
            if (
                stop is not None
                and stopping is not None
                and number
                and stopping.after(self._gradients.loss(self._held))
            ):
                del model.trees[-stop.patience :]
                break
            both[~counted_rows(len(both), number, self._plan)] = 0
            model.trees.append(self._tree(both))
            keep(BoostingState(tuple(model.trees), self._gradients.numbers))
            progress(number + 1, self._plan.trees)
        return model

    def _tree(self, both: Words) -> Tree:
        nodes = [both]
        histograms: list[Histogram] = []
        routes: list[Routes] = []
        owners: list[npt.NDArray[np.int64]] = []
        own: dict[int, tuple[int, int]] = {}
        gained = (
            ColumnGains(self._session, self._precision, self._candidates, self._columns) if self._counts_gains else None
        )
        for level in range(self._plan.depth):
            histograms = self._histograms(nodes, histograms)
            chosen = self._splits(histograms, gained)
            splits = {
                node: self._candidates[self._session.role][place]
                for node, place in enumerate(chosen.places.tolist())
                if place >= 0
            }
            own |= {(1 << level) - 1 + node: split for node, split in splits.items()}
            owners.append(chosen.owners)
            routes.append(Routes(self._session, chosen, splits, self._bins))
            left = routes[-1].times(nodes, self._precision.gradient_bits)
            nodes = [child for node, part in zip(nodes, left, strict=True) for child in (part, node - part)]
        tree = self._finished(nodes, routes, owners, own)
        return tree if gained is None else replace(tree, gained=gained.finished())

    def _finished(
        self,
        nodes: list[Words],
        routes: list[Routes],
        owners: list[npt.NDArray[np.int64]],
        own: dict[int, tuple[int, int]],
    ) -> Tree:
        """Leaf values, and what they change."""
        sums = np.stack([node.sum(axis=0) for node in nodes])
        leaves, kept = leaf_values(self._session, sums, self._precision, self._plan.step_log2)
        self._gradients.follow(leaves, routes)
        return Tree(np.concatenate(owners), own, kept)

    def _histograms(self, nodes: list[Words], parents: list[Histogram]) -> list[Histogram]:
        """Of every node of the level, (columns of both, BINS, 2), this side's part."""
        found: list[Histogram] = []
        for node in nodes[0::2] if parents else nodes:
            use, bits = self._session.uses.take(2), self._precision.gradient_bits
            theirs = self._other.sums(node, use + 1 - self._session.role, bits)
            mine = self._mine.sums(node, use + self._session.role, bits)
            found.append(np.concatenate([mine, theirs] if self._session.first else [theirs, mine]))
        if not parents:
            return found
        return [each for parent, left in zip(parents, found, strict=True) for each in (left, parent - left)]

    def _splits(self, histograms: list[Histogram], gained: ColumnGains | None) -> Chosen:
        places = [(column, last) for column, last in self._candidates[Role.FIRST]]
        places += [(self._columns[Role.FIRST] + column, last) for column, last in self._candidates[Role.SECOND]]
        columns, lasts = np.array(places).T
        left = np.stack([each.cumsum(axis=1)[columns, lasts] for each in histograms])
        whole = np.stack([each[0].sum(axis=0) for each in histograms])[:, None]
        if gained is not None:  # one candidate more: every row goes left
            left = np.concatenate([left, whole], axis=1)
        sums = np.stack([left.reshape(-1, 2), (whole - left).reshape(-1, 2)])
        found = gains(self._session, sums, self._precision).reshape(len(histograms), -1)
        candidates = np.ascontiguousarray(found[:, : len(places)])
        chosen = best_splits(self._session, candidates, self._precision, self._sizes)
        if gained is not None:
            gained.add(candidates, found[:, -1], chosen)
        return chosen


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
