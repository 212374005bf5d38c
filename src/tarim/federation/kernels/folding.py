"""Sixteen streams to five columns: the sum of all of them, and for each bit of a stream's number the sum of those that have it.

    streams    uint64[16, w]
    total      uint64[w]         sum of all
    columns    uint64[4, w]      columns[j] is the sum of the streams whose number has bit j

Sums are exclusive or.
"""

import numpy as np
from numba import njit

DEPTH = 4
LEAVES = 1 << DEPTH


@njit("void(uint64[:, ::1], uint64[::1], uint64[:, ::1])", cache=True, nogil=True)
def fold(streams, total, columns):
    """Fill `total` and `columns`."""
    for k in range(streams.shape[1]):
        whole = first = second = third = fourth = np.uint64(0)
        for number in range(LEAVES):
            word = streams[number, k]
            whole ^= word
            if number & 1:
                first ^= word
            if number & 2:
                second ^= word
            if number & 4:
                third ^= word
            if number & 8:
                fourth ^= word
        total[k] = whole
        columns[0, k] = first
        columns[1, k] = second
        columns[2, k] = third
        columns[3, k] = fourth
