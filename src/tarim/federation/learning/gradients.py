"""Gradients and Hessians of the rows on shares, for log loss and exponential loss, as they change from tree to tree.

log loss          p = clip(m / 4 + 1/2, 0, 1) of the margin m;  G = p - y,  H = p (1 - p)
exponential loss  weight w = exp(-y m), y = -1 or 1;            G = -y w,   H = w

Who learns what: nothing.  Semi-honest.  Everything is exact in whole numbers, see `boosting_in_the_clear`.
Source: Chen, Guestrin, KDD 2016; for exponential loss Friedman, Hastie, Tibshirani, Annals of Statistics 2000, section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from tarim.federation.conversion import RING_BITS
from tarim.federation.correlated import choose, give
from tarim.federation.learning.leaves import exponentials
from tarim.federation.learning.precision import Precision
from tarim.federation.learning.routes import Routes, routed
from tarim.federation.learning.sigmoid import ClippedSigmoid, Compared
from tarim.federation.multiplication import cut_down, products, squares
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Session

BLOCK_ROWS: Final = 8_192
_MARGIN_LOG2: Final = 6
"""Margins stay below 2^5."""
_FACTOR_BITS: Final = 5
"""2 e^v below 16, and a bit of 0 above."""


class Gradients(Protocol):
    """Of one loss.  numbers: this side's part of what changes from tree to tree, (rows,)."""

    numbers: Words
    loss_fraction_bits: int

    def both(self) -> Words:
        """This side's parts of gradient and Hessian of each row, (rows, 2), of the state as it is."""

    def follow(self, leaves: Words, routes: Sequence[Routes]) -> None:
        """Go on to the state after a tree of these leaves (`leaf_fraction_bits`), to which the rows come by these routes."""

    def loss(self, rows: int) -> Words:
        """This side's part of the sum of the last rows' losses, (1,), of the state as `both` was called; see `stopping`."""


class LogGradients:
    """Of log loss.  numbers: margins."""

    def __init__(self, session: Session, labels: Bits | None, precision: Precision, rows: int) -> None:
        self._session, self._labels, self._precision = session, labels, precision
        self.numbers: Words = np.zeros(rows, np.uint64)
        self._gradient = self._variance = self.numbers
        self.loss_fraction_bits = precision.gradient_fraction_bits + precision.leaf_fraction_bits

    def both(self) -> Words:
        """See `Gradients`."""
        precision, ring = self._precision, 2 * self._precision.gradient_fraction_bits
        p = self._probabilities()
        variance = (p << np.uint64(precision.gradient_fraction_bits)) - squares(self._session, p, ring)
        hessian = rounded_down(self._session, variance, precision.gradient_fraction_bits + 1, ring)
        gradient = p
        if self._labels is not None:
            gradient = p - (self._labels.astype(np.uint64) << np.uint64(precision.gradient_fraction_bits))
        self._gradient, self._variance = gradient, hessian
        return both_of(self._session, gradient, hessian, precision)

    def loss(self, rows: int) -> Words:
        """See `Gradients`: (p - y) m + 2 p (1 - p)."""
        by_margin = products(self._session, self._gradient[-rows:], self.numbers[-rows:], RING_BITS)
        twice = self._variance[-rows:] << np.uint64(self._precision.gradient_fraction_bits)
        found: Words = (by_margin + twice).sum(keepdims=True)
        return found

    def _probabilities(self) -> Words:
        """With the fraction bits of a gradient: four times them with those of a margin."""
        bits = self._precision.leaf_fraction_bits
        found = np.empty(len(self.numbers), np.uint64)
        for start in range(0, len(found), BLOCK_ROWS):
            part = slice(start, min(start + BLOCK_ROWS, len(found)))
            sigmoid = ClippedSigmoid(self._session, part.stop - start, bits, Compared(bits + _MARGIN_LOG2, bits))
            sigmoid.finish()
            found[part] = sigmoid.apply(self.numbers[part], 0)
        return found

    def follow(self, leaves: Words, routes: Sequence[Routes]) -> None:
        """See `Gradients`."""
        self.numbers = self.numbers + routed(routes, leaves[:, None], len(self.numbers))[:, 0]


class ExponentialGradients:
    """Of exponential loss.  numbers: weights."""

    def __init__(self, session: Session, labels: Bits | None, precision: Precision, rows: int) -> None:
        self._session, self._labels, self._precision = session, labels, precision
        one = 1 << precision.hessian_fraction_bits if session.first else 0
        self.numbers: Words = np.full(rows, one, np.uint64)
        self.loss_fraction_bits = precision.hessian_fraction_bits

    def both(self) -> Words:
        """See `Gradients`."""
        signed = self._signed(self.numbers[:, None])[:, 0]
        # A gradient has one fraction bit more than a weight.
        return both_of(self._session, np.uint64(0) - np.uint64(2) * signed, self.numbers, self._precision)

    def loss(self, rows: int) -> Words:
        """See `Gradients`: the weights."""
        found: Words = self.numbers[-rows:].sum(keepdims=True)
        return found

    def follow(self, leaves: Words, routes: Sequence[Routes]) -> None:
        """See `Gradients`."""
        session, bits, rows = self._session, self._precision.hessian_fraction_bits, len(self.numbers)
        moved = np.uint64(bits - self._precision.leaf_fraction_bits)
        grown, shrunk = exponentials(session, leaves << moved, bits)
        # exp(-y leaf) = mean of both factors - y times half their difference
        halves = routed(routes, np.stack([grown + shrunk, grown - shrunk], axis=1), rows)
        factor = halves[:, 0] - self._signed(np.ascontiguousarray(halves[:, 1:]))[:, 0]
        ring = self._precision.sum_bits + 2 * bits + _FACTOR_BITS
        self.numbers = rounded_down(session, products(session, self.numbers, factor, ring), bits + 1, ring)

    def _signed(self, numbers: Words) -> Words:
        """Shares of y times shared numbers (rows, lanes), y = -1 or 1 known to the second party: 2 bit x - x."""
        session, use = self._session, self._session.uses.take()
        if session.first:
            part = give(session, session.sender.extend(len(numbers)), numbers, use)
        else:
            assert self._labels is not None
            bits = np.ascontiguousarray(self._labels)
            part = choose(session, session.receiver.extend(bits), bits, np.uint64, numbers.shape[1], use)
            part = part + numbers * bits[:, None].astype(np.uint64)
        signed: Words = np.uint64(2) * part - numbers
        return signed


def rounded_down(session: Session, parts: Words, bits: int, ring: int) -> Words:
    """As `cut_down`, but rounded to the nearest."""
    half = np.uint64(1 << bits - 1 if session.first else 0)
    return cut_down(session, parts + half, bits, ring)


def both_of(session: Session, gradient: Words, hessian: Words, precision: Precision) -> Words:
    """Gradients and Hessians, (rows, 2), with what is added to every row's."""
    least = np.uint64(precision.hessian_least if session.first else 0)
    return np.stack([gradient, hessian + least], axis=1)
