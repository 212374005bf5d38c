"""Counting for a backtest: "how many events, whose money, how much of it fraud, and which of them to look at?"

bits          uint64[n, w]       what is counted, one bit each: rule k is bit k % 64 of word k // 64
amounts_fen   int64[n]           0 where an event has no amount
labels        int64[n]           1 fraud, 0 genuine, -1 not labelled
counts        int64[64 w, 5]     by bit: events, amount in fen, fraud, genuine, amount of the fraud in fen
groups        int64[n, d]        the group of each event in d divisions (its day, its channel, ...), numbered through
group_counts  int64[g, m, 5]     the same counts by group and mark; marks are the m lowest bits of one word an event
pairs         int64[64 w, 64 v]  events for which a bit of one and a bit of another both hold
customers     int64[n]           dense numbers of the customers, -1 for none
touched       uint64[c, w]       by customer the bits that ever held; `defrauded` the same for fraud
best          uint64[64 w, 2, k] by bit, fraud apart: the smallest keys of its events, ascending; fresh: all ones
best_at       int64[64 w, 2, k]  index in the chunk of those that came with it, -1 of those from earlier chunks

The caller owns the arrays; nothing is allocated and every call is O(n and what holds).
"""

from __future__ import annotations

import numpy as np
from numba import njit

EVENTS, AMOUNT_FEN, FRAUD, GENUINE, FRAUD_FEN = range(5)
COUNTS = 5
_ONE = np.uint64(1)


@njit("void(u8[:, ::1], i8[::1], i8[::1], i8[:, ::1])", cache=True, nogil=True)
def count(bits, amounts_fen, labels, counts):
    """Add the events to `counts`."""
    for i in range(bits.shape[0]):
        for w in range(bits.shape[1]):
            word = bits[i, w]
            at = 64 * w
            while word != 0:
                if word & _ONE != 0:
                    counts[at, EVENTS] += 1
                    counts[at, AMOUNT_FEN] += amounts_fen[i]
                    if labels[i] == 1:
                        counts[at, FRAUD] += 1
                        counts[at, FRAUD_FEN] += amounts_fen[i]
                    elif labels[i] == 0:
                        counts[at, GENUINE] += 1
                word >>= _ONE
                at += 1


@njit("void(u8[::1], i8[:, ::1], i8[::1], i8[::1], i8[:, :, ::1])", cache=True, nogil=True)
def count_groups(marks, groups, amounts_fen, labels, group_counts):
    """Add the events to `group_counts`, once for each of their groups."""
    for i in range(marks.shape[0]):
        for d in range(groups.shape[1]):
            group = groups[i, d]
            word = marks[i]
            at = 0
            while word != 0:
                if word & _ONE != 0:
                    group_counts[group, at, EVENTS] += 1
                    group_counts[group, at, AMOUNT_FEN] += amounts_fen[i]
                    if labels[i] == 1:
                        group_counts[group, at, FRAUD] += 1
                        group_counts[group, at, FRAUD_FEN] += amounts_fen[i]
                    elif labels[i] == 0:
                        group_counts[group, at, GENUINE] += 1
                word >>= _ONE
                at += 1


@njit("void(u8[:, ::1], u8[:, ::1], i8[:, ::1])", cache=True, nogil=True)
def count_pairs(bits, others, pairs):
    """Add the events to `pairs`."""
    for i in range(bits.shape[0]):
        for w in range(bits.shape[1]):
            word = bits[i, w]
            at = 64 * w
            while word != 0:
                if word & _ONE != 0:
                    for v in range(others.shape[1]):
                        other = others[i, v]
                        other_at = 64 * v
                        while other != 0:
                            if other & _ONE != 0:
                                pairs[at, other_at] += 1
                            other >>= _ONE
                            other_at += 1
                word >>= _ONE
                at += 1


@njit("void(u8[:, ::1], i8[::1], i8[::1], u8[:, ::1], u8[:, ::1])", cache=True, nogil=True)
def touch(bits, labels, customers, touched, defrauded):
    """Note for each customer the bits of the events."""
    for i in range(bits.shape[0]):
        customer = customers[i]
        if customer >= 0:
            for w in range(bits.shape[1]):
                touched[customer, w] |= bits[i, w]
                if labels[i] == 1:
                    defrauded[customer, w] |= bits[i, w]


@njit("void(i8[:, ::1], i8[::1], u8[:, ::1])", cache=True, nogil=True)
def touch_groups(groups, customers, touched):
    """Note for each customer the groups of the events; the groups are the bits of `touched`."""
    for i in range(groups.shape[0]):
        customer = customers[i]
        if customer >= 0:
            for d in range(groups.shape[1]):
                touched[customer, groups[i, d] // 64] |= _ONE << np.uint64(groups[i, d] % 64)


@njit("void(u8[:, ::1], i8[::1])", cache=True, nogil=True)
def add_up(touched, totals):
    """Add to totals[k] the customers with bit k; totals: shape (64 w,)."""
    for c in range(touched.shape[0]):
        for w in range(touched.shape[1]):
            word = touched[c, w]
            at = 64 * w
            while word != 0:
                if word & _ONE != 0:
                    totals[at] += 1
                word >>= _ONE
                at += 1


@njit("void(u8[:, ::1], i8[::1], u8[::1], u8[:, :, ::1], i8[:, :, ::1])", cache=True, nogil=True)
def sample(bits, labels, keys, best, best_at):
    """Keep for each bit the events with the smallest keys.  Keys are hashes, so this is a fair sample, however cut."""
    size = best.shape[2]
    for i in range(bits.shape[0]):
        kind = 1 if labels[i] == 1 else 0
        for w in range(bits.shape[1]):
            word = bits[i, w]
            at = 64 * w
            while word != 0:
                if word & _ONE != 0 and keys[i] < best[at, kind, size - 1]:
                    place = size - 1
                    while place > 0 and keys[i] < best[at, kind, place - 1]:
                        best[at, kind, place] = best[at, kind, place - 1]
                        best_at[at, kind, place] = best_at[at, kind, place - 1]
                        place -= 1
                    best[at, kind, place] = keys[i]
                    best_at[at, kind, place] = i
                word >>= _ONE
                at += 1
