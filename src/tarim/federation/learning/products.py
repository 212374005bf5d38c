"""Products of one party's fixed columns with secrets of both: X w for the weights, X^T d for the residuals.

The owner's columns are bits that never change, so the transfers on them are made once (`Columns`): the owner keeps t, the
other side q = t ^ x delta for every bit x.  Each use draws fresh pads from them, hash(q, use) and hash(q ^ delta, use).

Before the values are there (`give`, `take`): the other side draws a random vector r for each batch and a random number s for
each row, and both get shares of X r and of X^T s.  Afterwards a product is local: the other side shows w - r, which is
uniform, and X w = X (w - r) + X r, where the owner knows X; likewise X^T d = X^T (d - s) + X^T s.

Shares of X v are modulo 2^ROW_BITS, those of X^T d modulo 2^COLUMN_BITS: higher bits mean nothing and are not sent.

Who learns what: the owner sees w - r and d - s, uniform; the other side sees nothing.  Semi-honest.  11 bytes a bit from the
other side to the owner each time, 4 bytes a bit from the owner once.

Reusing the transfers is sound as long as no use comes twice: pads of one bit under different uses are outputs of different
permutations at points shifted by the unknown delta.
Source: correlated transfers of Asharov, Lindell, Schneider, Zohner, CCS 2013.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tarim.federation.channel import receive_one
from tarim.federation.hashing import Blocks, Domain
from tarim.federation.kernels import products as kernel
from tarim.federation.learning.encoding import Encoded, Widths
from tarim.federation.randomness import Bits, Words, fresh_words
from tarim.federation.session import Session

ROW_BITS: Final = 48
COLUMN_BITS: Final = 40
_ROW_BYTES: Final = ROW_BITS // 8
_SENT_BYTES: Final = _ROW_BYTES + COLUMN_BITS // 8
SETUP_ROWS: Final = 8_192
"""Rows whose transfers are made at a time."""


@dataclass(frozen=True)
class Given:
    """The other side's part for a block of rows: r (batches, columns), s (rows,), and its shares."""

    vectors: Words
    numbers: Words
    rows: Words
    """Of X r, shape (rows,)."""
    columns: Words
    """Of X^T s, shape (batches, columns)."""


@dataclass(frozen=True)
class Taken:
    """The owner's shares for a block of rows."""

    rows: Words
    columns: Words


class OwnColumns:
    """The owner's side."""

    def __init__(self, session: Session, encoded: Encoded) -> None:
        self._session = session
        self._bits: Bits = np.ascontiguousarray(encoded.bits)
        self._widths = encoded.widths
        self.scaled = encoded.scaled
        total = encoded.widths.total
        self._pads: Blocks = np.empty((len(encoded) * total, 2), np.uint64)
        for start in range(0, len(encoded), SETUP_ROWS):
            part = self._bits[start : start + SETUP_ROWS].reshape(-1)
            self._pads[start * total : start * total + len(part)] = session.receiver.extend(part)

    def take(self, start: int, rows: int, batch: int, use: int) -> Taken:
        """Shares for rows start ... start + rows - 1, in batches of `batch`."""
        total = self._widths.total
        places = slice(start * total, (start + rows) * total)
        hashed = self._session.hashing(Domain.CORRELATED, use, self._pads[places])
        came = receive_one(self._session.channel, "column products, masked", np.uint8, rows * total, _SENT_BYTES)
        masked = np.zeros((rows * total, 2), np.uint64)
        octets = masked.view(np.uint8)
        octets[:, :_ROW_BYTES] = came[:, :_ROW_BYTES]
        octets[:, 8 : 8 + _SENT_BYTES - _ROW_BYTES] = came[:, _ROW_BYTES:]
        sums = np.empty((rows // batch, total), np.uint64)
        of_rows = np.empty(rows, np.uint64)
        kernel.choose(hashed, masked, self._bits[start : start + rows], batch, of_rows, sums)
        return Taken(of_rows, _by_column(sums, self._widths))


class TheirColumns:
    """The other side's: it knows the widths alone."""

    def __init__(self, session: Session, widths: Widths, rows: int) -> None:
        self._session = session
        self._widths = widths
        total = widths.total
        self._q: Blocks = np.empty((rows * total, 2), np.uint64)
        for start in range(0, rows, SETUP_ROWS):
            count = min(SETUP_ROWS, rows - start) * total
            self._q[start * total : start * total + count] = session.sender.extend(count)

    def give(self, start: int, rows: int, batch: int, use: int) -> Given:
        """Fresh secrets and shares for rows start ... start + rows - 1, in batches of `batch`."""
        total = self._widths.total
        q = self._q[start * total : (start + rows) * total]
        zero = self._session.hashing(Domain.CORRELATED, use, q)
        one = self._session.hashing(Domain.CORRELATED, use, q ^ self._session.sender.delta)
        vectors, numbers = fresh_words(rows // batch, len(self._widths)), fresh_words(rows)
        forward = np.ascontiguousarray(vectors[:, self._widths.column_of_bit] * self._widths.weight_of_bit)
        masked, of_rows = np.empty((rows * total, 2), np.uint64), np.empty(rows, np.uint64)
        sums = np.empty((rows // batch, total), np.uint64)
        kernel.give(zero, one, forward, numbers, batch, masked, of_rows, sums)
        octets = masked.view(np.uint8)
        sent = np.empty((rows * total, _SENT_BYTES), np.uint8)
        sent[:, :_ROW_BYTES] = octets[:, :_ROW_BYTES]
        sent[:, _ROW_BYTES:] = octets[:, 8 : 8 + _SENT_BYTES - _ROW_BYTES]
        self._session.channel.send("column products, masked", sent)
        return Given(vectors, numbers, of_rows, _by_column(sums, self._widths))


def _by_column(sums: Words, widths: Widths) -> Words:
    """Sums over bits (batches, bits) to sums over columns (batches, columns)."""
    weighted = sums * widths.weight_of_bit
    starts = np.concatenate([[0], np.cumsum(widths.bits)[:-1]])
    found: Words = np.add.reduceat(weighted, starts, axis=1)
    return found
