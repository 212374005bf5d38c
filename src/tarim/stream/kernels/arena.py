"""One arena of int64 words that holds an engine: header, hash directories, rings of past events.

Header words (the caller's array `A` starts with them; a fresh arena is all zeros until `format_arena`):

    A[CAPACITY]    most words to hand out         A[BUMP]       first word never handed out
    A[IN_USE]      words handed out and not freed A[WATERMARK] greatest event time seen, ms
    A[OFFSET]      next journal position expected A[LATE]      events beyond the stated lateness
    A[LARGEST]     largest block handed out, words
    A[FULL]        1 when a ring reached its largest size
    A[FREE + c*32 + lg]  head of the free list of blocks of class c and size lg (0 = none)
    A[DIRECTORY + (role*256 + slot)*3 ...]  table offset, mask, used entries of one role's hash slot
    A[... ROLE_WORDS per role]  event time of the next sweep, hash slot it visits, place of the newest event, spare
    A[... BLOCK words per column]  scratch of the block of events at hand

A role's table entry is four words, found by linear probing on the key in the key's own hash slot:

    key (0 = empty) | ring block << 6 | lg capacity | start << 32 | head | time of the newest event, ms

`start` and `head` count events since the entity was born; event p lies at block + (p & (capacity-1)) * width.
A key's slot is the top byte of its hash: 256 slots, each a table of its own, so that growing one never stalls.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

FORMAT = 0
CAPACITY = 1
BUMP = 2
IN_USE = 3
WATERMARK = 4
OFFSET = 5
LATE = 6
LARGEST = 7
FULL = 8
FREE = 16
CLASSES = 24
DIRECTORY = FREE + CLASSES * 32
SLOTS = 256
ROLE_WORDS = 4
ENTRY_WORDS = 4
TABLE_CLASS = 0
SCRATCH_CLASS = 1
RING_CLASS = 2
TABLE_LG_FIRST = 2
FORMAT_VERSION = 1
_HASH = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed word
LOW32 = 0xFFFFFFFF
LOW40 = (1 << 40) - 1


@intrinsic
def _prefetch_word(typingctx, array, index):
    """Asks the processor to fetch array[index] for writing; never faults."""

    def codegen(context, builder, signature, args):
        from llvmlite import ir

        array_type = signature.args[0]
        data = context.make_array(array_type)(context, builder, args[0]).data
        pointer = builder.gep(data, [args[1]])
        byte_pointer = ir.IntType(8).as_pointer()
        word = ir.IntType(32)
        prefetch = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte_pointer, word, word, word]),
            "llvm.prefetch.p0i8",
        )
        builder.call(
            prefetch,
            [builder.bitcast(pointer, byte_pointer), ir.Constant(word, 1), ir.Constant(word, 3), ir.Constant(word, 1)],
        )
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


@njit("void(i8[::1], i8)", cache=True, inline="always")
def prefetch(A, index):
    """Fetch A[index] ahead of use."""
    _prefetch_word(A, index)


@njit("i8(i8, i8)", cache=True)
def pair_key(a, b):
    """Key of a pair: 0 when a part is absent, else a 64-bit mix that is never 0."""
    if a == 0 or b == 0:
        return np.int64(0)
    h = (a * np.int64(-7046029254386353131)) ^ ((b >> np.int64(32)) & np.int64(LOW32))
    h = (h ^ (b << np.int64(1))) * np.int64(-4658895280553007687)
    h = (h ^ ((h >> np.int64(29)) & np.int64(0x7FFFFFFFF))) * np.int64(-7723592293110705685)
    h = h ^ ((h >> np.int64(32)) & np.int64(LOW32))
    if h == 0:
        return np.int64(1)
    return h


@njit("i8(i8[::1], i8, i8, i8)", cache=True)
def alloc(A, cls, lg, words):
    """Word offset of a block of `words` words; its content is whatever was there."""
    free = FREE + cls * 32 + lg
    block = A[free]
    if block != 0:
        A[free] = A[block]
    else:
        block = A[BUMP]
        A[BUMP] = block + words
    A[IN_USE] += words
    if words > A[LARGEST]:
        A[LARGEST] = words
    return block


@njit("void(i8[::1], i8, i8, i8, i8)", cache=True)
def release(A, cls, lg, words, block):
    """Give a block back to its free list."""
    free = FREE + cls * 32 + lg
    A[block] = A[free]
    A[free] = block
    A[IN_USE] -= words


@njit("void(i8[::1], i8)", cache=True)
def format_directory(A, role):
    """Give each of a role's 256 slots its first, empty table."""
    for slot in range(SLOTS):
        d = DIRECTORY + (role * SLOTS + slot) * 3
        words = ENTRY_WORDS << TABLE_LG_FIRST
        table = alloc(A, TABLE_CLASS, TABLE_LG_FIRST, words)
        for i in range(words):
            A[table + i] = 0
        A[d] = table
        A[d + 1] = (1 << TABLE_LG_FIRST) - 1
        A[d + 2] = 0


@njit("i8(i8[::1], i8, i8)", cache=True)
def home(A, role, key):
    """Word offset of the entry where the search for a key starts."""
    h = key * np.int64(_HASH)
    d = DIRECTORY + (role * SLOTS + ((h >> 56) & 255)) * 3
    return A[d] + ((h >> 16) & A[d + 1]) * ENTRY_WORDS


@njit("i8(i8[::1], i8, i8)", cache=True)
def find(A, role, key):
    """Word offset of a key's entry, or -1."""
    h = key * np.int64(_HASH)
    d = DIRECTORY + (role * SLOTS + ((h >> 56) & 255)) * 3
    table = A[d]
    mask = A[d + 1]
    i = (h >> 16) & mask
    while True:
        at = table + i * ENTRY_WORDS
        found = A[at]
        if found == key:
            return at
        if found == 0:
            return np.int64(-1)
        i = (i + 1) & mask


@njit("void(i8[::1], i8, i8, i8)", cache=True)
def rebuild_table(A, role, slot, lg):
    """Move a slot's live entries (key and ring both present) into a fresh table of 2**lg entries."""
    d = DIRECTORY + (role * SLOTS + slot) * 3
    old = A[d]
    old_size = A[d + 1] + 1
    words = np.int64(ENTRY_WORDS) << lg
    table = alloc(A, TABLE_CLASS, lg, words)
    for i in range(words):
        A[table + i] = 0
    mask = (np.int64(1) << lg) - 1
    used = 0
    for i in range(old_size):
        at = old + i * ENTRY_WORDS
        key = A[at]
        if key != 0 and A[at + 1] != 0:
            h = key * np.int64(_HASH)
            j = (h >> 16) & mask
            while A[table + j * ENTRY_WORDS] != 0:
                j = (j + 1) & mask
            to = table + j * ENTRY_WORDS
            A[to] = key
            A[to + 1] = A[at + 1]
            A[to + 2] = A[at + 2]
            A[to + 3] = A[at + 3]
            used += 1
    old_lg = 0
    while (1 << old_lg) < old_size:
        old_lg += 1
    release(A, TABLE_CLASS, old_lg, old_size * ENTRY_WORDS, old)
    A[d] = table
    A[d + 1] = mask
    A[d + 2] = used


@njit("i8(i8[::1], i8, i8)", cache=True)
def find_or_add(A, role, key):
    """Word offset of a key's entry; a fresh entry has only its key set, and must be given a ring before the next call."""
    h = key * np.int64(_HASH)
    slot = (h >> 56) & 255
    d = DIRECTORY + (role * SLOTS + slot) * 3
    mask = A[d + 1]
    i = (h >> 16) & mask
    table = A[d]
    while True:
        at = table + i * ENTRY_WORDS
        found = A[at]
        if found == key:
            return at
        if found == 0:
            break
        i = (i + 1) & mask
    if (A[d + 2] + 1) * 4 > (mask + 1) * 3:
        lg = 0
        while (1 << lg) < mask + 1:
            lg += 1
        rebuild_table(A, role, slot, lg + 1)
        table = A[d]
        mask = A[d + 1]
        i = (h >> 16) & mask
        while A[table + i * ENTRY_WORDS] != 0:
            i = (i + 1) & mask
        at = table + i * ENTRY_WORDS
    A[at] = key
    A[d + 2] += 1
    return at


@njit("i8(i8)", cache=True)
def square_high(x):
    """x*x div 2**40, for |x| <= 2**40."""
    x = abs(x)
    if x < 2147483648:
        return (x * x) >> 40
    a = x >> 20
    b = x & 0xFFFFF
    return a * a + ((((2 * a * b) << 20) + b * b) >> 40)


@njit("i8(i8)", cache=True)
def square_low(x):
    """x*x mod 2**40, for |x| <= 2**40."""
    x = abs(x)
    if x < 2147483648:
        return (x * x) & LOW40
    a = x >> 20
    b = x & 0xFFFFF
    return (((2 * a * b) << 20) + b * b) & LOW40


@njit("f8(i8, i8, i8, i8)", cache=True)
def spread(n, total, squares_high, squares_low):
    """N * sum(x^2) - (sum x)^2, exact before it is rounded to a double; n < 2**22, |x| <= 2**40.

    `squares_high` and `squares_low` are sums of square_high and square_low.  Its root over n is the population
    standard deviation; because the integers are exact, equal amounts give exactly 0.
    """
    rough = float(n) * (float(squares_high) * 1099511627776.0 + float(squares_low))
    if rough < 9.0e18:
        return float(n * ((squares_high << 40) + squares_low) - total * total)
    mask = np.int64(0x7FFFFFFF)  # limbs of 31 bits, least first
    total = abs(total)
    t1 = total >> 31
    t0 = total & mask
    w0 = n * (squares_low & mask)
    w1 = n * (squares_low >> 31) + ((n * (squares_high & mask)) << 9)
    w2 = (n * (squares_high >> 31)) << 9
    product = t0 * t0
    w0 -= product & mask
    w1 -= product >> 31
    product = t0 * t1
    w1 -= (product & (mask >> 1)) << 1
    w2 -= product >> 30
    w2 -= t1 * t1
    w1 += w0 >> 31
    w0 &= mask
    w2 += w1 >> 31
    w1 &= mask
    return (float(w2) * 2147483648.0 + float(w1)) * 2147483648.0 + float(w0)


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8)", cache=True)
def first_after(A, block, mask, width, low, high, at_ms, bits):
    """First position p in [low, high) whose event is later than at_ms, or high; events are in time order."""
    limit = (at_ms << bits) | ((np.int64(1) << bits) - 1)
    while low < high:
        middle = (low + high) >> 1
        if A[block + (middle & mask) * width] <= limit:
            low = middle + 1
        else:
            high = middle
    return low


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8)", cache=True)
def distinct_between(A, block, mask, width, column, low, high, extra):
    """Different non-zero values of a ring column at positions [low, high), `extra` counted in; allocates scratch."""
    n = high - low
    lg = 3
    while (np.int64(1) << lg) < 2 * (n + 1):
        lg += 1
    words = np.int64(1) << lg
    scratch = alloc(A, SCRATCH_CLASS, lg, words)
    for i in range(words):
        A[scratch + i] = 0
    count = 0
    for p in range(low - 1, high):
        key = extra
        if p >= low:
            key = A[block + (p & mask) * width + column]
        if key != 0:
            i = ((key * np.int64(_HASH)) >> 20) & (words - 1)
            while A[scratch + i] != 0 and A[scratch + i] != key:
                i = (i + 1) & (words - 1)
            if A[scratch + i] == 0:
                A[scratch + i] = key
                count += 1
    release(A, SCRATCH_CLASS, lg, words, scratch)
    return count


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8, i8)", cache=True)
def index_find(A, index, index_mask, block, mask, width, column, start, key):
    """Newest position of a key by a large ring's own index, or -1.  Slots hold position + 1, 0 = never used."""
    i = ((key * np.int64(_HASH)) >> 20) & index_mask
    while True:
        p = A[index + i] - 1
        if p < 0:
            return np.int64(-1)
        if p >= start and A[block + (p & mask) * width + column] == key:
            return p
        i = (i + 1) & index_mask


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8, i8)", cache=True)
def index_put(A, index, index_mask, block, mask, width, column, start, position):
    """Point a large ring's index at `position` for its key; 1 when a slot never used before was taken.

    Slots whose event has expired are taken again; the search first walks to the key or to a never-used slot.
    """
    key = A[block + (position & mask) * width + column]
    i = ((key * np.int64(_HASH)) >> 20) & index_mask
    stale = np.int64(-1)
    while True:
        p = A[index + i] - 1
        if p < 0:
            if stale >= 0:
                A[index + stale] = position + 1
                return np.int64(0)
            A[index + i] = position + 1
            return np.int64(1)
        if p < start:
            if stale < 0:
                stale = i
        elif A[block + (p & mask) * width + column] == key:
            A[index + i] = position + 1
            return np.int64(0)
        i = (i + 1) & index_mask


@njit("void(i8[::1], i8, i8, i8, i8)", cache=True)
def index_shift(A, index, index_mask, key, position):
    """Where a large ring's index names `position` as the newest of its key, let it name the next one."""
    i = ((key * np.int64(_HASH)) >> 20) & index_mask
    while A[index + i] != 0:
        if A[index + i] == position + 1:
            A[index + i] = position + 2
            return
        i = (i + 1) & index_mask


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8, i8)", cache=True)
def sweep_slot(A, role, slot, floor_ms, width, large_words, words_per_place, large_lg, ring_class):
    """Forget a slot's entities whose newest event is not later than floor_ms; returns how many.

    A large ring has large_words and words_per_place << lg words beside its events.
    """
    d = DIRECTORY + (role * SLOTS + slot) * 3
    table = A[d]
    size = A[d + 1] + 1
    gone = np.int64(0)
    for i in range(size):
        at = table + i * ENTRY_WORDS
        if A[at] != 0 and A[at + 1] != 0 and A[at + 3] <= floor_ms:
            lg = A[at + 1] & 63
            words = width << lg
            if lg >= large_lg:
                words += large_words + (words_per_place << lg)
            release(A, ring_class, lg, words, A[at + 1] >> 6)
            A[at + 1] = 0
            gone += 1
    if gone > 0:
        live = A[d + 2] - gone
        lg = np.int64(TABLE_LG_FIRST)
        while (np.int64(1) << lg) < 2 * (live + 1):
            lg += 1
        rebuild_table(A, role, slot, lg)
    return gone


@njit("void(i8[::1], i8, i8, i8[::1])", cache=True)
def census(A, role, large_lg, counts):
    """counts[0] entities, counts[1] events retained, counts[2] large rings, counts[3] table entries."""
    counts[:] = 0
    for slot in range(SLOTS):
        d = DIRECTORY + (role * SLOTS + slot) * 3
        counts[3] += A[d + 1] + 1
        for i in range(A[d + 1] + 1):
            at = A[d] + i * ENTRY_WORDS
            if A[at] != 0 and A[at + 1] != 0:
                counts[0] += 1
                counts[1] += (A[at + 2] & LOW32) - (A[at + 2] >> 32)
                if (A[at + 1] & 63) >= large_lg:
                    counts[2] += 1


@njit("i8(i8[::1], i8, i8, i8, i8[::1])", cache=True)
def pack_slot(A, role, slot, width, packed):
    """Copy a slot's entities out as (key, newest time, events, event words oldest first ...); returns words needed.

    Copies nothing when `packed` is too short: call once with an empty array for the size.
    """
    d = DIRECTORY + (role * SLOTS + slot) * 3
    needed = np.int64(0)
    for i in range(A[d + 1] + 1):
        at = A[d] + i * ENTRY_WORDS
        if A[at] != 0 and A[at + 1] != 0:
            needed += 3 + ((A[at + 2] & LOW32) - (A[at + 2] >> 32)) * width
    if len(packed) < needed:
        return needed
    p = 0
    for i in range(A[d + 1] + 1):
        at = A[d] + i * ENTRY_WORDS
        if A[at] != 0 and A[at + 1] != 0:
            block = A[at + 1] >> 6
            mask = (np.int64(1) << (A[at + 1] & 63)) - 1
            start = A[at + 2] >> 32
            head = A[at + 2] & LOW32
            packed[p] = A[at]
            packed[p + 1] = A[at + 3]
            packed[p + 2] = head - start
            p += 3
            for q in range(start, head):
                for word in range(width):
                    packed[p] = A[block + (q & mask) * width + word]
                    p += 1
    return needed
