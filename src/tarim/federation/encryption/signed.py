"""Signed whole numbers in the ring of plaintexts: two's complement in PLAIN_BITS bits."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.federation.encryption.layout import MASK
from tarim.federation.encryption.parameters import PLAIN_BITS
from tarim.federation.randomness import Words

LIMIT: Final = 1 << (PLAIN_BITS - 1)
"""Numbers lie below this, and not below its negative."""
_UNUSED: Final = 64 - PLAIN_BITS


def in_fixed_point(values: npt.NDArray[np.float64], fraction_bits: int, what: str) -> npt.NDArray[np.int64]:
    """Rounded to the nearest multiple of 2^-fraction_bits, as whole numbers.  Raises InputError."""
    scaled = np.rint(np.asarray(values, np.float64) * 2.0**fraction_bits)
    if not np.isfinite(scaled).all():
        raise InputError(f"{what} have missing or infinite values; fill them first")
    if scaled.size and np.abs(scaled).max() >= LIMIT:
        raise InputError(
            f"{what} are too large: with {fraction_bits} fraction bits they stay below {LIMIT >> fraction_bits}"
        )
    return scaled.astype(np.int64)


def in_ring(numbers: npt.NDArray[np.int64]) -> Words:
    """Modulo 2^PLAIN_BITS."""
    found: Words = numbers.astype(np.uint64) & MASK
    return found


def signed(words: Words) -> npt.NDArray[np.int64]:
    """The numbers that words modulo 2^PLAIN_BITS stand for."""
    shift: Any = np.int64(_UNUSED)
    found: npt.NDArray[np.int64] = (words << np.uint64(_UNUSED)).view(np.int64) >> shift
    return found
