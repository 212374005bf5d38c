"""Deterministic mixing of integers, and random streams that belong to one purpose and one day."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)


def splitmix64(values: npt.NDArray[np.integer]) -> Words:
    """A 64-bit mix of each value, one to one (Steele, Lea, Flood 2014: the output function of SplitMix)."""
    with np.errstate(over="ignore"):
        mixed: Words = values.astype(np.uint64) + _GOLDEN
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        result: Words = mixed ^ (mixed >> np.uint64(31))
    return result


def mixed_with(values: npt.NDArray[np.integer], salt: int) -> Words:
    """A mix of each value that is unrelated for different salts."""
    with np.errstate(over="ignore"):
        salted: Words = values.astype(np.uint64) ^ np.uint64((salt * 0xD1342543DE82EF95) & 0xFFFFFFFFFFFFFFFF)
    return splitmix64(salted)


def unit_interval(words: Words) -> npt.NDArray[np.float64]:
    """Each word as a number in [0, 1)."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def stream_of(seed: int, purpose: int, day: int) -> np.random.Generator:
    """The random stream of one purpose on one day; days may be negative down to -1,000,000."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, purpose, day + 1_000_000])))
