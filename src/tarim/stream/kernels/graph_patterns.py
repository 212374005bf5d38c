"""Patterns of money around a transfer a -> b: cycles, scatter and gather, chains.

Every search reads the spans of `graph_store`: an account's newest DEGREE edges that are not later than the edge they lead
to, and VISITS edges in all beyond the two accounts of the transfer.  What a search found lies at A[g + RESULT ...].
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tarim.stream.kernels.graph_store import (
    CUT,
    DEGREE,
    EDGE,
    IN,
    LARGE,
    OUT,
    RESULT,
    ROLE,
    SET_WORDS,
    SMALL,
    VISITS,
    alike,
    before,
    fetch_home,
    fetch_newest,
    large_set,
    new_stamp,
    place_of,
    ring_of,
    scratch_list,
    small_set,
    span_begin,
    span_end,
)


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8)", cache=True)
def started_before(A, base, mask, stamp, key, t, seq):
    """How many edges to `key` in the small scratch set come before an instant."""
    count = np.int64(0)
    h = (key ^ (key >> 32)) & mask
    o = base + h * SET_WORDS
    while A[o] == stamp:
        edge = A[o + 2]
        if A[o + 1] == key and before(A[edge], A[edge + 1], t, seq):
            count += 1
        h = (h + 1) & mask
        o = base + h * SET_WORDS
    return count


@njit("void(i8[::1], i8, i8, i8, i8)", cache=True)
def fetch_payers(A, g, e, begin, end):
    """Ask for what the accounts received that paid the account of entry e: first for entries, then for rings."""
    block = A[e + 1] >> 6
    ring = (np.int64(1) << (A[e + 1] & 63)) - 1
    for p in range(begin, end):
        fetch_home(A, g, IN, A[block + (p & ring) * EDGE + 2])
    for p in range(begin, end):
        fetch_newest(A, g, IN, A[block + (p & ring) * EDGE + 2])


@njit("void(i8[::1], i8, i8, i8, i8, i8, i8, i8, i8)", cache=True)
def cycles(A, g, a, b, amount, t, after_ms, tolerance_ppm, hops):
    """RESULT + n - 2: in how many ways a -> b closes a cycle of n = 2 to `hops` transfers, all different accounts."""
    found = g + RESULT
    for n in range(3):
        A[found + n] = 0
    out = ring_of(A, A[g + ROLE] + OUT, b)
    into = ring_of(A, A[g + ROLE] + IN, a)
    if out < 0 or into < 0:
        return
    stamp = new_stamp(A, g)
    base = small_set(g)
    mask = A[g + SMALL]
    block = A[out + 1] >> 6
    ring = (np.int64(1) << (A[out + 1] & 63)) - 1
    end = span_end(A, out, EDGE, t)
    left = np.int64(0)
    for p in range(end - 1, span_begin(A, g, out, EDGE, end, after_ms) - 1, -1):
        o = block + (p & ring) * EDGE
        if not alike(A[o + 3], amount, tolerance_ppm):
            continue
        if A[o + 2] == a:
            A[found] += 1
            continue
        h = (A[o + 2] ^ (A[o + 2] >> 32)) & mask
        while A[base + h * SET_WORDS] == stamp:
            h = (h + 1) & mask
        A[base + h * SET_WORDS] = stamp
        A[base + h * SET_WORDS + 1] = A[o + 2]
        A[base + h * SET_WORDS + 2] = o
        left += 1
    if left == 0 or hops < 3:
        return
    visits = A[g + VISITS]  # -1 when no more may be read
    block = A[into + 1] >> 6
    ring = (np.int64(1) << (A[into + 1] & 63)) - 1
    end = span_end(A, into, EDGE, t)
    begin = span_begin(A, g, into, EDGE, end, after_ms)
    if hops >= 4:
        fetch_payers(A, g, into, begin, end)
    for p in range(end - 1, begin - 1, -1):
        o = block + (p & ring) * EDGE
        d = A[o + 2]
        if d == b or not alike(A[o + 3], amount, tolerance_ppm):
            continue
        A[found + 1] += started_before(A, base, mask, stamp, d, A[o], A[o + 1])
        if hops < 4 or visits < 0:
            continue
        e = ring_of(A, A[g + ROLE] + IN, d)
        if e < 0:
            continue
        inner = A[e + 1] >> 6
        inner_ring = (np.int64(1) << (A[e + 1] & 63)) - 1
        last = span_end(A, e, EDGE, A[o])
        for q in range(last - 1, span_begin(A, g, e, EDGE, last, after_ms) - 1, -1):
            if visits == 0:
                A[g + CUT] = 1
                visits = np.int64(-1)
                break
            visits -= 1
            i = inner + (q & inner_ring) * EDGE
            c = A[i + 2]
            if c != a and c != b and before(A[i], A[i + 1], A[o], A[o + 1]) and alike(A[i + 3], amount, tolerance_ppm):
                A[found + 2] += started_before(A, base, mask, stamp, c, A[i], A[i + 1])


@njit("i8(i8[::1], i8, i8, i8, i8, i8)", cache=True)
def scatter_gather(A, g, a, b, t, after_ms):
    """Largest number of accounts, a one of them, through which one source has paid b; 0 when a had no source.

    Of an account that paid b several times the newest transfer counts.
    """
    into = ring_of(A, A[g + ROLE] + IN, a)
    if into < 0:
        return np.int64(0)
    stamp = new_stamp(A, g)
    sources = large_set(A, g)
    mask = A[g + LARGE]
    best = np.int64(0)
    block = A[into + 1] >> 6
    ring = (np.int64(1) << (A[into + 1] & 63)) - 1
    end = span_end(A, into, EDGE, t)
    for p in range(end - 1, span_begin(A, g, into, EDGE, end, after_ms) - 1, -1):
        s = A[block + (p & ring) * EDGE + 2]
        if s != b:
            o = place_of(A, sources, mask, stamp, s)
            A[o] = stamp
            A[o + 1] = s
            A[o + 2] = 1
            A[o + 3] = a
            best = np.int64(1)
    gathered = ring_of(A, A[g + ROLE] + IN, b)
    if best == 0 or gathered < 0:
        return best
    seen = small_set(g)
    visits = A[g + VISITS]
    block = A[gathered + 1] >> 6
    ring = (np.int64(1) << (A[gathered + 1] & 63)) - 1
    end = span_end(A, gathered, EDGE, t)
    begin = span_begin(A, g, gathered, EDGE, end, after_ms)
    fetch_payers(A, g, gathered, begin, end)
    for p in range(end - 1, begin - 1, -1):
        o = block + (p & ring) * EDGE
        m = A[o + 2]
        place = place_of(A, seen, A[g + SMALL], stamp, m)
        if m == a or A[place] == stamp:
            continue
        A[place] = stamp
        A[place + 1] = m
        e = ring_of(A, A[g + ROLE] + IN, m)
        if e < 0:
            continue
        inner = A[e + 1] >> 6
        inner_ring = (np.int64(1) << (A[e + 1] & 63)) - 1
        last = span_end(A, e, EDGE, A[o])
        for q in range(last - 1, span_begin(A, g, e, EDGE, last, after_ms) - 1, -1):
            if visits == 0:
                A[g + CUT] = 1
                return best
            visits -= 1
            i = inner + (q & inner_ring) * EDGE
            if before(A[i], A[i + 1], A[o], A[o + 1]):
                place = place_of(A, sources, mask, stamp, A[i + 2])
                if A[place] == stamp and A[place + 3] != m:
                    A[place + 2] += 1
                    A[place + 3] = m
                    best = max(best, A[place + 2])
    return best


@njit("i8(i8[::1], i8, i8, i8, i8, i8)", cache=True)
def gather_scatter(A, g, a, b, t, after_ms):
    """Largest n such that n different accounts paid a, and after that a paid n different ones; a -> b counts."""
    into = ring_of(A, A[g + ROLE] + IN, a)
    if into < 0:
        return np.int64(0)
    stamp = new_stamp(A, g)
    small = small_set(g)
    first = scratch_list(A, g, 0)
    senders = np.int64(0)
    block = A[into + 1] >> 6
    ring = (np.int64(1) << (A[into + 1] & 63)) - 1
    end = span_end(A, into, EDGE, t)
    for p in range(span_begin(A, g, into, EDGE, end, after_ms), end):
        o = block + (p & ring) * EDGE
        place = place_of(A, small, A[g + SMALL], stamp, A[o + 2])
        if A[place] != stamp:
            A[place] = stamp
            A[place + 1] = A[o + 2]
            A[first + senders] = o
            senders += 1
    best = min(senders, np.int64(1))
    out = ring_of(A, A[g + ROLE] + OUT, a)
    if best == 0 or out < 0:
        return best
    stamp = new_stamp(A, g)
    place = place_of(A, small, A[g + SMALL], stamp, b)
    A[place] = stamp
    A[place + 1] = b
    receivers = np.int64(1)
    block = A[out + 1] >> 6
    ring = (np.int64(1) << (A[out + 1] & 63)) - 1
    end = span_end(A, out, EDGE, t)
    for p in range(end - 1, span_begin(A, g, out, EDGE, end, after_ms) - 1, -1):
        o = block + (p & ring) * EDGE
        while senders > 0:
            s = A[first + senders - 1]
            if before(A[s], A[s + 1], A[o], A[o + 1]):
                break
            senders -= 1
        if senders <= best:
            return best
        place = place_of(A, small, A[g + SMALL], stamp, A[o + 2])
        if A[place] != stamp:
            A[place] = stamp
            A[place + 1] = A[o + 2]
            receivers += 1
            best = max(best, min(senders, receivers))
    return best


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8, i8)", cache=True)
def links(A, g, account, amount, t, seq, after_ms, tolerance_ppm, to):
    """Write the transfers to an account that one of (t, seq) and `amount` may pass on, newest first, from A[to] on.

    Returns how many.  RESULT + 2 holds how many edges may still be read.
    """
    e = ring_of(A, A[g + ROLE] + IN, account)
    if e < 0:
        return np.int64(0)
    count = np.int64(0)
    block = A[e + 1] >> 6
    ring = (np.int64(1) << (A[e + 1] & 63)) - 1
    end = span_end(A, e, EDGE, t)
    for p in range(end - 1, span_begin(A, g, e, EDGE, end, after_ms) - 1, -1):
        if A[g + RESULT + 2] == 0:
            A[g + CUT] = 1
            return count
        A[g + RESULT + 2] -= 1
        o = block + (p & ring) * EDGE
        if before(A[o], A[o + 1], t, seq) and alike(A[o + 3], amount, tolerance_ppm):
            A[to + count] = o
            count += 1
    return count


@njit("void(i8[::1], i8, i8, i8, i8, i8, i8, i8, i8)", cache=True)
def chain(A, g, a, amount, t, seq, after_ms, tolerance_ppm, hops):
    """RESULT: transfers, at most `hops`, in the longest chain that a's transfer ends; RESULT + 1: ms since the one before.

    A link's amount lies within the tolerance of that of the transfer it leads to; -1 where there is none before.
    """
    now = scratch_list(A, g, 0)
    following = scratch_list(A, g, 1)
    A[g + RESULT + 2] = A[g + DEGREE]
    more = links(A, g, a, amount, t, seq, after_ms, tolerance_ppm, now)
    A[g + RESULT] = 1
    A[g + RESULT + 1] = t - A[A[now]] if more > 0 else -1
    A[g + RESULT + 2] = A[g + VISITS]
    while more > 0:
        A[g + RESULT] += 1
        if A[g + RESULT] == hops:
            return
        count = more
        more = np.int64(0)
        for k in range(count):
            edge = A[now + k]
            more += links(
                A, g, A[edge + 2], A[edge + 3], A[edge], A[edge + 1], after_ms, tolerance_ppm, following + more
            )
        now, following = following, now
