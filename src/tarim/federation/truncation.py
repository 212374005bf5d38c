"""Dividing a shared number by a power of two, exactly: floor(x / 2^shift), by a garbled circuit.

Cutting low bits off the shares alone is free, but now and then off by 2^(64 - shift), which throws a weight far away.  This is
for the few numbers where that must not happen: the weights of a step.  x has to lie in [-2^(width - 1), 2^(width - 1)).

Who learns what: the evaluator sees the result plus a uniform mask of the garbler's.  Semi-honest.
width + 62 gates (32 bytes each) and `width` transfers a number, two rounds.
"""

from __future__ import annotations

import numpy as np

from tarim.federation.channel import packed, packed_bytes, receive_one, unpacked
from tarim.federation.circuits import add
from tarim.federation.garbling import Device, Inputs, Wire, Word, number_of, shared_outputs
from tarim.federation.randomness import Words, fresh_words
from tarim.federation.session import Session
from tarim.federation.sharing import RING_BITS


def shifted_exactly(session: Session, parts: Words, width: int, shift: int) -> Words:
    """Shares of floor(x / 2^shift) modulo 2^64 from shares of x; both sides."""
    assert 0 < shift < width <= RING_BITS

    def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Wire]:
        total = add(device, first[0], second[0])
        quotient = total[shift:] + [total[-1]] * (RING_BITS - width + shift)
        return list(add(device, quotient, first[1]))

    rows = len(parts)
    low = parts & np.uint64(2**width - 1)
    mask = fresh_words(rows) if session.first else None
    first = Inputs((width, RING_BITS), None if mask is None else [low, mask])
    second = Inputs((width,), None if session.first else [low])
    outputs = shared_outputs(session, circuit, first, second, rows, session.uses.take())
    if mask is not None:
        session.channel.send("truncated and masked", packed(outputs))
        return np.uint64(0) - mask
    theirs = receive_one(session.channel, "truncated and masked", np.uint8, packed_bytes(RING_BITS * rows))
    return number_of(outputs ^ unpacked(theirs, outputs.shape))
