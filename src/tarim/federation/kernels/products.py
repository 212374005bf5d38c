"""Sums over rows and bits of correlated transfers: shares of X v for a vector v, and of X^T d for a number d a row.

    zero, one   uint64[rows * bits, 2]   the giver's two pads of each bit: first lane for X v, second for X^T d
    masked      uint64[rows * bits, 2]   what the giver sends
    pads        uint64[rows * bits, 2]   the chooser's pad of each bit
    forward     uint64[batches, bits]    v of each batch at each bit, the bit's weight in it
    backward    uint64[rows]             d of each row
    rows_out    uint64[rows]             shares of X v;   sums_out  uint64[batches, bits]  shares of the bit sums of d

Batch b holds `batch` rows, from row b * batch on.  All modulo 2^64.
"""

import numpy as np
from numba import njit


@njit(
    "void(uint64[:, ::1], uint64[:, ::1], uint64[:, ::1], uint64[::1], int64, uint64[:, ::1], uint64[::1], uint64[:, ::1])",
    cache=True,
    nogil=True,
)
def give(zero, one, forward, backward, batch, masked, rows_out, sums_out):
    """Fill `masked`, `rows_out` and `sums_out`."""
    bits = forward.shape[1]
    sums_out[:] = np.uint64(0)
    for i in range(backward.shape[0]):
        b = i // batch
        total = np.uint64(0)
        for j in range(bits):
            k = i * bits + j
            masked[k, 0] = zero[k, 0] - one[k, 0] + forward[b, j]
            masked[k, 1] = zero[k, 1] - one[k, 1] + backward[i]
            total -= zero[k, 0]
            sums_out[b, j] -= zero[k, 1]
        rows_out[i] = total


@njit("void(uint64[:, ::1], uint64[:, ::1], uint8[:, ::1], int64, uint64[::1], uint64[:, ::1])", cache=True, nogil=True)
def choose(pads, masked, chosen, batch, rows_out, sums_out):
    """Fill `rows_out` and `sums_out`; chosen: uint8 (rows, bits) of 0 and 1."""
    bits = chosen.shape[1]
    sums_out[:] = np.uint64(0)
    for i in range(chosen.shape[0]):
        b = i // batch
        total = np.uint64(0)
        for j in range(bits):
            k = i * bits + j
            mask = np.uint64(0) - np.uint64(chosen[i, j])
            total += pads[k, 0] + (mask & masked[k, 0])
            sums_out[b, j] += pads[k, 1] + (mask & masked[k, 1])
        rows_out[i] = total
