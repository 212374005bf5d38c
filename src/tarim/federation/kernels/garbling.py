"""One AND gate over many rows at once, garbled and evaluated by half gates.

    labels     uint64[n, 2]    a wire's zero label (garbler) or active label (evaluator) of each row
    delta      uint64[2]       the garbler's offset: one label = zero label ^ delta; its lowest bit is 1
    table      uint64[n, 4]    generator half gate, then evaluator half gate
    prepared   uint64[4 n, 2]  (garbler) or uint64[2 n, 2] (evaluator): input of the permutation
    hashed     the permutation of `prepared`, same shape
    gate       number of the gate in its circuit; row i has the tweak (first + i, 2 gate) and (first + i, 2 gate + 1)

The lowest bit of a label is its colour (point and permute).
Source: Zahur, Rosulek, Evans, "Two Halves Make a Whole", EUROCRYPT 2015, figure 2.
"""

import numpy as np
from numba import njit

ONE = np.uint64(1)


@njit("void(uint64[:, ::1], uint64[:, ::1], uint64[::1], uint64, uint64, uint64[:, ::1])", cache=True, nogil=True)
def prepare_garbling(a, b, delta, gate, first, out):
    """Both labels of both inputs, ready for the permutation."""
    n = a.shape[0]
    generator, evaluator = gate << ONE, (gate << ONE) | ONE
    for i in range(n):
        row = first + np.uint64(i)
        for half in range(2):
            low, high = (delta[0], delta[1]) if half else (np.uint64(0), np.uint64(0))
            a0, a1 = a[i, 0] ^ low, a[i, 1] ^ high
            b0, b1 = b[i, 0] ^ low, b[i, 1] ^ high
            out[half * n + i, 0] = a0 ^ a1 ^ row
            out[half * n + i, 1] = a0 ^ generator
            out[(2 + half) * n + i, 0] = b0 ^ b1 ^ row
            out[(2 + half) * n + i, 1] = b0 ^ evaluator


@njit(
    "void(uint64[:, ::1], uint64[:, ::1], uint64[::1], uint64[:, ::1], uint64[:, ::1], uint64[:, ::1], uint64[:, ::1])",
    cache=True,
    nogil=True,
)
def garble(a, b, delta, prepared, hashed, table, out):
    """The gate's table, and the zero labels of its output."""
    n = a.shape[0]
    for i in range(n):
        colour_a = np.uint64(0) - (a[i, 0] & ONE)
        colour_b = np.uint64(0) - (b[i, 0] & ONE)
        for k in range(2):
            a_zero = prepared[i, k] ^ hashed[i, k]
            a_one = prepared[n + i, k] ^ hashed[n + i, k]
            b_zero = prepared[2 * n + i, k] ^ hashed[2 * n + i, k]
            b_one = prepared[3 * n + i, k] ^ hashed[3 * n + i, k]
            generator = a_zero ^ a_one ^ (colour_b & delta[k])
            evaluator = b_zero ^ b_one ^ a[i, k]
            table[i, k] = generator
            table[i, 2 + k] = evaluator
            out[i, k] = a_zero ^ (colour_a & generator) ^ b_zero ^ (colour_b & (evaluator ^ a[i, k]))


@njit("void(uint64[:, ::1], uint64[:, ::1], uint64, uint64, uint64[:, ::1])", cache=True, nogil=True)
def prepare_evaluating(a, b, gate, first, out):
    """The active labels of both inputs, ready for the permutation."""
    n = a.shape[0]
    generator, evaluator = gate << ONE, (gate << ONE) | ONE
    for i in range(n):
        row = first + np.uint64(i)
        out[i, 0] = a[i, 0] ^ a[i, 1] ^ row
        out[i, 1] = a[i, 0] ^ generator
        out[n + i, 0] = b[i, 0] ^ b[i, 1] ^ row
        out[n + i, 1] = b[i, 0] ^ evaluator


@njit(
    "void(uint64[:, ::1], uint64[:, ::1], uint64[:, ::1], uint64[:, ::1], uint64[:, ::1], uint64[:, ::1])",
    cache=True,
    nogil=True,
)
def evaluate(a, b, prepared, hashed, table, out):
    """The active labels of the gate's output."""
    n = a.shape[0]
    for i in range(n):
        colour_a = np.uint64(0) - (a[i, 0] & ONE)
        colour_b = np.uint64(0) - (b[i, 0] & ONE)
        for k in range(2):
            first_half = prepared[i, k] ^ hashed[i, k] ^ (colour_a & table[i, k])
            second_half = prepared[n + i, k] ^ hashed[n + i, k] ^ (colour_b & (table[i, 2 + k] ^ a[i, k]))
            out[i, k] = first_half ^ second_half
