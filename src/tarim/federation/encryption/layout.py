"""A matrix as polynomials, and a vector as the multiplier that brings out their product: pure arithmetic on coefficients.

A matrix X (rows, columns) is cut into blocks of `stride` rows, and a block into groups of DEGREE / stride columns.  One
polynomial holds a group: the number of row i and column c is the coefficient c stride + i.

    X v    multiplier  sum over c of v_c x^(-c stride)    row i of the block stands at coefficient i
    X^T s  multiplier  sum over i of s_i x^(-i)           column c of the group stands at coefficient c stride

With a vector v as the only row, and the rows of X in the multiplier, sum over c and i of X_ic x^(i - c stride), row i of X v
stands at coefficient i.

Since x^DEGREE = -1, x^(-k) is -x^(DEGREE - k).  Nothing else meets at those coefficients: another column is a multiple of the
stride away, another row less than a stride.
Source: Huang, Lu, Hong, Ding, "Cheetah: Lean and Fast Secure Two-Party Deep Neural Network Inference", USENIX Security 2022,
section 3, with matrix and vector in each other's place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.federation.encryption.parameters import DEGREE, PLAIN_BITS
from tarim.federation.randomness import Words

MASK: Final = np.uint64((1 << PLAIN_BITS) - 1)
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """How a matrix of so many rows and columns is cut.  stride: a power of two, at most DEGREE."""

    rows: int
    columns: int
    stride: int

    def __post_init__(self) -> None:
        if not 1 <= self.stride <= DEGREE or self.stride & (self.stride - 1):
            raise InputError(f"a block has a power of two of rows, at most {DEGREE}")
        if self.rows < 1 or self.columns < 1:
            raise InputError("an encrypted matrix has a row and a column at least")

    @property
    def wide(self) -> int:
        """Columns of a group."""
        return DEGREE // self.stride

    @property
    def groups(self) -> int:
        """Polynomials of a block."""
        return -(-self.columns // self.wide)

    @property
    def blocks(self) -> int:
        """Blocks of rows."""
        return -(-self.rows // self.stride)

    @property
    def polynomials(self) -> int:
        """In all: those of the first block, then those of the second, and so on."""
        return self.blocks * self.groups

    def encoded(self, matrix: Words) -> Iterator[Words]:
        """The polynomials (DEGREE,), in order."""
        assert matrix.shape == (self.rows, self.columns)
        for start in range(0, self.rows, self.stride):
            for left in range(0, self.columns, self.wide):
                part = matrix[start : start + self.stride, left : left + self.wide]
                whole = np.zeros((self.wide, self.stride), np.uint64)
                whole[: part.shape[1], : part.shape[0]] = part.T & MASK
                yield whole.reshape(-1)

    def for_rows(self, vector: Words) -> list[Words]:
        """The multipliers of a block's groups that give X v; vector: (columns,)."""
        padded = np.zeros(self.groups * self.wide, np.uint64)
        padded[: self.columns] = vector
        return [_inverse_powers(each, self.stride) for each in padded.reshape(self.groups, self.wide)]

    def for_columns(self, numbers: Words) -> Words:
        """The multiplier of a block that gives X^T s; numbers: (rows of the block,), the last block's may be fewer."""
        return _inverse_powers(numbers, 1)

    def for_scores(self, rows: Words) -> list[Words]:
        """The multipliers that give X v when v was encoded as the only row of this layout; rows: (at most stride, columns)."""
        assert self.rows == 1 and len(rows) <= self.stride
        padded = np.zeros((self.groups * self.wide, self.stride), np.uint64)
        padded[: self.columns, : len(rows)] = rows.T
        found = []
        for each in padded.reshape(self.groups, self.wide, self.stride):
            later = (np.uint64(0) - each[:0:-1]).reshape(-1)
            found.append(np.concatenate([each[0], later]) & MASK)
        return found

    def places_of_columns(self, group: int) -> Places:
        """Where the columns of a group stand in X^T s."""
        count = min(self.wide, self.columns - group * self.wide)
        return np.arange(count) * self.stride


def stride_for_columns(columns: int) -> int:
    """The longest stride at which all columns are in one group: X^T s is one reply then.  Raises InputError."""
    if not 1 <= columns <= DEGREE:
        raise InputError(f"1 to {DEGREE} columns are possible")
    return DEGREE // (1 << (columns - 1).bit_length())


def _inverse_powers(numbers: Words, step: int) -> Words:
    """Sum over k of numbers_k x^(-k step), coefficients modulo 2^PLAIN_BITS."""
    found = np.zeros(DEGREE, np.uint64)
    found[0] = numbers[0] & MASK
    found[DEGREE - step * np.arange(1, len(numbers))] = (np.uint64(0) - numbers[1:]) & MASK
    return found
