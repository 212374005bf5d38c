"""Products of two shared numbers, modulo 2^48, by transfers: each bit of one side's part chooses the other side's, shifted.

(a + b)^2 and (a + b)(c + d) need the cross products a d of one side's number and the other's; a d = sum over k of
bit_k(a) 2^k d is RING_BITS correlated transfers.  48 bits leave more than the 32 of the sums when up to 16 are cut off.

Who learns what: nothing.  Semi-honest.  RING_BITS transfers of 8 bytes a product.
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

RING_BITS: Final = 48
_MASK: Final = np.uint64((1 << RING_BITS) - 1)
_PLACES: Final = np.arange(RING_BITS, dtype=np.uint64)[:, None]
_ROWS_AT_ONCE: Final = 8_192


def cross(session: Session, mine: Words) -> Words:
    """Shares modulo 2^48 of a b for one number a of the first party and one b of the second, each (n,); both sides."""
    found = np.empty(len(mine), np.uint64)
    for start in range(0, len(mine), _ROWS_AT_ONCE):
        part = mine[start : start + _ROWS_AT_ONCE]
        found[start : start + len(part)] = _cross(session, part)
    return found


def _cross(session: Session, mine: Words) -> Words:
    use, rows = session.uses.take(), len(mine)
    if session.first:
        shifted = (mine[None, :] << _PLACES).reshape(-1, 1)
        parts = give(session, session.sender.extend(rows * RING_BITS), shifted, use)
    else:
        bits = bits_of(mine, RING_BITS).reshape(-1)
        parts = choose(session, session.receiver.extend(bits), bits, np.uint64, 1, use)
    total: Words = parts.reshape(RING_BITS, rows).sum(axis=0)
    return total & _MASK


def squares(session: Session, parts: Words) -> Words:
    """Shares modulo 2^48 of the squares of shared numbers (n,); both sides."""
    return (parts * parts + np.uint64(2) * cross(session, parts)) & _MASK


def products(session: Session, one: Words, other: Words) -> Words:
    """Shares modulo 2^48 of the products of two rows of shared numbers, each (n,); both sides."""
    mixed = (one, other) if session.first else (other, one)
    return (one * other + cross(session, mixed[0]) + cross(session, mixed[1])) & _MASK


def cut_down(session: Session, parts: Words, bits: int) -> Words:
    """Shares modulo 2^64 of floor(x / 2^bits), exactly, from shares modulo 2^48 of x, 0 <= x < 2^47; both sides.

    Each side cuts its own part.  What is missing is the carry from the low bits, from a circuit of `bits` gates a number, and
    what is too much is 2^48 where both parts reach it: because the highest bit of x is 0, where either part's highest is 1.
    Source of the second: Rathee et al., "SiRNN", IEEE S&P 2021, section 3.
    """
    found = np.empty(len(parts), np.uint64)
    for start in range(0, len(parts), _ROWS_AT_ONCE):
        part = parts[start : start + _ROWS_AT_ONCE] & _MASK
        carry = _carried(session, part, bits)
        high = (part >> np.uint64(RING_BITS - 1)).astype(np.uint8)
        carry_twice, both_high = BitProducts(session, 2 * len(part))(np.concatenate([carry, high])).reshape(2, -1)
        carries = carry - np.uint64(2) * carry_twice
        wraps = high - both_high
        found[start : start + len(part)] = (part >> np.uint64(bits)) + carries - (wraps << np.uint64(RING_BITS - bits))
    return found


def _carried(session: Session, parts: Words, bits: int) -> Bits:
    """XOR shares of whether the low bits of both parts add up to 2^bits."""

    def circuit(device: Device, first: list[Word], second: list[Word]) -> list[Wire]:
        return [add_growing(device, first[0], second[0])[-1]]

    low = parts & np.uint64((1 << bits) - 1)
    first = Inputs((bits,), [low] if session.first else None)
    second = Inputs((bits,), None if session.first else [low])
    carries: Bits = shared_outputs(session, circuit, first, second, len(parts), session.uses.take())[0]
    return carries
