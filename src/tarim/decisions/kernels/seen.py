"""Which events have been accepted: "have I answered this one before, and where is the answer?"

An open-addressing table in 256 segments, so that growth moves 1/256 of it at a time.  The caller owns the arrays, the
kernels update them in place:

    arena[place]         int64[rows, 3]  (event key, content key, seq); an event key of 0 marks an empty place
    generation[segment]  int64[256]      how often the segment has doubled; fresh: 0
    used[segment]        int64[256]      filled places, forgotten entries included; fresh: 0

A segment is chosen by the eight highest bits of the event key.  In generation g it holds FIRST_ROWS << g places, and
all segments of one generation lie side by side, generation after generation; so a segment's address is arithmetic and
growing is moving to the next generation's region.  Pages never touched cost nothing (the arena is lazily committed).

Entries with a seq below `floor_seq` are forgotten: they count as absent and vanish when their segment is rebuilt.
"""

from __future__ import annotations

from typing import Final

from numba import njit

SEGMENTS: Final = 256
FIRST_ROWS: Final = 1024
"""Places of a segment in generation 0; 24 KiB, a whole number of pages."""

NEW: Final = 0
SAME: Final = 1
OTHER: Final = 2
"""States of an event: not seen before, seen with the same content, seen with other content."""


@njit("i8(i8, i8)", cache=True, inline="always")
def segment_start(segment, generation):
    """First place of `segment` in `generation`."""
    rows = FIRST_ROWS << generation
    return SEGMENTS * (rows - FIRST_ROWS) + segment * rows


@njit("i8(i8[:, ::1], i8, i8, i8)", cache=True, inline="always")
def find_place(arena, start, mask, key):
    """Place that holds `key`, or the empty place where it belongs.  The segment always has an empty place."""
    at = key & mask
    while arena[start + at, 0] != 0 and arena[start + at, 0] != key:
        at = (at + 1) & mask
    return start + at


@njit("UniTuple(i8, 2)(i8[:, ::1], i8[::1], i8[::1], i8[:], i8[:], i8, i8, i8, i8[::1], i8[::1])", cache=True)
def put(arena, generation, used, keys, contents, begin, next_seq, floor_seq, states, seqs):
    """Recognise events from `begin` on, and note the new ones at next_seq, next_seq + 1, ...

    keys, contents: shape (n,).  states[i] becomes NEW, SAME or OTHER and seqs[i] the position of the event's record,
    its own when it is new.  Duplicates inside the batch are found: the first of them is the new one.
    Returns (n, next_seq after the new ones), or the index of an event whose segment must be rebuilt first in place of
    n; then grow it and call again with both.
    """
    for i in range(begin, keys.shape[0]):
        key = keys[i]
        segment = (key >> 56) & (SEGMENTS - 1)
        mask = (FIRST_ROWS << generation[segment]) - 1
        if 4 * (used[segment] + 1) > 3 * (mask + 1):
            return i, next_seq
        place = find_place(arena, segment_start(segment, generation[segment]), mask, key)
        if arena[place, 0] == key and arena[place, 2] >= floor_seq:
            states[i] = SAME if arena[place, 1] == contents[i] else OTHER
            seqs[i] = arena[place, 2]
            continue
        if arena[place, 0] == 0:
            used[segment] += 1
        arena[place, 0] = key
        arena[place, 1] = contents[i]
        arena[place, 2] = next_seq
        states[i] = NEW
        seqs[i] = next_seq
        next_seq += 1
    return keys.shape[0], next_seq


@njit("void(i8[:, ::1], i8[::1], i8[:], i8, i8[::1])", cache=True)
def find(arena, generation, keys, floor_seq, seqs):
    """seqs[i] becomes the position of the event with keys[i], or -1.  keys: shape (n,); changes nothing else."""
    for i in range(keys.shape[0]):
        key = keys[i]
        segment = (key >> 56) & (SEGMENTS - 1)
        mask = (FIRST_ROWS << generation[segment]) - 1
        place = find_place(arena, segment_start(segment, generation[segment]), mask, key)
        found = arena[place, 0] == key and arena[place, 2] >= floor_seq
        seqs[i] = arena[place, 2] if found else -1


@njit("void(i8[:, ::1], i8, i8, i8[:, ::1])", cache=True)
def fill(arena, segment, generation, live):
    """Enter live[i] = (event key, content key, seq), keys all different, into an empty segment with room for them."""
    mask = (FIRST_ROWS << generation) - 1
    first = segment_start(segment, generation)
    for i in range(live.shape[0]):
        place = find_place(arena, first, mask, live[i, 0])
        arena[place, 0] = live[i, 0]
        arena[place, 1] = live[i, 1]
        arena[place, 2] = live[i, 2]


@njit("i8(i8[:, ::1], i8, i8, i8, i8[:, ::1], i8)", cache=True)
def collect(arena, segment, generation, floor_seq, out, at):
    """Copy the entries of one segment that are not forgotten to out[at:]; returns the place after the last one."""
    first = segment_start(segment, generation)
    for place in range(first, first + (FIRST_ROWS << generation)):
        if arena[place, 0] != 0 and arena[place, 2] >= floor_seq:
            out[at, 0] = arena[place, 0]
            out[at, 1] = arena[place, 1]
            out[at, 2] = arena[place, 2]
            at += 1
    return at


@njit("void(i8[:, ::1], i8[::1], i8[:])", cache=True)
def forget(arena, generation, keys):
    """Events with these keys count as absent from now on.  keys: shape (n,)."""
    for i in range(keys.shape[0]):
        segment = (keys[i] >> 56) & (SEGMENTS - 1)
        mask = (FIRST_ROWS << generation[segment]) - 1
        place = find_place(arena, segment_start(segment, generation[segment]), mask, keys[i])
        if arena[place, 0] != 0:
            arena[place, 2] = -1
