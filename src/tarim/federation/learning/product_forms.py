"""Which form the products of `learning.products` take, by a stated cost model: a pure function of public sizes and the line.

    seconds = bytes of the busier direction / speed of the line + processor seconds of the busier side

Both forms stream, so their round trips are the same and do not decide; the line carries both directions at once.  Bytes are
exact but for the compression of ciphertexts (under one in a hundred).  The processor's figures are of one core of the machine
that `docs/reference/encrypted-computation.md` names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tarim.base.errors import InputError
from tarim.federation.encryption.exchange import CIPHERTEXTS_MAX
from tarim.federation.encryption.layout import Layout
from tarim.federation.encryption.parameters import DEGREE
from tarim.federation.learning.encoding import Widths
from tarim.federation.learning.encrypted_products import layouts

LINE_MBIT_S_MAX: Final = 1_000_000.0

KEY_BYTES: Final = 497_000
CIPHERTEXT_BYTES: Final = 189_300
REPLY_BYTES: Final = 8 * DEGREE
NUMBER_BYTES: Final = 8
TRANSFER_BYTES_ONCE: Final = 4
"""A bit, owner to other."""
TRANSFER_BYTES_EACH: Final = 11
"""A bit and use, other to owner."""

TRANSFER_OWNER_ONCE_NS: Final = 30
TRANSFER_OTHER_ONCE_NS: Final = 30
TRANSFER_OWNER_NS: Final = 20
TRANSFER_OTHER_NS: Final = 40
"""A bit and use."""
ENCRYPT_MS: Final = 3.0
RECEIVE_MS: Final = 2.2
TERM_MS: Final = 0.6
REPLY_MS: Final = 6.5
TAKE_MS: Final = 1.7


class Form(StrEnum):
    """How products of fixed columns and secret vectors are made ready."""

    TRANSFERS = "transfers"
    ENCRYPTED = "encrypted"


@dataclass(frozen=True)
class Line:
    """What connects the parties.  mbit_s: million bits a second, each way."""

    mbit_s: float

    def __post_init__(self) -> None:
        if not 0 < self.mbit_s <= LINE_MBIT_S_MAX:
            raise InputError(f"a line carries more than 0 and at most {LINE_MBIT_S_MAX:.0f} Mbit/s")


@dataclass(frozen=True)
class Cost:
    """Of a whole training's products: what goes each way, and how long each side's processor works."""

    to_second_bytes: int
    to_first_bytes: int
    first_s: float
    second_s: float

    def seconds(self, line: Line) -> float:
        """How long it takes over this line."""
        busier = max(self.to_second_bytes, self.to_first_bytes)
        return busier * 8 / (line.mbit_s * 1e6) + max(self.first_s, self.second_s)


@dataclass(frozen=True)
class _Half:
    """The products of one owner's columns."""

    to_other: int
    to_owner: int
    owner_s: float
    other_s: float


def cost(form: Form, first: Widths, second: Widths, rows: int, batch: int, epochs: int) -> Cost:
    """What the products of a training cost in this form.  rows: a multiple of batch."""
    half = _by_transfers if form is Form.TRANSFERS else _encrypted
    one, two = (half(widths, rows, batch, epochs) for widths in (first, second))
    return Cost(
        one.to_other + two.to_owner,
        one.to_owner + two.to_other,
        one.owner_s + two.other_s,
        one.other_s + two.owner_s,
    )


def cheapest(line: Line | None, first: Widths, second: Widths, rows: int, batch: int, epochs: int) -> Form:
    """The form to use; transfers when nothing is said of the line, when batches do not hold a power of two of rows, or when the
    other side would keep too many ciphertexts.
    """
    if (
        line is None
        or batch & (batch - 1)
        or any(_kept(widths, rows, batch) > CIPHERTEXTS_MAX for widths in (first, second))
    ):
        return Form.TRANSFERS
    return min(Form, key=lambda form: cost(form, first, second, rows, batch, epochs).seconds(line))


def _by_transfers(widths: Widths, rows: int, batch: int, epochs: int) -> _Half:
    bits = rows * widths.total
    return _Half(
        TRANSFER_BYTES_ONCE * bits,
        TRANSFER_BYTES_EACH * bits * epochs,
        bits * (TRANSFER_OWNER_ONCE_NS + TRANSFER_OWNER_NS * epochs) / 1e9,
        bits * (TRANSFER_OTHER_ONCE_NS + TRANSFER_OTHER_NS * epochs) / 1e9,
    )


def _distinct(widths: Widths, rows: int, batch: int) -> list[Layout]:
    return list(dict.fromkeys(layouts(rows, len(widths), batch)))


def _kept(widths: Widths, rows: int, batch: int) -> int:
    return sum(each.polynomials for each in _distinct(widths, rows, batch))


def _encrypted(widths: Widths, rows: int, batch: int, epochs: int) -> _Half:
    for_rows, for_columns = layouts(rows, len(widths), batch)
    sent, batches = _kept(widths, rows, batch), rows // batch * epochs
    replies = math.ceil(batch / for_rows.stride) + for_columns.groups
    terms = (math.ceil(batch / for_rows.stride) * for_rows.groups) + batch // for_columns.stride * for_columns.groups
    numbers = batch + len(widths)
    return _Half(
        KEY_BYTES + CIPHERTEXT_BYTES * sent,
        batches * (replies * REPLY_BYTES + numbers * NUMBER_BYTES),
        (sent * ENCRYPT_MS + batches * replies * TAKE_MS) / 1e3,
        (sent * RECEIVE_MS + batches * (replies * REPLY_MS + terms * TERM_MS)) / 1e3,
    )
