"""Membership of lists: "is this value an entry of that list at this moment?"

One open-addressing table for all lists, in 1024 segments, so that growth moves 1/1024 of it at a time.  The caller owns the
arrays, the kernels update them in place:

    arena[place]         int64[rows, 3]  (key, period, change); a key of 0 marks an empty place
    generation[segment]  int64[1024]     how often the segment has doubled; fresh: 0
    used[segment]        int64[1024]     filled places, superseded versions included; fresh: 0

key     the entry: list, customer (0 for a list of everybody) and token, mixed into 64 bits.  Two entries share a key as
        seldom as two identifiers share a token: a look-up among ten million is wrong with a chance of 5e-13.
period  validity in whole seconds since the epoch: first second << 32 | second after the last, as unsigned halves; 0 says
        that the entry was removed
change  number of the change the version came with, from 1; a version counts when its change is in force, and the newest
        that counts stands for the entry.  0: never

So what a change brings is put in bit by bit, and one number makes all of it effective at once.

A segment is chosen by the ten highest bits of the key.  In generation g it holds FIRST_ROWS << g places, and all segments of
one generation lie side by side, generation after generation.  Pages never touched cost nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from tarim.stream import prefetch

SEGMENTS: Final = 1024
FIRST_ROWS: Final = 512
"""Places of a segment in generation 0; 12 KiB, a whole number of pages."""

SEGMENT_SHIFT: Final = 54
FOREVER_S: Final = (1 << 32) - 1
"""End of a period without one."""

_RECEIVED_MS = 2
_CUSTOMER = 5
# Words of a row, as stream.Col names them (a test holds them together).
_SECOND_MS = 1_000
_AHEAD = 8


@njit("u8(u8)", cache=True, inline="always")
def mix(x):
    """A bijection of 64 bits (the finaliser of splitmix64, Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit("i8(i8, i8, i8)", cache=True, inline="always")
def entry_key(salt, customer, token):
    """Key of one entry, never 0.  salt: of the list; customer: 0 for a list of everybody."""
    x = mix(np.uint64(salt) ^ np.uint64(token))
    if customer != 0:
        x = mix(x ^ mix(np.uint64(customer)))
    key = np.int64(x)
    return key if key != 0 else 1


@njit("void(i8, i8[::1], i8[::1], i8[::1])", cache=True, nogil=True)
def entry_keys(salt, customers, tokens, keys):
    """`entry_key` of n entries.  customers, tokens, keys: shape (n,)."""
    for i in range(tokens.shape[0]):
        keys[i] = entry_key(salt, customers[i], tokens[i])


@njit("i8(i8, i8)", cache=True, inline="always")
def segment_start(segment, generation):
    """First place of `segment` in `generation`."""
    rows = FIRST_ROWS << generation
    return SEGMENTS * (rows - FIRST_ROWS) + segment * rows


@njit("i8(i8, i8)", cache=True, inline="always")
def places_max(segment, generation):
    """Places of a segment that may be filled: from a half to three quarters of them, so that not all segments grow at once."""
    rows = FIRST_ROWS << generation
    return (rows >> 1) + (rows >> 2) * segment // SEGMENTS


@njit("i8(i8[:, ::1], i8, i8, i8, i8)", cache=True, inline="always")
def newest(arena, start, mask, key, in_force):
    """Place of the newest version of `key` whose change is at most `in_force`; -1 when there is none."""
    found = -1
    change = 0
    at = key & mask
    while arena[start + at, 0] != 0:
        if arena[start + at, 0] == key and change < arena[start + at, 2] <= in_force:
            found = start + at
            change = arena[start + at, 2]
        at = (at + 1) & mask
    return found


@njit("i8(i8[:, ::1], i8[::1], i8[::1], i8[::1], i8[::1], i8, i8, i8)", cache=True, nogil=True)
def put(arena, generation, used, keys, periods, begin, change, in_force):
    """Put in versions of entries from `begin` on, all of one change to come; a key given twice keeps its last period.

    keys, periods: shape (n,).  A version that another one in force has superseded gives its place.  Returns n, or the index
    of an entry whose segment must be rebuilt first; then rebuild it and call again from there.
    """
    for i in range(begin, keys.shape[0]):
        key = keys[i]
        segment = (key >> SEGMENT_SHIFT) & (SEGMENTS - 1)
        mask = (FIRST_ROWS << generation[segment]) - 1
        if used[segment] >= places_max(segment, generation[segment]):
            return i
        start = segment_start(segment, generation[segment])
        stands, stands_change, place = -1, 0, -1
        at = key & mask
        while arena[start + at, 0] != 0:
            if arena[start + at, 0] == key:
                other = arena[start + at, 2]
                if other == change:
                    place = start + at
                    break
                if other > stands_change and other <= in_force:
                    place = stands if stands >= 0 else place
                    stands, stands_change = start + at, other
                elif other <= in_force:
                    place = start + at
            at = (at + 1) & mask
        if place < 0:
            place = start + at
            used[segment] += 1
            arena[place, 0] = key
        arena[place, 1] = periods[i]
        arena[place, 2] = change
    return keys.shape[0]


@njit("i8(i8[:, ::1], i8, i8, i8, i8[:, ::1])", cache=True, nogil=True)
def collect(arena, segment, generation, in_force, out):
    """Copy what still matters of one segment to `out`: versions in force that stand, and those to come; how many."""
    mask = (FIRST_ROWS << generation) - 1
    start = segment_start(segment, generation)
    count = 0
    for place in range(start, start + mask + 1):
        change = arena[place, 2]
        if arena[place, 0] == 0 or change == 0:
            continue
        if change <= in_force:
            stands = newest(arena, start, mask, arena[place, 0], in_force) == place and arena[place, 1] != 0
            if not stands:
                continue
        for word in range(3):
            out[count, word] = arena[place, word]
        count += 1
    return count


@njit("void(i8[:, ::1], i8, i8, i8[:, ::1])", cache=True, nogil=True)
def fill(arena, segment, generation, live):
    """Enter live[i] = (key, period, change) into an empty segment with room for them."""
    mask = (FIRST_ROWS << generation) - 1
    start = segment_start(segment, generation)
    for i in range(live.shape[0]):
        at = live[i, 0] & mask
        while arena[start + at, 0] != 0:
            at = (at + 1) & mask
        for word in range(3):
            arena[start + at, word] = live[i, word]


@njit("void(i8[:, ::1], i8[::1], i8)", cache=True, nogil=True)
def discard(arena, generation, change):
    """Versions of `change` never count.  O(table): only for a change that was broken off."""
    for segment in range(SEGMENTS):
        start = segment_start(segment, generation[segment])
        for place in range(start, start + (FIRST_ROWS << generation[segment])):
            if arena[place, 2] == change:
                arena[place, 2] = 0


@njit("void(i8[:, ::1], i8[::1], i8[:, ::1], i8, i8[::1], i8[::1], i8[::1])", cache=True, inline="always")
def fetch(arena, generation, rows, i, columns, salts, per_customer):
    """Fetch what the look-ups of event i will read first, ahead of use."""
    for p in range(columns.shape[0]):
        token = rows[i, columns[p]]
        if token != 0 and salts[p] != 0:
            key = entry_key(salts[p], rows[i, _CUSTOMER] if per_customer[p] != 0 else 0, token)
            segment = (key >> SEGMENT_SHIFT) & (SEGMENTS - 1)
            mask = (FIRST_ROWS << generation[segment]) - 1
            prefetch(arena.reshape(-1), 3 * (segment_start(segment, generation[segment]) + (key & mask)))


@njit("void(i8[:, ::1], i8[::1], i8, i8[:, ::1], i8[::1], i8[::1], i8[::1], u8[:, ::1])", cache=True, nogil=True)
def members(arena, generation, in_force, rows, columns, salts, per_customer, out):
    """Which values are entries, at the second their event was received.

    rows: shape (n, 32).  columns, salts, per_customer: shape (p,), the row word, the list's salt (0: no such list) and
    whether its entries belong to the event's customer.  out: shape (n, 4), written whole: bit p % 64 of word p // 64.
    An absent value (0) is in no list.  O(n p), allocates nothing.
    """
    for i in range(min(_AHEAD, rows.shape[0])):
        fetch(arena, generation, rows, i, columns, salts, per_customer)
    for i in range(rows.shape[0]):
        if i + _AHEAD < rows.shape[0]:
            fetch(arena, generation, rows, i + _AHEAD, columns, salts, per_customer)
        for word in range(out.shape[1]):
            out[i, word] = 0
        second = rows[i, _RECEIVED_MS] // _SECOND_MS
        for p in range(columns.shape[0]):
            token = rows[i, columns[p]]
            if token == 0 or salts[p] == 0:
                continue
            customer = np.int64(0)
            if per_customer[p] != 0:
                customer = rows[i, _CUSTOMER]
                if customer == 0:
                    continue
            key = entry_key(salts[p], customer, token)
            segment = (key >> SEGMENT_SHIFT) & (SEGMENTS - 1)
            mask = (FIRST_ROWS << generation[segment]) - 1
            place = newest(arena, segment_start(segment, generation[segment]), mask, key, in_force)
            if place < 0:
                continue
            period = arena[place, 1]
            first = (period >> 32) & FOREVER_S
            end = period & FOREVER_S
            if first <= second < end:
                out[i, p >> 6] |= np.uint64(1) << np.uint64(p & 63)
