"""Blocks of rows of a joint regression, and what each needs to be made ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tarim.federation.bit_products import BitProducts
from tarim.federation.learning.encoding import Encoded, Widths
from tarim.federation.learning.encrypted_products import EncryptedOwnColumns, EncryptedTheirColumns
from tarim.federation.learning.product_forms import Form
from tarim.federation.learning.products import Given, OwnColumns, Taken, TheirColumns
from tarim.federation.learning.sigmoid import ClippedSigmoid
from tarim.federation.session import Session

BLOCK_ROWS: Final = 8_192
"""Rows prepared at a time: memory stays flat, however many rows there are."""


@dataclass(frozen=True)
class Prepared:
    """What one block of rows needs."""

    start: int
    rows: int
    given: Given
    taken: Taken
    sigmoid: ClippedSigmoid
    lifts: BitProducts


def block_rows(batch: int) -> int:
    """Rows of a block: whole batches."""
    return batch * max(1, BLOCK_ROWS // batch)


def blocks_of(start: int, end: int, batch: int) -> list[tuple[int, int]]:
    """(first row, rows) of the blocks that rows are prepared in."""
    block = block_rows(batch)
    return [(each, min(block, end - each)) for each in range(start, end, block)]


def products_of(
    session: Session, form: Form, own: Encoded, theirs: Widths, batch: int
) -> tuple[OwnColumns | EncryptedOwnColumns, TheirColumns | EncryptedTheirColumns]:
    """Of the own columns and of the other side's: the first party's columns are made ready first."""

    def mine() -> OwnColumns | EncryptedOwnColumns:
        return OwnColumns(session, own) if form is Form.TRANSFERS else EncryptedOwnColumns(session, own, batch)

    def other() -> TheirColumns | EncryptedTheirColumns:
        rows = len(own)
        if form is Form.TRANSFERS:
            return TheirColumns(session, theirs, rows)
        return EncryptedTheirColumns(session, theirs, rows, batch)

    if session.first:
        return mine(), other()
    found = other()
    return mine(), found
