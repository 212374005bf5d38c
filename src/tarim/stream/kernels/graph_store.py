"""Who paid whom, and who used which device: rings per account that patterns are read from.

The graph has six stores, each a directory of the arena (see `arena`) from A[g + ROLE] on; a seventh where features name lists:

    OUT     account -> transfers it made       words: time ms, position, payee, amount
    IN      account -> transfers it received   words: time ms, position, payer, amount
    MARK    account -> labels that convict it  words: time of the label ms, position of the labelled event, in journal order
    NEAR    account -> may have a marked neighbour: see `graph_near`   words: time ms
    USE     account -> devices it used         words: time ms, device
    USERS   device  -> accounts that used it   words: time ms, account
    LISTED  account -> lists it stands on: see `graph_lists`; never swept

Rings are in order of time, events of one millisecond in order of the journal.  Words at A[g ...], the graph's header:

    ROLE    first store's directory         DEGREE    edges read of one account in one direction
    VISITS  edges read by one search        PLACES    events a ring holds at most, a power of two
    KEPT    ms an edge is kept              KEEP      ms a conviction holds
    STAMP   number of the latest search     CAPPED    events at which a cap cut something
    DROPPED events that a full ring forgot  CUT       1 when a cap cut something at the event at hand
    LARGE   places of the large scratch set less 1    SMALL   the same of the small one
    RESULT  what a search found, 4 words    SWEEP     per store: time of its next sweep, slot it visits
    BLIND   until this watermark NEAR may lack somebody   LATEST  greatest time of a label that convicted somebody
    SCRATCH small set, large set (4 words a place: stamp, key, two values), then two lists of VISITS + 2*DEGREE words
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tarim.stream.kernels.arena import (
    RING_CLASS,
    SLOTS,
    WATERMARK,
    alloc,
    distinct_between,
    find,
    find_or_add,
    first_after,
    home,
    prefetch,
    release,
    sweep_slot,
)

OUT = 0
IN = 1
MARK = 2
NEAR = 3
USE = 4
USERS = 5
STORES = 6
LISTED = 6

ROLE = 0
DEGREE = 1
VISITS = 2
PLACES = 3
KEPT = 4
KEEP = 5
STAMP = 6
CAPPED = 7
DROPPED = 8
CUT = 9
LARGE = 10
SMALL = 11
RESULT = 12
SWEEP = 16
BLIND = 28
LATEST = 29
SCRATCH = 32
SET_WORDS = 4

EDGE = 4
LINK = 2
MARKING = 2
NEARNESS = 1
LISTING = 3
WIDE = 63
LOW = 0xFFFFFFFF


@njit("i8(i8[::1], i8, i8)", cache=True)
def ring_of(A, role, key):
    """Entry of a key that has a ring, or -1."""
    e = find(A, role, key)
    if e >= 0 and A[e + 1] == 0:
        return np.int64(-1)
    return e


@njit("i8(i8[::1], i8, i8, i8)", cache=True)
def span_end(A, e, width, t):
    """Position after the last event of entry e's ring that is not later than t."""
    block = A[e + 1] >> 6
    mask = (np.int64(1) << (A[e + 1] & 63)) - 1
    start = A[e + 2] >> 32
    head = A[e + 2] & LOW
    if head > start and A[block + ((head - 1) & mask) * width] <= t:
        return head
    return first_after(A, block, mask, width, start, head, t, 0)


@njit("i8(i8[::1], i8, i8, i8, i8, i8)", cache=True)
def span_begin(A, g, e, width, end, after_ms):
    """Position of the oldest event to read before `end`: later than after_ms, and one of the newest DEGREE."""
    block = A[e + 1] >> 6
    mask = (np.int64(1) << (A[e + 1] & 63)) - 1
    start = A[e + 2] >> 32
    low = max(start, end - A[g + DEGREE])
    begin = first_after(A, block, mask, width, low, end, after_ms, 0)
    if begin == low and low > start and A[block + ((low - 1) & mask) * width] > after_ms:
        A[g + CUT] = 1
    return begin


@njit("b1(i8, i8, i8, i8)", cache=True)
def before(t, seq, later_t, later_seq):
    """Whether an event comes before another one, in time and then in the journal."""
    return t < later_t or (t == later_t and seq < later_seq)


@njit("b1(i8, i8, i8)", cache=True)
def alike(amount, reference, tolerance_ppm):
    """Whether an amount lies within tolerance_ppm millionths of the reference; always, when that is negative."""
    return tolerance_ppm < 0 or abs(amount - reference) * 1_000_000 <= tolerance_ppm * reference


@njit("i8(i8[::1], i8, i8, i8, i8)", cache=True)
def place_of(A, base, mask, stamp, key):
    """Place of a key in a scratch set, or the free place (another stamp) where it would be put."""
    h = (key ^ (key >> 32)) & mask
    o = base + h * SET_WORDS
    while A[o] == stamp and A[o + 1] != key:
        h = (h + 1) & mask
        o = base + h * SET_WORDS
    return o


@njit("i8(i8[::1], i8)", cache=True)
def new_stamp(A, g):
    """Empties both scratch sets: what lies in them has an older stamp."""
    A[g + STAMP] += 1
    return A[g + STAMP]


@njit("i8(i8)", cache=True)
def small_set(g):
    """Where the small scratch set lies."""
    return g + SCRATCH


@njit("i8(i8[::1], i8)", cache=True)
def large_set(A, g):
    """Where the large scratch set lies."""
    return g + SCRATCH + (A[g + SMALL] + 1) * SET_WORDS


@njit("i8(i8[::1], i8, i8)", cache=True)
def scratch_list(A, g, which):
    """Where a scratch list lies, 0 or 1."""
    return large_set(A, g) + (A[g + LARGE] + 1) * SET_WORDS + which * (A[g + VISITS] + 2 * A[g + DEGREE])


@njit("void(i8[::1], i8, i8, i8, i8)", cache=True)
def make_room(A, e, width, cls, places):
    """Move a ring to a block of fitting size, of `places` places at most."""
    block = A[e + 1] >> 6
    lg = A[e + 1] & 63
    start = A[e + 2] >> 32
    head = A[e + 2] & LOW
    count = head - start
    wanted = np.int64(0)
    while (np.int64(1) << wanted) < count + max(np.int64(1), count >> 1):
        wanted += 1
    wanted = max(wanted, np.int64(1))
    while (np.int64(1) << wanted) > places:
        wanted -= 1
    if wanted == lg:
        return
    made = alloc(A, cls, wanted, width << wanted)
    mask = (np.int64(1) << lg) - 1
    made_mask = (np.int64(1) << wanted) - 1
    for p in range(start, head):
        o = block + (p & mask) * width
        q = made + (p & made_mask) * width
        for word in range(width):
            A[q + word] = A[o + word]
    release(A, cls, lg, width << lg, block)
    A[e + 1] = (made << 6) | wanted


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8)", cache=True)
def put_place(A, g, store, key, t, floor, width):
    """Word where an event of time t is to be written in its key's ring, or -1 when the ring holds newer ones only.

    Events not later than `floor` give way; the others move to keep the order of time.
    """
    role = A[g + ROLE] + store
    cls = RING_CLASS + role
    e = find_or_add(A, role, key)
    if A[e + 1] == 0:
        lg = np.int64(0) if width == NEARNESS else np.int64(1)
        A[e + 1] = (alloc(A, cls, lg, width << lg) << 6) | lg
        A[e + 2] = 0
        A[e + 3] = t
    block = A[e + 1] >> 6
    lg = A[e + 1] & 63
    mask = (np.int64(1) << lg) - 1
    start = A[e + 2] >> 32
    head = A[e + 2] & LOW
    if head - start > mask:
        while start < head and A[block + (start & mask) * width] <= floor:
            start += 1
        A[e + 2] = (start << 32) | head
        if head - start > mask or 4 * (head - start) < mask:
            make_room(A, e, width, cls, A[g + PLACES])
            block = A[e + 1] >> 6
            mask = (np.int64(1) << (A[e + 1] & 63)) - 1
    j = span_end(A, e, width, t)
    if head - start > mask:
        A[g + DROPPED] += 1
        if j == start:
            return np.int64(-1)
        start += 1
    for p in range(head, j, -1):
        o = block + (p & mask) * width
        q = block + ((p - 1) & mask) * width
        for word in range(width):
            A[o + word] = A[q + word]
    A[e + 2] = (start << 32) | (head + 1)
    if t > A[e + 3]:
        A[e + 3] = t
    return block + (j & mask) * width


@njit("void(i8[::1], i8, i8, i8, i8, i8, i8, i8, i8)", cache=True)
def put_edge(A, g, store, key, other, amount, t, seq, floor):
    """One direction of a transfer."""
    o = put_place(A, g, store, key, t, floor, EDGE)
    if o >= 0:
        A[o] = t
        A[o + 1] = seq
        A[o + 2] = other
        A[o + 3] = amount


@njit("void(i8[::1], i8, i8, i8, i8, i8, i8)", cache=True)
def put_link(A, g, store, key, other, t, floor):
    """One direction of a use of a device."""
    o = put_place(A, g, store, key, t, floor, LINK)
    if o >= 0:
        A[o] = t
        A[o + 1] = other


@njit("i8(i8[::1], i8, i8, i8, i8, i8, i8)", cache=True)
def fan(A, g, store, key, extra, after_ms, t):
    """How many different neighbours an account has in one direction, `extra` (0: none) among them."""
    e = ring_of(A, A[g + ROLE] + store, key)
    own = np.int64(1) if extra != 0 else np.int64(0)
    if e < 0:
        return own
    end = span_end(A, e, EDGE, t)
    begin = span_begin(A, g, e, EDGE, end, after_ms)
    if begin == end:
        return own
    mask = (np.int64(1) << (A[e + 1] & 63)) - 1
    return distinct_between(A, A[e + 1] >> 6, mask, EDGE, 2, begin, end, extra)


@njit("void(i8[::1], i8, i8, i8)", cache=True)
def fetch_home(A, g, store, key):
    """Ask for the entry of a key."""
    prefetch(A, home(A, A[g + ROLE] + store, key))


@njit("void(i8[::1], i8, i8, i8)", cache=True)
def fetch_newest(A, g, store, key):
    """Ask for the newest events of a key whose entry has been asked for."""
    h = home(A, A[g + ROLE] + store, key)
    if A[h] == key and A[h + 1] != 0:
        mask = (np.int64(1) << (A[h + 1] & 63)) - 1
        prefetch(A, (A[h + 1] >> 6) + (((A[h + 2] & LOW) - 1) & mask) * EDGE)


@njit("i8(i8)", cache=True)
def store_width(store):
    """Words of an event in a store."""
    if store <= IN:
        return np.int64(EDGE)
    if store == NEAR:
        return np.int64(NEARNESS)
    if store == LISTED:
        return np.int64(LISTING)
    return np.int64(LINK)


@njit("void(i8[::1], i8, i8)", cache=True)
def sweep_graph(A, g, wm):
    """Now and then forget the accounts of one slot of each store that nothing can read any more."""
    for store in range(STORES):
        at = g + SWEEP + 2 * store
        if wm >= A[at]:
            kept = A[g + KEEP] if store == MARK else A[g + KEPT]
            role = A[g + ROLE] + store
            sweep_slot(A, role, A[at + 1], wm - kept, store_width(store), 0, 0, WIDE, RING_CLASS + role)
            A[at + 1] = (A[at + 1] + 1) & (SLOTS - 1)
            A[at] = (wm if A[at] == 0 else A[at]) + kept // 2 // SLOTS + 1


@njit("void(i8[::1], i8, i8, i8[::1])", cache=True)
def adopt_store(A, g, store, packed):
    """Take over the entries of one store that `pack_slot` copied out; they must be unknown here."""
    role = A[g + ROLE] + store
    width = store_width(store)
    p = np.int64(0)
    while p < packed.shape[0]:
        count = packed[p + 2]
        e = find_or_add(A, role, packed[p])
        lg = np.int64(0)
        while (np.int64(1) << lg) < count:
            lg += 1
        block = alloc(A, RING_CLASS + role, lg, width << lg)
        for word in range(count * width):
            A[block + word] = packed[p + 3 + word]
        A[e + 1] = (block << 6) | lg
        A[e + 2] = count
        A[e + 3] = packed[p + 1]
        p += 3 + count * width
        if store == MARK:
            A[g + LATEST] = max(A[g + LATEST], A[e + 3])
    A[g + BLIND] = max(A[g + BLIND], A[WATERMARK] + A[g + KEPT])
