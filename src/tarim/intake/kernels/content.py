"""What belongs to the content of an event, as the bytes its key is the digest of.

columns[c]     int64   the words of the row that belong to it, in order; of word `flags_col` the bits of `flags_mask`
indices[t]     int64   number of each text beyond the row
hashes[t, n]   int64   the texts' hashes, 0 = absent
out[...]       int64   for each row its words, then a pair (number, hash) for each text that is there;
room for n * (c + 2 t)
ends[n + 1]    int64   in bytes: row i is out[ends[i] / 8:ends[i + 1] / 8]
"""

from __future__ import annotations

from numba import njit


@njit("void(i8[:, ::1], i8[::1], i8, i8, i8[::1], i8[:, ::1], i8[::1], i8[::1])", cache=True, nogil=True)
def gather(rows, columns, flags_col, flags_mask, indices, hashes, out, ends):
    """Fill `out` and `ends`."""
    at = 0
    ends[0] = 0
    for i in range(rows.shape[0]):
        for k in range(columns.shape[0]):
            word = rows[i, columns[k]]
            out[at] = word & flags_mask if columns[k] == flags_col else word
            at += 1
        for t in range(indices.shape[0]):
            if hashes[t, i] != 0:
                out[at] = indices[t]
                out[at + 1] = hashes[t, i]
                at += 2
        ends[i + 1] = 8 * at
