"""Circuits from which the protocols are built, over any device; numbers are lists of wires, lowest bit first.

Each says what it costs in AND gates a row; XOR and NOT are free.
Source of adder, subtraction and comparison: Kolesnikov, Sadeghi, Schneider, "Improved Garbled Circuit Building Blocks",
CANS 2009.
"""

from __future__ import annotations

import numpy as np

from tarim.federation.garbling import Device, Wire, Word


def zero_like(wire: Wire) -> Wire:
    """A wire that is always 0; the all-zero label means 0 on both sides."""
    return np.zeros_like(wire)


def add(device: Device, a: Word, b: Word) -> Word:
    """The sum a + b modulo 2^w, both of w bits: w - 1 gates."""
    out, carry = [a[0] ^ b[0]], zero_like(a[0])
    for i in range(1, len(a)):
        carry = _carried(device, a[i - 1], b[i - 1], carry, known=i > 1)
        out.append(a[i] ^ b[i] ^ carry)
    return out


def add_growing(device: Device, a: Word, b: Word) -> Word:
    """The sum a + b of unsigned numbers, one bit wider than the wider of them: as many gates as that one has bits."""
    width = max(len(a), len(b))
    a, b = extended(a, width), extended(b, width)
    carry = _carried(device, a[0], b[0], zero_like(a[0]), known=False)
    out = [a[0] ^ b[0]]
    for x, y in zip(a[1:], b[1:], strict=True):
        out.append(x ^ y ^ carry)
        carry = _carried(device, x, y, carry, known=True)
    return [*out, carry]


def _carried(device: Device, a: Wire, b: Wire, carry: Wire, *, known: bool) -> Wire:
    """Carry of a + b + carry; known: whether there is a carry to come in at all."""
    if not known:
        return device.conjunction(a, b)
    return carry ^ device.conjunction(a ^ carry, b ^ carry)


def subtract(device: Device, a: Word, b: Word) -> tuple[Word, Wire]:
    """The difference a - b modulo 2^w, and the borrow, which says a < b for unsigned numbers of w bits: w gates."""
    out, borrow = [], zero_like(a[0])
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        out.append(x ^ y ^ borrow)
        borrow = _carried(device, device.negation(x), y, borrow, known=i > 0)
    return out, borrow


def less(device: Device, a: Word, b: Word) -> Wire:
    """Whether a < b, of unsigned numbers: w gates."""
    return subtract(device, a, b)[1]


def choose(device: Device, condition: Wire, a: Word, b: Word) -> Word:
    """Word a where the condition holds, else b: w gates."""
    return [y ^ device.conjunction(condition, x ^ y) for x, y in zip(a, b, strict=True)]


def absolute(device: Device, a: Word) -> Word:
    """|a| of a signed number of w bits, in w - 1 bits (the smallest number becomes 0): w - 1 gates."""
    sign = carry = a[-1]
    out = []
    for bit in a[:-1]:
        flipped = bit ^ sign
        out.append(flipped ^ carry)
        carry = device.conjunction(flipped, carry)
    return out


def multiply(device: Device, a: Word, b: Word) -> Word:
    """The product a b of unsigned numbers, len(a) + len(b) bits: about 2 len(a) len(b) gates."""
    total = [device.conjunction(a[0], y) for y in b]
    out = []
    for x in a[1:]:
        out.append(total[0])
        total = add_growing(device, total[1:], [device.conjunction(x, y) for y in b])
    return extended(out + total, len(a) + len(b))


def divide(device: Device, numerator: Word, denominator: Word, bits: int, fraction_bits: int) -> Word:
    """floor(numerator 2^fraction_bits / denominator) of unsigned numbers; the quotient has to fit `bits`, and not be by 0.

    Non-restoring: after each step the rest lies between minus and plus the denominator, and where it is negative the next step
    adds instead of taking away.  So there is nothing to choose: bits len(denominator) gates.
    """
    zero, width = zero_like(numerator[0]), len(denominator) + 1
    shifted = extended([zero] * fraction_bits + numerator, bits + width)
    rest, divisor = shifted[bits : bits + width], extended(denominator, width)
    not_negative = device.negation(zero)
    quotient = []
    for bit in reversed(shifted[:bits]):
        rest = _next_rest(device, [bit, *rest[:-1]], divisor, not_negative)
        not_negative = device.negation(rest[-1])
        quotient.append(not_negative)
    return quotient[::-1]


def _next_rest(device: Device, rest: Word, divisor: Word, takes: Wire) -> Word:
    """The rest minus the divisor where `takes`, else plus it: w - 1 gates."""
    carry, out = takes, []
    for place, (x, y) in enumerate(zip(rest, divisor, strict=True)):
        out.append(x ^ y ^ takes ^ carry)
        if place + 1 < len(rest):
            carry = carry ^ device.conjunction(x ^ carry, y ^ takes ^ carry)
    return out


def extended(a: Word, width: int) -> Word:
    """An unsigned number with more bits."""
    return a + [zero_like(a[0])] * (width - len(a))


def clip_to_range(device: Device, a: Word, b: Word, low_bits: int) -> tuple[Wire, Wire]:
    """For the signed number u = a + b: whether 0 <= u < 2^low_bits, and whether u >= 2^low_bits: 2 w - low_bits - 2 gates."""
    total = add(device, a, b)
    none_above = device.negation(total[low_bits])
    for bit in total[low_bits + 1 : -1]:
        none_above = device.conjunction(none_above, device.negation(bit))
    not_negative = device.negation(total[-1])
    inside = device.conjunction(none_above, not_negative)
    return inside, not_negative ^ inside


def not_negative(device: Device, a: Word, b: Word) -> Wire:
    """Whether the signed number a + b is 0 or more: w - 1 gates."""
    return device.negation(add(device, a, b)[-1])


def greatest(device: Device, values: Word, candidates: int) -> Word:
    """Bits of the index of the greatest of each `candidates` rows in a row, lowest first; the lowest of those that are equal.

    values: unsigned, rows a multiple of `candidates`, which is a power of two.  Neighbours are compared, then those that were
    greater: one round over all rows costs (2 w + index bits) gates a remaining row.
    """
    assert candidates & (candidates - 1) == 0
    groups = len(values[0]) // candidates
    value = [_grouped(bit, groups) for bit in values]
    index: list[Wire] = []
    while value[0].shape[1] > 1:
        lower = [_flat(bit[:, 0::2]) for bit in value]
        upper = [_flat(bit[:, 1::2]) for bit in value]
        above = less(device, lower, upper)
        lower_index = [_flat(bit[:, 0::2]) for bit in index]
        upper_index = [_flat(bit[:, 1::2]) for bit in index]
        chosen = choose(device, above, upper_index, lower_index) if index else []
        index = [_grouped(bit, groups) for bit in (*chosen, above)]
        value = [_grouped(bit, groups) for bit in choose(device, above, upper, lower)]
    return [_flat(bit) for bit in index]


def one_hot(device: Device, index: Word) -> list[Wire]:
    """One wire for each number of so many bits, lowest first: as many gates as there are numbers, less two."""
    wires = [device.negation(index[-1]), index[-1]]
    for bit in reversed(index[:-1]):
        ones = [device.conjunction(wire, bit) for wire in wires]
        wires = [each for wire, one in zip(wires, ones, strict=True) for each in (wire ^ one, one)]
    return wires


def _grouped(wire: Wire, groups: int) -> Wire:
    return wire.reshape(groups, -1, *wire.shape[1:])


def _flat(wire: Wire) -> Wire:
    return np.ascontiguousarray(wire.reshape(-1, *wire.shape[2:]))
