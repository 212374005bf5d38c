"""Columns as small whole numbers: what a party does alone with its own data before anything is computed together.

A number becomes (integer - offset) / 2^FRACTION_BITS with an integer of NUMBER_BITS bits, after standardising; a yes-or-no
column stays one bit.  Public are the widths alone.  Few bits matter because a product costs one transfer a bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.federation.randomness import Bits, Words

FRACTION_BITS: Final = 5
NUMBER_BITS: Final = 8
COLUMNS_MAX: Final = 4_096
ROWS_MAX: Final = 1 << 24

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Widths:
    """The public shape of a party's columns: bits of each, 1 for yes or no."""

    bits: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.bits) <= COLUMNS_MAX or not all(1 <= width <= 16 for width in self.bits):
            raise InputError(f"1 to {COLUMNS_MAX} columns of 1 to 16 bits are possible")

    def __len__(self) -> int:
        return len(self.bits)

    @property
    def total(self) -> int:
        """Bits of a row."""
        return sum(self.bits)

    @property
    def column_of_bit(self) -> npt.NDArray[np.int64]:
        """Column of each bit of a row."""
        return np.repeat(np.arange(len(self.bits)), self.bits)

    @property
    def weight_of_bit(self) -> Words:
        """What each bit of a row counts, with FRACTION_BITS fraction bits."""
        places = np.concatenate([np.arange(width) for width in self.bits])
        units = np.array([1 << FRACTION_BITS if width == 1 else 1 for width in self.bits])[self.column_of_bit]
        weights: Words = (units << places).astype(np.uint64)
        return weights

    @property
    def offsets(self) -> Words:
        """What is taken off each column's integer."""
        return np.array([0 if width == 1 else 1 << (width - 1) for width in self.bits], np.uint64)


@dataclass(frozen=True)
class Encoded:
    """A party's rows.  integers: uint64 (n, columns), below 2 to the power of each width."""

    widths: Widths
    integers: Words

    def __len__(self) -> int:
        return len(self.integers)

    @property
    def bits(self) -> Bits:
        """Shape (n, widths.total), row by row in memory: the lowest bit of a column first."""
        column = self.widths.column_of_bit
        places = np.concatenate([np.arange(width) for width in self.widths.bits]).astype(np.uint64)
        return ((self.integers[:, column] >> places) & np.uint64(1)).astype(np.uint8, order="C")

    @property
    def scaled(self) -> Words:
        """Integers with FRACTION_BITS fraction bits, offsets still in them."""
        single = np.array([width == 1 for width in self.widths.bits])
        scaled: Words = np.where(single, self.integers << np.uint64(FRACTION_BITS), self.integers)
        return scaled

    @property
    def values(self) -> Floats:
        """What the integers stand for: what a model in the clear would be trained on."""
        whole = self.scaled.astype(np.float64) - self.widths.offsets.astype(np.float64)
        return whole / 2.0**FRACTION_BITS


@dataclass(frozen=True)
class Encoder:
    """How one party's columns are encoded; learned on its training rows, kept with its part of the model.

    means, scales: of the numbers, 0 and 1 for yes-or-no columns.
    """

    widths: Widths
    means: tuple[float, ...]
    scales: tuple[float, ...]

    @classmethod
    def learned(cls, columns: Sequence[Floats]) -> Encoder:
        """From training columns, each (n,): a column of zeros and ones stays a bit.  Raises InputError for missing values."""
        widths, means, scales = [], [], []
        for place, column in enumerate(columns):
            if not np.isfinite(column).all():
                raise InputError(f"column {place} has missing or infinite values; fill them first")
            single = bool(np.isin(column, (0.0, 1.0)).all())
            widths.append(1 if single else NUMBER_BITS)
            means.append(0.0 if single else float(column.mean()))
            scales.append(1.0 if single else float(column.std()) or 1.0)
        return cls(Widths(tuple(widths)), tuple(means), tuple(scales))

    def encoded(self, columns: Sequence[Floats]) -> Encoded:
        """Rows of these columns; numbers beyond four standard deviations are clipped."""
        if len(columns) != len(self.widths):
            raise InputError(f"{len(self.widths)} columns are needed")
        parts = [
            _whole(np.asarray(column, np.float64), width, mean, scale)
            for column, width, mean, scale in zip(columns, self.widths.bits, self.means, self.scales, strict=True)
        ]
        return Encoded(self.widths, np.stack(parts, axis=1))


def _whole(column: Floats, width: int, mean: float, scale: float) -> Words:
    if width == 1:
        if not np.isin(column, (0.0, 1.0)).all():
            raise InputError("a yes-or-no column has other values than 0 and 1")
        return column.astype(np.uint64)
    whole = np.rint((column - mean) / scale * 2.0**FRACTION_BITS) + 2.0 ** (width - 1)
    return np.clip(whole, 0, 2.0**width - 1).astype(np.uint64)
