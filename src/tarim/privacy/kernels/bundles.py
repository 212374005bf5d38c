"""Bundles of raw values out of columns: MessagePack arrays `[mask, text, ...]`, byte for byte what msgspec writes.

A bundle belongs to one row; `order` names the rows to make bundles of, and `need[row]` is the row's mask.  First the sizes
are summed, column by column; then each bundle has a cursor into `out`, and the columns are written in the order of their
bits.

    need[rows]      int64    bit i: the value of column i is part of the row's bundle; at most 15 bits
    data, ends      uint8, int64[rows + 1]   a column: the value of a row is data[ends[row]:ends[row + 1]], up to 65,535 bytes
    sizes[n]        int64    bytes of each bundle
    cursors[n]      int64    where the next byte of each bundle goes
    out[...]        uint8
"""

from __future__ import annotations

from numba import njit, types

_numbers = types.int64[::1]
_bytes = types.uint8[::1]
_raw = types.Array(types.uint8, 1, "C", readonly=True)


@njit("i8(i8)", cache=True, inline="always")
def _bits(mask):
    """How many bits are set."""
    count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count


@njit("i8(i8)", cache=True, inline="always")
def _head_bytes(length):
    """Bytes before a text."""
    if length < 32:
        return 1
    return 2 if length < 256 else 3


@njit(types.void(_numbers, _numbers, _numbers), cache=True, nogil=True)
def begin(need, order, sizes):
    """Sizes of the bundles' heads."""
    for i in range(order.shape[0]):
        mask = need[order[i]]
        sizes[i] = 2 if mask < 128 else (3 if mask < 256 else 4)


@njit(types.void(_numbers, _numbers, types.int64, _numbers, _numbers), cache=True, nogil=True)
def measure(need, order, bit, ends, sizes):
    """Add what one column takes."""
    for i in range(order.shape[0]):
        row = order[i]
        if need[row] >> bit & 1:
            length = ends[row + 1] - ends[row]
            sizes[i] += _head_bytes(length) + length


@njit(types.void(_numbers, _numbers, _numbers, _bytes), cache=True, nogil=True)
def write_heads(need, order, cursors, out):
    """Write array head and mask of every bundle."""
    for i in range(order.shape[0]):
        mask = need[order[i]]
        at = cursors[i]
        out[at] = 0x90 + 1 + _bits(mask)
        if mask < 128:
            out[at + 1] = mask
            cursors[i] = at + 2
        elif mask < 256:
            out[at + 1] = 0xCC
            out[at + 2] = mask
            cursors[i] = at + 3
        else:
            out[at + 1] = 0xCD
            out[at + 2] = mask >> 8
            out[at + 3] = mask & 255
            cursors[i] = at + 4


@njit(types.void(_numbers, _numbers, types.int64, _raw, _numbers, _numbers, _bytes), cache=True, nogil=True)
def write_column(need, order, bit, data, ends, cursors, out):
    """Write the values of one column; columns in the order of their bits."""
    for i in range(order.shape[0]):
        row = order[i]
        if not need[row] >> bit & 1:
            continue
        start, length = ends[row], ends[row + 1] - ends[row]
        at = cursors[i]
        if length < 32:
            out[at] = 0xA0 + length
            at += 1
        elif length < 256:
            out[at] = 0xD9
            out[at + 1] = length
            at += 2
        else:
            out[at] = 0xDA
            out[at + 1] = length >> 8
            out[at + 2] = length & 255
            at += 3
        for k in range(length):
            out[at + k] = data[start + k]
        cursors[i] = at + length
