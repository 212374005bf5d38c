"""To whom is an entity linked, how often and with how much money?

Parts are as in `parts.py`.  A link is a relation with a direction; links of single events are summed into rows of a table
that one call after the other fills, part by part:

    sums[r, :]     i8     CENTRE, RELATION, OUTWARD, KIND, TOKEN: which link; then COUNT, AMOUNT, STOPPED, FIRST, LAST, WORST,
                          ALERTS of its events
    slots[..]      i4     hash table, a power of two long: row + 1, 0 for free; at most half of it is taken

The order of events, and which part they lie in, change the order of rows and nothing else.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tarim.views.links.kernels.parts import (
    ACCOUNT,
    ADDRESS,
    CUSTOMER,
    DEVICE,
    INWARD,
    MERCHANT,
    MOVES,
    OUTCOME_SHIFT,
    PAYEE,
    ROLE_BITS,
    STOPPED,
    spot_from,
)

CENTRE, RELATION, OUTWARD, KIND, TOKEN, COUNT, AMOUNT, STOPPED_FEN, FIRST, LAST, WORST, ALERTS = range(12)
SUM_WORDS = 12
OWNS, PAYS, BUYS, USES, CONNECTS = range(5)
RELATIONS = 5


@njit("i4(i4[:, ::1], u2[::1], i8, i8, i8)", cache=True, nogil=True)
def end_of(ends, facts, e, relation, target):
    """The entity a relation of event e leads from, or to where `target` is 1; -1 for none."""
    fact = np.int64(facts[e])
    account = ends[e, ACCOUNT]
    if relation == OWNS:
        return account if target else ends[e, CUSTOMER]
    if relation == PAYS or relation == BUYS:
        if fact & MOVES == 0 or account < 0:
            return np.int32(-1)
        other = ends[e, PAYEE] if relation == PAYS else ends[e, MERCHANT]
        inward = np.int64(1) if fact & INWARD else np.int64(0)
        return other if target != inward else account
    if target:
        return ends[e, DEVICE] if relation == USES else ends[e, ADDRESS]
    return account if account >= 0 else ends[e, CUSTOMER]


@njit("b1(i4[:, ::1], i8, u4)", cache=True, nogil=True)
def acts(ends, e, spot):
    """Whether the spot is of the one entity that all links of event e start from or lead to: its account, else its customer."""
    role = np.int64(spot) & ((1 << ROLE_BITS) - 1)
    return role == ACCOUNT or (role == CUSTOMER and ends[e, ACCOUNT] < 0)


@njit("b1(i8, i8, i8, i8[::1])", cache=True, nogil=True)
def counts(fact, amount, relation, asked):
    """Whether an event counts; asked: kinds, relations, least and greatest amount of what moves money."""
    if asked[0] >> (fact & 15) & 1 == 0 or asked[1] >> relation & 1 == 0:
        return False
    if relation == PAYS or relation == BUYS:
        return asked[2] <= amount <= asked[3]
    return True


@njit("i8(i8, i8, i8, i8)", cache=True, nogil=True)
def _place(centre, code, token, mask):
    x = np.uint64(token) ^ (np.uint64(centre * 16 + code) * np.uint64(0x9E3779B97F4A7C15))
    x = (x ^ (x >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    return np.int64((x ^ (x >> np.uint64(29))) & np.uint64(mask))


@njit("i8(i8[:, ::1], i4[::1], i8, i8, i8, i8, i8, i8)", cache=True, nogil=True)
def _row_of(sums, slots, rows, centre, relation, outward, kind, token):
    """The row of a link; `rows`, the number of rows, when it is new: then its slot is taken and its names are written."""
    mask = slots.shape[0] - 1
    at = _place(centre, relation * 2 + outward, token, mask)
    while slots[at]:
        r = slots[at] - 1
        if (
            sums[r, TOKEN] == token
            and sums[r, CENTRE] == centre
            and sums[r, RELATION] == relation
            and sums[r, OUTWARD] == outward
            and sums[r, KIND] == kind
        ):
            return np.int64(r)
        at = (at + 1) & mask
    slots[at] = np.int32(rows + 1)
    sums[rows, CENTRE] = centre
    sums[rows, RELATION] = relation
    sums[rows, OUTWARD] = outward
    sums[rows, KIND] = kind
    sums[rows, TOKEN] = token
    return rows


@njit("void(i8[:, ::1], i4[::1], i8)", cache=True, nogil=True)
def take_slots(sums, slots, rows):
    """Enter the first `rows` rows into an empty hash table."""
    mask = slots.shape[0] - 1
    for r in range(rows):
        at = _place(sums[r, CENTRE], sums[r, RELATION] * 2 + sums[r, OUTWARD], sums[r, TOKEN], mask)
        while slots[at]:
            at = (at + 1) & mask
        slots[at] = np.int32(r + 1)


@njit("void(i8[:, ::1], i8, i8, i8, i8)", cache=True, nogil=True)
def add_event(sums, r, fact, amount, time_ms):
    """Add one event to row r; a row is all zeros from COUNT on before its first."""
    if sums[r, COUNT] == 0 or time_ms < sums[r, FIRST]:
        sums[r, FIRST] = time_ms
    if sums[r, COUNT] == 0 or time_ms > sums[r, LAST]:
        sums[r, LAST] = time_ms
    sums[r, COUNT] += 1
    outcome = fact >> OUTCOME_SHIFT & 7
    if outcome > sums[r, WORST]:
        sums[r, WORST] = outcome
    if outcome > 0:
        sums[r, ALERTS] += 1
    if sums[r, RELATION] == PAYS or sums[r, RELATION] == BUYS:
        sums[r, AMOUNT] += amount
        if fact & STOPPED:
            sums[r, STOPPED_FEN] += amount


@njit("i8(i4[::1], u4[::1], i4[::1], i8, i8)", cache=True, nogil=True)
def count_spots(first, spots, centres, low, high):
    """How many spots of these entities (-1: not in the part) are of the events low .. high - 1."""
    total = np.int64(0)
    for c in range(centres.shape[0]):
        i = centres[c]
        if i >= 0:
            begin = spot_from(spots, first[i], first[i + 1], low)
            total += spot_from(spots, begin, first[i + 1], high) - begin
    return total


@njit("void(i4[::1], u4[::1], i4[::1], i8, i8, i8[::1])", cache=True, nogil=True)
def add_counts(first, spots, entities, low, high, out):
    """Add to out[k] how many of the events low .. high - 1 carry entity k (-1: not in the part)."""
    for k in range(entities.shape[0]):
        i = entities[k]
        if i >= 0:
            begin = spot_from(spots, first[i], first[i + 1], low)
            out[k] += spot_from(spots, begin, first[i + 1], high) - begin


@njit(
    "i8(i8[::1], i8[::1], u2[::1], i4[:, ::1], i8[::1], i8[::1], i4[::1], u4[::1],"
    " i4[::1], i8, i8, i8[::1], i8[:, ::1], i4[::1], i8)",
    cache=True,
    nogil=True,
)
def sum_links(
    times_ms, amounts, facts, ends, tokens, starts, first, spots, centres, low, high, asked, sums, slots, rows
):
    """Add the links of some entities in the events low .. high - 1; how many rows there are then.

    centres: shape (k,), entities of this part, -1 where it has none of them.  starts: shape (kinds + 1,), where the entities
    of each kind begin in `tokens`.  asked: as `counts` takes it.  sums, slots: have room for five links of each event.
    """
    for c in range(centres.shape[0]):
        centre = centres[c]
        if centre < 0:
            continue
        begin = spot_from(spots, first[centre], first[centre + 1], low)
        for s in range(begin, first[centre + 1]):
            e = np.int64(spots[s]) >> ROLE_BITS
            if e >= high:
                break
            for relation in range(RELATIONS):
                if not counts(facts[e], amounts[e], relation, asked):
                    continue
                source = end_of(ends, facts, e, relation, 0)
                target = end_of(ends, facts, e, relation, 1)
                if source < 0 or target < 0 or (source != centre and target != centre):
                    continue
                outward = np.int64(1) if source == centre else np.int64(0)
                other = target if outward else source
                kind = np.int64(0)
                while starts[kind + 1] <= other:
                    kind += 1
                r = _row_of(sums, slots, rows, c, relation, outward, kind, tokens[other])
                if r == rows:
                    rows += 1
                add_event(sums, r, facts[e], amounts[e], times_ms[e])
    return rows


@njit(
    "i8(i8[::1], i8[::1], u2[::1], i4[:, ::1], i4[::1], u4[::1], i4[::1], i4[::1], i8, i8, i8[::1], i4[:, :, ::1],"
    " i8[:, ::1], i8)",
    cache=True,
    nogil=True,
)
def sum_between(times_ms, amounts, facts, ends, first, spots, shown, number_of, low, high, asked, row_of, sums, rows):
    """Add the links between shown entities in the events low .. high - 1; how many rows there are then.

    shown: shape (k,), entities of this part, -1 where it has none.  number_of: shape (entities,), place in `shown`, -1 for
    the others.  row_of: shape (k, k, RELATIONS), row + 1 of a link, 0 for none yet.  In a row CENTRE is the place of the
    source and TOKEN that of the target.  When `sums` is full further links are passed over.
    """
    for k in range(shown.shape[0]):
        entity = shown[k]
        if entity < 0:
            continue
        begin = spot_from(spots, first[entity], first[entity + 1], low)
        for s in range(begin, first[entity + 1]):
            e = np.int64(spots[s]) >> ROLE_BITS
            if e >= high:
                break
            if not acts(ends, e, spots[s]):
                continue
            for relation in range(RELATIONS):
                if not counts(facts[e], amounts[e], relation, asked):
                    continue
                source = end_of(ends, facts, e, relation, 0)
                target = end_of(ends, facts, e, relation, 1)
                if source < 0 or target < 0 or number_of[source] < 0 or number_of[target] < 0:
                    continue
                a, b = number_of[source], number_of[target]
                if row_of[a, b, relation] == 0:
                    if rows == sums.shape[0]:
                        continue
                    sums[rows, CENTRE], sums[rows, TOKEN], sums[rows, RELATION] = a, b, relation
                    rows += 1
                    row_of[a, b, relation] = np.int32(rows)
                add_event(sums, row_of[a, b, relation] - 1, facts[e], amounts[e], times_ms[e])
    return rows


@njit(
    "void(i8[::1], i8[::1], u2[::1], i4[:, ::1], i4[::1], u4[::1], i4[::1], i4[::1], i8, i8, i8[::1], i4[:, :, ::1],"
    " i8[::1], i8[:, :, ::1])",
    cache=True,
    nogil=True,
)
def sum_steps(
    times_ms, amounts, facts, ends, first, spots, shown, number_of, low, high, asked, row_of, begins_ms, steps
):
    """Add what moved between shown entities to steps[step, row, 0 events | 1 fen]; blocked events left out.

    begins_ms: shape (steps,), ascending; a step ends where the next begins.  The rest is as for `sum_between`.
    """
    for k in range(shown.shape[0]):
        entity = shown[k]
        if entity < 0:
            continue
        begin = spot_from(spots, first[entity], first[entity + 1], low)
        step = np.int64(0)
        for s in range(begin, first[entity + 1]):
            e = np.int64(spots[s]) >> ROLE_BITS
            if e >= high:
                break
            if facts[e] & MOVES == 0 or facts[e] & STOPPED or not acts(ends, e, spots[s]):
                continue
            while step + 1 < begins_ms.shape[0] and begins_ms[step + 1] <= times_ms[e]:
                step += 1
            for relation in range(PAYS, BUYS + 1):
                if not counts(facts[e], amounts[e], relation, asked):
                    continue
                source = end_of(ends, facts, e, relation, 0)
                target = end_of(ends, facts, e, relation, 1)
                if source < 0 or target < 0 or number_of[source] < 0 or number_of[target] < 0:
                    continue
                r = row_of[number_of[source], number_of[target], relation] - 1
                if r >= 0:
                    steps[step, r, 0] += 1
                    steps[step, r, 1] += amounts[e]
