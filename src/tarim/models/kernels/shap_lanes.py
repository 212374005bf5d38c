"""What each feature adds, for many events at once: the sums of `kernels.shap` to the last bit, events side by side.

Every step is done for up to LANES events before the next, so that it is a loop over plain arrays which the compiler turns into
vector instructions.  A tree is gone through in depth: each node is a step down and, when both its children are done, a step up;
a node with two leaves is one step.  So the reach and the mean below are held for the nodes on one path only, and stay in the
first-level cache.  The mean below a node is written where its reach was, once that has been used.

Slots: 0 for the root, 2 d + 2 and 2 d + 3 for the left and the right child of a node at depth d.
"""

import numpy as np
from numba import njit

from tarim.models.kernels.forest import fill_columns
from tarim.models.kernels.shap import POINTS, REACHED

LANES = 64
"""Events side by side: eight of the widest registers, and few enough for the cache."""
STEP_DOWN = 0
STEP_ENDS = 1
STEP_UP = 2
STEP_LEAF = 3


@njit(inline="always")
def _down(size, x, bound, left, right, f, reach, turn, trail, low, high):
    """Which way each event goes, and with what weight each child is reached; no node above has the feature."""
    f0, f1, f2 = f
    for e in range(size):
        way = left if x[e] <= bound else right
        turn[e] = trail[e] = way
        share = abs(way)
        a0, a1, a2 = reach[0, e], reach[1, e], reach[2, e]
        o0, o1, o2 = a0 * (f0 * share), a1 * (f1 * share), a2 * (f2 * share)
        t0, t1, t2 = a0 - o0, a1 - o1, a2 - o2
        low[0, e], high[0, e] = (t0, o0) if way > 0.0 else (o0, t0)
        low[1, e], high[1, e] = (t1, o1) if way > 0.0 else (o1, t1)
        low[2, e], high[2, e] = (t2, o2) if way > 0.0 else (o2, t2)


@njit(inline="always")
def _down_again(size, x, bound, left, right, q, reach, turn, trail, low, high, above, sign):
    """The same where a node above has the feature; `trail` is 0 once the event went another way there."""
    q0, q1, q2 = q
    for e in range(size):
        way = left if x[e] <= bound else right
        known = above[e] * sign > 0.0
        turn[e] = way
        trail[e] = way if known else 0.0
        share = abs(way)
        a0, a1, a2 = reach[0, e], reach[1, e], reach[2, e]
        o0 = a0 * ((q0 if known else 1.0) * share)
        o1 = a1 * ((q1 if known else 1.0) * share)
        o2 = a2 * ((q2 if known else 1.0) * share)
        t0, t1, t2 = a0 - o0, a1 - o1, a2 - o2
        low[0, e], high[0, e] = (t0, o0) if way > 0.0 else (o0, t0)
        low[1, e], high[1, e] = (t1, o1) if way > 0.0 else (o1, t1)
        low[2, e], high[2, e] = (t2, o2) if way > 0.0 else (o2, t2)


@njit(inline="always")
def _ends(size, x, bound, left, right, f, state, sums, left_value, right_value):
    """A node with two leaves: its slope to the sums, the mean below it in place of its reach."""
    f0, f1, f2 = f
    apart = left_value - right_value
    for e in range(size):
        step = (left if x[e] <= bound else right) * apart
        value = left_value if x[e] <= bound else right_value
        sums[e] += (state[0, e] + state[1, e] + state[2, e]) * step
        state[0, e], state[1, e], state[2, e] = value - f0 * step, value - f1 * step, value - f2 * step


@njit(inline="always")
def _ends_again(size, x, bound, left, right, q, g, state, sums, left_value, right_value, above, sign):
    """The same where a node above has the feature."""
    q0, q1, q2 = q
    g0, g1, g2 = g
    apart = left_value - right_value
    for e in range(size):
        step = (left if x[e] <= bound else right) * apart
        value = left_value if x[e] <= bound else right_value
        known = above[e] * sign > 0.0
        slope = (state[0, e] * g0 + state[1, e] * g1 + state[2, e] * g2) * step
        sums[e] += slope if known else 0.0
        state[0, e] = value - (q0 if known else 1.0) * step
        state[1, e] = value - (q1 if known else 1.0) * step
        state[2, e] = value - (q2 if known else 1.0) * step


@njit(inline="always")
def _up(size, f, state, sums, turn, low, high):
    """A node whose children are done."""
    f0, f1, f2 = f
    for e in range(size):
        way = turn[e]
        l0, l1, l2 = low[0, e], low[1, e], low[2, e]
        h0, h1, h2 = high[0, e], high[1, e], high[2, e]
        s0, s1, s2 = way * (l0 - h0), way * (l1 - h1), way * (l2 - h2)
        sums[e] += state[0, e] * s0 + state[1, e] * s1 + state[2, e] * s2
        state[0, e] = (l0 if way > 0.0 else h0) - f0 * s0
        state[1, e] = (l1 if way > 0.0 else h1) - f1 * s1
        state[2, e] = (l2 if way > 0.0 else h2) - f2 * s2


@njit(inline="always")
def _up_again(size, q, g, state, sums, turn, trail, low, high):
    """The same where a node above has the feature."""
    q0, q1, q2 = q
    g0, g1, g2 = g
    for e in range(size):
        way, known = turn[e], trail[e] != 0.0
        l0, l1, l2 = low[0, e], low[1, e], low[2, e]
        h0, h1, h2 = high[0, e], high[1, e], high[2, e]
        s0, s1, s2 = way * (l0 - h0), way * (l1 - h1), way * (l2 - h2)
        slope = state[0, e] * g0 * s0 + state[1, e] * g1 * s1 + state[2, e] * g2 * s2
        sums[e] += slope if known else 0.0
        state[0, e] = (l0 if way > 0.0 else h0) - (q0 if known else 1.0) * s0
        state[1, e] = (l1 if way > 0.0 else h1) - (q1 if known else 1.0) * s1
        state[2, e] = (l2 if way > 0.0 else h2) - (q2 if known else 1.0) * s2


@njit(
    "void(float64[:, ::1], float64[:, ::1], int64[::1], int64[::1], float64[:, ::1], float64[:, ::1], uint32[::1], uint32[::1],"
    " float64[::1], float64[:, ::1], int8[::1], int64[::1], float64[:, :, ::1], float64[::1], float64, int64[::1], uint8[::1],"
    " uint32[::1], uint32[::1], uint32[::1], int64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1],"
    " float64[:, :, ::1], float64[:, :, ::1])",
    error_model="numpy",
    nogil=True,
    cache=True,
)
def contribute_side_by_side(
    features, out, column_features, column_modes, weights, openness, outputs, columns, thresholds, ends, sides, repeats,
    repeated, leaf_values, expected, step_starts, kinds, nodes, depths, slots, ancestor_depths, signed_others, values, turns,
    trails, state, sums,
):  # fmt: skip
    """Contributions of every event into out (n, F + 1), as `kernels.shap.contribute`, whose arguments the first ones are.

    step_starts: where a tree's steps begin, and where the last end.
    By step: kinds (STEP_...), nodes (of the whole forest; of a leaf its index in leaf_values), depths, slots.
    By node: ancestor_depths (depth of its ancestor with the same feature, or -1), signed_others (`others`, below 0 for the
    right, so that the sign tells which way an event went).
    Scratch: values (columns, LANES); turns, trails (depth, LANES); state (2 depth + 2, POINTS, LANES); sums (2, features
    up to the last one used, LANES), of the nodes with two leaves and of the others.
    """
    for first in range(0, features.shape[0], LANES):
        size = min(LANES, features.shape[0] - first)
        for e in range(size):
            fill_columns(features, first + e, column_features, column_modes, values[:, e])
        sums[:] = 0.0
        for r in range(weights.shape[0]):
            at = r * POINTS
            f = openness[r, 0], openness[r, 1], openness[r, 2]
            for t in range(step_starts.shape[0] - 1):
                for p in range(POINTS):
                    for e in range(size):
                        state[0, p, e] = weights[r, p]
                for i in range(step_starts[t], step_starts[t + 1]):
                    kind, k, own = kinds[i], nodes[i], state[slots[i]]
                    if kind == STEP_LEAF:
                        value = leaf_values[k]
                        for p in range(POINTS):
                            for e in range(size):
                                own[p, e] = value
                        continue
                    d = np.uint64(depths[i])
                    low, high = state[d + d + np.uint64(2)], state[d + d + np.uint64(3)]
                    x, bound, left, right = values[columns[k]], thresholds[k], signed_others[k, 0], signed_others[k, 1]
                    turn, trail = turns[d], trails[d]
                    total = sums[0 if kind == STEP_ENDS else 1, outputs[k]]
                    ancestor = ancestor_depths[k]
                    if ancestor < 0:
                        if kind == STEP_DOWN:
                            _down(size, x, bound, left, right, f, own, turn, trail, low, high)
                        elif kind == STEP_ENDS:
                            _ends(size, x, bound, left, right, f, own, total, ends[k, 0], ends[k, 1])
                        else:
                            _up(size, f, own, total, turn, low, high)
                        continue
                    q = repeated[repeats[k], 0, at], repeated[repeats[k], 0, at + 1], repeated[repeats[k], 0, at + 2]
                    g = repeated[repeats[k], 1, at], repeated[repeats[k], 1, at + 1], repeated[repeats[k], 1, at + 2]
                    above, sign = trails[ancestor], 1.0 if sides[k] == REACHED else -1.0
                    if kind == STEP_DOWN:
                        _down_again(size, x, bound, left, right, q, own, turn, trail, low, high, above, sign)
                    elif kind == STEP_ENDS:
                        _ends_again(size, x, bound, left, right, q, g, own, total, ends[k, 0], ends[k, 1], above, sign)
                    else:
                        _up_again(size, q, g, own, total, turn, trail, low, high)
        for e in range(size):
            for c in range(sums.shape[1]):
                out[first + e, c] = sums[0, c, e] + sums[1, c, e]
            for c in range(sums.shape[1], out.shape[1] - 1):
                out[first + e, c] = 0.0
            out[first + e, out.shape[1] - 1] = expected
