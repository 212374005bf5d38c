"""How joint trees hold their numbers: as many fraction bits as fit, by the number of rows; public.

Of two splits that are equally good but for rounding, one is better on other rows: a training whose numbers are rounded more
coarsely than gains lie apart takes other splits, and its trees are no worse, but others.  Gains of a node lie as near as one in
a million.  So bits are spent where they are cheap, in the numbers that are sent, and what is cut off is rounded to the nearest:
always cutting down shifts sums of 30,000 rows.

    G, a sum of gradients   modulo 2^gradient_bits, signed
    H, a sum of Hessians    modulo 2^hessian_bits, from 0 on; with one fraction bit less, which is what p (1 - p) is cut to
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tarim.base.errors import InputError
from tarim.federation.randomness import Words

FRACTION_BITS_MAX: Final = 19
FRACTION_BITS_MIN: Final = 12
PENALTY: Final = 1
"""l of G^2 / (H + l)."""
HESSIAN_LEAST_LOG2: Final = -6
"""Added to every row's Hessian: 2^-6.  So |G| / H stays below 2^RATIO_BITS."""
RATIO_BITS: Final = 6
COARSE_FRACTION_BITS: Final = 8
"""Of G and H as they are divided."""
QUOTIENT_FRACTION_BITS: Final = 12
"""A gain is off by H 2^-24: with 10, by more than gains of 5,000 rows lie apart."""
_RING_BITS: Final = 64


@dataclass(frozen=True)
class Precision:
    """rows: how many are summed.  gradient_fraction_bits: of gradients and probabilities."""

    rows: int
    gradient_fraction_bits: int

    @classmethod
    def of(cls, rows: int) -> Precision:
        """For so many rows.  Raises InputError when they are too many."""
        free = _RING_BITS - 2 * QUOTIENT_FRACTION_BITS - RATIO_BITS - _largest(rows).bit_length() + 1
        if free < FRACTION_BITS_MIN:
            raise InputError(f"{rows} rows are too many to be summed; eight million are possible")
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
    def gain_fraction_bits(self) -> int:
        """Of gains."""
        return 2 * QUOTIENT_FRACTION_BITS + self.hessian_fraction_bits

    @property
    def gain_bits(self) -> int:
        """Of gains, unsigned: no more than 2^RATIO_BITS for a unit of G."""
        return self.gain_fraction_bits + self.sum_bits + RATIO_BITS

    @property
    def hessian_least(self) -> int:
        """What is added to every row's Hessian."""
        return 1 << self.hessian_fraction_bits + HESSIAN_LEAST_LOG2

    def prepared(self, sums: Words, *, first: bool) -> list[Words]:
        """This side's parts of 2^(gradient_bits - 1) + G and of H + l, for a circuit, from its parts of G and H, (..., 2)."""
        parts = sums.reshape(-1, 2)
        added = (1 << self.gradient_bits - 1, PENALTY << self.hessian_fraction_bits) if first else (0, 0)
        widths = (self.gradient_bits, self.hessian_bits)
        return [
            (parts[:, each] + np.uint64(added[each])) & np.uint64((1 << widths[each]) - 1)
            for each in range(len(widths))
        ]


def _largest(rows: int) -> int:
    return rows + (rows >> -HESSIAN_LEAST_LOG2) + PENALTY + 1
