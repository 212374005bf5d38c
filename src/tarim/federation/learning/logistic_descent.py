"""The shared weights of a joint regression, and what a batch's gradient changes them by.

Weights are shared modulo 2^64 with more fraction bits than a score needs: a step's change is added as it is, without a
division, where batches hold a power of two of rows, up to PLAIN_ROWS_MAX.  The sums of other batches are multiplied by
2^FACTOR_BITS over the rows, rounded, and cut down in a circuit.  Bounds: `logistic_plan`.

Who learns what: nothing; see `lifting` and `truncation`.  Semi-honest.
"""

from __future__ import annotations

import numpy as np

from tarim.federation.bit_products import BitProducts
from tarim.federation.learning.logistic_plan import (
    CHANGE_BITS,
    GRADIENT_BITS,
    SUMMED_ROWS_MAX,
    WEIGHT_FRACTION_BITS,
    Scale,
)
from tarim.federation.lifting import lifted
from tarim.federation.randomness import Words
from tarim.federation.session import Session
from tarim.federation.sharing import Share
from tarim.federation.truncation import shifted_exactly


class Descent:
    """This side's part of the weights, the bias first, as they change."""

    def __init__(self, session: Session, scale: Scale, l2_log2: int | None, columns: int) -> None:
        """columns: the bias too."""
        self._session, self._scale, self._l2_log2 = session, scale, l2_log2
        self.fine_weights = np.zeros(columns, np.uint64)
        self._sum = np.zeros(columns, np.uint64)

    def rounded(self) -> Words:
        """Shares modulo 2^ROW_BITS of the weights with WEIGHT_FRACTION_BITS: one unit more or less at random, evenly."""
        fine = self._scale.fine_bits
        unit = np.uint64(1 << fine) if self._session.first else np.uint64(0)
        rounded: Words = (self.fine_weights + unit) >> np.uint64(fine)
        return rounded

    def final(self) -> Share:
        """The weights as a model has them; both sides."""
        weights = shifted_exactly(self._session, self.fine_weights, 64, self._scale.fine_bits)
        return Share(weights, WEIGHT_FRACTION_BITS)

    def add(self, gradient: Words, lifts: BitProducts) -> None:
        """Take in the gradient sum of a part of a batch, shared modulo 2^GRADIENT_BITS; both sides."""
        if self._scale.batch_rows > SUMMED_ROWS_MAX:
            gradient = lifted(self._session, lifts, gradient, GRADIENT_BITS)
        self._sum = self._sum + gradient

    def step(self, weights: Words, lifts: BitProducts) -> None:
        """Change the weights by what was taken in.  weights: rounded, of this step; both sides."""
        decay = np.zeros(len(weights), np.uint64)
        if self._l2_log2 is not None:
            decay[1:] = weights[1:] << np.uint64(self._scale.decay_shift(self._l2_log2))
        self.fine_weights = self.fine_weights - self._change(self._sum, decay, lifts)
        self._sum = np.zeros(len(weights), np.uint64)

    def _change(self, gradient: Words, decay: Words, lifts: BitProducts) -> Words:
        """Shares of what the weights change by, with their fine bits.

        A sum is a change once it is divided by 2^shift, so a change has `shift` fine bits; those beyond FINE_BITS_MAX, of a
        small learning rate, a large batch or a factor, are cut off exactly.
        """
        beyond = self._scale.shift - self._scale.fine_bits
        if self._scale.plain:
            if beyond:
                return shifted_exactly(self._session, gradient + decay, GRADIENT_BITS, beyond)
            return lifted(self._session, lifts, gradient + decay, GRADIENT_BITS)
        if self._scale.batch_rows <= SUMMED_ROWS_MAX:
            gradient = lifted(self._session, lifts, gradient, GRADIENT_BITS)
        wide = gradient * np.uint64(self._scale.factor) + decay
        return shifted_exactly(self._session, wide, CHANGE_BITS, beyond)
