"""What each feature adds to a forest's raw score, exactly: "why does this event score as it does?"

Path-dependent TreeSHAP (Lundberg, Erion, Lee 2018, arXiv:1802.03888; Lundberg et al. 2020): the Shapley value of each feature
in the game where a feature that is left out is averaged over by the training rows of each branch.  Computed as an integral
(Owen 1972): let every feature be known with probability p; the tree's mean is then a polynomial in p, and a feature's
Shapley value the integral over p of that mean's slope along the feature.  Gauss-Legendre points make the integral exact, as
in Quadrature-TreeSHAP (Wettenstein, Mitchell, Yu 2026, arXiv:2605.04497).

At one point p, with x on the taken side of node m, s the other branch's share of m's training rows, A(m) the weight with which
m is reached and B(m) the mean below m:

    q      = 1 - p                          how much of m's split is averaged over
    step   = s * (B(taken) - B(other))
    B(m)   = B(taken) - q * step            A(other) = A(m) * q * s,  A(taken) = A(m) - A(other)
    slope  = A(m) * step                    added to the feature of m, times the point's weight

When an ancestor splits on the same feature, z is the share of rows that come through those splits and f = p + (1 - p) * z:
as long as x goes the same way, q = (1 - p) * z / f and the slope is times z / f**2; once x has gone another way, the
feature says nothing below: q = 1 and the slope is 0.

The points of a round are the numbers of one four (`kernels.fours`), the last of them 0.  A tree's nodes are of two kinds.
*Inner* nodes have a node below them; they lie parents before children, level by level, so that neighbours do not wait for each
other, and are gone through upwards in reverse.  *Last* nodes have two leaves and are done with when they are reached.  What the
two kinds add is summed apart, each from left to right in depth, whatever the order they are worked out in: so
`kernels.shap_lanes` can keep the same order.  No step depends on a branch that would have to be guessed.
"""

import numpy as np
from numba import from_dtype, njit, types

from tarim.base.kernels.bound import unpacked
from tarim.models.kernels.forest import fill_columns
from tarim.models.kernels.fours import four_times, load_four, minus, store_four, times

POINTS = 3
"""Points worked through at a time: exact for six different features on a path, so for trees of depth 6."""
REACHED = 2
"""A node notes this, plus 1 if the event went right; 0 once it went another way at a node above with the same feature."""
UNKNOWN_PAIR = 0
PLAIN_PAIR = 8
"""Where in `pairs` the pair begins of a feature that says nothing any more, and of one met for the first time."""

_NODE = [
    ("threshold", "f8"), ("left", "f8"), ("right", "f8"), ("column", "u4"), ("place", "u4"), ("pair", "u4"),
    ("ancestor", "u4"), ("side", "u4"),
]  # fmt: skip
INNER = np.dtype([*_NODE, ("spare", "u4")])
"""An inner node.  left, right: the share of the other branch if the event goes there, below 0 for the right.  place: where its
parent left the weight it is reached with.  pair: where its pair begins in `pairs`.  ancestor: 1 + index in the tree of the
nearest node above with the same feature, which must have noted `side`; 0 and 0 without one."""
LAST = np.dtype([*_NODE, ("output", "u4"), ("left_value", "f8"), ("right_value", "f8")])
"""A node with two leaves.  left, right: the step.  output: column of its feature.  left_value, right_value: its leaves."""

_F8, _I8, _U4, _U8 = types.float64, types.int64, types.uint32, types.uint64
_FOREST = unpacked(
    _I8[::1], _I8[::1], _F8[::1], _F8[::1], _F8[::1], _I8[::1], _I8[::1], _I8[::1], from_dtype(INNER)[::1],
    from_dtype(LAST)[::1], _U4[::1], _F8[::1], _U4[::1], _U4[::1], _F8, _U8[::1], _U8[::1], _F8[::1], _F8[::1], _F8[::1],
    _F8[::1], _F8[::1],
)  # fmt: skip


@njit("void(int64[::1], float64[:, ::1], float64[:, ::1])", error_model="numpy", nogil=True, cache=True)
def contribute(table, features, out):
    """Contributions of every event into out (n, F + 1); the last column is the mean of the forest over its training rows.

    table, in this order:
    column_features, column_modes, values: as the walkers have them (`kernels.forest`).
    weights: a four a round, of the points.  pairs: by round all pairs of fours, q and the slope's factor.
    inner_starts, last_starts, leaf_starts: where a tree's inner nodes, last nodes and single leaves begin, and where the last
    ends.  inners, lasts: records of INNER and LAST.  leaf_places, leaf_values: of leaves whose sibling is a node.
    order, outputs: by inner node, in the order of the sum: index among all of them, and column of its feature.
    Places of a tree, of a four each: 8 m + 8 and 8 m + 12 are left and right below inner node m; 0 is the root.
    Scratch: notes (1 + nodes), rows, turns (inner nodes), reach, below (fours), of the largest tree; slopes, a number an
    inner node; sums, a number a feature.
    """
    (
        column_features, column_modes, values, weights, pairs, inner_starts, last_starts, leaf_starts, inners, lasts,
        leaf_places, leaf_values, order, outputs, expected, notes, rows, turns, slopes, reach, below, sums,
    ) = _FOREST(table)  # fmt: skip
    zero, one, four, eight = np.uint64(0), np.uint64(1), np.uint64(4), np.uint64(8)
    rounds = weights.shape[0] // 4
    size = np.uint64(pairs.shape[0] // rounds)
    notes[0] = zero
    for i in range(features.shape[0]):
        fill_columns(features, i, column_features, column_modes, values)
        for c in range(out.shape[1]):
            out[i, c] = 0.0
        sums[:] = 0.0
        for r in range(rounds):
            weight, base = load_four(weights, np.uint64(4 * r)), np.uint64(r) * size
            for t in range(inner_starts.shape[0] - 1):
                start, count = np.uint64(inner_starts[t]), np.uint64(inner_starts[t + 1] - inner_starts[t])
                for k in range(np.uint64(leaf_starts[t]), np.uint64(leaf_starts[t + 1])):
                    store_four(below, np.uint64(leaf_places[k]), four_times(leaf_values[k]))
                store_four(reach, zero, weight)
                m = zero
                while m < count:
                    node = inners[start + m]
                    right = np.uint64(not values[node.column] <= node.threshold)
                    way = node.right if right != zero else node.left
                    known = np.uint64(notes[np.uint64(node.ancestor)] == np.uint64(node.side))
                    row = base + np.uint64(node.pair) * known
                    rows[m], turns[m] = row, way
                    all_reach = load_four(reach, np.uint64(node.place))
                    other = times(all_reach, times(load_four(pairs, row), four_times(abs(way))))
                    m += one
                    notes[m] = (np.uint64(REACHED) + right) * known
                    taken = eight * m + four * right
                    store_four(reach, taken, minus(all_reach, other))
                    store_four(reach, taken ^ four, other)
                for k in range(np.uint64(last_starts[t]), np.uint64(last_starts[t + 1])):
                    node = lasts[k]
                    place = np.uint64(node.place)
                    goes_left = values[node.column] <= node.threshold
                    step = node.left if goes_left else node.right
                    value = node.left_value if goes_left else node.right_value
                    known = np.uint64(notes[np.uint64(node.ancestor)] == np.uint64(node.side))
                    row = base + np.uint64(node.pair) * known
                    store_four(below, place, minus(four_times(value), times(load_four(pairs, row), four_times(step))))
                    slope = times(load_four(reach, place), load_four(pairs, row + four))
                    out[i, node.output] += (slope[0] + slope[1] + slope[2]) * step
                m = count
                while m != zero:
                    left = eight * m
                    m -= one
                    row, way = rows[m], turns[m]
                    apart = minus(load_four(below, left), load_four(below, left + four))
                    steps = times(four_times(way), apart)
                    taken, place = left + four * np.uint64(way < 0.0), np.uint64(inners[start + m].place)
                    store_four(below, place, minus(load_four(below, taken), times(load_four(pairs, row), steps)))
                    slope = times(times(load_four(reach, place), load_four(pairs, row + four)), steps)
                    slopes[start + m] = slope[0] + slope[1] + slope[2]
            for k in range(order.shape[0]):
                sums[outputs[k]] += slopes[order[k]]
        for c in range(sums.shape[0]):
            out[i, c] += sums[c]
        out[i, out.shape[1] - 1] = expected
