"""Which events carry an entity, in order of time?

A part is a set of events, sorted by time, with its own directory of entities:

    times_ms[e], amounts[e]   i8       when event e happened, ascending; fen, 0 where it has none in yuan
    facts[e]                  u2       kind | outcome << 4 | MOVES | STOPPED | INWARD
    ends[e, role]             i4       entity in each role, -1 for none: CUSTOMER ACCOUNT PAYEE DEVICE ADDRESS MERCHANT
    tokens[i]                 i8       token of entity i; entities of a kind lie together, tokens ascending
    first[i] .. first[i + 1]  i4       where the spots of entity i lie
    spots[..]                 u4       event << ROLE_BITS | role, ascending, so in order of time

No entity has two roles in one event: a payment to oneself has no payee.
"""

from __future__ import annotations

import numpy as np
from numba import njit

CUSTOMER, ACCOUNT, PAYEE, DEVICE, ADDRESS, MERCHANT = range(6)
ROLES = 6
ROLE_BITS = 3

OUTCOME_SHIFT = 4
MOVES = 1 << 8
"""The event moves money between its account and its payee or merchant."""
STOPPED = 1 << 9
"""It was blocked, so it moved nothing."""
INWARD = 1 << 10
"""The money goes to the account."""


@njit("void(i4[:, ::1], i4[::1], u4[::1])", cache=True, nogil=True)
def lay_spots(ends, first, spots):
    """Fill `first` (zeros before) and `spots` from `ends`; spots: one for each end that is there.  O(events)."""
    events = ends.shape[0]
    entities = first.shape[0] - 1
    for e in range(events):
        for role in range(ROLES):
            if ends[e, role] >= 0:
                first[ends[e, role]] += 1
    total = 0
    for i in range(entities + 1):
        count = first[i]
        first[i] = total
        total += count
    for e in range(events):
        for role in range(ROLES):
            i = ends[e, role]
            if i >= 0:
                spots[first[i]] = np.uint32(e << ROLE_BITS | role)
                first[i] += 1
    for i in range(entities, 0, -1):
        first[i] = first[i - 1]
    first[0] = 0


@njit("i8(u4[::1], i8, i8, i8)", cache=True, nogil=True)
def spot_from(spots, low, high, event):
    """The first of the spots low .. high - 1 that is of `event` or a later one; high when none is."""
    while low < high:
        middle = (low + high) >> 1
        if (np.int64(spots[middle]) >> ROLE_BITS) < event:
            low = middle + 1
        else:
            high = middle
    return low
