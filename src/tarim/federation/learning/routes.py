"""Which rows of a level go left, seen by nobody but the split's owner: it knows the bits, the numbers they choose are shared.

A number times a bit is one transfer a row and node; the transfers on the bits of a level are made once.

Who learns what: the owner of a split knows on which side of it every row lies, whose a split is, is public, and nobody learns
which rows reach a node.  Semi-honest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tarim.federation.correlated import choose, give
from tarim.federation.hashing import Blocks
from tarim.federation.learning.histograms import Binned
from tarim.federation.learning.splits import Chosen
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Role, Session


class Routes:
    """The bits of one level's splits, and the transfers on them, made once and used for gradients and leaf values."""

    def __init__(self, session: Session, chosen: Chosen, splits: dict[int, tuple[int, int]], bins: Binned) -> None:
        self._session = session
        rows = len(bins)
        self.own = [node for node in range(len(chosen.owners)) if chosen.owners[node] == session.role]
        self.theirs = [node for node in range(len(chosen.owners)) if chosen.owners[node] != session.role]
        bits = [bins[:, splits[node][0]] <= splits[node][1] for node in self.own]
        self._bits: Bits = np.concatenate(bits).astype(np.uint8) if bits else np.zeros(0, np.uint8)
        self._rows = rows
        self._q: Blocks = np.empty((0, 2), np.uint64)
        self._t: Blocks = np.empty((0, 2), np.uint64)
        for owner in Role:  # both sides in the same order
            if owner is session.role:
                self._t = session.receiver.extend(self._bits) if bits else self._t
            elif self.theirs:
                self._q = session.sender.extend(rows * len(self.theirs))

    def times(self, values: Sequence[npt.NDArray[Any]], bits: int = 0) -> list[npt.NDArray[Any]]:
        """Shares of bit times value for each node, from shares of the values (rows, lanes) of each node.

        bits: how many mean something, 0 for all.
        """
        session, lanes, kind = self._session, values[0].shape[1], values[0].dtype
        use = session.uses.take(2)
        found: list[npt.NDArray[Any]] = [np.empty(0, kind)] * len(values)
        for owner in Role:
            if owner is session.role and self.own:
                mine = np.concatenate([values[node] for node in self.own])
                got = choose(session, self._t, self._bits, kind, lanes, use + owner, bits) + mine * self._bits[
                    :, None
                ].astype(kind)
                for node, part in zip(self.own, got.reshape(-1, self._rows, lanes), strict=True):
                    found[node] = part
            elif owner is not session.role and self.theirs:
                given = give(
                    session, self._q, np.concatenate([values[node] for node in self.theirs]), use + owner, bits
                )
                for node, part in zip(self.theirs, given.reshape(-1, self._rows, lanes), strict=True):
                    found[node] = part
        return found


def routed(routes: Sequence[Routes], leaves: Words, rows: int) -> Words:
    """Each row's leaf values, as shares: leaves (2^depth, lanes), found (rows, lanes)."""
    values = [np.broadcast_to(leaf, (rows, leaves.shape[1])) for leaf in leaves]
    for level in reversed(routes):
        left, right = values[0::2], values[1::2]
        picked = level.times([np.ascontiguousarray(a - b) for a, b in zip(left, right, strict=True)])
        values = [b + part for b, part in zip(right, picked, strict=True)]
    return np.ascontiguousarray(values[0])
