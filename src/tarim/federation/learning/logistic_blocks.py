"""Blocks of rows of a joint regression, and what each needs to be made ahead.

A block holds whole batches; of a batch that is larger, a piece.  Memory stays flat, however many rows there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from tarim.federation.bit_products import BitProducts
from tarim.federation.channel import receive_one
from tarim.federation.learning.encoding import Encoded, Widths
from tarim.federation.learning.encrypted_products import EncryptedOwnColumns, EncryptedTheirColumns
from tarim.federation.learning.logistic_plan import RESIDUAL_FRACTION_BITS, Course
from tarim.federation.learning.product_forms import Form
from tarim.federation.learning.products import Given, OwnColumns, Taken, TheirColumns
from tarim.federation.learning.sigmoid import COARSE, ClippedSigmoid
from tarim.federation.session import Session

BLOCK_ROWS: Final = 8_192
"""Rows prepared at a time."""
COMPARED: Final = COARSE

Sigmoids = Callable[[Session, int], ClippedSigmoid | None]
"""Gives the sigmoid for a block of so many rows where both sides have it ready, None at both where not."""


def none_ready(_session: Session, _rows: int) -> None:
    """Of those who have no sigmoids ready."""


@dataclass(frozen=True)
class Block:
    """Rows start ... start + rows - 1, in parts of `part` rows that are worked through one after another.

    A part is a batch, a piece of one, or, of rows held back, the whole block.  ends: a step ends with each part.
    """

    start: int
    rows: int
    part: int
    held: bool
    ends: bool

    @property
    def parts(self) -> int:
        """How many."""
        return self.rows // self.part


@dataclass(frozen=True)
class Prepared:
    """What one block of rows needs."""

    block: Block
    given: Given
    taken: Taken
    sigmoid: ClippedSigmoid
    lifts: BitProducts


def block_rows(batch: int | None) -> int:
    """Rows of a block at most: whole batches, or equal pieces of a batch; None for a batch of all rows."""
    if batch is None:
        return BLOCK_ROWS
    if batch <= BLOCK_ROWS:
        return batch * (BLOCK_ROWS // batch)
    return -(-batch // -(-batch // BLOCK_ROWS))


def part_rows(course: Course) -> int:
    """Rows of a part at most."""
    return min(course.batch, block_rows(course.batch))


def blocks_of(course: Course, done: int = 0) -> list[Block]:
    """The blocks of an epoch of which so many steps are done."""
    size, found = block_rows(course.batch), []
    if course.batch <= size:
        for start in range(done * course.batch, course.trained, size):
            found.append(Block(start, min(size, course.trained - start), course.batch, held=False, ends=True))
    else:
        for first in range(done * course.batch, course.trained, course.batch):
            end = first + course.batch
            for start in range(first, end, size):
                rows = min(size, end - start)
                found.append(Block(start, rows, rows, held=False, ends=start + rows == end))
    for start in range(course.trained, course.rows, size):
        rows = min(size, course.rows - start)
        found.append(Block(start, rows, rows, held=True, ends=False))
    return found


class Preparing:
    """Makes what blocks need, beside the session that uses it.  columns: of both parties, and the bias."""

    def __init__(
        self, session: Session, form: Form, own: Encoded, theirs: Widths, part: int, sigmoids: Sigmoids
    ) -> None:
        """own: the rows that are used.  part: rows of a part at most.  Both sides at the same time."""
        self._user, self._session, self._sigmoids = session, session.beside(), sigmoids
        self._columns = 1 + len(own.widths) + len(theirs)
        self._mine, self._other = _products_of(self._session, form, own, theirs, part)

    def prepared(self, block: Block) -> Prepared:
        """What a block of rows needs, made by another thread while the block before it is worked through.

        The order keeps both busy: the second party asks for transfers and masks its products while the first masks and
        garbles; only then each takes what the other one sent.  Neither begins before the other one is there to take what is
        sent: otherwise a block of many columns could fill the line that the block before it needs.
        """
        session, use, start, rows, part = self._session, self._session.uses.take(2), block.start, block.rows, block.part
        session.channel.send("a block begins", np.zeros(1, np.uint8))
        receive_one(session.channel, "a block begins", np.uint8, 1)
        ready = self._sigmoids(session, rows)
        if session.first:
            given = self._other.give(start, rows, part, use)
            sigmoid = ready or ClippedSigmoid(session, rows, RESIDUAL_FRACTION_BITS, COMPARED)
        else:
            sigmoid = ready or ClippedSigmoid(session, rows, RESIDUAL_FRACTION_BITS, COMPARED)
            given = self._other.give(start, rows, part, use + 1)
        taken = self._mine.take(start, rows, part, use + 1 if session.first else use)
        sigmoid.finish()
        lifts = BitProducts(session, block.parts * self._columns)
        for each in (sigmoid, lifts):
            each.used_in(self._user)
        return Prepared(block, given, taken, sigmoid, lifts)


def _products_of(
    session: Session, form: Form, own: Encoded, theirs: Widths, part: int
) -> tuple[OwnColumns | EncryptedOwnColumns, TheirColumns | EncryptedTheirColumns]:
    """Of the own columns and of the other side's: the first party's columns are made ready first."""

    def mine() -> OwnColumns | EncryptedOwnColumns:
        return OwnColumns(session, own) if form is Form.TRANSFERS else EncryptedOwnColumns(session, own, part)

    def other() -> TheirColumns | EncryptedTheirColumns:
        rows = len(own)
        if form is Form.TRANSFERS:
            return TheirColumns(session, theirs, rows)
        return EncryptedTheirColumns(session, theirs, rows, part)

    if session.first:
        return mine(), other()
    found = other()
    return mine(), found
