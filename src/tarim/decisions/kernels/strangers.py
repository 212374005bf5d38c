"""Does somebody feel a model out with another customer for every message?  "How many values of one field came from customers
whom nobody had seen before, with all else but the person the same?"

Whoever makes up a customer for each question leaves no trace under any customer.  What gives it away is that all of them are
strangers, and so is most of what the key sends.  Real customers, who pay one popular merchant other amounts all day, have been
seen; and where some are new, what their channel sends is mostly of others.

State, owned by the caller and updated in place:

    known[words]           uint64   a Bloom filter (B. Bloom, 1970) of all customers seen, words a power of two; of each
                                    customer two bits in two words of one block of eight, a line of the cache
    entries[sets, 4, 4]    int64    as `kernels.probing` has them
    senders_seen[slots, 4] int64    of a sender its number, when its window began, its events since, and those of strangers;
                                    slots a power of two
    A fresh state is all zeros.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from tarim.decisions.kernels.probing import mix, part_of, saw

_CUSTOMER = 5
FIELDS = np.array([7, 10, 11, 12, 13, 14, 16, 19, 24, 25, 26, 27], np.int64)
"""Words of the row that are about the payment and not about the person or the device."""


@nb.njit("b1(u8[::1], i8)", cache=True)
def _is_new(known, customer):
    """Whether a customer was never seen before; now it was."""
    mixed = mix(np.uint64(customer))
    one = np.uint64(1)
    bit_1, bit_2 = one << (mixed & np.uint64(63)), one << ((mixed >> np.uint64(6)) & np.uint64(63))
    at_1 = np.int64((mixed >> np.uint64(12)) & np.uint64(known.shape[0] - 1))
    at_2 = at_1 ^ 1 ^ np.int64((mixed >> np.uint64(58)) & np.uint64(6))
    fresh = known[at_1] & bit_1 == 0 or known[at_2] & bit_2 == 0
    known[at_1] |= bit_1
    known[at_2] |= bit_2
    return fresh


@nb.njit("b1(i8[:,::1], i8, b1, i8, i8)", cache=True)
def _mostly_strangers(senders_seen, sender, is_new, now_s, window_s):
    """Count an event of a sender; whether a quarter or more of what it sent in its window is of strangers."""
    seen = senders_seen[np.int64(mix(np.uint64(sender)) & np.uint64(senders_seen.shape[0] - 1))]
    if seen[0] != sender or now_s - seen[1] >= window_s:
        seen[0], seen[1], seen[2], seen[3] = sender, now_s, 0, 0
    seen[2] += 1
    seen[3] += is_new
    return 4 * seen[3] >= seen[2]


@nb.njit("i8(i8[:,::1], i8[::1], u8[::1], i8[:,:,::1], i8[:,::1], i8, i8, i8, b1, i8[::1])", cache=True)
def watch_strangers(rows, senders, known, entries, senders_seen, now_s, window_s, bits, learning, found):
    """found[i] = column of the row whose values event i completes a sweep of, or -1; gives how many complete one.

    rows (n, 32); senders, found: shape (n,); senders 0 are learnt from and not watched.  bits: bits of different values that
    make a sweep.  learning: customers are learnt only, for nobody is known yet.
    """
    completed = 0
    for i in range(rows.shape[0]):
        found[i] = -1
        row = rows[i]
        is_new = row[_CUSTOMER] != 0 and _is_new(known, row[_CUSTOMER])
        if learning or senders[i] == 0:
            continue
        mostly = _mostly_strangers(senders_seen, senders[i], is_new, now_s, window_s)
        if not is_new:
            continue
        content = mix(np.uint64(senders[i]))
        for k in range(FIELDS.shape[0]):
            content ^= part_of(FIELDS[k], row[FIELDS[k]])
        for k in range(FIELDS.shape[0]):
            part = part_of(FIELDS[k], row[FIELDS[k]])
            if saw(entries, content ^ part ^ np.uint64(k + 1), part, now_s, window_s) >= bits and mostly:
                found[i] = FIELDS[k]
        completed += found[i] >= 0
    return completed
