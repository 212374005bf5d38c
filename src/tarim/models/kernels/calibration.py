"""A calibrated score: "how often was a raw score like this one a fraud?", as a curve of straight pieces.

The curve takes a raw score to the logarithm of the odds of fraud.  It rises everywhere, so the order of raw scores stays.

    at, to                  knots: raw scores (ascending), and what they are taken to (ascending)
    left_slope, right_slope rise below the first and above the last knot, both above 0
"""

from numba import njit


@njit("void(float64[::1], float64[::1], float64[::1], float64, float64)", error_model="numpy", cache=True)
def apply(scores, at, to, left_slope, right_slope):
    """Replace raw scores by calibrated ones, in place; NaN stays.  O(n log knots)."""
    last = at.shape[0] - 1
    for i in range(scores.shape[0]):
        x = scores[i]
        if x <= at[0]:
            scores[i] = to[0] + left_slope * (x - at[0])
        elif x >= at[last]:
            scores[i] = to[last] + right_slope * (x - at[last])
        elif x == x:
            low, high = 0, last
            while high - low > 1:
                middle = (low + high) // 2
                if at[middle] <= x:
                    low = middle
                else:
                    high = middle
            scores[i] = to[low] + (to[high] - to[low]) * ((x - at[low]) / (at[high] - at[low]))
