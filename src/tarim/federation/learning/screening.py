"""What a column is worth before a model is trained: information value against the label, correlation across the parties.

Information value, of a column of the FIRST party cut into bins against the label of the SECOND:

    events of each bin       the label's bit times which bin a row is in: shares, by `sums`
    a circuit for each bin   p = (e + 1/2) / (E + B/2), q the same of the rows without the label, |p - q| |log2(p / q)|

The half keeps a bin without events finite (as `tarim.models` does); B is the number of bins, E the events in all, known to the
label's owner.  Correlation of a column of the first party with one of the second, which is standardised there: the sum of their
products, by the bits of the first party's whole numbers; in a circuit, over the rows and the first party's standard deviation.

Opened, to whom the contract says: each figure, rounded inside.  Counts, sums, means and deviations are opened to nobody.
Semi-honest.  4 bytes a row and bin, 150 KB a bin; 4 bytes a row, bit of the first and column of the second party, 65 KB a pair.
Source: Siddiqi, "Credit Risk Scorecards", 2006, section 6, for the information value (AS-05, ML-09, ML-13).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.federation.circuits import absolute, add, divide, multiply, subtract, zero_like
from tarim.federation.conversion import additive_outputs
from tarim.federation.garbling import Device, Inputs, Word
from tarim.federation.learning.logarithm import (
    LOG_BITS,
    LOG_FRACTION_BITS,
    binary_logarithm,
    binary_logarithm_in_the_clear,
)
from tarim.federation.learning.sums import sums_by_bits
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Role, Session
from tarim.federation.sharing import Share, open_to
from tarim.federation.truncation import shifted_exactly

COUNT_BITS: Final = 24
"""At most 2^24 - 1 rows are counted."""
SHARE_BITS: Final = 20
"""Fraction bits of p and q."""
DIGITS_MAX: Final = 3
CORRELATED_ROWS_MAX: Final = 1 << 16
LEVEL_BITS: Final = 6
"""Of a number of the first party: whole numbers below 2^6 over its range."""
STANDARD_FRACTION_BITS: Final = 8
"""Of a standardised column of the second party."""
_SUM_BITS: Final = 32
"""|sum of products| is at most rows times both deviations: 2^16 2^5 2^8."""
_SCALE_BITS: Final = 30
_SCALE_FRACTION_BITS: Final = 20
_LOG2_BITS: Final = 10
_FINE_BITS: Final = SHARE_BITS + LOG_FRACTION_BITS
_LABEL_LOG_BITS: Final = LOG_BITS + 2

Codes = npt.NDArray[np.uint8]
"""Shape (rows, columns): the bin of each row."""
Floats = npt.NDArray[np.float64]


# ---- information value ---------------------------------------------------------------------------------------------------


def information_values(
    session: Session,
    codes: Codes | None,
    counts: Sequence[int],
    labels: Bits | None,
    rows: int,
    digits: int,
    recipients: frozenset[Role],
    what: str,
) -> Floats | None:
    """The information value of each column of the FIRST party, at each recipient; None at the other side.  Both call it.

    codes: at the first party, every bin filled.  counts: bins of each column, public.  labels: (rows,) at the second.
    Raises InputError.
    """
    _check(rows, (1 << COUNT_BITS) - 1, digits)
    ends = np.cumsum((0, *counts))
    total = int(ends[-1])
    in_bin = None if codes is None else _one_hot_columns(codes, ends[:-1], total)
    bits = None if labels is None else labels[:, None]
    numbers = None if in_bin is None else in_bin.astype(np.uint32)
    events = sums_by_bits(session, Role.SECOND, bits, numbers, (rows, 1, total))[0].astype(np.uint64)
    events &= np.uint64((1 << COUNT_BITS) - 1)
    if in_bin is not None:
        held = [events, in_bin.sum(axis=0, dtype=np.uint64)]
    else:
        assert labels is not None
        held = [events, *_of_label(int(labels.sum()), rows, np.repeat(counts, counts))]
    first = Inputs((COUNT_BITS, COUNT_BITS), held if session.first else None)
    weights = (COUNT_BITS + 2, COUNT_BITS + 2, _LABEL_LOG_BITS)
    second = Inputs((COUNT_BITS, *weights), None if session.first else held)
    terms = additive_outputs(session, _worth_of_bin, first, second, total, 1)[0]
    worth = np.add.reduceat(terms, ends[:-1])
    return _opened(session, _rounded(session, worth, digits), digits, recipients, what)


def information_in_the_clear(codes: Codes, counts: Sequence[int], labels: Bits, digits: int) -> Floats:
    """The plaintext twin, in the same whole numbers."""
    found = []
    for column, bins in enumerate(counts):
        inside = np.bincount(codes[:, column], minlength=bins).astype(np.int64)
        events = np.bincount(codes[:, column], labels, bins).astype(np.int64)
        weights = _of_label(int(labels.sum()), len(labels), np.full(bins, bins))
        of_events, of_others, log = (each.view(np.int64) for each in weights)
        doubled, others = 2 * events + 1, 2 * (inside - events) + 1
        p, q = (doubled << SHARE_BITS) // of_events, (others << SHARE_BITS) // of_others
        ratio = binary_logarithm_in_the_clear(doubled) - binary_logarithm_in_the_clear(others) + log
        worth = int((np.abs(p - q) * np.abs(ratio)).sum())
        found.append((worth * _natural(digits) + (1 << _FINE_BITS + _LOG2_BITS - 1)) >> _FINE_BITS + _LOG2_BITS)
    return np.array(found) / 10.0**digits


def _one_hot_columns(codes: Codes, starts: npt.NDArray[np.int64], total: int) -> Bits:
    found = np.zeros((len(codes), total), np.uint8)
    np.put_along_axis(found, codes.astype(np.int64) + starts, 1, axis=1)
    return found


def _of_label(events: int, rows: int, bins: npt.NDArray[np.int64]) -> list[Words]:
    """2 E + B, the same of the others, and log2 of their ratio, for each bin."""
    if not 0 < events < rows:
        raise InputError("the label has one value only among the common customers: no column can tell anything")
    of_events, of_others = 2 * events + bins, 2 * (rows - events) + bins
    logs = np.rint(2.0**LOG_FRACTION_BITS * np.log2(of_others / of_events)).astype(np.int64)
    return [of_events.astype(np.uint64), of_others.astype(np.uint64), logs.view(np.uint64)]


def _worth_of_bin(device: Device, first: list[Word], second: list[Word]) -> list[Word]:
    """|p - q| |log2(p / q)| with _FINE_BITS fraction bits; 0 for equal shares."""
    (part, inside), (other, of_events, of_others, log) = first, second
    zero = zero_like(part[0])
    events = add(device, part, other)
    doubled = [[device.negation(zero), *number] for number in (events, subtract(device, inside, events)[0])]
    p, q = (
        divide(device, number, whole, SHARE_BITS + 1, SHARE_BITS)
        for number, whole in zip(doubled, (of_events, of_others), strict=True)
    )
    logs = [[*binary_logarithm(device, number), zero, zero] for number in doubled]
    ratio = absolute(device, add(device, subtract(device, *logs)[0], log))
    apart = absolute(device, subtract(device, [*p, zero], [*q, zero])[0])
    return [[*multiply(device, apart, ratio), zero]]


def _natural(digits: int) -> int:
    """From binary to natural logarithms, and to units of the last digit."""
    return round(math.log(2) * 10.0**digits * 2**_LOG2_BITS)


def _rounded(session: Session, worth: Words, digits: int) -> Words:
    half = np.uint64(1 << _FINE_BITS + _LOG2_BITS - 1 if session.first else 0)
    return shifted_exactly(session, worth * np.uint64(_natural(digits)) + half, 64, _FINE_BITS + _LOG2_BITS)


# ---- correlation ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Levels:
    """Columns of the FIRST party as whole numbers: (rows, columns), below 2 to the power of each width; none constant."""

    widths: tuple[int, ...]
    numbers: npt.NDArray[np.uint8]

    @property
    def bits(self) -> Bits:
        """Shape (rows, sum of widths), the lowest bit of a column first."""
        column = np.repeat(np.arange(len(self.widths)), self.widths)
        places = np.concatenate([np.arange(width) for width in self.widths]).astype(np.uint8)
        return self.numbers[:, column] >> places & np.uint8(1)


def standardised(columns: Floats) -> Floats:
    """Columns (rows, columns), none constant, with mean 0 and deviation 1, to STANDARD_FRACTION_BITS.

    The running sum is rounded, not the value: rounded values of a yes-or-no column would have another mean than 0.
    """
    found = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    running = np.rint(np.cumsum(found, axis=0) * 2.0**STANDARD_FRACTION_BITS)
    rounded: Floats = np.diff(running, axis=0, prepend=0.0) / 2.0**STANDARD_FRACTION_BITS
    return rounded


def correlations(
    session: Session,
    levels: Levels | None,
    widths: Sequence[int],
    standard: Floats | None,
    shape: tuple[int, int],
    digits: int,
    recipients: frozenset[Role],
    what: str,
) -> Floats | None:
    """The correlation of each pair, (columns of the first, of the second party), at each recipient.  Both sides call it.

    levels: at the first party; widths: of its columns, public.  standard: at the second, see `standardised`.  shape: rows,
    columns of the second party.  Raises InputError.
    """
    rows, height = shape
    _check(rows, CORRELATED_ROWS_MAX, digits)
    bits = None if levels is None else levels.bits
    numbers = None
    if standard is not None:
        numbers = np.rint(standard * 2.0**STANDARD_FRACTION_BITS).astype(np.int32).view(np.uint32)
    sums = sums_by_bits(session, Role.FIRST, bits, numbers, (rows, sum(widths), height))
    places = np.concatenate([np.arange(width) for width in widths]).astype(np.uint32)
    starts = np.cumsum((0, *widths))[:-1]
    by_column = np.add.reduceat(sums << places[:, None], starts, axis=0).reshape(-1).astype(np.uint64)
    scales = None if levels is None else np.repeat(_scales(levels, digits), height)
    first = Inputs((_SUM_BITS, _SCALE_BITS), None if scales is None else [by_column, scales])
    second = Inputs((_SUM_BITS,), None if session.first else [by_column])
    fine_bits = _fine_bits(rows)

    def scaled(device: Device, one: list[Word], other: list[Word]) -> list[Word]:
        total = add(device, one[0], other[0])
        product = [*multiply(device, absolute(device, total), one[1]), zero_like(total[0])]
        half = [zero_like(total[0])] * (fine_bits - 1) + [device.negation(zero_like(total[0]))]
        half += [zero_like(total[0])] * (len(product) - len(half))
        units = add(device, product, half)[fine_bits : fine_bits + _UNIT_BITS]
        flipped = [bit ^ total[-1] for bit in units]
        return [add(device, flipped, [total[-1], *[zero_like(total[0])] * (_UNIT_BITS - 1)])]

    units = additive_outputs(session, scaled, first, second, len(widths) * height, 1)[0]
    found = _opened(session, units.reshape(len(widths), height), digits, recipients, what)
    return None if found is None else np.clip(found, -1.0, 1.0)


_UNIT_BITS: Final = 12
"""Of a correlation in units of the last digit, signed: at most 1,000 and what rounding adds."""


def correlations_in_the_clear(levels: Levels, standard: Floats, digits: int) -> Floats:
    """The plaintext twin, in the same whole numbers."""
    numbers = np.rint(standard * 2.0**STANDARD_FRACTION_BITS).astype(np.int64)
    sums = levels.numbers.T.astype(np.int64) @ numbers
    fine_bits = _fine_bits(len(numbers))
    scales = _scales(levels, digits).view(np.int64)[:, None]
    units = np.sign(sums) * (np.abs(sums) * scales + (1 << fine_bits - 1) >> fine_bits)
    found: Floats = np.clip(units / 10.0**digits, -1.0, 1.0)
    return found


def _fine_bits(rows: int) -> int:
    return _SCALE_FRACTION_BITS + rows.bit_length()


def _scales(levels: Levels, digits: int) -> Words:
    """One over rows and deviation, in units of the last digit, for each column."""
    rows = len(levels.numbers)
    deviations = levels.numbers.astype(np.float64).std(axis=0)
    fine = 10.0**digits * 2.0 ** (_fine_bits(rows) - STANDARD_FRACTION_BITS) / (rows * deviations)
    if not (fine < 2.0**_SCALE_BITS).all():
        raise InputError("a column has the same value in nearly every row; leave it out")
    scales: Words = np.rint(fine).astype(np.uint64)
    return scales


# ---- both ----------------------------------------------------------------------------------------------------------------


def _check(rows: int, most: int, digits: int) -> None:
    if not 2 <= rows <= most or not 1 <= digits <= DIGITS_MAX:
        raise InputError(f"figures of 2 to {most} rows with 1 to {DIGITS_MAX} digits are possible")


def _opened(session: Session, units: Words, digits: int, recipients: frozenset[Role], what: str) -> Floats | None:
    found: Floats | None = None
    for recipient in Role:
        if recipient in recipients:
            opened = open_to(session, Share(units, 0), recipient, what)
            found = opened if opened is not None else found
    return None if found is None else found / 10.0**digits
