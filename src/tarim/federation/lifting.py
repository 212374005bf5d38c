"""From shares modulo 2^bits to shares modulo 2^64, exactly: what is missing is whether the two parts wrap round.

x is signed, |x| < 2^(bits - 2).  With 2^(bits - 2) added it is not negative and its highest bit is 0, so the parts reach
2^bits together exactly where either part's highest bit is 1: one product of bits a number.

Who learns what: nothing; see `bit_products`.  Semi-honest.
Source: Rathee et al., "SiRNN", IEEE S&P 2021, section 3.
"""

from __future__ import annotations

import numpy as np

from tarim.federation.bit_products import BitProducts
from tarim.federation.randomness import Words
from tarim.federation.session import Session


def lifted(session: Session, products: BitProducts, parts: Words, bits: int) -> Words:
    """Shares modulo 2^64 of numbers x (n,) from shares of x modulo 2^bits, 2 < bits < 64; both sides."""
    offset = np.uint64(1 << (bits - 2)) if session.first else np.uint64(0)
    parts = (parts + offset) & np.uint64((1 << bits) - 1)
    high = (parts >> np.uint64(bits - 1)).astype(np.uint8)
    wraps = high - products(high)
    found: Words = parts - (wraps << np.uint64(bits)) - offset
    return found
