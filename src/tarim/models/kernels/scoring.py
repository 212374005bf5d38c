"""A model's score in one call: "how likely is each of these events a fraud?", everything of the model in a table.

A scoring kernel takes (table, features (n, F), out (n,)); what its table (`tarim.base.kernels.bound`) holds is said with each.
Raw scores come from whichever kernel the model's kind has, called by its address, so one `score` serves every model, and a
kernel that decides (`tarim.decisions`) may call it in turn without knowing one.
"""

from numba import njit, types

from tarim.base.kernels.bound import BOUND, call_bound, unpacked
from tarim.models.kernels import calibration, forest, logistic

SIGNATURE = "void(int64[::1], float64[:, ::1], float64[::1])"
SWEEP_EVENTS_MIN = 128
"""From so many events on, sweeping a whole block (even partly empty) is cheaper than walking each."""

_F8, _I8, _I1, _U2 = types.float64, types.int64, types.int8, types.uint16
_COLUMNS = (_I8[::1], _I8[::1], _F8[::1])
_COMPLETE = unpacked(*_COLUMNS, _I8, _F8[:, ::1], _U2[:, ::1], _F8[:, ::1])
_ANY = unpacked(*_COLUMNS, _I8[::1], _I8[::1], _F8[::1], _I8[::1], _I8[::1], _I8[::1], _F8[::1])
_ENCODED = (_I8[::1], _I8[::1], _I8[::1], _F8[::1], _I8[::1], _I1[::1], _I1[::1], _I1[:, ::1], _F8[::1], _I1[::1])
_SWEPT = (_I8[::1], _I1[::1], _I1[::1], _I1[::1], _I8[::1], _I1[::1], _F8[:, ::1], _I1[::1], _F8[::1])
_SWEEP = unpacked(*_ENCODED, *_SWEPT)
_FOREST = unpacked(BOUND, BOUND, _I8)
_LINEAR = unpacked(_I8[::1], _F8[::1], _F8[::1], _F8[::1], _F8, _I8)
_BINS = unpacked(_I8[::1], _I8[::1], _F8[::1], _F8[::1], _F8)
_MODEL = unpacked(BOUND, _F8, _F8[::1], _F8[::1], _F8, _F8)


@njit(SIGNATURE, error_model="numpy", cache=True)
def walk_complete(table, features, out):
    """Raw scores, one event after the other.  table: the arguments of `forest.walk_complete` after `out`."""
    forest.walk_complete(features, out, *_COMPLETE(table))


@njit(SIGNATURE, error_model="numpy", cache=True)
def walk_any(table, features, out):
    """Raw scores, one event after the other.  table: the arguments of `forest.walk_any` after `out`."""
    forest.walk_any(features, out, *_ANY(table))


@njit(SIGNATURE, error_model="numpy", cache=True)
def sweep(table, features, out):
    """Raw scores, a block of events at a time.  table: of `forest.encode` after `count`, then of `forest.sweep`, no codes."""
    (
        used, starts, steps, thresholds, column_ends, nan_codes, zero_codes, codes, values, ranks,
        columns, bounds, lefts, rights, tree_starts, roots, leaf_values, places, sums,
    ) = _SWEEP(table)  # fmt: skip
    for first in range(0, out.shape[0], forest.BLOCK):
        size = min(forest.BLOCK, out.shape[0] - first)
        forest.encode(
            features, first, size, used, starts, steps, thresholds, column_ends, nan_codes, zero_codes, codes, values, ranks
        )  # fmt: skip
        forest.sweep(columns, bounds, lefts, rights, tree_starts, roots, leaf_values, codes, places, sums)
        for e in range(size):
            out[first + e] = sums[e]


@njit(SIGNATURE, error_model="numpy", cache=True)
def forest_score(table, features, out):
    """Raw scores, by whichever way is cheapest for so many events.  table: the walk, the sweep, whether it can be swept."""
    walked, swept, can_sweep = _FOREST(table)
    count, done = out.shape[0], 0
    if can_sweep != 0 and count >= SWEEP_EVENTS_MIN:
        done = count - count % forest.BLOCK
        if count - done >= SWEEP_EVENTS_MIN:
            done = count
        call_bound(swept, (features[:done], out[:done]))
    if done < count:
        call_bound(walked, (features[done:], out[done:]))


@njit(SIGNATURE, error_model="numpy", cache=True)
def linear_score(table, features, out):
    """Raw scores.  table: the arguments of `logistic.add_up` after `out`."""
    used, means, scales, weights, intercept, signed_log = _LINEAR(table)
    logistic.add_up(features, out, used, means, scales, weights, intercept, signed_log != 0)


@njit(SIGNATURE, error_model="numpy", cache=True)
def bins_score(table, features, out):
    """Raw scores.  table: the arguments of `logistic.add_up_bins` after `out`."""
    logistic.add_up_bins(features, out, *_BINS(table))


@njit(SIGNATURE, error_model="numpy", cache=True)
def raw_score(table, features, out):
    """Raw scores of a model.  table: as `score` has it."""
    call_bound(_MODEL(table)[0], (features, out))


@njit(SIGNATURE, error_model="numpy", cache=True)
def score(table, features, out):
    """Probabilities.  table: the raw score, its sigmoid's factor, the arguments of `calibration.apply`, no knots for none."""
    raw, sigmoid, at, to, left_slope, right_slope = _MODEL(table)
    call_bound(raw, (features, out))
    if at.shape[0] > 0:
        calibration.apply(out, at, to, left_slope, right_slope)
    forest.to_probability(out, sigmoid)
