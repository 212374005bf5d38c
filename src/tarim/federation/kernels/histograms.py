"""Sums over rows by secret bin, from punctured functions: two 64-bit lanes a row and column.

    leaves     uint64[rows * columns * LEAVES, 2]   fresh words of every leaf (the owner's at its own bin are meaningless)
    values     uint64[rows, 2]                      what the giver wants summed by bin
    completing uint64[rows, columns, 2]             value + sum of all leaves: what the owner is told
    bins       uint8[rows, columns]                 the owner's secret bins
    sums       uint64[columns, LEAVES, 2]           shares of the histogram, added to

All modulo 2^64.
"""

from numba import njit

LEAVES = 16
LANES = 2


@njit("void(uint64[:, ::1], uint64[:, ::1], uint64[:, :, ::1], uint64[:, :, ::1])", cache=True, nogil=True)
def give(leaves, values, completing, sums):
    """The giver's part: fill `completing`, take the leaves off `sums`."""
    columns = completing.shape[1]
    for i in range(values.shape[0]):
        for j in range(columns):
            row = (i * columns + j) * LEAVES
            for lane in range(LANES):
                total = values[i, lane]
                for v in range(LEAVES):
                    word = leaves[row + v, lane]
                    total += word
                    sums[j, v, lane] -= word
                completing[i, j, lane] = total


@njit("void(uint64[:, ::1], uint8[:, ::1], uint64[:, :, ::1], uint64[:, :, ::1])", cache=True, nogil=True)
def own(leaves, bins, completing, sums):
    """The owner's part: the leaf at its own bin is what is left of `completing`."""
    columns = completing.shape[1]
    for i in range(bins.shape[0]):
        for j in range(columns):
            row = (i * columns + j) * LEAVES
            mine = bins[i, j]
            for lane in range(LANES):
                rest = completing[i, j, lane]
                for v in range(LEAVES):
                    if v != mine:
                        word = leaves[row + v, lane]
                        rest -= word
                        sums[j, v, lane] += word
                sums[j, mine, lane] += rest


@njit("void(uint64[:, ::1], uint8[:, ::1], uint64[:, :, ::1])", cache=True, nogil=True)
def add_plain(values, bins, sums):
    """The owner's own part of the numbers, which it sums by itself."""
    for i in range(bins.shape[0]):
        for j in range(bins.shape[1]):
            for lane in range(LANES):
                sums[j, bins[i, j], lane] += values[i, lane]
