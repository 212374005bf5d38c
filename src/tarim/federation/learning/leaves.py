"""Values of leaves, and what they do to the weights of exponential loss, in garbled circuits: a few dozen rows a tree.

leaf         -2^step G / (H + l)                 from the parts of G and H of its rows
exponentials e^v and e^-v for |v| < 2            e^(s / 16) by its series to the cube, squared four times; beyond 2 as at 2

The weights of exponential loss never add up to more than the rows, which bounds the sums: where the mean of y in a leaf is r,
the least sum is at a step of artanh(r), and a leaf steps at most r towards it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.circuits import absolute, add, add_growing, choose, divide, extended, multiply, zero_like
from tarim.federation.conversion import additive_outputs
from tarim.federation.garbling import Device, Inputs, Wire, Word
from tarim.federation.learning.splits import VALUE_FRACTION_BITS
from tarim.federation.randomness import Words
from tarim.federation.session import Session

LEAF_FRACTION_BITS: Final = 10
"""Of leaves' values and margins m: log loss takes p = clip(m / 4 + 1/2), which then has VALUE_FRACTION_BITS, without a cut."""
_SUM_BITS: Final = 32
_RATIO_BITS: Final = LEAF_FRACTION_BITS + 6
"""|G| / H stays below 2^6."""
EXPONENT_BITS: Final = VALUE_FRACTION_BITS + 8
"""Of a leaf's value, signed."""
_SIZE_BITS: Final = VALUE_FRACTION_BITS + 1
"""Of |v| below 2."""
_HALVINGS: Final = 4
_GUARD_BITS: Final = 6
"""Beyond what comes out: products and squarings, each rounded down, leave one unit, and the series 2 in 10,000 at |v| = 2."""
_WORK_BITS: Final = VALUE_FRACTION_BITS + _HALVINGS + _GUARD_BITS
"""Fraction bits in between."""


def leaf_values(session: Session, sums: npt.NDArray[np.uint32], penalty: float, step_log2: int) -> Words:
    """Shares of the leaves' values (leaves,) with LEAF_FRACTION_BITS; both sides.

    sums: this side's part of G and H, (leaves, 2), with VALUE_FRACTION_BITS modulo 2^32.
    """

    def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Word]:
        gradient, hessian = (add(device, a, b) for a, b in zip(first, second, strict=True))
        size = absolute(device, gradient)
        ratio = divide(device, size, hessian, _RATIO_BITS, LEAF_FRACTION_BITS + step_log2)
        return [_signed(device, ratio, device.negation(gradient[-1]))]

    parts = [sums[:, 0].astype(np.uint64), sums[:, 1].astype(np.uint64)]
    if session.first:
        parts[1] = (parts[1] + np.uint64(round(penalty * 2**VALUE_FRACTION_BITS))) & np.uint64(2**_SUM_BITS - 1)
    widths = (_SUM_BITS, _SUM_BITS)
    first = Inputs(widths, parts if session.first else None)
    second = Inputs(widths, None if session.first else parts)
    return additive_outputs(session, circuit, first, second, len(sums), 1)[0]


def exponentials(session: Session, values: Words) -> tuple[Words, Words]:
    """Shares of e^v and e^-v of shared numbers v, all with VALUE_FRACTION_BITS; both sides."""
    low = values & np.uint64((1 << EXPONENT_BITS) - 1)
    first = Inputs((EXPONENT_BITS,), [low] if session.first else None)
    second = Inputs((EXPONENT_BITS,), None if session.first else [low])
    grown, shrunk = additive_outputs(session, both_exponentials, first, second, len(values), 2)
    return grown, shrunk


def both_exponentials(device: Device, first: list[Word], second: list[Word]) -> list[Word]:
    """The circuit: e^v and e^-v of v = first + second, unsigned with a sign bit of 0."""
    value = add(device, first[0], second[0])
    size = absolute(device, value)
    beyond = zero_like(size[0])
    for bit in size[_SIZE_BITS:]:
        beyond = beyond ^ bit ^ device.conjunction(beyond, bit)
    size = [bit ^ device.conjunction(beyond, device.negation(bit)) for bit in size[:_SIZE_BITS]]
    zero = zero_like(size[0])
    size = [zero] * _GUARD_BITS + size  # s / 2^_HALVINGS with _WORK_BITS fraction bits
    sixth, half, one = (_constant(device, zero, round(2**_WORK_BITS * part)) for part in (1 / 6, 1 / 2, 1))
    total = add_growing(device, _product(device, sixth, size), half)
    for constant in (one, one):
        total = add_growing(device, _product(device, total, size), constant)
    for _ in range(_HALVINGS):
        total = _product(device, total, total)[: _WORK_BITS + 4]
    inverse = divide(
        device, [device.negation(zero)], total, VALUE_FRACTION_BITS + 2, VALUE_FRACTION_BITS + 1 + _WORK_BITS
    )
    total = _rounded(device, total[_WORK_BITS - VALUE_FRACTION_BITS - 1 :])
    inverse = extended(_rounded(device, inverse), len(total))
    negative = value[-1]
    return [
        [*choose(device, negative, inverse, total), zero],
        [*choose(device, negative, total, inverse), zero],
    ]


def _rounded(device: Device, a: Word) -> Word:
    """Half the number, rounded to the nearest, as wide as before."""
    return add_growing(device, a, [device.negation(zero_like(a[0]))])[1:]


def _product(device: Device, a: Word, b: Word) -> Word:
    """The product a b with _WORK_BITS fraction bits, rounded down."""
    return multiply(device, a, b)[_WORK_BITS:]


def _constant(device: Device, zero: Wire, number: int) -> Word:
    one = device.negation(zero)
    return [one if number >> place & 1 else zero for place in range(number.bit_length())]


def _signed(device: Device, size: Word, negative: Wire) -> Word:
    """Minus the number where `negative`, one bit wider."""
    flipped = [bit ^ negative for bit in [*size, zero_like(size[0])]]
    one = [negative] + [zero_like(negative)] * (len(flipped) - 1)
    return add(device, flipped, one)
