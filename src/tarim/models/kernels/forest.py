"""A forest's raw score, three ways that agree to the last bit: "what do all trees say about this event?"

A *column* is a feature together with the way its splits treat missing values (layout.Mode); every column behaves as a plain
number compared by `<=`, because its missing values are put to the far left or right beforehand.

    sweep           blocks of BLOCK events: each feature becomes the rank of its value among the model's thresholds, a
                    signed byte, and every node of a tree is applied to all events of the block at once; an event stands
                    at a node (>= 0) or in a leaf (~leaf), and only events standing at the node move
    walk_complete   few events, trees of depth <= 8: trees padded to complete ones, eight walked at a time, no branches
    walk_any        few events, any tree

Sums run in the order of the trees everywhere.
"""

import math

import numpy as np
from numba import njit

BLOCK = 256
"""Events swept at a time: their ranks lie in the first-level cache, and 256 bytes are a few vector registers."""
TINY = float(np.float32(1e-35))
"""LightGBM's kZeroThreshold: anything as near to zero as this is zero."""
GROUP = 4
"""Nodes applied in one pass over the block; trees are padded to a multiple with nodes where nobody stands."""
INTERLEAVED = 8
"""Trees walked at a time; forests are padded to a multiple with trees of value 0."""

MODE_NONE = 0
MODE_ZERO_LEFT = 1
MODE_ZERO_RIGHT = 2
MODE_NAN_LEFT = 3
MODE_NAN_RIGHT = 4


@njit(
    "void(float64[:, ::1], int64, int64, int64[::1], int64[::1], int64[::1], float64[::1], int64[::1], int8[::1], int8[::1],"
    " int8[:, ::1], float64[::1], int8[::1])",
    error_model="numpy",
    cache=True,
)
def encode(
    features, first, count, used, starts, steps, thresholds, column_ends, nan_codes, zero_codes, codes, values, ranks
):
    """Codes of `count` events from row `first` on, one row of `codes` a column; what is left of the block repeats the last.

    used, starts, steps, column_ends: by used feature: its column in `features`, the start of its thresholds (ascending, one
    unused place before them, padded with infinity to a power of two), the bits of their number, the end of its columns.
    nan_codes, zero_codes: by column, the code of NaN and of zero.  codes: (columns, BLOCK), ranks less 128.
    values, ranks: scratch of BLOCK.
    """
    column = 0
    for u in range(used.shape[0]):
        f = used[u]
        for e in range(count):
            values[e] = features[first + e, f]
        for e in range(count, BLOCK):
            values[e] = features[first + count - 1, f]
        cuts = thresholds[starts[u] : starts[u] + (1 << steps[u])]
        # Binary search, eight events at a time so that their steps do not wait for each other, in arithmetic instead of
        # branches, which nobody could predict; places are unsigned because a signed index costs a test for negative ones.
        for e in range(0, BLOCK, 8):
            a = b = c = d = g = h = i = j = np.uint64(0)
            for step in range(steps[u] - 1, -1, -1):
                shift = np.uint64(step)
                half = np.uint64(1) << shift
                a += np.uint64(cuts[a + half] < values[e]) << shift
                b += np.uint64(cuts[b + half] < values[e + 1]) << shift
                c += np.uint64(cuts[c + half] < values[e + 2]) << shift
                d += np.uint64(cuts[d + half] < values[e + 3]) << shift
                g += np.uint64(cuts[g + half] < values[e + 4]) << shift
                h += np.uint64(cuts[h + half] < values[e + 5]) << shift
                i += np.uint64(cuts[i + half] < values[e + 6]) << shift
                j += np.uint64(cuts[j + half] < values[e + 7]) << shift
            ranks[e] = np.int8(np.int64(a) - 128)
            ranks[e + 1] = np.int8(np.int64(b) - 128)
            ranks[e + 2] = np.int8(np.int64(c) - 128)
            ranks[e + 3] = np.int8(np.int64(d) - 128)
            ranks[e + 4] = np.int8(np.int64(g) - 128)
            ranks[e + 5] = np.int8(np.int64(h) - 128)
            ranks[e + 6] = np.int8(np.int64(i) - 128)
            ranks[e + 7] = np.int8(np.int64(j) - 128)
        while column < column_ends[u]:
            row = codes[column]
            nan_code = nan_codes[column]
            zero_code = zero_codes[column]
            for e in range(BLOCK):
                code = zero_code if abs(values[e]) <= TINY else ranks[e]
                row[e] = nan_code if values[e] != values[e] else code
            column += 1


@njit(
    "void(int64[::1], int8[::1], int8[::1], int8[::1], int64[::1], int8[::1], float64[:, ::1], int8[:, ::1], int8[::1],"
    " float64[::1])",
    error_model="numpy",
    cache=True,
)
def sweep(columns, bounds, lefts, rights, tree_starts, roots, leaf_values, codes, places, sums):
    """Raw scores of one block into `sums`, from its codes.

    columns, bounds, lefts, rights: by node, trees one after the other, each a multiple of GROUP long; an event goes right
    when its code is above the bound.  roots: where an event starts, 0 or ~0.  leaf_values: (trees, 128).
    places: scratch of BLOCK bytes.
    """
    for e in range(BLOCK):
        sums[e] = 0.0
    for t in range(roots.shape[0]):
        root = roots[t]
        for e in range(BLOCK):
            places[e] = root
        start = tree_starts[t]
        for i in range(start, tree_starts[t + 1], GROUP):
            row0, bound0, left0, right0, node0 = codes[columns[i]], bounds[i], lefts[i], rights[i], np.int8(i - start)
            i1 = i + 1
            row1, bound1, left1, right1, node1 = (
                codes[columns[i1]],
                bounds[i1],
                lefts[i1],
                rights[i1],
                np.int8(i1 - start),
            )
            i2 = i + 2
            row2, bound2, left2, right2, node2 = (
                codes[columns[i2]],
                bounds[i2],
                lefts[i2],
                rights[i2],
                np.int8(i2 - start),
            )
            i3 = i + 3
            row3, bound3, left3, right3, node3 = (
                codes[columns[i3]],
                bounds[i3],
                lefts[i3],
                rights[i3],
                np.int8(i3 - start),
            )
            for e in range(BLOCK):
                place = places[e]
                child = right0 if row0[e] > bound0 else left0
                place = child if place == node0 else place
                child = right1 if row1[e] > bound1 else left1
                place = child if place == node1 else place
                child = right2 if row2[e] > bound2 else left2
                place = child if place == node2 else place
                child = right3 if row3[e] > bound3 else left3
                place = child if place == node3 else place
                places[e] = place
        values = leaf_values[t]
        for e in range(BLOCK):
            sums[e] += values[np.uint8(~places[e])]


@njit(inline="always")
def fill_columns(features, i, column_features, column_modes, values):
    """The value of each column for event `i`: a number; for a missing one minus infinity (left) or NaN (right)."""
    for c in range(column_features.shape[0]):
        x = features[i, column_features[c]]
        mode = column_modes[c]
        if mode <= MODE_ZERO_RIGHT:
            if x != x:
                x = 0.0
            missing = mode != MODE_NONE and abs(x) <= TINY
        else:
            missing = x != x
        if abs(x) <= TINY:
            x = 0.0
        if missing:
            x = -np.inf if mode == MODE_ZERO_LEFT or mode == MODE_NAN_LEFT else np.nan
        values[c] = x


@njit(
    "void(float64[:, ::1], float64[::1], int64[::1], int64[::1], float64[::1], int64, float64[:, ::1], uint16[:, ::1],"
    " float64[:, ::1])",
    error_model="numpy",
    cache=True,
)
def walk_complete(features, out, column_features, column_modes, values, depth, thresholds, columns, leaf_values):
    """Raw scores of every event, from complete trees of `depth`; values: scratch, one number a column.

    Node k of a tree has children 2k + 1 and 2k + 2.  thresholds, columns: (trees, 2**depth - 1), leaf_values: (trees,
    2**depth); trees are a multiple of INTERLEAVED, those added to make it so have leaves of 0.
    """
    one = np.uint64(1)
    inner = (one << np.uint64(depth)) - one
    for i in range(features.shape[0]):
        fill_columns(features, i, column_features, column_modes, values)
        total = 0.0
        for t in range(0, thresholds.shape[0], INTERLEAVED):
            a = b = c = d = e = f = g = h = np.uint64(0)  # unsigned: a signed index costs a test for negative ones
            for _ in range(depth):
                a = a + a + one + np.uint64(not values[columns[t, a]] <= thresholds[t, a])
                b = b + b + one + np.uint64(not values[columns[t + 1, b]] <= thresholds[t + 1, b])
                c = c + c + one + np.uint64(not values[columns[t + 2, c]] <= thresholds[t + 2, c])
                d = d + d + one + np.uint64(not values[columns[t + 3, d]] <= thresholds[t + 3, d])
                e = e + e + one + np.uint64(not values[columns[t + 4, e]] <= thresholds[t + 4, e])
                f = f + f + one + np.uint64(not values[columns[t + 5, f]] <= thresholds[t + 5, f])
                g = g + g + one + np.uint64(not values[columns[t + 6, g]] <= thresholds[t + 6, g])
                h = h + h + one + np.uint64(not values[columns[t + 7, h]] <= thresholds[t + 7, h])
            total += leaf_values[t, a - inner]
            total += leaf_values[t + 1, b - inner]
            total += leaf_values[t + 2, c - inner]
            total += leaf_values[t + 3, d - inner]
            total += leaf_values[t + 4, e - inner]
            total += leaf_values[t + 5, f - inner]
            total += leaf_values[t + 6, g - inner]
            total += leaf_values[t + 7, h - inner]
        out[i] = total


@njit(
    "void(float64[:, ::1], float64[::1], int64[::1], int64[::1], float64[::1], int64[::1], int64[::1], float64[::1],"
    " int64[::1], int64[::1], int64[::1], float64[::1])",
    error_model="numpy",
    cache=True,
)
def walk_any(
    features,
    out,
    column_features,
    column_modes,
    values,
    roots,
    columns,
    thresholds,
    lefts,
    rights,
    leaf_starts,
    leaf_values,
):
    """Raw scores of every event, from trees of any shape.

    columns, thresholds, lefts, rights: by node of the whole forest; children >= 0 are nodes of the whole forest, below 0
    the leaf ~child of the tree.  roots: by tree, likewise.  leaf_starts: where a tree's leaves begin in leaf_values.
    """
    for i in range(features.shape[0]):
        fill_columns(features, i, column_features, column_modes, values)
        total = 0.0
        for t in range(roots.shape[0]):
            node = roots[t]
            while node >= 0:
                node = lefts[node] if values[columns[node]] <= thresholds[node] else rights[node]
            total += leaf_values[leaf_starts[t] + ~node]
        out[i] = total


@njit("void(float64[::1], float64)", error_model="numpy", cache=True)
def to_probability(scores, sigmoid):
    """Raw scores to probabilities, in place, as LightGBM does it."""
    for i in range(scores.shape[0]):
        scores[i] = 1.0 / (1.0 + math.exp(-sigmoid * scores[i]))
