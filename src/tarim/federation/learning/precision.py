"""How joint trees hold their numbers: as many fraction bits as fit, by the number of rows; public.

A row's gradient and Hessian, and every sum of them, are one word modulo 2^64:

    word = G + 2^gradient_bits H        G signed, H from 0 on

Parts of words add up as one number, so nothing is lost between the parties.  Before a sum is read, 2^(gradient_bits - 1) is
added (`prepared`): then its low bits are G and that, its high ones H and the penalty.

Splits must not depend on how numbers are held: of two that are equally good but for rounding, one is better on other rows.  So
bits are spent where they are cheap, in words that are sent anyway, and what is cut off is rounded to the nearest: always
cutting down shifts sums of 30,000 rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tarim.base.errors import InputError

FRACTION_BITS_MAX: Final = 16
FRACTION_BITS_MIN: Final = 12
PENALTY: Final = 1
"""l of G^2 / (H + l)."""
HESSIAN_LEAST_LOG2: Final = -6
"""Added to every row's Hessian: 2^-6.  So |G| / H stays below 2^RATIO_BITS."""
RATIO_BITS: Final = 6
_WORD_BITS: Final = 64


@dataclass(frozen=True)
class Precision:
    """rows: how many are summed.  gradient_fraction_bits: of gradients and probabilities."""

    rows: int
    gradient_fraction_bits: int

    @classmethod
    def of(cls, rows: int) -> Precision:
        """For so many rows.  Raises InputError when they are too many."""
        free = _WORD_BITS // 2 - _largest(rows).bit_length()
        if free < FRACTION_BITS_MIN:
            raise InputError(f"{rows} rows are too many to be summed; a million is possible")
        return cls(rows, min(free, FRACTION_BITS_MAX))

    @property
    def sum_bits(self) -> int:
        """Bits of the greatest sum of gradients, weights or Hessians, without its fraction."""
        return _largest(self.rows).bit_length()

    @property
    def hessian_fraction_bits(self) -> int:
        """Of Hessians, and of the weights of exponential loss."""
        return self.gradient_fraction_bits - 1

    @property
    def leaf_fraction_bits(self) -> int:
        """Of leaves' values and margins m: log loss takes p = clip(m / 4 + 1/2), which is a gradient then, without a cut."""
        return self.gradient_fraction_bits - 2

    @property
    def gradient_bits(self) -> int:
        """Of G, signed."""
        return self.sum_bits + self.gradient_fraction_bits + 1

    @property
    def hessian_bits(self) -> int:
        """Of H, with what is added to every row's, and the penalty."""
        return self.sum_bits + self.hessian_fraction_bits

    @property
    def word_bits(self) -> int:
        """Of both."""
        return self.gradient_bits + self.hessian_bits

    @property
    def prepared(self) -> int:
        """What is added to a sum before it is read: the penalty, and what keeps its low bits from being negative."""
        return (PENALTY << self.hessian_fraction_bits + self.gradient_bits) + (1 << self.gradient_bits - 1)

    @property
    def hessian_least(self) -> int:
        """What is added to every row's Hessian."""
        return 1 << self.hessian_fraction_bits + HESSIAN_LEAST_LOG2


def _largest(rows: int) -> int:
    return rows + (rows >> -HESSIAN_LEAST_LOG2) + PENALTY + 1
