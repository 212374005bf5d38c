"""Dividing a shared number by a power of two, exactly: floor(x / 2^shift), by a garbled circuit.

Cutting low bits off the shares alone is free, but now and then off by 2^(64 - shift), which throws a weight far away.  This is
for the few numbers where that must not happen: a model's weights at the end of its training, and the changes of a very small
learning rate.  x has to lie in [-2^(width - 1), 2^(width - 1)).

Who learns what: nothing; see `conversion`.  Semi-honest.  width + 62 gates (32 bytes each) and `width` transfers a number.
"""

from __future__ import annotations

import numpy as np

from tarim.federation.circuits import add
from tarim.federation.conversion import RING_BITS, additive_outputs
from tarim.federation.garbling import Device, Inputs, Word
from tarim.federation.randomness import Words
from tarim.federation.session import Session


def shifted_exactly(session: Session, parts: Words, width: int, shift: int) -> Words:
    """Shares of floor(x / 2^shift) modulo 2^64 from shares of x; both sides."""
    assert 0 < shift < width <= RING_BITS

    def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Word]:
        return [add(device, first[0], second[0])[shift:]]

    low = parts & np.uint64(2**width - 1)
    first = Inputs((width,), [low] if session.first else None)
    second = Inputs((width,), None if session.first else [low])
    return additive_outputs(session, circuit, first, second, len(parts), 1)[0]
