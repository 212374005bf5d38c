"""Listed accounts: who stands on which of the lists that a set's features name, as the journal's changes of lists come.

    LISTED  account -> a place for each of the set's lists, in their order
            words: period in force, period to come, number of the change it comes with

A period is first second << 32 | second after the last, 0 for none.  A change's entries are put in bit by bit; a period to
come stands once as many changes are in force as its number says, so one count makes all of a change effective at once.
Words behind the graph's scratch space, from `listing` on, in a set that names lists:

    FORCE   changes in force    CHANGE  key of the change whose entries come in, 0 for none    SECOND  when the event at hand
                                                                                                       was received, s
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tarim.stream.kernels.arena import DIRECTORY, ENTRY_WORDS, RING_CLASS, SLOTS, WATERMARK, alloc, find_or_add
from tarim.stream.kernels.graph_near import note_near, note_neighbours
from tarim.stream.kernels.graph_store import KEPT, LISTED, LISTING, LOW, ROLE, ring_of, scratch_list

FORCE = 0
CHANGE = 1
SECOND = 2


@njit("i8(i8[::1], i8)", cache=True)
def listing(A, g):
    """Where the words about lists lie."""
    return scratch_list(A, g, 2)


@njit("b1(i8[::1], i8, i8, i8)", cache=True)
def listed(A, g, account, lists):
    """Whether the account stands on one of the lists (bits) when the event at hand was received."""
    e = ring_of(A, A[g + ROLE] + LISTED, account)
    if e < 0:
        return False
    words = listing(A, g)
    second = A[words + SECOND]
    for n in range(A[e + 2] & LOW):
        if (lists >> n) & 1 == 1:
            o = (A[e + 1] >> 6) + n * LISTING
            comes = A[o + 2] != 0 and A[o + 2] <= A[words + FORCE]
            period = A[o + 1] if comes else A[o]
            if (period >> 32) & LOW <= second < period & LOW:
                return True
    return False


@njit("void(i8[::1], i8, i8, i8, i8, i8, i8)", cache=True)
def meet_listed(A, g, a, b, t, floor, wm):
    """A new edge between a and b: whoever has a place in LISTED makes the other one near."""
    if ring_of(A, A[g + ROLE] + LISTED, a) >= 0:
        note_near(A, g, b, t, floor)
    if ring_of(A, A[g + ROLE] + LISTED, b) >= 0:
        note_near(A, g, a, t, floor)


@njit("void(i8[::1], i8)", cache=True)
def abandon_change(A, g):
    """The change whose entries came in is not going to be closed: they never count.  O(accounts ever listed)."""
    words = listing(A, g)
    if A[words + CHANGE] == 0:
        return
    role = A[g + ROLE] + LISTED
    for slot in range(SLOTS):
        d = DIRECTORY + (role * SLOTS + slot) * 3
        for i in range(A[d + 1] + 1):
            at = A[d] + i * ENTRY_WORDS
            if A[at] != 0 and A[at + 1] != 0:
                for n in range(A[at + 2] & LOW):
                    o = (A[at + 1] >> 6) + n * LISTING
                    if A[o + 2] > A[words + FORCE]:
                        A[o + 2] = 0
    A[words + CHANGE] = 0


@njit("void(i8[::1], i8, i8, b1)", cache=True)
def begin_part(A, g, change, first):
    """Entries of a change are about to come; a first part takes the place of what was not closed."""
    if first:
        abandon_change(A, g)
    A[listing(A, g) + CHANGE] = change


@njit("void(i8[::1], i8, i8)", cache=True)
def close_change(A, g, change):
    """A change is in force; entries of another one that wait never are."""
    words = listing(A, g)
    if A[words + CHANGE] == change:
        A[words + FORCE] += 1
        A[words + CHANGE] = 0
    else:
        abandon_change(A, g)


@njit("void(i8[::1], i8, i8, i8, i8[::1], i8[::1])", cache=True)
def list_accounts(A, g, lists, number, accounts, periods):
    """Entries of the change at hand for list `number` of `lists`: accounts, periods of shape (n,), a period of 0 takes off."""
    wm = A[WATERMARK]
    role = A[g + ROLE] + LISTED
    force = A[listing(A, g) + FORCE]
    lg = np.int64(0)
    while (np.int64(1) << lg) < lists:
        lg += 1
    for i in range(accounts.shape[0]):
        account = accounts[i]
        if ring_of(A, role, account) < 0:
            if account == 0 or periods[i] == 0:
                continue
            e = find_or_add(A, role, account)
            block = alloc(A, RING_CLASS + role, lg, LISTING << lg)
            for word in range(LISTING << lg):
                A[block + word] = 0
            A[e + 1] = (block << 6) | lg
            A[e + 2] = lists
            A[e + 3] = wm
            note_neighbours(A, g, account, wm - A[g + KEPT], wm)
        o = (A[ring_of(A, role, account) + 1] >> 6) + number * LISTING
        if A[o + 2] != 0 and A[o + 2] <= force:
            A[o] = A[o + 1]
        A[o + 1] = periods[i]
        A[o + 2] = force + 1
