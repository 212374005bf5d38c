"""From a circuit's bits to additive shares modulo 2^ring: the garbler adds a uniform mask inside, the evaluator learns the sum.

Who learns what: the evaluator sees value plus mask, uniform.  Semi-honest.  ring - 1 more gates and ring bits a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from tarim.federation.channel import packed, packed_bytes, receive_one, unpacked
from tarim.federation.circuits import add
from tarim.federation.garbling import Device, Inputs, Wire, Word, number_of, shared_outputs
from tarim.federation.randomness import Words, fresh_words
from tarim.federation.session import Session

RING_BITS: Final = 64

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
