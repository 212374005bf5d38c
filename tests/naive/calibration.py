"""The slow, obvious meaning of a calibration curve and of a scorecard."""

from __future__ import annotations

import math


def calibrated(raw, at, to, left_slope, right_slope):
    """The value of the curve at one raw score."""
    if math.isnan(raw):
        return raw
    if raw <= at[0]:
        return to[0] + left_slope * (raw - at[0])
    if raw >= at[-1]:
        return to[-1] + right_slope * (raw - at[-1])
    for k in range(len(at) - 1):
        if at[k] <= raw < at[k + 1]:
            return to[k] + (to[k + 1] - to[k]) * ((raw - at[k]) / (at[k + 1] - at[k]))
    raise AssertionError


def points(values, features, edges, woe, weights, intercept):
    """The raw score of one event; `values` by name."""
    total = intercept
    for name, own_edges, own_woe, weight in zip(features, edges, woe, weights, strict=True):
        x = values[name]
        if math.isnan(x):
            total += weight * own_woe[-1]
            continue
        bin_number = 0
        for edge in own_edges:
            if x > edge:
                bin_number += 1
        total += weight * own_woe[bin_number]
    return total
