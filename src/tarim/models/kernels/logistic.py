"""A logistic regression's raw score: "how far do these features lean towards fraud, all told?"."""

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
