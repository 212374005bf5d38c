"""NEAR: who may be beside a marked account, one that is convicted or that stands on a list.

NEAR is a filter: it may hold accounts that have no marked neighbour any more, never lacks one that has.  So it decides
what is looked at, not what is found.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tarim.stream.kernels.graph_store import (
    BLIND,
    EDGE,
    IN,
    KEPT,
    LOW,
    NEAR,
    NEARNESS,
    OUT,
    PLACES,
    ROLE,
    put_place,
    ring_of,
)


@njit("void(i8[::1], i8, i8, i8, i8)", cache=True)
def note_near(A, g, account, t, floor):
    """From now until an edge of time t is forgotten the account may have a marked neighbour."""
    e = ring_of(A, A[g + ROLE] + NEAR, account)
    if e < 0:
        A[put_place(A, g, NEAR, account, t, floor, NEARNESS)] = t
    elif t > A[e + 3]:
        A[e + 3] = t


@njit("void(i8[::1], i8, i8, i8, i8)", cache=True)
def note_neighbours(A, g, account, floor, wm):
    """The account is marked from now on: those that it has transfers with are near."""
    for store in range(OUT, IN + 1):
        e = ring_of(A, A[g + ROLE] + store, account)
        if e < 0:
            continue
        block = A[e + 1] >> 6
        mask = (np.int64(1) << (A[e + 1] & 63)) - 1
        if (A[e + 2] & LOW) - (A[e + 2] >> 32) == A[g + PLACES]:
            A[g + BLIND] = wm + A[g + KEPT]  # edges that this ring has forgotten may lie in those of its neighbours
        for p in range(A[e + 2] >> 32, A[e + 2] & LOW):
            i = block + (p & mask) * EDGE
            if A[i] > floor:
                note_near(A, g, A[i + 2], A[i], floor)
