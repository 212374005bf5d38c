"""Values in order: "which value lies at the 50th of a hundred parts of this window?"

Two ways to the same integers.  A small ring, or a late event, copies the window's values aside and selects among them
(Hoare's FIND: C. A. R. Hoare, Algorithm 65, CACM 4(7), 1961), O(n).  A large ring keeps the window's values sorted in
blocks, and adding, taking out and selecting one costs O(sqrt n) at worst.

The blocks of a window, in a ring with room for 2**lg events, are words from `at` on:

    A[at]                      blocks in use, at least 1
    A[at + 1 + i]              block i in order: slot << 32 | values in it; slots not in use follow those in use
    A[at + 1 + slots + s*K]    the values of slot s, rising; K = 2**block_lg(lg) is the room of a block

A block that is full is halved; two neighbours that together fill three quarters or less become one.  So two neighbours
always hold more than 3K/4, 2**lg values need at most slots_of(lg) - 1 blocks, and a slot to halve into is always there.
Values may repeat; a value to take out must be there.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from tarim.stream.kernels.arena import LOW32, SCRATCH_CLASS, alloc, release

WORDS_PER_PLACE = 4
WORDS_MORE = 16
"""Blocks take WORDS_PER_PLACE << lg and WORDS_MORE words; both are checked for every lg by a test."""


@intrinsic
def apart(typingctx):
    """Keep the function that calls this one a function of its own, however many places call it: it is compiled once."""

    def codegen(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


@njit("i8(i8)", cache=True)
def block_lg(lg):
    """Binary logarithm of the room of a block."""
    return (lg >> 1) + 2


@njit("i8(i8)", cache=True)
def slots_of(lg):
    """How many blocks there is room for."""
    return (np.int64(8) << lg) // (np.int64(3) << block_lg(lg)) + 2


@njit("void(i8[::1], i8, i8)", cache=True)
def ordered_clear(A, at, lg):
    """Hold no value."""
    apart()
    A[at] = 1
    for i in range(slots_of(lg)):
        A[at + 1 + i] = i << 32


@njit("i8(i8[::1], i8, i8, i8)", cache=True)
def _block_of(A, at, lg, value):
    """The last block whose first value is not greater than `value`, else the first block."""
    values = at + 1 + slots_of(lg)
    k = block_lg(lg)
    low = np.int64(0)
    high = A[at] - 1
    while low < high:
        middle = (low + high + 1) >> 1
        if A[values + ((A[at + 1 + middle] >> 32) << k)] <= value:
            low = middle
        else:
            high = middle - 1
    return low


@njit("i8(i8[::1], i8, i8, i8)", cache=True)
def _place_of(A, block, count, value):
    """How many of a block's values are smaller than `value`."""
    low = np.int64(0)
    high = count
    while low < high:
        middle = (low + high) >> 1
        if A[block + middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit("void(i8[::1], i8, i8, i8)", cache=True)
def _halve(A, at, lg, i):
    """Move the upper half of block i, which is full, into a block of its own behind it."""
    values = at + 1 + slots_of(lg)
    k = block_lg(lg)
    half = np.int64(1) << (k - 1)
    blocks = A[at]
    fresh = A[at + 1 + blocks] >> 32
    for j in range(blocks, i + 1, -1):
        A[at + 1 + j] = A[at + j]
    slot = A[at + 1 + i] >> 32
    for p in range(half):
        A[values + (fresh << k) + p] = A[values + (slot << k) + half + p]
    A[at + 1 + i] = (slot << 32) | half
    A[at + 2 + i] = (fresh << 32) | half
    A[at] = blocks + 1


@njit("void(i8[::1], i8, i8)", cache=True)
def _drop(A, at, i):
    """Take block i out of the order; its slot is the next to be used."""
    slot = A[at + 1 + i] >> 32
    blocks = A[at] - 1
    for j in range(i, blocks):
        A[at + 1 + j] = A[at + 2 + j]
    A[at + 1 + blocks] = slot << 32
    A[at] = blocks


@njit("void(i8[::1], i8, i8, i8)", cache=True)
def _join(A, at, lg, i):
    """Make one block of blocks i and i+1 where they fill three quarters of one or less."""
    if i < 0 or i + 1 >= A[at]:
        return
    k = block_lg(lg)
    left = A[at + 1 + i]
    right = A[at + 2 + i]
    count = left & LOW32
    more = right & LOW32
    if (count + more) * 4 > (np.int64(3) << k):
        return
    values = at + 1 + slots_of(lg)
    to = values + ((left >> 32) << k) + count
    source = values + ((right >> 32) << k)
    for p in range(more):
        A[to + p] = A[source + p]
    A[at + 1 + i] = left + more
    _drop(A, at, i + 1)


@njit("void(i8[::1], i8, i8, i8)", cache=True)
def ordered_insert(A, at, lg, value):
    """Hold one more value; 2**lg are possible."""
    apart()
    k = block_lg(lg)
    i = _block_of(A, at, lg, value)
    if A[at + 1 + i] & LOW32 == np.int64(1) << k:
        _halve(A, at, lg, i)
        i = _block_of(A, at, lg, value)
    count = A[at + 1 + i] & LOW32
    block = at + 1 + slots_of(lg) + ((A[at + 1 + i] >> 32) << k)
    place = _place_of(A, block, count, value)
    for p in range(block + count, block + place, -1):
        A[p] = A[p - 1]
    A[block + place] = value
    A[at + 1 + i] += 1


@njit("void(i8[::1], i8, i8, i8)", cache=True)
def ordered_remove(A, at, lg, value):
    """Hold one of the values that equal `value` no longer."""
    apart()
    i = _block_of(A, at, lg, value)
    count = A[at + 1 + i] & LOW32
    block = at + 1 + slots_of(lg) + ((A[at + 1 + i] >> 32) << block_lg(lg))
    for p in range(block + _place_of(A, block, count, value), block + count - 1):
        A[p] = A[p + 1]
    A[at + 1 + i] -= 1
    if count == 1 and A[at] > 1:
        _drop(A, at, i)
        return
    _join(A, at, lg, i)
    _join(A, at, lg, i - 1)


@njit("i8(i8[::1], i8, i8, i8)", cache=True)
def ordered_select(A, at, lg, k):
    """The value that k others come before, k from 0."""
    i = np.int64(0)
    while k >= A[at + 1 + i] & LOW32:
        k -= A[at + 1 + i] & LOW32
        i += 1
    return A[at + 1 + slots_of(lg) + ((A[at + 1 + i] >> 32) << block_lg(lg)) + k]


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8)", cache=True)
def ordered_percentile(A, at, lg, count, value, others, percent):
    """A hundred times the percentile of the `count` values held; with `others` = 1 without one that equals `value`.

    Between two values the percentile is interpolated: of m values rising from v[0] it lies at (m - 1) * percent / 100,
    as in NumPy and SQL's percentile_cont; times a hundred it is a whole number.  At least one value must be left.
    """
    apart()
    h = (count - others - 1) * percent
    k = h // 100
    part = h - 100 * k
    low = ordered_select(A, at, lg, k)
    if others == 1 and low >= value:
        low = ordered_select(A, at, lg, k + 1)
    if part == 0:
        return 100 * low
    high = ordered_select(A, at, lg, k + 1)
    if others == 1 and high >= value:
        high = ordered_select(A, at, lg, k + 2)
    return (100 - part) * low + part * high


@njit("i8(i8[::1], i8, i8, i8, i8, i8)", cache=True)
def ordered_outliers(A, at, lg, count, value, times):
    """How many of the `count` values held are more than `times` times their median, all without one that equals `value`."""
    apart()
    if count < 2:
        return np.int64(0)
    limit = times * ordered_percentile(A, at, lg, count, value, 1, 50)
    found = np.int64(0)
    for i in range(A[at] - 1, -1, -1):
        block = at + 1 + slots_of(lg) + ((A[at + 1 + i] >> 32) << block_lg(lg))
        held = A[at + 1 + i] & LOW32
        if 100 * A[block] > limit:
            found += held
        else:
            found += held - _place_of(A, block, held, limit // 100 + 1)
            break
    return found - (1 if 100 * value > limit else 0)


@njit("void(i8[::1], i8, i8, i8)", cache=True)
def _find(A, at, count, k):
    """Order A[at:at+count] so far that place k has what it would have if all were sorted, and none after it is smaller."""
    low = np.int64(0)
    high = count - 1
    state = count
    while low < high:
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF  # any order of values is as good as any other
        pivot = A[at + low + state % (high - low + 1)]
        i = low
        j = high
        while i <= j:
            while A[at + i] < pivot:
                i += 1
            while A[at + j] > pivot:
                j -= 1
            if i <= j:
                y = A[at + i]
                A[at + i] = A[at + j]
                A[at + j] = y
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            return


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8, i8, i8)", cache=True)
def percentile_between(A, block, mask, width, column, low, high, value, others, percent):
    """A hundred times the percentile of a ring column at positions [low, high), with `others` = 0 of `value` as well.

    The same number as `ordered_percentile`; allocates scratch.
    """
    apart()
    count = high - low + 1 - others
    lg = 3
    while (np.int64(1) << lg) < count:
        lg += 1
    words = np.int64(1) << lg
    scratch = alloc(A, SCRATCH_CLASS, lg, words)
    for p in range(low, high):
        A[scratch + p - low] = A[block + (p & mask) * width + column]
    if others == 0:
        A[scratch + count - 1] = value
    h = (count - 1) * percent
    k = h // 100
    part = h - 100 * k
    _find(A, scratch, count, k)
    found = 100 * A[scratch + k]
    if part != 0:
        least = A[scratch + k + 1]
        for i in range(k + 2, count):
            least = min(least, A[scratch + i])
        found = (100 - part) * A[scratch + k] + part * least
    release(A, SCRATCH_CLASS, lg, words, scratch)
    return found


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8)", cache=True)
def outliers_between(A, block, mask, width, column, low, high, times):
    """How many values of a ring column at positions [low, high) are more than `times` times their median."""
    apart()
    if low == high:
        return np.int64(0)
    limit = times * percentile_between(A, block, mask, width, column, low, high, 0, 1, 50)
    found = np.int64(0)
    for p in range(low, high):
        found += 100 * A[block + (p & mask) * width + column] > limit
    return found
