"""Forest → arrays for the kernels that say what each feature adds; where a split's training rows went is what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError
from tarim.models.domain import Forest, Tree
from tarim.models.kernels.shap import POINTS, REACHED
from tarim.models.kernels.shap_lanes import LANES, STEP_DOWN, STEP_ENDS, STEP_LEAF, STEP_UP
from tarim.models.layout import Column, Columns, column_of_nodes, describe_columns

POINTS_MAX: Final = 15
"""Exact for 30 different features on a path; beyond that the error is far below rounding (Wettenstein et al. 2026: 8 do)."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shares:
    """Everything that the kernels need to know of a forest, by node in the order of `_order`.

    weights, openness: (rounds, POINTS), weight and 1 - p of the points.  node_starts, leaf_starts: where a tree's nodes and
    leaves begin, and where the last end.  upper_counts: by tree, nodes that have a node below; they come first.
    By node: outputs (column of what is written), node_columns, thresholds, places (left and right child: index of a node in
    the tree, from the number of its nodes on of a leaf), others (the share of the branch not taken, if left or if right is
    taken), ends (leaf values of a node with two leaves), ancestors (nearest node in the tree with the same feature, or -1),
    sides (REACHED, plus 1 if on its right), repeats (row in `repeated`, -1 without an ancestor).
    repeated: (repeats, 2, rounds * POINTS), q and the slope's factor.  leaf_values: of leaves whose sibling is a node.
    outputs_count: features up to the last that is used.
    """

    columns: Columns
    weights: Floats
    openness: Floats
    node_starts: Ints
    upper_counts: Ints
    leaf_starts: Ints
    outputs: npt.NDArray[np.uint32]
    node_columns: npt.NDArray[np.uint32]
    thresholds: Floats
    places: npt.NDArray[np.uint32]
    others: Floats
    ends: Floats
    ancestors: Ints
    sides: npt.NDArray[np.int8]
    repeats: Ints
    repeated: Floats
    leaf_values: Floats
    expected: float
    outputs_count: int


@dataclass(frozen=True, slots=True)
class Steps:
    """Arguments of `contribute_side_by_side` after `expected`, in its order; the last five are scratch."""

    starts: Ints
    kinds: npt.NDArray[np.uint8]
    nodes: npt.NDArray[np.uint32]
    depths: npt.NDArray[np.uint32]
    slots: npt.NDArray[np.uint32]
    ancestor_depths: Ints
    signed_others: Floats
    values: Floats
    turns: Floats
    trails: Floats
    state: Floats
    sums: Floats


def lay_steps(shares: Shares) -> Steps:
    """The steps through every tree, and room for LANES events."""
    steps: list[tuple[int, int, int, int]] = []
    starts, depth_of = [0], np.zeros(len(shares.ancestors), np.int64)
    for tree, uppers in enumerate(shares.upper_counts.tolist()):
        start, leaf_start = int(shares.node_starts[tree]), int(shares.leaf_starts[tree])
        count = int(shares.node_starts[tree + 1]) - start
        waiting = [(0, 0, 0, False)] if count else []
        while waiting:
            place, depth, slot, done = waiting.pop()
            node = start + place
            if place >= count:
                steps.append((STEP_LEAF, leaf_start + place - count, depth, slot))
                continue
            depth_of[node] = depth
            if place >= uppers or done:
                steps.append((STEP_UP if done else STEP_ENDS, node, depth, slot))
                continue
            steps.append((STEP_DOWN, node, depth, slot))
            left, right = shares.places[node].tolist()
            waiting += [
                (place, depth, slot, True),
                (right, depth + 1, 2 * depth + 3, False),
                (left, depth + 1, 2 * depth + 2, False),
            ]
        starts.append(len(steps))
    kinds, nodes, depths, slots = np.array(steps, np.int64).reshape(-1, 4).T
    tree_starts = np.repeat(shares.node_starts[:-1], np.diff(shares.node_starts))
    known = shares.ancestors >= 0
    deep = int(depths.max(initial=0)) + 1
    return Steps(
        np.array(starts, np.int64),
        kinds.astype(np.uint8),
        nodes.astype(np.uint32),
        depths.astype(np.uint32),
        slots.astype(np.uint32),
        np.where(known, depth_of[np.where(known, tree_starts + shares.ancestors, 0)], -1)
        if len(known)
        else shares.ancestors,
        shares.others * np.array([1.0, -1.0]),
        np.zeros((len(shares.columns.features), LANES)),
        np.zeros((deep, LANES)),
        np.zeros((deep, LANES)),
        np.zeros((2 * deep + 2, POINTS, LANES)),
        np.zeros((2, shares.outputs_count, LANES)),
    )


@dataclass(frozen=True, slots=True)
class _Ancestry:
    """By node: nearest node above with the same feature (-1: none), the side taken there, the share of rows that come
    through all such nodes, how many different features decide on the way to its children.
    """

    node: Ints
    side: Ints
    share: Floats
    different: Ints


def lay_shares(forest: Forest, columns: list[Column], place_of: list[int]) -> Shares:
    """The arrays; `place_of[f]` is where feature f of the file stands in the engine's features.

    Raises DefinitionError when the file does not say, consistently, how many training rows each leaf had.
    """
    index_of = {column: index for index, column in enumerate(columns)}
    parts = [_lay_tree(index, tree, index_of) for index, tree in enumerate(forest.trees)]
    different = max((int(part.ancestry.different.max(initial=0)) for part in parts), default=0)
    count = min(POINTS_MAX, POINTS * max(1, -(-((different + 1) // 2) // POINTS)))
    points, weights = np.polynomial.legendre.leggauss(count)
    points, weights = (points + 1) / 2, weights / 2
    z = np.concatenate([part.ancestry.share[part.ancestry.node >= 0] for part in parts])[:, None]
    kept = points + (1 - points) * z
    nodes = [len(part.order) for part in parts]
    has_ancestor = np.concatenate([part.ancestors >= 0 for part in parts])
    outputs = np.concatenate([tree.feature[part.order] for tree, part in zip(forest.trees, parts, strict=True)])
    return Shares(
        describe_columns(columns, place_of),
        weights.reshape(-1, POINTS),
        (1 - points).reshape(-1, POINTS),
        _starts(nodes),
        np.array([part.uppers for part in parts], np.int64),
        _starts([len(part.leaves) for part in parts]),
        np.array([place_of[feature] for feature in outputs.tolist()], np.uint32),
        np.concatenate([part.columns for part in parts]).astype(np.uint32),
        np.concatenate([tree.threshold[part.order] for tree, part in zip(forest.trees, parts, strict=True)]),
        np.concatenate([part.places for part in parts]),
        np.concatenate([part.others for part in parts]),
        np.concatenate([part.ends for part in parts]),
        np.concatenate([part.ancestors for part in parts]),
        np.concatenate([part.sides for part in parts]).astype(np.int8),
        np.where(has_ancestor, np.cumsum(has_ancestor) - 1, -1),
        np.ascontiguousarray(np.stack([(1 - points) * z / kept, z / kept**2], axis=1)),
        np.concatenate([part.leaves for part in parts]),
        float(sum(part.mean for part in parts)),
        max(place_of, default=-1) + 1,
    )


@dataclass(frozen=True, slots=True)
class _Laid:
    """One tree; arrays by node in the kernel's order, `order` gives their index in the file."""

    order: Ints
    uppers: int
    columns: Ints
    places: npt.NDArray[np.uint32]
    others: Floats
    ends: Floats
    ancestors: Ints
    sides: Ints
    leaves: Floats
    mean: float
    ancestry: _Ancestry


def _lay_tree(index: int, tree: Tree, index_of: dict[Column, int]) -> _Laid:
    nodes = len(tree.feature)
    left_shares = _left_shares(index, tree)
    upper = (tree.left >= 0) | (tree.right >= 0)
    order = _order(tree, upper)
    place_of = np.empty(nodes, np.int64)
    place_of[order] = np.arange(nodes)
    places, ends = np.zeros((nodes, 2), np.uint32), np.zeros((nodes, 2))
    leaves: list[float] = []
    for place, node in enumerate(order.tolist()):
        for side, child in enumerate((int(tree.left[node]), int(tree.right[node]))):
            if child >= 0:
                places[place, side] = place_of[child]
            elif upper[node]:
                places[place, side] = nodes + len(leaves)
                leaves.append(float(tree.leaf_value[~child]))
            else:
                ends[place, side] = tree.leaf_value[~child]
    found = _ancestry(tree, left_shares)
    ancestry = _Ancestry(found.node[order], found.side[order], found.share[order], found.different[order])
    known = ancestry.node >= 0
    return _Laid(
        order,
        int(upper.sum()),
        column_of_nodes(tree, index_of)[order],
        places,
        np.ascontiguousarray(np.stack([1 - left_shares, left_shares], axis=1)[order]),
        ends,
        np.where(known, place_of[np.where(known, ancestry.node, 0)], -1) if nodes else np.zeros(0, np.int64),
        ancestry.side + REACHED,
        np.array(leaves, np.float64),
        _mean(tree),
        ancestry,
    )


def _order(tree: Tree, upper: npt.NDArray[np.bool_]) -> Ints:
    """Nodes with a node below, each before what is below it and right before left; then the others, left before right."""
    found: list[int] = []
    waiting = [0] if len(tree.feature) else []
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += [child for child in (int(tree.left[node]), int(tree.right[node])) if child >= 0]
    order = np.array(found, np.int64)
    return np.concatenate([order[upper[order]], order[~upper[order]][::-1]])


def _mean(tree: Tree) -> float:
    if not len(tree.feature):
        return float(tree.leaf_value[0])
    return float(tree.leaf_count @ tree.leaf_value / tree.leaf_count.sum())


def _left_shares(index: int, tree: Tree) -> Floats:
    """By node, the share of its training rows that went left."""
    if not len(tree.feature):
        return np.zeros(0)
    if not len(tree.leaf_count) or not len(tree.node_count):
        raise DefinitionError(
            f"tree {index} does not say how many training rows its leaves had, so no reasons can be given;"
            " keep leaf_count and internal_count in the model file"
        )
    left, right = (
        np.where(child >= 0, tree.node_count[np.maximum(child, 0)], tree.leaf_count[np.maximum(~child, 0)])
        for child in (tree.left, tree.right)
    )
    if (left <= 0).any() or (right <= 0).any() or not np.array_equal(left + right, tree.node_count):
        raise DefinitionError(f"tree {index}: leaf_count and internal_count do not agree, so no reasons can be given")
    return left / tree.node_count


def _ancestry(tree: Tree, left_shares: Floats) -> _Ancestry:
    nodes = len(tree.feature)
    parent, side = np.full(nodes, -1), np.zeros(nodes, np.int64)
    node, at, share, different = np.full(nodes, -1), np.zeros(nodes, np.int64), np.ones(nodes), np.ones(nodes, np.int64)
    for upper in range(nodes):
        for turn, child in enumerate((int(tree.left[upper]), int(tree.right[upper]))):
            if child >= 0:
                parent[child], side[child] = upper, turn
    for lower in range(nodes):
        above, turn = parent[lower], side[lower]
        while above >= 0 and tree.feature[above] != tree.feature[lower]:
            above, turn = parent[above], side[above]
        if above >= 0:
            went = left_shares[above] if turn == 0 else 1 - left_shares[above]
            node[lower], at[lower], share[lower] = above, turn, share[above] * went
        different[lower] = (different[parent[lower]] if parent[lower] >= 0 else 0) + (above < 0)
    return _Ancestry(node, at, share, different)


def _starts(counts: list[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
