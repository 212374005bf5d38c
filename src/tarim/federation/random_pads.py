"""Pads of transfers with random choices, made ahead for products of one side's bits and the other's numbers.

Each side chooses at random for so many own bits a row, and holds both pads of each of the other's.  Later a bit is sent against
its choice and a number against its pads: two messages, no other work.

Who learns what: nothing.  Semi-honest.  4 bytes a bit and row before.
Source: Beaver, "Precomputing Oblivious Transfer", CRYPTO 1995.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tarim.federation.channel import Array
from tarim.federation.hashing import Blocks, Domain
from tarim.federation.randomness import Bits, Words, fresh_bits
from tarim.federation.session import Role, Session

_LANES: Final = 2
"""Words of one hash."""


@dataclass(frozen=True)
class RandomPads:
    """choices: (rows, own bits); chosen: their pads (rows, own bits, lanes); zero, one: (rows, the other's bits, lanes)."""

    choices: Bits
    chosen: Words
    zero: Words
    one: Words

    @classmethod
    def made(cls, session: Session, rows: int, own: int, theirs: int, lanes: int) -> RandomPads:
        """Both sides at the same time; the first party's bits are chosen first."""
        uses = -(-lanes // _LANES)
        use = session.uses.take(2 * uses)
        choices = fresh_bits(rows * own).reshape(rows, own)

        def pads(blocks: Blocks, of: Role, bits: int) -> Words:
            found = [session.hashing(Domain.CORRELATED, use + of * uses + each, blocks) for each in range(uses)]
            return np.ascontiguousarray(np.concatenate(found, axis=1)[:, :lanes]).reshape(rows, bits, lanes)

        for owner in Role:
            if owner is session.role:
                chosen = pads(session.receiver.extend(choices.reshape(-1)), owner, own)
            else:
                q = session.sender.extend(rows * theirs)
                zero, one = pads(q, owner, theirs), pads(q ^ session.sender.delta, owner, theirs)
        return cls(choices, chosen, zero, one)

    def arrays(self) -> dict[str, Array]:
        """To be stored."""
        return {"choices": self.choices, "chosen": self.chosen, "zero": self.zero, "one": self.one}

    @classmethod
    def of(cls, arrays: dict[str, Array]) -> RandomPads:
        """What `arrays` gave."""
        return cls(arrays["choices"], arrays["chosen"], arrays["zero"], arrays["one"])
