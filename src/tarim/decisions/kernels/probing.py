"""Is somebody feeling a model out?  "How many different values of one field came, with all else the same?"

First stage, one counter a subject (a sender's customer, or a sender's device): most of them send few events in a window and
cost no more than that.  Second stage, for subjects with more events: for each field a *signature* of the sender and all other
fields, and a bitmap of the values seen under it (linear counting, Whang et al., 1990: of 128 bits about 128 (1 - exp(-n / 128))
are set by n different values).

State, owned by the caller and updated in place:

    counters[2, slots]     uint16   events of a customer, and of a device, in a window: 12 bits of them below 4 bits of the
                                    window's number; slot = mixed subject & (slots - 1)
    entries[sets, 4, 4]    int64    signature, when it began (seconds), 128 bits of values in two words; 0 = free
    A fresh state is all zeros.

Both stages forget: a counter of another window counts from 0, an entry older than a window begins anew, and where
there is no room the entry with the fewest values goes.
"""

from __future__ import annotations

import numba as nb
import numpy as np

WAYS = 4
ENTRY_WORDS = 4
CUSTOMER_FIELD, GRID = 14, 15
"""Numbers of what is told beside the fields: many customers with all else the same, and many contents of one customer."""

_CUSTOMER, _ACCOUNT, _DEVICE = 5, 6, 8
_SINGLE = np.array([7, 8, 9, 10, 11, 12, 13, 14, 16, 19, 24, 25, 26, 27], np.int64)
"""Words of the row: payee, device, address, merchant, city, amount, kind, channel, verification, category, free numbers."""


@nb.njit("u8(u8)", cache=True)
def mix(x):
    """A number that looks random (splitmix64's finaliser)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@nb.njit("u8(i8, i8)", cache=True)
def part_of(column, value):
    """What one field adds to a signature."""
    return mix(np.uint64(value) + np.uint64(column + 1) * np.uint64(0x9E3779B97F4A7C15))


@nb.njit("i8(i8)", cache=True)
def _ones(word):
    """Bits set."""
    x = np.uint64(word)
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@nb.njit("i8(i8[:,:,::1], u8, u8, i8, i8)", cache=True)
def saw(entries, signature, value, now_s, window_s):
    """Set the value's bit under a signature; how many bits are set."""
    at = np.int64(mix(signature) & np.uint64(entries.shape[0] - 1))
    mark = np.int64(signature) | 1
    place, fewest = -1, 129
    for way in range(WAYS):
        entry = entries[at, way]
        if entry[0] == mark and now_s - entry[1] < window_s:
            place = way
            break
        bits = 0
        if entry[0] != 0 and now_s - entry[1] < window_s:
            bits = _ones(entry[2]) + _ones(entry[3])
        if bits < fewest:
            fewest = bits
            place = way
    entry = entries[at, place]
    if entry[0] != mark or now_s - entry[1] >= window_s:
        entry[0], entry[1], entry[2], entry[3] = mark, now_s, 0, 0
    bit = np.int64(mix(value) & np.uint64(127))
    entry[2 + bit // 64] |= np.int64(1) << (bit % 64)
    return _ones(entry[2]) + _ones(entry[3])


@nb.njit("i8(u2[:,::1], i8, i8, i8)", cache=True)
def _count(counters, stage, slot, tag):
    """Count one event of a subject; how many there are in the window of the tag, at most 4,095."""
    value = np.int64(counters[stage, slot])
    count = min((value & 4_095 if value & 61_440 == tag else 0) + 1, 4_095)
    counters[stage, slot] = tag | count
    return count


@nb.njit("u8(i8, i8)", cache=True)
def subject_of(sender, token):
    """A sender's customer or device as one number."""
    return mix(np.uint64(token) ^ mix(np.uint64(sender)))


@nb.njit("i8(i8[:,::1], i8[::1], u2[:,::1], i8[:,:,::1], i8, i8, i8, i8, i8, i8[::1])", cache=True)
def watch(rows, senders, counters, entries, now_s, window_s, warm_from, sweep_bits, grid_bits, found):
    """found[i] = number of what event i completes: a field's place in _SINGLE, CUSTOMER_FIELD, GRID, or -1 for nothing.

    Gives how many complete something.

    rows (n, 32); senders, found: shape (n,); senders 0 are not watched.  warm_from: events of a subject
    in a window from which on its fields are looked at.  sweep_bits, grid_bits: bits that make a sweep or a
    grid, 0 = it is not looked for.  A repeated event sets no new bit.
    """
    slots = np.uint64(counters.shape[1] - 1)
    tag = (now_s // window_s & 15) << 12
    completed = 0
    for i in range(rows.shape[0]):
        found[i] = -1
        sender = senders[i]
        if sender == 0:
            continue
        row = rows[i]
        customer = subject_of(sender, row[_CUSTOMER])
        warm = _count(counters, 0, np.int64(customer & slots), tag) >= warm_from
        warm_device = False
        if row[_DEVICE] != 0:
            warm_device = _count(counters, 1, np.int64(subject_of(sender, row[_DEVICE]) & slots), tag) >= warm_from
        if not warm and not warm_device:
            continue
        rest = np.uint64(0)  # everything but whose it is
        for k in range(_SINGLE.shape[0]):
            rest ^= part_of(_SINGLE[k], row[_SINGLE[k]])
        content = rest ^ customer
        if warm and sweep_bits > 0:
            for k in range(_SINGLE.shape[0]):
                part = part_of(_SINGLE[k], row[_SINGLE[k]])
                signature = content ^ part ^ np.uint64(k + 1)
                if saw(entries, signature, part, now_s, window_s) >= sweep_bits:
                    found[i] = k
        if warm_device and sweep_bits > 0:
            signature = mix(rest ^ np.uint64(sender))
            if saw(entries, signature, customer, now_s, window_s) >= sweep_bits:
                found[i] = CUSTOMER_FIELD
        if warm and grid_bits > 0 and found[i] < 0 and saw(entries, customer, content, now_s, window_s) >= grid_bits:
            found[i] = GRID
        completed += found[i] >= 0
    return completed
