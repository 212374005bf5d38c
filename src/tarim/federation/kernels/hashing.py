"""Around the fixed permutation: what goes into it, and what comes out of the hash.

    blocks     uint64[n, 2]    128-bit values, low word first
    sigma      (l, h) -> (l ^ h, l)        linear, and x ^ sigma(x) is a permutation as well
    hash       pi(sigma(x) ^ tweak) ^ sigma(x) ^ tweak,   tweak = (index, 0)

Source: Guo, Katz, Wang, Yu, "Efficient and Secure Multiparty Computation from Fixed-Key Block Ciphers", IEEE S&P 2020
(tweakable circular correlation robustness in the ideal-cipher model).
"""

import numpy as np
from numba import njit


@njit("void(uint64[:, ::1], uint64, uint64[:, ::1])", cache=True, nogil=True)
def prepare(blocks, first, out):
    """out[i] = sigma(blocks[i]) ^ (first + i, 0)."""
    for i in range(blocks.shape[0]):
        out[i, 0] = blocks[i, 0] ^ blocks[i, 1] ^ (first + np.uint64(i))
        out[i, 1] = blocks[i, 0]


@njit("void(uint64[:, ::1], uint64[:, ::1])", cache=True, nogil=True)
def add_into(target, other):
    """Add `other` to `target`, bit by bit modulo 2."""
    for i in range(target.shape[0]):
        target[i, 0] ^= other[i, 0]
        target[i, 1] ^= other[i, 1]
