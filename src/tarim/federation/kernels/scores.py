"""Shares of scores from products made ahead, and which leaves of trees a row may reach.

    flips       uint8[rows, n]            a bit against its random one, 0 or 1
    products    uint64[rows, n, lanes]    shares of random bit times number
    totals      uint64[rows, lanes]       added to

    bins        uint8[rows, columns]      a party's columns
    columns     int64[trees, nodes]       of the split of each node, level by level; -1 where it is the other party's
    lasts       int64[trees, nodes]       last bin that goes left
    reached     uint8[rows, trees, leaves]  1 where none of the party's splits leads away from the leaf

    ways        uint8[rows, trees leaves], twice: `reached` of either party against its random bits
    leaves      uint32[trees leaves]      shares of the leaves' values
    of_first, of_second, of_both   uint32[rows, trees leaves]   shares of the value times the random bit of that party, of both
    models      int64[trees leaves]       whose score a leaf counts for
    scores      uint32[rows, models]      added to

Scores of trees are modulo 2^32, all else modulo 2^64.
"""

import numpy as np
from numba import njit


@njit("void(uint8[:, ::1], uint64[:, :, ::1], uint64[:, ::1])", cache=True, nogil=True)
def add_signed(flips, products, totals):
    """Add the products, and take off those that are flipped."""
    for i in range(flips.shape[0]):
        for j in range(flips.shape[1]):
            minus = np.uint64(0) - np.uint64(flips[i, j])
            for lane in range(products.shape[2]):
                totals[i, lane] += (products[i, j, lane] ^ minus) - minus


@njit("void(uint8[:, ::1], int64[:, ::1], int64[:, ::1], uint8[:, :, ::1])", cache=True, nogil=True)
def reach(bins, columns, lasts, reached):
    """Fill `reached`."""
    for i in range(bins.shape[0]):
        for tree in range(columns.shape[0]):
            reached[i, tree, 0] = 1
            width = 1
            while width < reached.shape[2]:
                for place in range(width - 1, -1, -1):
                    here = reached[i, tree, place]
                    column = columns[tree, width - 1 + place]
                    left = right = here
                    if column >= 0:
                        left = here & np.uint8(bins[i, column] <= lasts[tree, width - 1 + place])
                        right = here ^ left
                    reached[i, tree, 2 * place] = left
                    reached[i, tree, 2 * place + 1] = right
                width *= 2


@njit(
    "void(uint8[:, ::1], uint8[:, ::1], uint32[::1], uint32[:, ::1], uint32[:, ::1], uint32[:, ::1], int64[::1],"
    " uint32[:, ::1])",
    cache=True,
    nogil=True,
)
def add_leaves(first_ways, second_ways, leaves, of_first, of_second, of_both, models, scores):
    """Add to each score its share of the leaf that is reached: value times both parties' bits."""
    for i in range(first_ways.shape[0]):
        for leaf in range(leaves.shape[0]):
            first = np.uint32(0) - np.uint32(first_ways[i, leaf])
            second = np.uint32(0) - np.uint32(second_ways[i, leaf])
            both = of_both[i, leaf]
            by_second = (first & of_second[i, leaf]) + ((both ^ first) - first)
            without = (first & leaves[leaf]) + ((of_first[i, leaf] ^ first) - first)
            scores[i, models[leaf]] += (second & without) + ((by_second ^ second) - second)
