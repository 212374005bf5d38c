"""Which data key does a customer have?  An open-addressing table from customer tokens to key numbers.

Keys are numbered 1, 2, 3, ... without gaps, so a key's number is its place, plus one.  The caller owns the arrays:

    slots[2**k]    int32   key number, 0 = empty; less than half of them are used
    owners[...]    int64   customer token of each key, in the order of their numbers; 0 = nobody's
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)
_tokens = types.Array(types.int64, 1, "C", readonly=True)


@njit("i8(i4[::1], i8[::1], i8)", cache=True, inline="always")
def _slot(slots, owners, customer):
    """The slot that holds the customer's key, or the empty slot where it belongs."""
    mask = slots.shape[0] - 1
    at = np.int64((np.uint64(customer) * _SPREAD) >> _SHIFT) & mask
    while slots[at] != 0 and owners[slots[at] - 1] != customer:
        at = (at + 1) & mask
    return at


@njit(types.int64(types.int32[::1], types.int64[::1], _tokens, types.int64[::1]), cache=True, nogil=True)
def find(slots, owners, customers, out):
    """out[i] becomes the number of the key of customers[i], 0 where there is none; returns how many there are not."""
    missing = 0
    for i in range(customers.shape[0]):
        number = np.int64(slots[_slot(slots, owners, customers[i])])
        out[i] = number
        missing += number == 0
    return missing


@njit(
    types.int64(types.int32[::1], types.int64[::1], _tokens, types.int64, types.int64, types.int64[::1]),
    cache=True,
    nogil=True,
)
def hand_out(slots, owners, customers, free, end, out):
    """Give every customer without a key the next of the keys free + 1 ... end; returns the last number given.

    out: shape (n,), as `find` left it; its zeros are filled in as far as the keys reach.
    """
    for i in range(customers.shape[0]):
        if out[i] != 0:
            continue
        at = _slot(slots, owners, customers[i])
        if slots[at] == 0:
            if free == end:
                continue
            owners[free] = customers[i]
            free += 1
            slots[at] = free
        out[i] = slots[at]
    return free


@njit("void(i4[::1], i8[::1], i8)", cache=True, nogil=True)
def enter(slots, owners, count):
    """Fill empty `slots` with the first `count` keys that have an owner; of several of one customer the newest."""
    for place in range(count):
        if owners[place] != 0:
            slots[_slot(slots, owners, owners[place])] = place + 1
