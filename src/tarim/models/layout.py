"""Forest → arrays for the kernels: columns, ranks, and the three shapes of the trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.models.domain import Forest, Missing, Tree
from tarim.models.kernels import forest as kernel

COMPLETE_DEPTH_MAX: Final = 8
SWEEP_LEAVES_MAX: Final = 128
"""A place in a tree is a signed byte: nodes 0 to 126, leaves -1 to -128."""
SWEEP_THRESHOLDS_MAX: Final = 255
"""A rank among a feature's thresholds is a byte."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.int8]

Column = tuple[int, int]
"""Feature (of the model's file) and mode."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Arguments of the walkers that describe the columns: `values` is scratch."""

    features: Ints
    modes: Ints
    values: Floats


@dataclass(frozen=True, slots=True)
class Ranks:
    """Arguments of `encode`, in its order; codes, values and ranks are scratch."""

    used: Ints
    starts: Ints
    steps: Ints
    thresholds: Floats
    column_ends: Ints
    nan_codes: Bytes
    zero_codes: Bytes
    codes: npt.NDArray[np.int8]
    values: Floats
    ranks: Bytes


@dataclass(frozen=True, slots=True)
class Swept:
    """Arguments of `sweep` before the codes; places and sums are scratch."""

    columns: Ints
    bounds: Bytes
    lefts: Bytes
    rights: Bytes
    tree_starts: Ints
    roots: Bytes
    leaf_values: Floats
    places: Bytes
    sums: Floats


@dataclass(frozen=True, slots=True)
class Complete:
    """Arguments of `walk_complete` after the columns."""

    depth: int
    thresholds: Floats
    columns: npt.NDArray[np.uint16]
    leaf_values: Floats


@dataclass(frozen=True, slots=True)
class AnyShape:
    """Arguments of `walk_any` after the columns."""

    roots: Ints
    columns: Ints
    thresholds: Floats
    lefts: Ints
    rights: Ints
    leaf_starts: Ints
    leaf_values: Floats


def modes_of(tree: Tree) -> Ints:
    """The mode of each node: what is missing and where it goes."""
    right = np.where(tree.default_left, 0, 1)
    named = np.where(tree.missing == Missing.ZERO, kernel.MODE_ZERO_LEFT, kernel.MODE_NAN_LEFT) + right
    return np.where(tree.missing == Missing.NONE, kernel.MODE_NONE, named).astype(np.int64)


def columns_of(forest: Forest) -> list[Column]:
    """Every pair of feature and mode that some split uses, ascending."""
    return sorted(
        {
            (int(feature), int(mode))
            for tree in forest.trees
            for feature, mode in zip(tree.feature, modes_of(tree), strict=True)
        }
    )


def describe_columns(columns: list[Column], place_of: list[int]) -> Columns:
    """The walkers' columns; `place_of[f]` is where feature f of the file stands in the engine's features."""
    return Columns(
        np.array([place_of[feature] for feature, _ in columns], np.int64),
        np.array([mode for _, mode in columns], np.int64),
        np.zeros(len(columns)),
    )


def can_sweep(forest: Forest) -> bool:
    """Whether places and ranks of this forest fit into bytes."""
    if any(len(tree.leaf_value) > SWEEP_LEAVES_MAX for tree in forest.trees):
        return False
    return all(len(cuts) <= SWEEP_THRESHOLDS_MAX for cuts in _cuts(forest).values())


def _cuts(forest: Forest) -> dict[int, Floats]:
    """Distinct thresholds of each used feature, ascending."""
    found: dict[int, set[float]] = {}
    for tree in forest.trees:
        for feature, threshold in zip(tree.feature.tolist(), tree.threshold.tolist(), strict=True):
            found.setdefault(feature, set()).add(threshold)
    return {feature: np.array(sorted(found[feature])) for feature in sorted(found)}


def lay_ranks(forest: Forest, columns: list[Column], place_of: list[int]) -> Ranks:
    """Thresholds to search, and what missing values are coded as."""
    cuts = _cuts(forest)
    steps = [len(each).bit_length() for each in cuts.values()]
    starts = np.concatenate([[0], np.cumsum([1 << step for step in steps])]).astype(np.int64)
    thresholds = np.full(int(starts[-1]), np.inf)
    for start, each in zip(starts, cuts.values(), strict=False):
        thresholds[start + 1 : start + 1 + len(each)] = each
    nan_codes, zero_codes = np.empty(len(columns), np.int8), np.empty(len(columns), np.int8)
    for index, (feature, mode) in enumerate(columns):
        zero = int(np.searchsorted(cuts[feature], 0.0))
        left, right = 0, len(cuts[feature])
        nan, zero = {
            kernel.MODE_NONE: (zero, zero),
            kernel.MODE_ZERO_LEFT: (left, left),
            kernel.MODE_ZERO_RIGHT: (right, right),
            kernel.MODE_NAN_LEFT: (left, zero),
            kernel.MODE_NAN_RIGHT: (right, zero),
        }[mode]
        nan_codes[index], zero_codes[index] = nan - 128, zero - 128
    return Ranks(
        np.array([place_of[feature] for feature in cuts], np.int64),
        starts[:-1].copy(),
        np.array(steps, np.int64),
        thresholds,
        np.array([sum(column[0] <= feature for column in columns) for feature in cuts], np.int64),
        nan_codes,
        zero_codes,
        np.zeros((max(1, len(columns)), kernel.BLOCK), np.int8),
        np.zeros(kernel.BLOCK),
        np.zeros(kernel.BLOCK, np.int8),
    )


def lay_swept(forest: Forest, columns: list[Column]) -> Swept:
    """Trees for `sweep`."""
    cuts, index_of = _cuts(forest), {column: index for index, column in enumerate(columns)}
    padded = [-(-len(tree.feature) // kernel.GROUP) * kernel.GROUP for tree in forest.trees]
    starts = np.concatenate([[0], np.cumsum(padded)]).astype(np.int64)
    node_columns = np.zeros(int(starts[-1]), np.int64)
    bounds, lefts, rights = (np.zeros(int(starts[-1]), np.int8) for _ in range(3))
    leaf_values = np.zeros((len(forest.trees), SWEEP_LEAVES_MAX))
    for t, tree in enumerate(forest.trees):
        leaf_values[t, : len(tree.leaf_value)] = tree.leaf_value
        own = slice(starts[t], starts[t] + len(tree.feature))
        node_columns[own] = column_of_nodes(tree, index_of)
        bounds[own] = [
            np.searchsorted(cuts[feature], threshold) - 128
            for feature, threshold in zip(tree.feature.tolist(), tree.threshold, strict=True)
        ]
        lefts[own], rights[own] = tree.left, tree.right
    roots = np.array([0 if len(tree.feature) else ~0 for tree in forest.trees], np.int8)
    scratch = np.zeros(kernel.BLOCK, np.int8)
    return Swept(node_columns, bounds, lefts, rights, starts, roots, leaf_values, scratch, np.zeros(kernel.BLOCK))


def column_of_nodes(tree: Tree, index_of: dict[Column, int]) -> Ints:
    """The column that each node of a tree decides by."""
    pairs = zip(tree.feature.tolist(), modes_of(tree).tolist(), strict=True)
    return np.array([index_of[pair] for pair in pairs], np.int64)


def lay_complete(forest: Forest, columns: list[Column]) -> Complete:
    """Trees for `walk_complete`: a leaf above the last level is repeated below itself."""
    index_of = {column: index for index, column in enumerate(columns)}
    depth = max(tree.depth for tree in forest.trees)
    assert depth <= COMPLETE_DEPTH_MAX
    padded = -(-len(forest.trees) // kernel.INTERLEAVED) * kernel.INTERLEAVED
    thresholds = np.zeros((padded, max(1, (1 << depth) - 1)))
    node_columns = np.zeros((padded, max(1, (1 << depth) - 1)), np.uint16)
    leaf_values = np.zeros((padded, 1 << depth))
    for t, tree in enumerate(forest.trees):
        own_columns = column_of_nodes(tree, index_of)
        level = [0 if len(tree.feature) else ~0]
        for d in range(depth):
            first = (1 << d) - 1
            below = []
            for offset, node in enumerate(level):
                if node >= 0:
                    thresholds[t, first + offset] = tree.threshold[node]
                    node_columns[t, first + offset] = own_columns[node]
                    below += [int(tree.left[node]), int(tree.right[node])]
                else:
                    below += [node, node]
            level = below
        leaf_values[t] = [tree.leaf_value[~leaf] for leaf in level]
    return Complete(depth, thresholds, node_columns, leaf_values)


def lay_any(forest: Forest, columns: list[Column]) -> AnyShape:
    """Trees for `walk_any`."""
    index_of = {column: index for index, column in enumerate(columns)}
    node_starts = np.concatenate([[0], np.cumsum([len(tree.feature) for tree in forest.trees])]).astype(np.int64)
    leaf_starts = np.concatenate([[0], np.cumsum([len(tree.leaf_value) for tree in forest.trees])]).astype(np.int64)

    def shifted(children: Ints, start: int) -> Ints:
        return np.where(children >= 0, children + start, children)

    placed = list(zip(forest.trees, node_starts[:-1].tolist(), strict=True))
    return AnyShape(
        np.array([start if len(tree.feature) else ~0 for tree, start in placed], np.int64),
        np.concatenate([column_of_nodes(tree, index_of) for tree in forest.trees]),
        np.concatenate([tree.threshold for tree in forest.trees]),
        np.concatenate([shifted(tree.left, start) for tree, start in placed]),
        np.concatenate([shifted(tree.right, start) for tree, start in placed]),
        leaf_starts[:-1].copy(),
        np.concatenate([tree.leaf_value for tree in forest.trees]),
    )
