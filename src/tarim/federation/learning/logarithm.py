"""The binary logarithm of a whole number in a circuit: its highest bit, and a line on each 64th of the way to the next.

Off by less than 2^-14 (one unit of the result, rounding) plus 2.2e-5 (the line against the curve).  About 550 gates a number.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.circuits import add, choose, extended, multiply, one_hot, zero_like
from tarim.federation.garbling import Device, Wire, Word

LOG_FRACTION_BITS: Final = 14
NUMBER_BITS: Final = 32
"""Numbers are below 2^NUMBER_BITS; a power of two, so that the place of the highest bit is the shift with its bits turned."""
_EXPONENT_BITS: Final = NUMBER_BITS.bit_length() - 1
LOG_BITS: Final = LOG_FRACTION_BITS + _EXPONENT_BITS
_INDEX_BITS: Final = 6
_REST_BITS: Final = 10
_PIECES: Final = 1 << _INDEX_BITS
_CURVE: Final = [math.log2(1 + piece / _PIECES) for piece in range(_PIECES + 1)]
_SLOPES: Final = [round(2**LOG_FRACTION_BITS * (_CURVE[piece + 1] - _CURVE[piece])) for piece in range(_PIECES)]
_MIDDLES: Final = [
    math.log2(1 + (piece + 0.5) / _PIECES) - (_CURVE[piece] + _CURVE[piece + 1]) / 2 for piece in range(_PIECES)
]
_BASES: Final = [
    min(round(2**LOG_FRACTION_BITS * (_CURVE[piece] + _MIDDLES[piece] / 2)), 2**LOG_FRACTION_BITS - 1)
    for piece in range(_PIECES)
]
"""Half the greatest distance between line and curve higher: off by as much on either side."""


def binary_logarithm(device: Device, number: Word) -> Word:
    """log2 of unsigned numbers from 1 on, LOG_BITS bits with LOG_FRACTION_BITS fraction bits."""
    value = extended(number, NUMBER_BITS)
    exponent: list[Wire] = []
    for shift in (1 << place for place in reversed(range(_EXPONENT_BITS))):
        empty = device.negation(value[-1])
        for bit in value[-shift:-1]:
            empty = device.conjunction(empty, device.negation(bit))
        value = choose(device, empty, [zero_like(value[0])] * shift + value[:-shift], value)
        exponent.insert(0, device.negation(empty))
    index_from = NUMBER_BITS - 1 - _INDEX_BITS
    pieces = one_hot(device, value[index_from:-1])
    slope = _looked_up(pieces, _SLOPES)
    rise = multiply(device, slope, value[index_from - _REST_BITS : index_from])[_REST_BITS:]
    base = _looked_up(pieces, _BASES, LOG_FRACTION_BITS)
    return add(device, base + exponent, extended(rise, LOG_BITS))


def _looked_up(pieces: list[Wire], table: list[int], width: int = 0) -> Word:
    """The entry of the table whose wire is 1: XOR alone."""
    found = []
    for place in range(width or max(table).bit_length()):
        bit = zero_like(pieces[0])
        for wire, entry in zip(pieces, table, strict=True):
            if entry >> place & 1:
                bit = bit ^ wire
        found.append(bit)
    return found


def binary_logarithm_in_the_clear(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The plaintext twin, to the last bit."""
    exponent = np.array([int(number).bit_length() - 1 for number in numbers.tolist()], np.int64)
    fraction = (numbers << (NUMBER_BITS - 1 - exponent)) - (1 << NUMBER_BITS - 1)
    piece = fraction >> NUMBER_BITS - 1 - _INDEX_BITS
    rest = (fraction >> NUMBER_BITS - 1 - _INDEX_BITS - _REST_BITS) & (1 << _REST_BITS) - 1
    rise = np.array(_SLOPES)[piece] * rest >> _REST_BITS
    found: npt.NDArray[np.int64] = (exponent << LOG_FRACTION_BITS) + np.array(_BASES)[piece] + rise
    return found
