"""A matrix of bits on its side: 128 columns of w words become 64 w rows of two words.

    columns    uint64[128, w]      bit j of columns[i, k] is row 64 k + j of column i
    rows       uint64[64 w, 2]     bit i % 64 of rows[r, i // 64] is row r of column i

Source: recursive block swapping, Warren, "Hacker's Delight", 2nd edition, section 7-3.
"""

import numpy as np
from numba import njit

COLUMNS = 128


@njit("void(uint64[:, ::1], uint64[:, ::1])", cache=True, nogil=True)
def transpose(columns, rows):
    """Fill `rows`."""
    block = np.empty(64, np.uint64)
    for k in range(columns.shape[1]):
        for half in range(2):
            for i in range(64):
                block[i] = columns[64 * half + i, k]
            width = 32
            mask = np.uint64(0x00000000FFFFFFFF)
            while width:
                i = 0
                while i < 64:
                    swapped = ((block[i] >> np.uint64(width)) ^ block[i + width]) & mask
                    block[i] ^= swapped << np.uint64(width)
                    block[i + width] ^= swapped
                    i = (i + width + 1) & ~width
                width >>= 1
                mask ^= mask << np.uint64(width)
            for i in range(64):
                rows[64 * k + i, half] = block[i]
