"""The products of `learning.products` by homomorphic encryption: fewer bytes, more of the processor.

The owner encrypts its columns once, cut for X w by batches of rows and for X^T d by blocks in which all columns fit one reply.
Each use the other side draws r and s, as there, multiplies, adds uniform masks modulo 2^48 and replies; the owner decrypts.
What comes out are the same shares of X r and X^T s, exact, so training goes on as with the transfers.

Who learns what: as `encryption.exchange`; the masks are the other side's shares, so the owner sees uniform numbers.
Semi-honest.  189 kB a ciphertext once, from the owner; 66 kB and 8 bytes a row for each batch and use, to the owner.
`product_forms` says when this pays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tarim.federation.encryption.exchange import Holder, Other
from tarim.federation.encryption.layout import MASK, Layout, stride_for_columns
from tarim.federation.encryption.parameters import DEGREE
from tarim.federation.learning.encoding import Encoded, Widths
from tarim.federation.learning.products import Given, Taken
from tarim.federation.randomness import Words, fresh_words
from tarim.federation.session import Session


def layouts(rows: int, columns: int, batch: int) -> tuple[Layout, Layout]:
    """How columns are cut for X w and for X^T d; the same where one serves both.  No block crosses a batch."""
    for_rows = Layout(rows, columns, min(batch, DEGREE))
    return for_rows, Layout(rows, columns, min(batch, stride_for_columns(columns)))


class EncryptedOwnColumns:
    """The owner's side; used as `products.OwnColumns` is."""

    def __init__(self, session: Session, encoded: Encoded, batch: int) -> None:
        self._rows, self._columns = layouts(len(encoded), len(encoded.widths), batch)
        self._holder = Holder(session.channel)
        scaled = encoded.scaled
        for layout in dict.fromkeys((self._rows, self._columns)):
            self._holder.send(layout.encoded(scaled))

    def take(self, start: int, rows: int, batch: int, use: int) -> Taken:
        """Shares for rows start ... start + rows - 1, in batches of `batch`; use: of no meaning here."""
        of_rows, sums = np.empty(rows, np.uint64), np.empty((rows // batch, self._columns.columns), np.uint64)
        places = np.arange(self._rows.stride)
        for number in range(rows // batch):
            for at in range(number * batch, (number + 1) * batch, self._rows.stride):
                of_rows[at : at + self._rows.stride] = self._holder.take(places)
            parts = [self._holder.take(self._columns.places_of_columns(each)) for each in range(self._columns.groups)]
            sums[number] = np.concatenate(parts)
        return Taken(of_rows, sums)


class EncryptedTheirColumns:
    """The other side's: it knows the widths alone; used as `products.TheirColumns` is."""

    def __init__(self, session: Session, widths: Widths, rows: int, batch: int) -> None:
        self._rows, self._columns = layouts(rows, len(widths), batch)
        self._other = Other(session.channel)
        self._for_rows = self._other.receive(self._rows.polynomials)
        shared = self._columns == self._rows
        self._for_columns = self._for_rows if shared else self._other.receive(self._columns.polynomials)

    def give(self, start: int, rows: int, batch: int, use: int) -> Given:
        """Fresh secrets and shares for rows start ... start + rows - 1, in batches of `batch`; use: of no meaning here."""
        count = self._columns.columns
        vectors, numbers = fresh_words(rows // batch, count), fresh_words(rows)
        row_masks, column_masks = fresh_words(rows) & MASK, fresh_words(rows // batch, count) & MASK
        for number in range(rows // batch):
            inside = slice(number * batch, (number + 1) * batch)
            self._reply_rows(start + inside.start, vectors[number], row_masks[inside])
            self._reply_columns(start + inside.start, numbers[inside], column_masks[number])
        return Given(vectors, numbers, np.uint64(0) - row_masks, np.uint64(0) - column_masks)

    def _reply_rows(self, start: int, vector: Words, masks: Words) -> None:
        """X r of one batch, a reply for each block of it."""
        layout, places = self._rows, np.arange(self._rows.stride)
        multipliers = [self._other.multiplier(each) for each in layout.for_rows(vector)]
        for at in range(0, len(masks), layout.stride):
            group = self._block(self._for_rows, layout, (start + at) // layout.stride)
            part = masks[at : at + layout.stride]
            self._other.reply(zip(group, multipliers, strict=True), layout.columns, places, part)

    def _reply_columns(self, start: int, numbers: Words, masks: Words) -> None:
        """X^T s of one batch, a reply for each group of columns."""
        layout, first = self._columns, start // self._columns.stride
        parts = numbers.reshape(-1, layout.stride)
        multipliers = [self._other.multiplier(layout.for_columns(each)) for each in parts]
        blocks = [self._block(self._for_columns, layout, first + each) for each in range(len(parts))]
        for group in range(layout.groups):
            terms = zip((block[group] for block in blocks), multipliers, strict=True)
            part = masks[group * layout.wide : (group + 1) * layout.wide]
            self._other.reply(terms, len(numbers), layout.places_of_columns(group), part)

    @staticmethod
    def _block(ciphertexts: Sequence[Any], layout: Layout, block: int) -> Sequence[Any]:
        return ciphertexts[block * layout.groups : (block + 1) * layout.groups]
