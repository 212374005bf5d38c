"""From the base transfers to groups of sixteen seeds, of which one side knows all and the other all but one, by its choice.

Each four base transfers make a tree of depth four.  At each depth the side that made the tree sends the sum of all left keys
and the sum of all right keys, each masked by one of the transfer's two keys; the other side can read one of them, and so
learns every key but those on one path.

Who learns what: the maker nothing about the path, the other side nothing about the seed at its end.  Semi-honest.  4,096 bytes,
once.  Sums are exclusive or; each base key masks one message.
Source: Goldreich, Goldwasser, Micali 1986; used for this by Roy, "SoftSpokenOT", CRYPTO 2022, section 5.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import reduce
from typing import Final

import numpy as np

from tarim.federation.base_transfer import PAIRS
from tarim.federation.channel import Channel, receive_one
from tarim.federation.hashing import Domain
from tarim.federation.kernels.folding import DEPTH
from tarim.federation.randomness import SEED_BYTES, fresh_seed

GROUPS: Final = PAIRS // DEPTH
_ZERO: Final = bytes(SEED_BYTES)


def make(channel: Channel, pairs: Sequence[tuple[bytes, bytes]]) -> list[list[bytes]]:
    """All seeds of each group, at the sender of the base transfers."""
    groups, sums = [], []
    for group in range(GROUPS):
        level = [fresh_seed()]
        for depth in range(DEPTH):
            level = [_child(key, side) for key in level for side in (0, 1)]
            masks = pairs[DEPTH * group + DEPTH - 1 - depth]
            sums += [_sum([masks[side], *level[side::2]]) for side in (0, 1)]
        groups.append(level)
    channel.send("seed trees, sums", np.frombuffer(b"".join(sums), np.uint8))
    return groups


def open_but_one(channel: Channel, keys: Sequence[bytes], choices: Sequence[int]) -> list[list[bytes]]:
    """The seeds of each group, with zeros for the unknown one, at the receiver of the base transfers.

    choices: of the base transfers.  Bit j of the unknown seed's number in group g is 1 - choices[4 g + j].
    """
    sums = receive_one(channel, "seed trees, sums", np.uint8, GROUPS, DEPTH, 2, SEED_BYTES)
    groups = []
    for group in range(GROUPS):
        level, unknown = [_ZERO], 0
        for depth in range(DEPTH):
            pair = DEPTH * group + DEPTH - 1 - depth
            side = int(choices[pair])
            level = [_child(key, turn) for key in level for turn in (0, 1)]
            level[2 * unknown] = level[2 * unknown + 1] = _ZERO
            level[2 * unknown + side] = _sum([sums[group, depth, side].tobytes(), keys[pair], *level[side::2]])
            unknown = 2 * unknown + 1 - side
        groups.append(level)
    return groups


def _child(key: bytes, side: int) -> bytes:
    return hashlib.sha256(b"tarim seed tree" + bytes([Domain.SEED_TREE, side]) + key).digest()[:SEED_BYTES]


def _sum(keys: Sequence[bytes]) -> bytes:
    whole = reduce(int.__xor__, (int.from_bytes(key, "little") for key in keys))
    return whole.to_bytes(SEED_BYTES, "little")
