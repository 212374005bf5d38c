"""Scores of logistic regression for a question, from a model that stays shared: transfers with random choices, made ahead.

    second -> first   its bits against the random choices
    first -> second   its bits against the random choices; its weights times the other's bits, masked
    second -> first   its weights times the other's bits, masked

Who learns what: nothing, each sees uniform bits and masked numbers.  Semi-honest.
Source: as `learning.products`; Beaver, "Precomputing Oblivious Transfer", CRYPTO 1995, for the random choices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tarim.base.errors import InputError
from tarim.federation.channel import packed, packed_bytes, receive_one, unpacked
from tarim.federation.learning.encoding import FRACTION_BITS, Encoded
from tarim.federation.learning.logistic import SCORE_FRACTION_BITS, JointModel
from tarim.federation.random_pads import RandomPads
from tarim.federation.randomness import Bits, Words
from tarim.federation.session import Meeting, Session


class LinearScoring:
    """What so many rows need.  Both sides build it at the same time."""

    fraction_bits = SCORE_FRACTION_BITS

    def __init__(
        self, session: Meeting, models: Sequence[JointModel], rows: int, made: RandomPads | None = None
    ) -> None:
        """made: what was made ahead; without it, it is made now, in a `Session`.  Raises InputError."""
        if len({(model.first, model.second) for model in models}) != 1:
            raise InputError("the models are on other columns than each other")
        self._session = session
        first, second = models[0].first, models[0].second
        weights = np.stack([model.weights.part() for model in models])
        bias = np.array([-(1 << FRACTION_BITS)], np.int64).view(np.uint64)
        offsets = np.concatenate([bias, first.offsets, second.offsets])
        self._constants: Words = np.uint64(0) - (weights * offsets).sum(axis=1)
        of_first, of_second = weights[:, 1 : 1 + len(first)], weights[:, 1 + len(first) :]
        self._own, self._widths = (of_first, first) if session.first else (of_second, second)
        their_weights, their_widths = (of_second, second) if session.first else (of_first, first)
        self._given: Words = np.ascontiguousarray(
            (their_weights[:, their_widths.column_of_bit] * their_widths.weight_of_bit).T
        )
        if made is None:
            assert isinstance(session, Session)
            made = RandomPads.made(session, rows, self._widths.total, len(self._given), len(models))
        self.pads = made

    def count(self, own: Encoded) -> int:
        """How many rows these are.  Raises InputError when the models do not fit them."""
        if own.widths != self._widths:
            raise InputError("the rows have other columns than the model")
        return len(own)

    def parts(self, own: Encoded, start: int) -> Words:
        """This side's parts of the scores, (rows, models); start: the first row in what was made ahead."""
        channel, rows, theirs = self._session.channel, len(own), len(self._given)
        flips = packed(own.bits ^ self.pads.choices[start : start + rows])
        masked_shape = (rows, self._widths.total, len(self._own))
        if self._session.first:
            data = receive_one(channel, "query, own bits", np.uint8, packed_bytes(rows * theirs))
            products, sums = self._give(unpacked(data, (rows, theirs)), start)
            channel.send("query, own bits and products", flips, products)
            masked = receive_one(channel, "query, products", np.uint64, *masked_shape)
        else:
            channel.send("query, own bits", flips)
            data, masked = channel.receive(
                "query, own bits and products", (np.uint8, (packed_bytes(rows * theirs),)), (np.uint64, masked_shape)
            )
            products, sums = self._give(unpacked(data, (rows, theirs)), start)
            channel.send("query, products", products)
        chosen = self.pads.chosen[start : start + rows] + masked * own.bits[:, :, None].astype(np.uint64)
        scores: Words = own.scaled @ self._own.T + chosen.sum(axis=1) + sums + self._constants
        return scores

    def _give(self, flips: Bits, start: int) -> tuple[Words, Words]:
        """(masked products with the other side's bits, own shares of their sums (rows, models))."""
        part = slice(start, start + len(flips))
        flipped = flips[:, :, None].astype(bool)
        zero, one = self.pads.zero[part], self.pads.one[part]
        low, high = np.where(flipped, one, zero), np.where(flipped, zero, one)
        return low + self._given - high, np.uint64(0) - low.sum(axis=1)
