"""How good are weighted scores?  One pass over rows sorted once, so that a bootstrap draws weights and sorts nothing.

Rows are in falling order of score.  `weights` says how often a row was drawn.
"""

import numpy as np
from numba import njit

AUC = 0
KS = 1
AVERAGE_PRECISION = 2
PRECISION = 3
RECALL = 4
MONEY_RECALL = 5
CALIBRATION_ERROR = 6
MEASURES = 7


@njit(
    "void(boolean[::1], float64[::1], boolean[::1], int64, int64[::1], float64[::1], int64[::1], float64[:, ::1],"
    " float64[::1])",
    error_model="numpy",
    nogil=True,
    cache=True,
)
def weigh(fraud, amounts, ends, alerts, bins, probabilities, weights, sums, out):
    """The measures of one draw into `out` (MEASURES,); those that divide by zero are NaN.

    ends: whether a row is the last of its score.  alerts: how many rows, from the first, are alerts.  bins: a row's bin for
    the calibration error, below the rows of `sums`.  sums: scratch, (bins, 3).
    """
    frauds = genuine = money = 0.0
    sums[:, :] = 0.0
    for i in range(fraud.shape[0]):
        w = weights[i]
        if fraud[i]:
            frauds += w
            money += w * amounts[i]
            sums[bins[i], 1] += w
        else:
            genuine += w
        sums[bins[i], 0] += w
        sums[bins[i], 2] += w * probabilities[i]
    hit = missed = caught_money = area = largest = averaged = 0.0
    group_hit = group_missed = 0.0
    precision = recall = money_recall = 0.0
    for i in range(fraud.shape[0]):
        if fraud[i]:
            group_hit += weights[i]
            caught_money += weights[i] * amounts[i]
        else:
            group_missed += weights[i]
        if ends[i]:
            area += group_missed * (hit + 0.5 * group_hit)
            hit += group_hit
            missed += group_missed
            if group_hit > 0:
                averaged += group_hit * hit / (hit + missed)
            distance = abs(hit / frauds - missed / genuine)
            if distance > largest:
                largest = distance
            group_hit = group_missed = 0.0
        if i + 1 == alerts:
            precision = (hit + group_hit) / (hit + group_hit + missed + group_missed)
            recall = (hit + group_hit) / frauds
            money_recall = caught_money / money
    error = 0.0
    for b in range(sums.shape[0]):
        error += abs(sums[b, 1] - sums[b, 2])
    out[AUC] = area / (frauds * genuine)
    out[KS] = largest if frauds > 0 and genuine > 0 else np.nan
    out[AVERAGE_PRECISION] = averaged / frauds
    out[PRECISION] = precision if alerts > 0 else np.nan
    out[RECALL] = recall if frauds > 0 else np.nan
    out[MONEY_RECALL] = money_recall if money > 0 else np.nan
    out[CALIBRATION_ERROR] = error / (frauds + genuine)


@njit(
    "float64(int64[::1], int64[::1], boolean[::1], int64[::1], int64, boolean[::1])",
    error_model="numpy",
    nogil=True,
    cache=True,
)
def card_precision(day_starts, customers, defrauded, weights, top, found):
    """Mean over days of the share of defrauded customers among the day's `top`, a customer counting as often as drawn.

    customers, defrauded: a row a customer and day, days one after the other (day_starts, one more than days), within a day in
    falling order of score.  weights: by customer.  found: scratch, by customer.  A customer found is left out of later days.
    """
    found[:] = False
    total = 0.0
    for day in range(day_starts.shape[0] - 1):
        left = top
        hits = 0
        for i in range(day_starts[day], day_starts[day + 1]):
            customer = customers[i]
            if left == 0:
                break
            if found[customer] or weights[customer] == 0:
                continue
            taken = min(weights[customer], left)
            left -= taken
            if defrauded[i]:
                hits += taken
                found[customer] = True
        total += hits / top
    return total / (day_starts.shape[0] - 1)
