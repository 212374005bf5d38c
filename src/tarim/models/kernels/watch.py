"""Counts of what went into decisions, hour by hour: "into which bin does each watched column of each event fall?"

State, owned by the caller and updated in place:

    counts[slot, column, bin]   int64   events of the hour that the slot holds; slot = hour % slots
    strata[slot, stratum]       int64   the same events by stratum: PARTS * group of kind and channel + part (`part_of`)
    head[OPEN_HOUR]             int64   the newest hour, in hours since the epoch; -1 before the first event
    head[TAKEN]                 int64   events counted
    head[TOO_LATE]              int64   events older than the oldest slot, which are left out
    head[NEXT_SEQ]              int64   position after the last event seen
    head[FIRST_HOUR]            int64   the first hour counted in full; kept by the caller

Bin 0 of every column holds what is missing.  A numeric value falls into bin 1 + (edges below it); a code into 1 + its place
in the table, and one that is not there into the bin after them.
"""

from __future__ import annotations

import numba as nb
import numpy as np

SCORE, AMOUNT, CODE, HOUR_OF_DAY, AMOUNT_OF_CHANNEL, MIX, FEATURE = 0, 1, 2, 3, 4, 5, 6
"""What a column reads: the score, the amount of the row, a coded word of the row, the local hour, the amount of the events of
one channel, a coded word that is about the mix of events, or a feature.  Columns of features come after all others, in the
order of the features."""

OPEN_HOUR, TAKEN, TOO_LATE, NEXT_SEQ, FIRST_HOUR = 0, 1, 2, 3, 4
HEAD_WORDS = 5
BINS = 16
GROUPS_MAX = 32
PARTS = 3
MONTH_BEGIN_DAYS = 5
PAIRS = 256
"""Places of (kind, channel) in the table of groups: kind * 8 + channel."""

_SEQ, _OCCURRED_MS, _AMOUNT_FEN, _KIND, _CHANNEL = 0, 1, 12, 13, 14
_LABEL_KIND = 11
_API = 6
_HOUR_MS = 3_600_000
_LOCAL_HOURS = 8
_HOURS_PER_BIN = 2


@nb.njit("i8(f8, f8[:,::1], i8)", inline="always", cache=True)
def bin_of_number(value, edges, c):
    """0 for a missing value, else 1 + the edges of column c below it; edges: (columns, BINS - 1), infinite beyond the last."""
    if value != value:
        return 0
    below = 8 * (value > edges[c, 7])
    below += 4 * (value > edges[c, below + 3])
    below += 2 * (value > edges[c, below + 1])
    below += 1 * (value > edges[c, below])
    return 1 + below


@nb.njit(
    "i8(i8[:,::1], f8, i8, i8, i8, i8[::1], i8[::1], f8[:,::1], i8[:,::1], i8[::1], i8)", inline="always", cache=True
)
def bin_of(rows, score, scored, i, hour, reads, places, edges, codes, sizes, c):
    """The bin of event i in column c, which is no feature's; -1 when the column does not count it."""
    read, place = reads[c], places[c]
    if read == CODE or read == MIX:
        word = rows[i, place]
        if word == 0:
            return 0
        k = 0
        while k < sizes[c] and codes[c, k] != word:
            k += 1
        return 1 + k
    if read == HOUR_OF_DAY:
        return 1 + (hour + _LOCAL_HOURS) % 24 // _HOURS_PER_BIN
    if read == SCORE:
        return bin_of_number(score, edges, c) if scored else -1
    if read == AMOUNT_OF_CHANNEL and rows[i, _CHANNEL] != place:
        return -1
    amount = rows[i, _AMOUNT_FEN]
    return 0 if amount == 0 else bin_of_number(float(amount), edges, c)


@nb.njit("i8(i8)", cache=True)
def part_of(hour):
    """The part of the month of an hour since the epoch, in China: 2 its first days (rents, instalments), 1 a weekend, else 0.

    Days to a date by the Gregorian calendar: H. Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
    """
    days = (hour + _LOCAL_HOURS) // 24
    of_era = (days + 719_468) % 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    if of_year - (153 * ((5 * of_year + 2) // 153) + 2) // 5 < MONTH_BEGIN_DAYS:
        return 2
    return 1 if (days + 3) % 7 >= 5 else 0  # 1970-01-01 was a Thursday


@nb.njit("void(i8[::1], i8[::1])", cache=True)
def parts_of(hours, out):
    """out[i] = part_of(hours[i]); shape (n,) each."""
    for i in range(hours.shape[0]):
        out[i] = part_of(hours[i])


@nb.njit("i8(i8[:,::1], i8, i8[::1])", inline="always", cache=True)
def group_of(rows, i, groups):
    """The group of event i: by kind and channel, 0 for a pair that has none of its own."""
    pair = rows[i, _KIND] * 8 + rows[i, _CHANNEL]
    return int(groups[pair]) if 0 <= pair < PAIRS else 0


@nb.njit(
    "i8(i8[:,::1], f8[:,::1], f8[:], i8, i8[::1], i8[::1], f8[:,::1], i8[:,::1], i8[::1], i8[::1], i8, "
    "i8[:,:,::1], i8[:,::1], i8[::1])",
    cache=True,
    nogil=True,
)
def fold(rows, features, scores, start, reads, places, edges, codes, sizes, groups, batch, counts, strata, head):
    """Count events from `start` on; the index of the first one that begins a later hour, which is not taken, or len(rows).

    rows (n, 32); features (n, F), NaN missing; scores (n,), NaN for none, or shape (0,): the score's column is left alone.
    reads, places, sizes: shape (columns,), what a column reads, which feature, word or channel, and how many edges or codes it
    has.  edges, codes: shapes (columns, BINS - 1) and (columns, BINS - 2), edges ascending and then infinite.  groups: shape
    (PAIRS,).  batch: a channel by which batches come, not people (-1: none): its events are counted in the amounts of the
    channel and in their stratum only.  Labels are no events of anybody and are passed over.  O(n x columns), allocates nothing.
    """
    slots = counts.shape[0]
    scored = 1 if scores.shape[0] == rows.shape[0] else 0
    first = reads.shape[0] - features.shape[1]
    for i in range(start, rows.shape[0]):
        if rows[i, _KIND] == _LABEL_KIND:
            head[NEXT_SEQ] = rows[i, _SEQ] + 1
            continue
        hour = rows[i, _OCCURRED_MS] // _HOUR_MS
        if hour > head[OPEN_HOUR]:
            return i
        head[NEXT_SEQ] = rows[i, _SEQ] + 1
        if hour <= head[OPEN_HOUR] - slots:
            head[TOO_LATE] += 1
            continue
        head[TAKEN] += 1
        slot = hour % slots
        strata[slot, PARTS * group_of(rows, i, groups) + part_of(hour)] += 1
        score = scores[i] if scored else np.nan
        whole = rows[i, _CHANNEL] != batch
        for c in range(first):
            if whole or reads[c] == AMOUNT_OF_CHANNEL:
                place = bin_of(rows, score, scored, i, hour, reads, places, edges, codes, sizes, c)
                if place >= 0:
                    counts[slot, c, place] += 1
        if whole:
            for c in range(first, reads.shape[0]):
                counts[slot, c, bin_of_number(features[i, c - first], edges, c)] += 1
    return rows.shape[0]


@nb.njit(
    "void(i8[:,::1], f8[:,::1], f8[:], i8, i8, i8[::1], i8[::1], f8[:,::1], i8[:,::1], i8[::1], i8[::1], i8, "
    "i4[:,:,:,::1])",
    cache=True,
    nogil=True,
)
def tally(rows, features, scores, first_hour, part_hours, reads, places, edges, codes, sizes, groups, batch, counts):
    """Count events by part of the span, group, column and bin: counts[part, group, column, bin], int32.

    A part is `part_hours` long, the first begins at `first_hour`; events before and after all parts are passed over, like
    labels.  The rest is as in `fold`.
    """
    scored = 1 if scores.shape[0] == rows.shape[0] else 0
    first = reads.shape[0] - features.shape[1]
    for i in range(rows.shape[0]):
        hour = rows[i, _OCCURRED_MS] // _HOUR_MS
        part = (hour - first_hour) // part_hours
        if rows[i, _KIND] == _LABEL_KIND or part < 0 or part >= counts.shape[0]:
            continue
        group = group_of(rows, i, groups)
        score = scores[i] if scored else np.nan
        whole = rows[i, _CHANNEL] != batch
        for c in range(first):
            if whole or reads[c] == AMOUNT_OF_CHANNEL:
                place = bin_of(rows, score, scored, i, hour, reads, places, edges, codes, sizes, c)
                if place >= 0:
                    counts[part, group, c, place] += 1
        if whole:
            for c in range(first, reads.shape[0]):
                counts[part, group, c, bin_of_number(features[i, c - first], edges, c)] += 1
