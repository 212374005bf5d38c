"""Marked accounts: who is convicted as labels arrive, how far away the nearest is, and whom a device connects with them.

An account is marked for a search when it is convicted (`who` 0), or when it stands on one of the lists whose bits `who` has.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tarim.stream.kernels.graph_lists import FORCE, listed, listing
from tarim.stream.kernels.graph_near import note_near, note_neighbours
from tarim.stream.kernels.graph_store import (
    BLIND,
    CUT,
    EDGE,
    IN,
    KEEP,
    LARGE,
    LATEST,
    LINK,
    LOW,
    MARK,
    MARKING,
    NEAR,
    OUT,
    RESULT,
    ROLE,
    SMALL,
    USE,
    USERS,
    VISITS,
    fetch_home,
    fetch_newest,
    large_set,
    new_stamp,
    place_of,
    put_place,
    ring_of,
    small_set,
    span_begin,
    span_end,
)


@njit("b1(i8[::1], i8, i8, i8)", cache=True)
def convicted(A, g, account, wm):
    """Whether a label that is known and not too old convicts the account."""
    e = ring_of(A, A[g + ROLE] + MARK, account)
    if e < 0:
        return False
    block = A[e + 1] >> 6
    mask = (np.int64(1) << (A[e + 1] & 63)) - 1
    head = A[e + 2] & LOW
    return head > A[e + 2] >> 32 and A[block + ((head - 1) & mask) * MARKING] > wm - A[g + KEEP]


@njit("void(i8[::1], i8, i8, i8)", cache=True)
def clear(A, g, account, event):
    """An event is not known as fraud any more: take its conviction away."""
    e = ring_of(A, A[g + ROLE] + MARK, account)
    if e < 0:
        return
    block = A[e + 1] >> 6
    mask = (np.int64(1) << (A[e + 1] & 63)) - 1
    start = A[e + 2] >> 32
    head = A[e + 2] & LOW
    for p in range(start, head):
        if A[block + (p & mask) * MARKING + 1] == event:
            for q in range(p, head - 1):
                o = block + (q & mask) * MARKING
                i = block + ((q + 1) & mask) * MARKING
                A[o] = A[i]
                A[o + 1] = A[i + 1]
            A[e + 2] = (start << 32) | (head - 1)
            return


@njit("void(i8[::1], i8, i8, i8, i8, i8, i8)", cache=True)
def convict(A, g, account, event, label_ms, floor, wm):
    """An event became known as fraud: its account is convicted by it, and its neighbours are near."""
    clear(A, g, account, event)
    o = put_place(A, g, MARK, account, label_ms, wm - A[g + KEEP], MARKING)
    if o < 0:
        return
    A[o] = label_ms
    A[o + 1] = event
    A[g + LATEST] = max(A[g + LATEST], label_ms)
    note_neighbours(A, g, account, floor, wm)


@njit("void(i8[::1], i8, i8, i8, i8, i8, i8)", cache=True)
def meet(A, g, a, b, t, floor, wm):
    """A new edge between a and b: whoever is convicted makes the other one near."""
    if convicted(A, g, a, wm):
        note_near(A, g, b, t, floor)
    if convicted(A, g, b, wm):
        note_near(A, g, a, t, floor)


NAMED = 1
"""Whether some feature names lists; for a set that names none the code generator says 0, and the search has one branch less."""


@njit("b1(i8[::1], i8, i8, i8, i8)", cache=True)
def marked(A, g, account, wm, who):
    """Whether the account is one that the search looks for."""
    if NAMED == 0 or who == 0:
        return convicted(A, g, account, wm)
    return listed(A, g, account, who)


@njit("b1(i8[::1], i8, i8, i8, i8, i8, i8)", cache=True)
def beside_marked(A, g, account, t, after_ms, wm, who):
    """Whether one of the account's transfers has a marked account on the other side."""
    if wm >= A[g + BLIND] and ring_of(A, A[g + ROLE] + NEAR, account) < 0:
        return False
    for store in range(OUT, IN + 1):
        e = ring_of(A, A[g + ROLE] + store, account)
        if e < 0:
            continue
        block = A[e + 1] >> 6
        mask = (np.int64(1) << (A[e + 1] & 63)) - 1
        end = span_end(A, e, EDGE, t)
        for p in range(end - 1, span_begin(A, g, e, EDGE, end, after_ms) - 1, -1):
            if marked(A, g, A[block + (p & mask) * EDGE + 2], wm, who):
                return True
    return False


@njit("void(i8[::1], i8, i8, i8, i8)", cache=True)
def fetch_neighbours(A, g, e, begin, end):
    """Ask for what the accounts paid and received that stand in a span of entry e's ring: entries, then rings."""
    block = A[e + 1] >> 6
    mask = (np.int64(1) << (A[e + 1] & 63)) - 1
    for store in range(OUT, IN + 1):
        for p in range(begin, end):
            fetch_home(A, g, store, A[block + (p & mask) * EDGE + 2])
    for store in range(OUT, IN + 1):
        for p in range(begin, end):
            fetch_newest(A, g, store, A[block + (p & mask) * EDGE + 2])


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8)", cache=True)
def beyond(A, g, account, t, after_ms, wm, who, visits):
    """Visits left after the account's neighbours were asked for marked ones beside them: -1 found, -2 none left."""
    for store in range(OUT, IN + 1):
        e = ring_of(A, A[g + ROLE] + store, account)
        if e < 0:
            continue
        block = A[e + 1] >> 6
        mask = (np.int64(1) << (A[e + 1] & 63)) - 1
        end = span_end(A, e, EDGE, t)
        for p in range(end - 1, span_begin(A, g, e, EDGE, end, after_ms) - 1, -1):
            if visits == 0:
                A[g + CUT] = 1
                return np.int64(-2)
            visits -= 1
            if beside_marked(A, g, A[block + (p & mask) * EDGE + 2], t, after_ms, wm, who):
                return np.int64(-1)
    return visits


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8)", cache=True)
def third_hop(A, g, account, partner, t, after_ms, wm, who):
    """3 when an account two transfers away is beside a marked one, else -1; each neighbour is expanded once."""
    stamp = new_stamp(A, g)
    base = large_set(A, g)
    visits = A[g + VISITS]
    if partner != 0:
        place = place_of(A, base, A[g + LARGE], stamp, partner)
        A[place] = stamp
        A[place + 1] = partner
        visits = beyond(A, g, partner, t, after_ms, wm, who, visits)
    for store in range(OUT, IN + 1):
        e = ring_of(A, A[g + ROLE] + store, account)
        if e < 0:
            continue
        block = A[e + 1] >> 6
        mask = (np.int64(1) << (A[e + 1] & 63)) - 1
        end = span_end(A, e, EDGE, t)
        begin = span_begin(A, g, e, EDGE, end, after_ms)
        fetch_neighbours(A, g, e, begin, end)
        for p in range(end - 1, begin - 1, -1):
            if visits < 0:
                break
            u = A[block + (p & mask) * EDGE + 2]
            place = place_of(A, base, A[g + LARGE], stamp, u)
            if A[place] != stamp:
                A[place] = stamp
                A[place + 1] = u
                visits = beyond(A, g, u, t, after_ms, wm, who, visits)
    return np.int64(3) if visits == -1 else np.int64(-1)


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8, i8)", cache=True)
def hops_to_marked(A, g, account, partner, t, after_ms, wm, who, hops):
    """Fewest transfers from the account to a marked one, at most `hops`, or -1.

    partner: the other side of the transfer at hand, which counts as the account's newest edge; 0 where there is none.
    """
    nobody = A[g + LATEST] <= wm - A[g + KEEP] if who == 0 else A[listing(A, g) + FORCE] == 0
    if nobody:
        return np.int64(-1)
    if marked(A, g, account, wm, who):
        return np.int64(0)
    if hops >= 1 and (
        (partner != 0 and marked(A, g, partner, wm, who)) or beside_marked(A, g, account, t, after_ms, wm, who)
    ):
        return np.int64(1)
    if hops < 2:
        return np.int64(-1)
    if partner != 0 and beside_marked(A, g, partner, t, after_ms, wm, who):
        return np.int64(2)
    for store in range(OUT, IN + 1):
        e = ring_of(A, A[g + ROLE] + store, account)
        if e < 0:
            continue
        block = A[e + 1] >> 6
        mask = (np.int64(1) << (A[e + 1] & 63)) - 1
        end = span_end(A, e, EDGE, t)
        for p in range(end - 1, span_begin(A, g, e, EDGE, end, after_ms) - 1, -1):
            if beside_marked(A, g, A[block + (p & mask) * EDGE + 2], t, after_ms, wm, who):
                return np.int64(2)
    if hops < 3:
        return np.int64(-1)
    return third_hop(A, g, account, partner, t, after_ms, wm, who)


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8, i8)", cache=True)
def users(A, g, account, device, t, after_ms, wm, stamp, visits):
    """Count a device's other users that were not counted yet; visits left, -1 when there are none left to go on."""
    place = place_of(A, small_set(g), A[g + SMALL], stamp, device)
    if A[place] == stamp:
        return visits
    A[place] = stamp
    A[place + 1] = device
    e = ring_of(A, A[g + ROLE] + USERS, device)
    if e < 0:
        return visits
    block = A[e + 1] >> 6
    mask = (np.int64(1) << (A[e + 1] & 63)) - 1
    end = span_end(A, e, LINK, t)
    for p in range(end - 1, span_begin(A, g, e, LINK, end, after_ms) - 1, -1):
        if visits == 0:
            A[g + CUT] = 1
            return np.int64(-1)
        visits -= 1
        u = A[block + (p & mask) * LINK + 1]
        if u == account:
            continue
        place = place_of(A, large_set(A, g), A[g + LARGE], stamp, u)
        if A[place] != stamp:
            A[place] = stamp
            A[place + 1] = u
            A[g + RESULT] += 1
            if convicted(A, g, u, wm):
                A[g + RESULT + 1] += 1
    return visits


@njit("void(i8[::1], i8, i8, i8, i8, i8, i8)", cache=True)
def shared_device(A, g, account, device, t, after_ms, wm):
    """RESULT: other accounts that used a device of the account, `device` (0: none) among them; RESULT + 1: convicted ones."""
    A[g + RESULT] = 0
    A[g + RESULT + 1] = 0
    stamp = new_stamp(A, g)
    visits = A[g + VISITS]
    if device != 0:
        visits = users(A, g, account, device, t, after_ms, wm, stamp, visits)
    e = ring_of(A, A[g + ROLE] + USE, account)
    if e < 0:
        return
    block = A[e + 1] >> 6
    mask = (np.int64(1) << (A[e + 1] & 63)) - 1
    end = span_end(A, e, LINK, t)
    for p in range(end - 1, span_begin(A, g, e, LINK, end, after_ms) - 1, -1):
        if visits < 0:
            return
        visits = users(A, g, account, A[block + (p & mask) * LINK + 1], t, after_ms, wm, stamp, visits)
