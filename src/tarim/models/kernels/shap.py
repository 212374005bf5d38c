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

A tree's nodes lie in the order: first those with a node below them, parents first and right before left, then those with two
leaves, left before right, which are done with when they are reached.  Places of a tree: its nodes in this order, then the
leaves of the former.  What the two kinds of nodes add is summed apart: so `kernels.shap_lanes` can keep the same order.
"""

import numpy as np
from numba import njit

from tarim.models.kernels.forest import fill_columns

POINTS = 3
"""Points worked through at a time: exact for six different features on a path, so for trees of depth 6."""
TAKEN_RIGHT = 1
REACHED = 2


@njit(
    "void(float64[:, ::1], float64[:, ::1], int64[::1], int64[::1], float64[::1], float64[:, ::1], float64[:, ::1], int64[::1],"
    " int64[::1], int64[::1], uint32[::1], uint32[::1], float64[::1], uint32[:, ::1], float64[:, ::1], float64[:, ::1],"
    " int64[::1], int8[::1], int64[::1], float64[:, :, ::1], float64[::1], float64, uint8[::1], float64[:, ::1],"
    " float64[:, ::1], float64[::1])",
    error_model="numpy",
    nogil=True,
    cache=True,
)
def contribute(
    features, out, column_features, column_modes, values, weights, openness, node_starts, upper_counts, leaf_starts,
    outputs, columns, thresholds, places, others, ends, ancestors, sides, repeats, repeated, leaf_values, expected, ways,
    reach, below, sums,
):  # fmt: skip
    """Contributions of every event into out (n, F + 1); the last column is the mean of the forest over its training rows.

    column_features, column_modes, values: as the walkers have them (`kernels.forest`).  weights, openness: (rounds, POINTS),
    weight and 1 - p of the points.  node_starts, leaf_starts: where a tree's nodes and leaves begin, and where the last ends.
    upper_counts: by tree, nodes that have a node below.
    By node: outputs (column of `out`), columns, thresholds, places (left and right child's place in the tree), others (the
    share of the branch not taken, if left or if right is taken), ends (leaf values of a node with two leaves), ancestors
    (nearest node in the tree with the same feature, or -1), sides (on which side of it), repeats (row in `repeated`).
    repeated: (repeats, 2, rounds * POINTS), q and the slope's factor.
    ways, reach, below: scratch, one row a place of the largest tree.  sums: scratch, a number a feature.
    """
    one = np.uint64(1)
    for i in range(features.shape[0]):
        fill_columns(features, i, column_features, column_modes, values)
        for c in range(out.shape[1]):
            out[i, c] = 0.0
        sums[:] = 0.0
        for r in range(weights.shape[0]):
            f0, f1, f2 = openness[r, 0], openness[r, 1], openness[r, 2]
            at = r * POINTS
            for t in range(upper_counts.shape[0]):
                start = np.uint64(node_starts[t])
                count = np.uint64(node_starts[t + 1]) - start
                uppers = np.uint64(upper_counts[t])
                first_leaf = np.uint64(leaf_starts[t])
                reach[0, 0], reach[0, 1], reach[0, 2] = weights[r, 0], weights[r, 1], weights[r, 2]
                for m in range(uppers):
                    k = start + m
                    taken = np.uint64(not values[columns[k]] <= thresholds[k])
                    share = others[k, taken]
                    way = np.uint8(taken) | np.uint8(REACHED)
                    e0, e1, e2 = f0 * share, f1 * share, f2 * share
                    ancestor = ancestors[k]
                    if ancestor >= 0:
                        if ways[ancestor] == sides[k]:
                            q = repeated[repeats[k], 0]
                            e0, e1, e2 = q[at] * share, q[at + 1] * share, q[at + 2] * share
                        else:
                            e0, e1, e2 = share, share, share
                            way = np.uint8(taken)
                    ways[m] = way
                    a0, a1, a2 = reach[m, 0], reach[m, 1], reach[m, 2]
                    o0, o1, o2 = a0 * e0, a1 * e1, a2 * e2
                    to, other = np.uint64(places[k, taken]), np.uint64(places[k, one - taken])
                    reach[to, 0], reach[to, 1], reach[to, 2] = a0 - o0, a1 - o1, a2 - o2
                    reach[other, 0], reach[other, 1], reach[other, 2] = o0, o1, o2
                for m in range(uppers, count):
                    k = start + m
                    taken = np.uint64(not values[columns[k]] <= thresholds[k])
                    value = ends[k, taken]
                    step = others[k, taken] * (value - ends[k, one - taken])
                    ancestor = ancestors[k]
                    if ancestor < 0:
                        below[m, 0], below[m, 1], below[m, 2] = value - f0 * step, value - f1 * step, value - f2 * step
                        out[i, outputs[k]] += (reach[m, 0] + reach[m, 1] + reach[m, 2]) * step
                    elif ways[ancestor] == sides[k]:
                        q, g = repeated[repeats[k], 0], repeated[repeats[k], 1]
                        below[m, 0] = value - q[at] * step
                        below[m, 1] = value - q[at + 1] * step
                        below[m, 2] = value - q[at + 2] * step
                        slope = reach[m, 0] * g[at] + reach[m, 1] * g[at + 1] + reach[m, 2] * g[at + 2]
                        out[i, outputs[k]] += slope * step
                    else:
                        below[m, 0] = below[m, 1] = below[m, 2] = value - step
                for m in range(np.uint64(leaf_starts[t + 1]) - first_leaf):
                    below[count + m, 0] = below[count + m, 1] = below[count + m, 2] = leaf_values[first_leaf + m]
                for backwards in range(uppers):
                    m = uppers - one - backwards
                    k = start + m
                    taken = np.uint64(ways[m] & np.uint8(TAKEN_RIGHT))
                    to, other = np.uint64(places[k, taken]), np.uint64(places[k, one - taken])
                    share = others[k, taken]
                    b0, b1, b2 = below[to, 0], below[to, 1], below[to, 2]
                    s0, s1, s2 = (
                        share * (b0 - below[other, 0]),
                        share * (b1 - below[other, 1]),
                        share * (b2 - below[other, 2]),
                    )
                    if ancestors[k] < 0:
                        below[m, 0], below[m, 1], below[m, 2] = b0 - f0 * s0, b1 - f1 * s1, b2 - f2 * s2
                        sums[outputs[k]] += reach[m, 0] * s0 + reach[m, 1] * s1 + reach[m, 2] * s2
                    elif ways[m] >= REACHED:
                        q, g = repeated[repeats[k], 0], repeated[repeats[k], 1]
                        below[m, 0], below[m, 1], below[m, 2] = (
                            b0 - q[at] * s0,
                            b1 - q[at + 1] * s1,
                            b2 - q[at + 2] * s2,
                        )
                        slope = reach[m, 0] * g[at] * s0 + reach[m, 1] * g[at + 1] * s1
                        sums[outputs[k]] += slope + reach[m, 2] * g[at + 2] * s2
                    else:
                        below[m, 0], below[m, 1], below[m, 2] = b0 - s0, b1 - s1, b2 - s2
        for c in range(sums.shape[0]):
            out[i, c] += sums[c]
        out[i, out.shape[1] - 1] = expected
