"""Which model judges a customer, in the plainest form."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

MASK = (1 << 64) - 1


def fnv(text: str) -> int:
    salt = 0xCBF29CE484222325
    for byte in text.encode():
        salt = (salt ^ byte) * 0x100000001B3 & MASK
    return salt


def part(customer: int, salt: int) -> int:
    mixed = (customer & MASK) ^ salt
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & MASK
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & MASK
    return (mixed ^ mixed >> 31) % 10_000


def judge(customer: int, challengers: Sequence[tuple[str, int]]) -> int:
    """0 the champion, j the j-th challenger."""
    for at, (version, share) in enumerate(challengers, 1):
        if customer != 0 and share > 0 and part(customer, fnv(version)) < share:
            return at
    return 0


def single(value: float) -> float:
    """A float64 as a float32 keeps it."""
    return math.nan if math.isnan(value) else struct.unpack("<f", struct.pack("<f", value))[0]
