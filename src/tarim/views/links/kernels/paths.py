"""Whom can money that is here at an instant have reached by its next payment?

Parts are as in `parts.py`.  State over one round, an element for each entity of the part, as it is before and after a call:

    arrived_ms[i]   i8   never read before it is written in the same call
    by_event[i]     i8   -1
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tarim.views.links.kernels.linking import PAYS, counts, end_of
from tarim.views.links.kernels.parts import ROLE_BITS, STOPPED, spot_from


@njit(
    "i8(i8[::1], i8[::1], u2[::1], i4[:, ::1], i8[::1], i4[::1], u4[::1], i4[::1], i8[::1], i8, i8[::1], i8[::1],"
    " i8[::1], i8[:, ::1])",
    cache=True,
    nogil=True,
)
def reach(
    times_ms, amounts, facts, ends, tokens, first, spots, holders, held_ms, high, asked, arrived_ms, by_event, out
):
    """Rows of out: (token of who is paid, when, token of who pays, event), the earliest payment for each; how many.

    holders: shape (k,), accounts of this part, -1 where it has none; held_ms: since when each has the money.  Only events
    before `high` count, at or after held_ms.  Of payments at one instant that from the lesser token, then the larger amount
    is taken.  out: shape (entities, 4).
    """
    found = np.int64(0)
    for h in range(holders.shape[0]):
        holder = holders[h]
        if holder < 0:
            continue
        low = np.int64(0)
        top = np.int64(high)
        while low < top:
            middle = (low + top) >> 1
            if times_ms[middle] < held_ms[h]:
                low = middle + 1
            else:
                top = middle
        begin = spot_from(spots, first[holder], first[holder + 1], low)
        for s in range(begin, first[holder + 1]):
            e = np.int64(spots[s]) >> ROLE_BITS
            if e >= high:
                break
            if facts[e] & STOPPED or not counts(facts[e], amounts[e], PAYS, asked):
                continue
            if end_of(ends, facts, e, PAYS, 0) != holder:
                continue
            paid = end_of(ends, facts, e, PAYS, 1)
            if paid < 0:
                continue
            before = by_event[paid]
            if before < 0:
                out[found, 0] = paid
                found += 1
            elif times_ms[e] > arrived_ms[paid]:
                continue
            elif times_ms[e] == arrived_ms[paid]:
                payer = tokens[end_of(ends, facts, before, PAYS, 0)]
                if tokens[holder] > payer or (tokens[holder] == payer and amounts[e] <= amounts[before]):
                    continue
            arrived_ms[paid] = times_ms[e]
            by_event[paid] = e
    for r in range(found):
        paid = out[r, 0]
        e = by_event[paid]
        out[r, 0] = tokens[paid]
        out[r, 1] = arrived_ms[paid]
        out[r, 2] = tokens[end_of(ends, facts, e, PAYS, 0)]
        out[r, 3] = e
        by_event[paid] = -1
    return found
