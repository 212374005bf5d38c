"""Products of two shared numbers, modulo 2^48, by transfers: each bit of one side's part chooses the other side's, shifted.

(a + b)^2 and (a + b)(c + d) need the cross products a d of one side's number and the other's; a d = sum over k of
bit_k(a) 2^k d is RING_BITS correlated transfers.  48 bits are enough for a product of 28 fraction bits that is then cut down by
16: what the cut gets wrong is a multiple of 2^32, which 32-bit sums do not see.

Who learns what: nothing.  Semi-honest.  RING_BITS transfers of 8 bytes a product.
Source: Gilboa, "Two Party RSA Key Generation", CRYPTO 1999, section 4.1.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tarim.federation.correlated import choose, give
from tarim.federation.garbling import bits_of
from tarim.federation.randomness import Words
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


def cut_down(parts: Words, bits: int, *, first: bool) -> Words:
    """Shares modulo 2^(48 - bits) of floor(x / 2^bits), one unit more at times, from shares of x modulo 2^48; local."""
    signed = (parts << np.uint64(64 - RING_BITS)).view(np.int64) >> (64 - RING_BITS)
    cut = signed >> bits if first else -((-signed) >> bits)
    return cut.view(np.uint64)
