"""From a circuit's bits to additive shares: two ways.

`additive_outputs`   for a few rows: the garbler adds a uniform mask inside, the evaluator learns the sum; ring - 1 more gates
                     and ring bits a number, no round
`additive_bits`      for many: a bit is a + b - 2 a b of its XOR shares; one product of bits each, 12 bytes, and a round

Who learns what: nothing; the evaluator sees value plus mask, uniform.  Semi-honest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from tarim.federation.bit_products import BitProducts
from tarim.federation.channel import packed, packed_bytes, receive_one, unpacked
from tarim.federation.circuits import add
from tarim.federation.garbling import Device, Inputs, Wire, Word, number_of, shared_outputs
from tarim.federation.randomness import Bits, Words, fresh_words
from tarim.federation.session import Session

RING_BITS: Final = 64
_BITS_AT_ONCE: Final = 1 << 20

Numeric = Callable[[Device, list[Word], list[Word]], list[Word]]
"""A circuit whose outputs are numbers: signed, of at most as many bits as the ring has."""


def additive_outputs(
    session: Session, circuit: Numeric, first: Inputs, second: Inputs, rows: int, outputs: int, ring: int = RING_BITS
) -> list[Words]:
    """Shares modulo 2^ring of each of the circuit's numbers (rows,); both sides.  Higher bits of the shares mean nothing."""
    masks = [fresh_words(rows) for _ in range(outputs)] if session.first else None
    own = None if masks is None or first.values is None else [*first.values, *masks]
    masked_first = Inputs((*first.widths, *(ring,) * outputs), own)

    def masked(device: Device, one: list[Word], other: list[Word]) -> list[Wire]:
        numbers = circuit(device, one[: len(first.widths)], other)
        assert len(numbers) == outputs and all(len(number) <= ring for number in numbers)
        found: list[Wire] = []
        for number, mask in zip(numbers, one[len(first.widths) :], strict=True):
            found += add(device, number + [number[-1]] * (ring - len(number)), mask)
        return found

    bits = shared_outputs(session, masked, masked_first, second, rows, session.uses.take())
    if masks is not None:
        session.channel.send("numbers, masked", packed(bits))
        return [np.uint64(0) - mask for mask in masks]
    theirs = receive_one(session.channel, "numbers, masked", np.uint8, packed_bytes(bits.size))
    numbers = (bits ^ unpacked(theirs, bits.shape)).reshape(outputs, ring, rows)
    return [number_of(number) for number in numbers]


def additive_bits(session: Session, bits: Bits) -> Words:
    """Shares modulo 2^64 of XOR-shared bits, in their shape; both sides."""
    flat = bits.reshape(-1)
    found = np.empty(len(flat), np.uint64)
    for start in range(0, len(flat), _BITS_AT_ONCE):
        part = flat[start : start + _BITS_AT_ONCE]
        found[start : start + len(part)] = part - np.uint64(2) * BitProducts(session, len(part))(part)
    return found.reshape(bits.shape)
