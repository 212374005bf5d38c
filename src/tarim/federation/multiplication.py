"""Products of two shared numbers, modulo 2^ring, by transfers: each bit of one side's part chooses the other side's, shifted.

(a + b)^2 and (a + b)(c + d) need the cross products a d of one side's number and the other's; a d = sum over k of
bit_k(a) 2^k d is `ring` correlated transfers.  The product of bit k is a multiple of 2^k, so only the bits above are sent: in
whole bytes, eight bits of a at a time.

Numbers are unsigned, or signed in two's complement, and have to fit the ring, at most RING_BITS_MAX bits: the smaller it is,
the less is sent.

Who learns what: nothing.  Semi-honest.  For each product `ring` transfers of 4 bytes to the first party, and about
ring^2 / 16 bytes back: 280 bytes in all for 40 bits.
Source: Gilboa, "Two Party RSA Key Generation", CRYPTO 1999, section 4.1.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tarim.federation.bit_products import BitProducts
from tarim.federation.circuits import add_growing
from tarim.federation.correlated import choose, give
from tarim.federation.garbling import Device, Inputs, Wire, Word, bits_of, shared_outputs
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Session

RING_BITS_MAX: Final = 64
_GROUP: Final = 8
_ROWS_AT_ONCE: Final = 8_192


def cross(session: Session, mine: Words, ring: int) -> Words:
    """Shares modulo 2^ring of a b for one number a of the first party and one b of the second, each (n,); both sides."""
    assert 0 < ring <= RING_BITS_MAX
    found = np.empty(len(mine), np.uint64)
    for start in range(0, len(mine), _ROWS_AT_ONCE):
        part = mine[start : start + _ROWS_AT_ONCE]
        found[start : start + len(part)] = _cross(session, part, ring)
    return found


def _cross(session: Session, mine: Words, ring: int) -> Words:
    rows = len(mine)
    if session.first:
        blocks, bits = session.sender.extend(ring * rows), None
    else:
        bits = bits_of(mine, ring)
        blocks = session.receiver.extend(bits.reshape(-1))
    total = np.zeros(rows, np.uint64)
    for low in range(0, ring, _GROUP):
        use, group = session.uses.take(), slice(low, min(low + _GROUP, ring))
        part = blocks[group.start * rows : group.stop * rows]
        count, wide = group.stop - group.start, ring - low
        if bits is None:
            shifted = (mine[None, :] << np.arange(count, dtype=np.uint64)[:, None]).reshape(-1, 1)
            parts = give(session, part, shifted, use, wide)
        else:
            parts = choose(session, part, bits[group].reshape(-1), np.uint64, 1, use, wide)
        total += parts.reshape(count, rows).sum(axis=0) << np.uint64(low)
    return total & _mask(ring)


def squares(session: Session, parts: Words, ring: int) -> Words:
    """Shares modulo 2^ring of the squares of shared numbers (n,); both sides."""
    return (parts * parts + np.uint64(2) * cross(session, parts, ring)) & _mask(ring)


def products(session: Session, one: Words, other: Words, ring: int) -> Words:
    """Shares modulo 2^ring of the products of two rows of shared numbers, each (n,); both sides."""
    mixed = (one, other) if session.first else (other, one)
    return (one * other + cross(session, mixed[0], ring) + cross(session, mixed[1], ring)) & _mask(ring)


def cut_down(session: Session, parts: Words, bits: int, ring: int) -> Words:
    """Shares modulo 2^64 of floor(x / 2^bits), exactly, from shares modulo 2^ring of x, 0 <= x < 2^(ring - 1); both sides.

    Each side cuts its own part.  What is missing is the carry from the low bits, from a circuit of `bits` gates a number, and
    what is too much is 2^ring where both parts reach it: because the highest bit of x is 0, where either part's highest is 1.
    Source of the second: Rathee et al., "SiRNN", IEEE S&P 2021, section 3.
    """
    found = np.empty(len(parts), np.uint64)
    for start in range(0, len(parts), _ROWS_AT_ONCE):
        part = parts[start : start + _ROWS_AT_ONCE] & _mask(ring)
        carry = _carried(session, part, bits)
        high = (part >> np.uint64(ring - 1)).astype(np.uint8)
        carry_twice, both_high = BitProducts(session, 2 * len(part))(np.concatenate([carry, high])).reshape(2, -1)
        carries = carry - np.uint64(2) * carry_twice
        wraps = high - both_high
        found[start : start + len(part)] = (part >> np.uint64(bits)) + carries - (wraps << np.uint64(ring - bits))
    return found


def _mask(ring: int) -> np.uint64:
    return np.uint64((1 << ring) - 1)


def _carried(session: Session, parts: Words, bits: int) -> Bits:
    """XOR shares of whether the low bits of both parts add up to 2^bits."""

    def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Wire]:
        return [add_growing(device, first[0], second[0])[-1]]

    low = parts & np.uint64((1 << bits) - 1)
    first = Inputs((bits,), [low] if session.first else None)
    second = Inputs((bits,), None if session.first else [low])
    carries: Bits = shared_outputs(session, circuit, first, second, len(parts), session.uses.take())[0]
    return carries
