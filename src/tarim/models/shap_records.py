"""Shares → the records and scratch of the kernel that goes through events one after the other."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.base.kernels.bound import Bound, bind
from tarim.models.kernels.shap import INNER, LAST, PLAIN_PAIR, UNKNOWN_PAIR, contribute
from tarim.models.shap_layout import Shares

LINE_BYTES: Final = 64
"""Of the cache: what lies across two lines takes longer to read, and much longer soon after it was written."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def bind_records(shares: Shares) -> Bound:
    """The kernel with its records and scratch, made of the nodes in the order that `Shares` has them."""
    trees = [_lay_tree(shares, tree) for tree in range(len(shares.upper_counts))]
    inner_nodes, last_nodes, leaf_places, order = (
        np.concatenate([tree[part] for tree in trees]).astype(np.int64) for part in range(4)
    )
    stands_at, place = (np.concatenate([tree[part] for tree in trees]).astype(np.uint32) for part in (4, 5))
    inner_starts = np.concatenate([[0], np.cumsum(shares.upper_counts)]).astype(np.int64)
    inners, lasts = _aligned((len(inner_nodes),), INNER), _aligned((len(last_nodes),), LAST)
    first = np.repeat(shares.node_starts[:-1], np.diff(shares.node_starts))
    for records, nodes in ((inners, inner_nodes), (lasts, last_nodes)):
        known = shares.ancestors[nodes] >= 0
        above = np.where(known, first[nodes] + shares.ancestors[nodes], 0)
        records["threshold"], records["column"] = shares.thresholds[nodes], shares.node_columns[nodes]
        records["ancestor"] = np.where(known, 1 + stands_at[above], 0) if len(nodes) else 0
        records["side"] = np.where(known, shares.sides[nodes], 0)
        records["pair"] = np.where(known, 2 * PLAIN_PAIR + 8 * shares.repeats[nodes], PLAIN_PAIR)
        records["place"] = place[nodes]
    inners["left"], inners["right"] = shares.others[inner_nodes, 0], -shares.others[inner_nodes, 1]
    left_value, right_value = shares.ends[last_nodes].T
    lasts["left_value"], lasts["right_value"] = left_value, right_value
    lasts["left"] = shares.others[last_nodes, 0] * (left_value - right_value)
    lasts["right"] = shares.others[last_nodes, 1] * (right_value - left_value)
    lasts["output"] = shares.outputs[last_nodes]
    upwards = np.concatenate([node[::-1] for node in np.split(np.sort(inner_nodes), inner_starts[1:-1])])
    most = int(shares.upper_counts.max(initial=0)) + 1
    return bind(
        contribute,
        shares.columns.features,
        shares.columns.modes,
        shares.columns.values,
        _fours(shares.weights),
        _pairs(shares),
        inner_starts,
        shares.node_starts - inner_starts,
        shares.leaf_starts,
        inners,
        lasts,
        leaf_places.astype(np.uint32),
        shares.leaf_values,
        (order + np.repeat(inner_starts[:-1], np.diff(inner_starts))).astype(np.uint32),
        shares.outputs[upwards],
        shares.expected,
        np.zeros(most, np.uint64),
        np.zeros(most, np.uint64),
        np.zeros(most),
        np.zeros(len(inners)),
        _aligned((8 * most,), np.float64),
        _aligned((8 * most,), np.float64),
        np.zeros(shares.outputs_count),
    )


def _lay_tree(shares: Shares, tree: int) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints]:
    """Of one tree: its inner nodes level by level and its last nodes (of the forest), places of its single leaves; where its
    inner nodes stand, from the last of `Shares` to the first; by node where it stands, and the place it is reached at.
    """
    first, count = int(shares.node_starts[tree]), int(shares.upper_counts[tree])
    children = shares.places[first : int(shares.node_starts[tree + 1])].astype(np.int64)
    found, level = [0] * bool(count), [0] * bool(count)
    while level:
        level = [child for node in level for child in children[node].tolist() if child < count]
        found += level
    stands_at = np.zeros(len(children), np.int64)
    stands_at[found] = np.arange(count)
    leaves = int(shares.leaf_starts[tree + 1] - shares.leaf_starts[tree])
    place = np.zeros(len(children) + leaves, np.int64)
    place[children[found].ravel()] = 4 * np.arange(2, 2 * count + 2)
    return (
        first + np.array(found, np.int64),
        first + np.arange(count, len(children)),
        place[len(children) :],
        stands_at[:count][::-1],
        stands_at,
        place[: len(children)],
    )


def _pairs(shares: Shares) -> Floats:
    """By round: what says nothing, what is met for the first time, then each feature met again."""
    plain = np.stack([shares.openness, np.ones_like(shares.openness)], axis=1)
    unknown = np.stack([np.ones_like(shares.openness), np.zeros_like(shares.openness)], axis=1)
    rounds, points = shares.openness.shape
    again = shares.repeated.reshape(-1, 2, rounds, points).transpose(2, 0, 1, 3).reshape(rounds, -1, points)
    assert (UNKNOWN_PAIR, PLAIN_PAIR) == (0, 8)
    return _fours(np.concatenate([unknown, plain, again], axis=1).reshape(-1, points))


def _fours(numbers: Floats) -> Floats:
    """Rows of up to four numbers, filled up with 0, one after the other."""
    fours = _aligned((4 * len(numbers),), np.float64)
    fours.reshape(-1, 4)[:, : numbers.shape[1]] = numbers
    return fours


def _aligned(shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
    """Zeros that begin where a line of the cache does."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = np.zeros(size + LINE_BYTES, np.uint8)
    start = -room.ctypes.data % LINE_BYTES
    zeros: npt.NDArray[Any] = room[start : start + size].view(dtype).reshape(shape)
    return zeros
