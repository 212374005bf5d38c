"""Scores of boosted trees for a question, from trees that stay shared: which way a row goes each split's owner alone knows.

All trees are walked from their leaves up, level by level at once.  A node's value is its right child's plus the owner's bit
(does the row go left?) times the difference of the children, which is shared; the bit times the other side's part of the
difference is one transfer with a random choice, made ahead.

    both              the bits of all own nodes against the random choices, in one message each
    a level, both     the other's nodes: own part of the differences, masked

Public: whose split each node is, as in training.  Who learns what: nothing, each sees uniform bits and masked numbers; not even
the split's owner learns whether a row comes to its node.  Semi-honest.  depth + 1 rounds, 8 bytes a row and node.
Source: Beaver, "Precomputing Oblivious Transfer", CRYPTO 1995, for the random choices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.federation.channel import packed, packed_bytes, receive_one, unpacked
from tarim.federation.learning.boosting import JointTrees
from tarim.federation.learning.histograms import Binned
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS
from tarim.federation.random_pads import RandomPads
from tarim.federation.randomness import Words
from tarim.federation.session import Meeting, Role, Session

Places = npt.NDArray[np.int64]


class TreeScoring:
    """What so many rows need.  Both sides build it at the same time.

    A row of the caller's is one array of bins for each model, (rows, columns).
    """

    fraction_bits = LEAF_FRACTION_BITS

    def __init__(
        self, session: Meeting, models: Sequence[JointTrees], rows: int, made: RandomPads | None = None
    ) -> None:
        """made: what was made ahead; without it, it is made now, in a `Session`.

        Raises InputError when the models have other depths than each other.
        """
        if len({model.depth for model in models}) != 1 or not all(model.trees for model in models):
            raise InputError("the trees of the models have other depths than each other")
        self._session, self._models, self._depth = session, models, models[0].depth
        self._trees = [(number, tree) for number, model in enumerate(models) for tree in model.trees]
        owners = np.stack([tree.owners for _, tree in self._trees])
        """Shape (trees, nodes), level by level."""
        self._levels = [_level(owners, level, session.role) for level in range(self._depth)]
        self._own = int((owners == session.role).sum())
        self._theirs = owners.size - self._own
        self._splits = [
            (number, *tree.own[node])
            for level in range(self._depth)
            for number, tree in self._trees
            for node in range((1 << level) - 1, (2 << level) - 1)
            if tree.owners[node] == session.role
        ]
        self._leaves: Words = np.stack([tree.leaves for _, tree in self._trees])
        if made is None:
            assert isinstance(session, Session)
            made = RandomPads.made(session, rows, self._own, self._theirs, 1)
        self.pads = made

    def count(self, own: Sequence[Binned]) -> int:
        """How many rows these are.  Raises InputError when the models do not fit them."""
        if len(own) != len(self._models) or len({len(each) for each in own}) != 1:
            raise InputError("the rows are not given as bins for each model")
        if any(column >= own[number].shape[1] for number, column, _ in self._splits):
            raise InputError("the rows have other columns than the model")
        return len(own[0])

    def parts(self, own: Sequence[Binned], start: int) -> Words:
        """This side's parts of the scores, (rows, models); start: the first row in what was made ahead."""
        channel, rows = self._session.channel, len(own[0])
        here = slice(start, start + rows)
        bits = np.empty((rows, self._own), np.uint8)
        for place, (number, column, last) in enumerate(self._splits):
            bits[:, place] = own[number][:, column] <= last
        channel.send("query, ways", packed(bits ^ self.pads.choices[here]))
        came = receive_one(channel, "query, ways", np.uint8, packed_bytes(rows * self._theirs))
        flips = unpacked(came, (rows, self._theirs)).astype(bool)
        zero, one = self.pads.zero[here, :, 0], self.pads.one[here, :, 0]
        low, high = np.where(flips, one, zero), np.where(flips, zero, one)
        values: Words = np.broadcast_to(self._leaves, (rows, *self._leaves.shape))
        own_end, their_end = self._own, self._theirs
        for mine, theirs in reversed(self._levels):
            left, right = values[:, :, 0::2], values[:, :, 1::2]
            apart = np.ascontiguousarray(left - right).reshape(rows, -1)
            of_own = slice(own_end - len(mine), own_end)
            of_theirs = slice(their_end - len(theirs), their_end)
            own_end, their_end = of_own.start, of_theirs.start
            channel.send("query, differences", low[:, of_theirs] + apart[:, theirs] - high[:, of_theirs])
            masked = receive_one(channel, "query, differences", np.uint64, rows, len(mine))
            way = bits[:, of_own].astype(np.uint64)
            picked = np.empty_like(apart)
            picked[:, mine] = self.pads.chosen[here, of_own, 0] + (masked + apart[:, mine]) * way
            picked[:, theirs] = np.uint64(0) - low[:, of_theirs]
            values = right + picked.reshape(right.shape)
        scores = np.zeros((rows, len(self._models)), np.uint64)
        for place, (number, _) in enumerate(self._trees):
            scores[:, number] += values[:, place, 0]
        return scores


def _level(owners: npt.NDArray[np.int64], level: int, role: Role) -> tuple[Places, Places]:
    """Own and other nodes of a level, of all trees one after the other."""
    here = owners[:, (1 << level) - 1 : (2 << level) - 1].reshape(-1)
    return np.flatnonzero(here == role), np.flatnonzero(here != role)
