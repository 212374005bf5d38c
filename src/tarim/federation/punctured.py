"""Punctured functions: for each of many hidden positions, keys of all places but that one.

One side (the giver) has a tree of keys for each position, LEAVES leaves; the other side, which knows a secret place below
LEAVES, gets the keys of every leaf but the one of its place.  Made once; every later use expands fresh words from the leaf
keys: the owner of the place then knows all words but one, and can be told what completes the sum.

Who learns what: the giver nothing about the place; the owner nothing about the leaf at its place.  Semi-honest.
DEPTH transfers and 32 DEPTH bytes a position, once.

Source: Goldreich, Goldwasser, Micali 1986 (the tree); puncturing by transfers: Schoppmann, Gascon, Reichert, Raykova,
"Distributed Vector-OLE", CCS 2019, section 4.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.federation.hashing import Blocks, Domain
from tarim.federation.randomness import Bits, fresh_words
from tarim.federation.session import Session

DEPTH: Final = 4
LEAVES: Final = 1 << DEPTH
BLOCK_POSITIONS: Final = 1 << 16
"""Positions at a time: 16 MiB of leaf keys."""

Keys = npt.NDArray[np.uint64]
"""Shape (positions, LEAVES, 2); the owner's key at its own place is meaningless."""
Places = npt.NDArray[np.uint8]
"""Shape (positions,), below LEAVES."""


def give(session: Session, positions: int) -> Keys:
    """The giver's keys."""
    return np.concatenate(
        [_give(session, min(BLOCK_POSITIONS, positions - start)) for start in range(0, positions, BLOCK_POSITIONS)]
    )


def own(session: Session, places: Places) -> Keys:
    """The owner's keys."""
    return np.concatenate(
        [_own(session, places[start : start + BLOCK_POSITIONS]) for start in range(0, len(places), BLOCK_POSITIONS)]
    )


def _give(session: Session, count: int) -> Keys:
    use = session.uses.take()
    level = fresh_words(1, count, 2)
    q = session.sender.extend(DEPTH * count).reshape(DEPTH, count, 2)
    for depth in range(DEPTH):
        sides = _children(session, level, use, depth)
        for side, mask in zip(sides, (q[depth], q[depth] ^ session.sender.delta), strict=True):
            hidden = session.hashing(Domain.TREE_MESSAGE, use, mask, first=depth * count)
            session.channel.send("punctured, sum of a level", hidden ^ np.bitwise_xor.reduce(side, axis=0))
        level = _interleaved(sides)
    return np.ascontiguousarray(level.transpose(1, 0, 2))


def _own(session: Session, places: Places) -> Keys:
    use, count = session.uses.take(), len(places)
    path: list[Bits] = [(places >> (DEPTH - 1 - depth) & 1).astype(np.uint8) for depth in range(DEPTH)]
    # What is learnt at each depth is the sum of the side that the path turns away from.
    t = session.receiver.extend(np.concatenate([1 - turn for turn in path])).reshape(DEPTH, count, 2)
    level, at, every = np.zeros((1, count, 2), np.uint64), np.zeros(count, np.int64), np.arange(count)
    for depth in range(DEPTH):
        sides = _children(session, level, use, depth)
        for side in sides:
            side[at, every] = 0  # children of the key that is not known
        sums = [session.channel.receive("punctured, sum of a level", (np.uint64, (count, 2)))[0] for _ in range(2)]
        pad = session.hashing(Domain.TREE_MESSAGE, use, t[depth], first=depth * count)
        for turn, side in enumerate(sides):
            away = np.flatnonzero(path[depth] != turn)
            known = np.bitwise_xor.reduce(side[:, away], axis=0)
            side[at[away], away] = sums[turn][away] ^ pad[away] ^ known
        level = _interleaved(sides)
        at = 2 * at + path[depth]
    return np.ascontiguousarray(level.transpose(1, 0, 2))


def _children(session: Session, level: Blocks, use: int, depth: int) -> list[Blocks]:
    """Both children of every key of a level, shape (keys, count, 2); a tweak for each side and depth."""
    flat = level.reshape(-1, 2)
    return [
        session.hashing(Domain.TREE_CHILD, use, flat, first=(2 * depth + side) << 40).reshape(level.shape)
        for side in range(2)
    ]


def _interleaved(sides: list[Blocks]) -> Blocks:
    left, right = sides
    return np.stack([left, right], axis=1).reshape(2 * len(left), *left.shape[1:])
