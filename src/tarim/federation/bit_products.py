"""Products of one bit of each party, made ready before the bits are known: online two messages and no public-key or table work.

Before: one transfer with a random choice for each product.  Online the SECOND party says whether its bit is the choice, and the
FIRST answers with its bit masked.  Shares are modulo 2^64.

Who learns what: the second party's bit is hidden by a random choice, the first one's by a pad.  Semi-honest.
One bit there and 8 bytes back online; 4 bytes before.
Source: Beaver, "Precomputing Oblivious Transfer", CRYPTO 1995.
"""

from __future__ import annotations

import numpy as np

from tarim.federation.channel import packed, packed_bytes, receive_one, unpacked
from tarim.federation.hashing import Blocks, Domain
from tarim.federation.randomness import Bits, Words, fresh_bits
from tarim.federation.session import Session


class BitProducts:
    """So many products, made ready; each is used once, in order."""

    def __init__(self, session: Session, count: int) -> None:
        """Both sides at the same time.  The SECOND party speaks, the FIRST listens."""
        self._session, self._used = session, 0
        use = session.uses.take()

        def pads(blocks: Blocks) -> Words:
            return np.ascontiguousarray(session.hashing(Domain.CORRELATED, use, blocks)[:, 0])

        if session.first:
            q = session.sender.extend(count)
            self._zero, self._one = pads(q), pads(q ^ session.sender.delta)
        else:
            self._choices = fresh_bits(count)
            self._pads = pads(session.receiver.extend(self._choices))

    def used_in(self, session: Session) -> None:
        """Go on there: what was made ahead by one thread is used by another."""
        self._session = session

    def __call__(self, mine: Bits) -> Words:
        """Shares of the products of the next bits, (n,); both sides."""
        channel, count = self._session.channel, len(mine)
        part = slice(self._used, self._used + count)
        self._used += count
        if self._session.first:
            data = receive_one(channel, "bit products, choices", np.uint8, packed_bytes(count))
            flips = unpacked(data, (count,)).astype(bool)
            zero, one = self._zero[part], self._one[part]
            low: Words = np.where(flips, one, zero)
            channel.send("bit products, masked", low + mine.astype(np.uint64) - np.where(flips, zero, one))
            negated: Words = np.uint64(0) - low
            return negated
        channel.send("bit products, choices", packed(mine ^ self._choices[part]))
        masked = receive_one(channel, "bit products, masked", np.uint64, count)
        found: Words = self._pads[part] + masked * mine.astype(np.uint64)
        return found
