"""Bundles (`sealing.py`) out of columns: the bytes of `pack_bundle`, outside the interpreter's lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tarim.base.errors import TooLarge
from tarim.privacy.digests import bytes_of
from tarim.privacy.kernels import bundles as kernels
from tarim.privacy.sealing import SEALABLE

Ints = npt.NDArray[np.int64]

VALUE_BYTES_MAX: Final = (1 << 16) - 1

assert len(SEALABLE) <= 14, "the head of a bundle has room for so many values"


def pack_columns(need: Ints, columns: Mapping[int, pa.Array], order: Ints) -> tuple[bytes, Ints]:
    """The bundles of some rows, one after the other, and where each ends: bundle i is found[ends[i]:ends[i + 1]].

    need: shape (rows,), for each row the mask of its bundle.  columns: string columns by bit, of `rows` values each.
    order: shape (n,), the rows to make bundles of, in the order wanted.  Raises TooLarge for a value beyond
    VALUE_BYTES_MAX.
    """
    order = np.ascontiguousarray(order, np.int64)
    sizes = np.zeros(len(order), np.int64)
    kernels.begin(need, order, sizes)
    taken = {bit: bytes_of(columns[bit]) for bit in sorted(columns)}
    for bit, (_, value_ends) in taken.items():
        if len(value_ends) > 1 and int(np.diff(value_ends).max()) > VALUE_BYTES_MAX:
            raise TooLarge(f"a value to be sealed has at most {VALUE_BYTES_MAX} bytes")
        kernels.measure(need, order, bit, value_ends, sizes)
    ends = np.zeros(len(order) + 1, np.int64)
    np.cumsum(sizes, out=ends[1:])
    cursors = ends[:-1].copy()
    out = np.empty(int(ends[-1]), np.uint8)
    kernels.write_heads(need, order, cursors, out)
    for bit, (data, value_ends) in taken.items():
        kernels.write_column(need, order, bit, data, value_ends, cursors, out)
    assert np.array_equal(cursors, ends[1:]), "a bit without its column"
    return out.tobytes(), ends
