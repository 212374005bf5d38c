"""Which of the rules that hold have an effect on this event?

hits        uint64[n, 4]   bit k % 64 of word k // 64: rule k holds
live        uint64[4]      rules that are neither paused nor in shadow
shares      int64[256]     hundredths of a percent of the customers a rule has effect for, 10,000 = all
salts       uint64[256]    makes a rule's part of the customers its own
customers   int64[m]       suppressions, ascending: the customer's token
until_ms    int64[m]       a suppression counts for events received before that
masks       uint64[m, 4]   the rules it is about
effective   uint64[n, 4]   written whole

An event without a customer is in no part of the customers: a rule that is rolled out to some has no effect on it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tarim.stream import Col

_CUSTOMER = int(Col.CUSTOMER)
_RECEIVED = int(Col.RECEIVED_MS)
WHOLE = 10_000
_ONE = np.uint64(1)


@njit("i8(i8, u8)", cache=True, inline="always")
def part_of(customer, salt):
    """Where a customer stands among 0 ... 9,999 for one rule: splitmix64's finish over token and salt."""
    mixed = np.uint64(customer) ^ salt
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return np.int64(mixed % np.uint64(WHOLE))


@njit("i8(i8[::1], i8)", cache=True, inline="always")
def _first(customers, customer):
    """Place of the first suppression of the customer, or of what follows."""
    low, high = 0, customers.shape[0]
    while low < high:
        middle = (low + high) // 2
        if customers[middle] < customer:
            low = middle + 1
        else:
            high = middle
    return low


@njit(
    "void(i8[:, ::1], u8[:, ::1], u8[::1], i8[::1], u8[::1], i8[::1], i8[::1], u8[:, ::1], u8[:, ::1])",
    cache=True,
)
def settle(rows, hits, live, shares, salts, customers, until_ms, masks, effective):
    """Fill `effective`.  O(rules that hold) for each event."""
    for i in range(hits.shape[0]):
        customer = rows[i, _CUSTOMER]
        any_left = np.uint64(0)
        for w in range(4):
            word = hits[i, w] & live[w]
            left = word
            while left != 0:
                lowest = left & (~left + _ONE)
                bit = 0
                while lowest >> np.uint64(bit) != _ONE:
                    bit += 1
                share = shares[64 * w + bit]
                if share < WHOLE and (customer == 0 or part_of(customer, salts[64 * w + bit]) >= share):
                    word &= ~lowest
                left &= ~lowest
            effective[i, w] = word
            any_left |= word
        if any_left == 0 or customer == 0 or customers.shape[0] == 0:
            continue
        at = _first(customers, customer)
        while at < customers.shape[0] and customers[at] == customer:
            if rows[i, _RECEIVED] < until_ms[at]:
                for w in range(4):
                    effective[i, w] &= ~masks[at, w]
            at += 1
