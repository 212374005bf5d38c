"""A logistic regression's raw score: "how far do these features lean towards fraud, all told?", and what each of them adds."""

import math

import numpy as np
from numba import njit


@njit(
    "void(float64[:, ::1], float64[::1], int64[::1], float64[::1], float64[::1], float64[::1], float64, boolean)",
    error_model="numpy",
    nogil=True,
    cache=True,
)
def add_up(features, out, used, means, scales, weights, intercept, signed_log):
    """out[i] = intercept + sum of weights * (x - mean) / scale, in the order of the model's features.

    x is the feature, or its signed logarithm sign(x) * log(1 + |x|).  A missing or infinite value counts as the mean.
    """
    for i in range(features.shape[0]):
        total = intercept
        for j in range(used.shape[0]):
            x = features[i, used[j]]
            if np.isfinite(x):
                if signed_log:
                    x = math.copysign(math.log1p(abs(x)), x)
                total += weights[j] * ((x - means[j]) / scales[j])
        out[i] = total


@njit(
    "void(float64[:, ::1], float64[:, ::1], int64[::1], float64[::1], float64[::1], float64[::1], float64, boolean)",
    error_model="numpy",
    nogil=True,
    cache=True,
)
def contribute(features, out, used, means, scales, weights, intercept, signed_log):
    """The terms of `add_up` by column of `out` (n, F + 1), 0 for a feature that is not used; the last one is the intercept."""
    for i in range(features.shape[0]):
        for c in range(out.shape[1]):
            out[i, c] = 0.0
        out[i, out.shape[1] - 1] = intercept
        for j in range(used.shape[0]):
            x = features[i, used[j]]
            if np.isfinite(x):
                if signed_log:
                    x = math.copysign(math.log1p(abs(x)), x)
                out[i, used[j]] = weights[j] * ((x - means[j]) / scales[j])


@njit(inline="always")
def place_of_bin(x, j, starts, edges):
    """Where the points of the bin lie that `x` falls into, for the j-th feature of the model."""
    low = starts[j]
    high = starts[j + 1]
    first = low + 2 * j
    if x != x:
        return first + high - low + 1
    begin = low
    while low < high:
        middle = (low + high) // 2
        if edges[middle] < x:
            low = middle + 1
        else:
            high = middle
    return first + low - begin


@njit(
    "void(float64[:, ::1], float64[::1], int64[::1], int64[::1], float64[::1], float64[::1], float64)",
    error_model="numpy",
    nogil=True,
    cache=True,
)
def add_up_bins(features, out, used, starts, edges, points, intercept):
    """out[i] = intercept + sum of the points of the bin that each feature falls into, in the order of the model's features.

    starts: where a feature's edges begin in `edges`, one more than features.  A value's bin is the number of edges below it;
    a missing one has the bin after the last.  points: two more a feature than edges, so a feature's begin at its edges' start
    plus twice its number.
    """
    for i in range(features.shape[0]):
        total = intercept
        for j in range(used.shape[0]):
            total += points[place_of_bin(features[i, used[j]], j, starts, edges)]
        out[i] = total


@njit(
    "void(float64[:, ::1], float64[:, ::1], int64[::1], int64[::1], float64[::1], float64[::1], float64)",
    error_model="numpy",
    nogil=True,
    cache=True,
)
def contribute_bins(features, out, used, starts, edges, points, intercept):
    """The terms of `add_up_bins` by column of `out` (n, F + 1), 0 for a feature that is not used; the last is the intercept."""
    for i in range(features.shape[0]):
        for c in range(out.shape[1]):
            out[i, c] = 0.0
        out[i, out.shape[1] - 1] = intercept
        for j in range(used.shape[0]):
            out[i, used[j]] = points[place_of_bin(features[i, used[j]], j, starts, edges)]
