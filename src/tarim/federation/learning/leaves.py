"""Values of leaves, and what they do to the weights of exponential loss, in garbled circuits: a few dozen rows a tree.

leaf         -2^step G / (H + l)                 from the parts of G and H of its rows
exponentials e^v and e^-v for |v| < 2            e^(s / 16) by its series to the cube, squared four times; beyond 2 as at 2

Both are rounded to the nearest.

The weights of exponential loss never add up to more than the rows, which bounds the sums: where the mean of y in a leaf is r,
the least sum is at a step of artanh(r), and a leaf steps at most r towards it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tarim.federation.circuits import absolute, add, add_growing, choose, divide, extended, multiply, zero_like
from tarim.federation.conversion import additive_outputs
from tarim.federation.garbling import Device, Inputs, Wire, Word
from tarim.federation.learning.precision import RATIO_BITS, Precision
from tarim.federation.randomness import Words
from tarim.federation.session import Session

LEAF_FRACTION_BITS: Final = 14
"""Of the leaves' values of a model, whose sums are asked about in rings of 32 bits (`tree_queries`)."""
_SIZE_LOG2: Final = 1
"""Of |v| below 2."""
_HALVINGS: Final = 4
_GUARD_BITS: Final = 6
"""Beyond what comes out: products and squarings, each rounded down, leave one unit, and the series 2 in 10,000 at |v| = 2."""


def leaf_values(session: Session, sums: Words, precision: Precision, step_log2: int) -> tuple[Words, Words]:
    """Shares of the leaves' values (leaves,), with `leaf_fraction_bits` to train on and LEAF_FRACTION_BITS to keep.

    sums: this side's parts of G and H of the leaves' rows, (leaves, 2).
    """

    def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Word]:
        gradient, hessian = (add(device, a, b) for a, b in zip(first, second, strict=True))
        not_negative = gradient[-1]  # of 2^(gradient_bits - 1) + G
        size = absolute(device, [*gradient[:-1], device.negation(not_negative)])
        bits = precision.leaf_fraction_bits + 1  # one more than comes out, to be rounded
        twice = divide(device, size, hessian, bits + RATIO_BITS, bits - 1 + step_log2)
        value = _rounded(device, twice)
        return [_signed(device, each, not_negative) for each in (value, _to_keep(device, value, bits - 1))]

    parts, widths = precision.prepared(sums, first=session.first), (precision.gradient_bits, precision.hessian_bits)
    first = Inputs(widths, parts if session.first else None)
    second = Inputs(widths, None if session.first else parts)
    value, kept = additive_outputs(session, circuit, first, second, len(sums), 2)
    return value, kept


def _to_keep(device: Device, value: Word, fraction_bits: int) -> Word:
    """With LEAF_FRACTION_BITS, rounded to the nearest."""
    spare = fraction_bits - LEAF_FRACTION_BITS
    if spare <= 0:
        return [zero_like(value[0])] * -spare + value
    return _rounded(device, value[spare - 1 :])


def exponent_bits(fraction_bits: int) -> int:
    """Of a leaf's value, signed."""
    return fraction_bits + 8


def exponentials(session: Session, values: Words, fraction_bits: int) -> tuple[Words, Words]:
    """Shares of e^v and e^-v of shared numbers v, all with so many fraction bits; both sides."""

    def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Word]:
        return both_exponentials(device, first[0], second[0], fraction_bits)

    width = exponent_bits(fraction_bits)
    low = values & np.uint64((1 << width) - 1)
    first = Inputs((width,), [low] if session.first else None)
    second = Inputs((width,), None if session.first else [low])
    grown, shrunk = additive_outputs(session, circuit, first, second, len(values), 2)
    return grown, shrunk


def both_exponentials(device: Device, first: Word, second: Word, fraction_bits: int) -> list[Word]:
    """The circuit: e^v and e^-v of v = first + second, unsigned with a sign bit of 0."""
    value = add(device, first, second)
    size, size_bits = absolute(device, value), fraction_bits + _SIZE_LOG2
    beyond = zero_like(size[0])
    for bit in size[size_bits:]:
        beyond = beyond ^ bit ^ device.conjunction(beyond, bit)
    size = [bit ^ device.conjunction(beyond, device.negation(bit)) for bit in size[:size_bits]]
    zero, bits = zero_like(size[0]), fraction_bits + _HALVINGS + _GUARD_BITS
    size = [zero] * _GUARD_BITS + size  # s / 2^_HALVINGS with as many fraction bits as all in between
    sixth, half, one = (_constant(device, zero, round(2**bits * part)) for part in (1 / 6, 1 / 2, 1))
    total = add_growing(device, _product(device, sixth, size, bits), half)
    for constant in (one, one):
        total = add_growing(device, _product(device, total, size, bits), constant)
    for _ in range(_HALVINGS):
        total = _product(device, total, total, bits)[: bits + 4]
    inverse = divide(device, [device.negation(zero)], total, fraction_bits + 2, fraction_bits + 1 + bits)
    total = _rounded(device, total[bits - fraction_bits - 1 :])
    inverse = extended(_rounded(device, inverse), len(total))
    negative = value[-1]
    return [
        [*choose(device, negative, inverse, total), zero],
        [*choose(device, negative, total, inverse), zero],
    ]


def _rounded(device: Device, a: Word) -> Word:
    """Half the number, rounded to the nearest, as wide as before."""
    return add_growing(device, a, [device.negation(zero_like(a[0]))])[1:]


def _product(device: Device, a: Word, b: Word, bits: int) -> Word:
    """The product a b of numbers with so many fraction bits, with as many, rounded down."""
    return multiply(device, a, b)[bits:]


def _constant(device: Device, zero: Wire, number: int) -> Word:
    one = device.negation(zero)
    return [one if number >> place & 1 else zero for place in range(number.bit_length())]


def _signed(device: Device, size: Word, negative: Wire) -> Word:
    """Minus the number where `negative`, one bit wider."""
    flipped = [bit ^ negative for bit in [*size, zero_like(size[0])]]
    one = [negative] + [zero_like(negative)] * (len(flipped) - 1)
    return add(device, flipped, one)
