"""Products of random bits of one side and numbers of the other, made ahead as shares of both.

What a bit really is, is told later against its random one: f = bit xor random bit.  Then bit times number is the product where
f = 0, and the number less the product where f = 1: no other message, and no hash.

Who learns what: nothing; see `correlated`, and f is uniform, because each random bit is used once.  Semi-honest.
Before, for each product and lane: 4 bytes from the side whose bit it is, 4 or 8 back.  Later one bit.
Source: Beaver, "Precomputing Oblivious Transfer", CRYPTO 1995; Asharov, Lindell, Schneider, Zohner, CCS 2013, section 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.correlated import Numbers, choose, give
from tarim.federation.hashing import Blocks
from tarim.federation.randomness import Bits
from tarim.federation.session import Session

BLOCK_PRODUCTS: Final = 1 << 18
"""Made at a time, so that transfers and hashes do not have to be held for all."""
_HASH_BYTES: Final = 16


def chosen_products(session: Session, bits: Bits, lanes: int, kind: npt.DTypeLike) -> Numbers:
    """Shares (n, lanes) modulo 2^32 or 2^64 of own bits (n,) times the other side's numbers; it calls `given_products`."""
    found = np.empty((len(bits), lanes), kind)
    for part in _blocks(len(bits)):
        t = session.receiver.extend(bits[part])
        for group in _groups(found):
            width = found[part, group].shape[1]
            found[part, group] = choose(session, t, bits[part], kind, width, session.uses.take())
    return found


def given_products(session: Session, numbers: Numbers) -> Numbers:
    """Shares (n, lanes) of own numbers (n, lanes) times the other side's bits; it calls `chosen_products`."""
    found = np.empty_like(numbers)
    for part in _blocks(len(numbers)):
        q: Blocks = session.sender.extend(len(numbers[part]))
        for group in _groups(found):
            found[part, group] = give(session, q, numbers[part, group], session.uses.take())
    return found


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, BLOCK_PRODUCTS):
        yield slice(start, start + BLOCK_PRODUCTS)


def _groups(numbers: Numbers) -> Iterator[slice]:
    """Lanes of one hash."""
    lanes = _HASH_BYTES // numbers.itemsize
    for start in range(0, numbers.shape[1], lanes):
        yield slice(start, start + lanes)
