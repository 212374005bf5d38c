"""Histograms of hidden numbers over secret bins: one side knows the bins, the numbers are shared, so are the sums.

For each row and column of the owner a punctured function is made once.  Each use then costs one message of as many bytes as
the numbers need, a row and column, however many bins there are: the other side's part of two numbers a row, masked by the sum
of fresh leaf words.  The owner adds its own part of the numbers by itself.

Who learns what: the owner sees uniform words, the other side nothing.  Semi-honest.  Sums are modulo 2^bits, the higher bits of
their parts mean nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tarim.federation import punctured
from tarim.federation.channel import octets, receive_one, sent_bytes
from tarim.federation.hashing import Domain
from tarim.federation.kernels import histograms as kernel
from tarim.federation.session import Session

BINS: int = punctured.LEAVES
LANES = kernel.LANES
_ROWS_AT_ONCE = 1_024

Lanes = npt.NDArray[np.uint64]
"""Shape (rows, LANES): this side's part of as many numbers a row."""
Histogram = npt.NDArray[np.uint64]
"""Shape (columns, BINS, LANES): this side's part of the sums."""
Binned = npt.NDArray[np.uint8]
"""Shape (rows, columns), below BINS."""


class OwnBins:
    """The side that knows the bins."""

    def __init__(self, session: Session, bins: Binned) -> None:
        self._session = session
        self._bins = np.ascontiguousarray(bins)
        self._keys = punctured.own(session, self._bins.reshape(-1))

    def sums(self, values: Lanes, use: int, bits: int) -> Histogram:
        """This side's part of the histogram of what both parts add up to."""
        (rows, columns), sent = self._bins.shape, sent_bytes(bits)
        sums = np.zeros((columns, BINS, LANES), np.uint64)
        kernel.add_plain(np.ascontiguousarray(values), self._bins, sums)
        came = receive_one(self._session.channel, "histogram", np.uint8, rows, columns, LANES, sent)
        for start in range(0, rows, _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            leaves = _leaves(self._session, self._keys, start, len(self._bins[part]), columns, use)
            completing = np.zeros(came[part].shape[:-1], np.uint64)
            octets(completing)[..., :sent] = came[part]
            kernel.own(leaves, self._bins[part], completing, sums)
        return sums


class TheirBins:
    """The other side: it knows how many rows and columns there are."""

    def __init__(self, session: Session, rows: int, columns: int) -> None:
        self._session = session
        self._shape = (rows, columns)
        self._keys = punctured.give(session, rows * columns)

    def sums(self, values: Lanes, use: int, bits: int) -> Histogram:
        """This side's part of the histogram of what both parts add up to."""
        rows, columns = self._shape
        sums, values = np.zeros((columns, BINS, LANES), np.uint64), np.ascontiguousarray(values)
        completing = np.empty((rows, columns, LANES), np.uint64)
        for start in range(0, rows, _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            leaves = _leaves(self._session, self._keys, start, len(values[part]), columns, use)
            kernel.give(leaves, values[part], completing[part], sums)
        self._session.channel.send("histogram", octets(completing)[..., : sent_bytes(bits)])
        return sums


def _leaves(session: Session, keys: punctured.Keys, start: int, rows: int, columns: int, use: int) -> Lanes:
    """Fresh words of the leaves of some rows, shape (rows * columns * BINS, LANES)."""
    part = keys[start * columns : (start + rows) * columns].reshape(-1, 2)
    hashed = session.hashing(Domain.TREE_LEAF, use, part, first=start * columns * BINS)
    return hashed.view(np.uint64).reshape(-1, LANES)
