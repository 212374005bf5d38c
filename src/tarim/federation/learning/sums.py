"""Sums over rows of one party's bits times the other party's numbers, as shares: X^T Z for a matrix X of bits.

One transfer a row and bit, made once for a block of rows; every four numbers of the other party use it under another use.

Who learns what: nothing.  Semi-honest; see `correlated`.  4 bytes a row and bit for the transfer, and 4 a row, bit and
number.  Sums are modulo 2^32.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.correlated import choose, give
from tarim.federation.randomness import Bits
from tarim.federation.session import Role, Session

_LANES: Final = 4
_TRANSFERS_AT_ONCE: Final = 1 << 17

Numbers = npt.NDArray[np.uint32]


def sums_by_bits(
    session: Session, owner: Role, bits: Bits | None, numbers: Numbers | None, shape: tuple[int, int, int]
) -> Numbers:
    """Shares of X^T Z, (columns of X, columns of Z); both sides.

    bits: X at its owner, (rows, columns).  numbers: Z at the other side, (rows, columns).  shape: rows, columns of X, of Z.
    """
    rows, width, height = shape
    total = np.zeros((width, height), np.uint32)
    block = max(1, _TRANSFERS_AT_ONCE // width)
    for start in range(0, rows, block):
        here = slice(start, min(rows, start + block))
        if session.role is owner:
            assert bits is not None and bits.shape == (rows, width)
            flat = np.ascontiguousarray(bits[here]).reshape(-1)
            transfers = session.receiver.extend(flat)
        else:
            assert numbers is not None and numbers.shape == (rows, height)
            transfers = session.sender.extend((here.stop - start) * width)
        for lane in range(0, height, _LANES):
            lanes, use = min(_LANES, height - lane), session.uses.take()
            if session.role is owner:
                part = choose(session, transfers, flat, np.uint32, lanes, use)
            else:
                assert numbers is not None
                part = give(session, transfers, np.repeat(numbers[here, lane : lane + lanes], width, axis=0), use)
            total[:, lane : lane + lanes] += part.reshape(-1, width, lanes).sum(axis=0, dtype=np.uint32)
    return total
