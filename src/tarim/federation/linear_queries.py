"""Scores of logistic regression for a question, from a model that stays shared: transfers with random choices, made ahead.

    second -> first   its bits against the random choices
    first -> second   its bits against the random choices; its weights times the other's bits, masked
    second -> first   its weights times the other's bits, masked

Who learns what: nothing, each sees uniform bits and masked numbers.  Semi-honest.
Source: as `learning.products`; Beaver, "Precomputing Oblivious Transfer", CRYPTO 1995, for the random choices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from tarim.base.errors import InputError
from tarim.federation.channel import packed, packed_bytes, receive_one, unpacked
from tarim.federation.hashing import Blocks, Domain
from tarim.federation.learning.encoding import FRACTION_BITS, Encoded
from tarim.federation.learning.logistic import SCORE_FRACTION_BITS, JointModel
from tarim.federation.randomness import Bits, Words, fresh_bits
from tarim.federation.session import Session

_LANES: Final = 2
"""Words of one hash."""


class LinearScoring:
    """What so many rows need.  Both sides build it at the same time."""

    fraction_bits = SCORE_FRACTION_BITS

    def __init__(self, session: Session, models: Sequence[JointModel], rows: int) -> None:
        """Raises InputError."""
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
        self._prepare(rows, len(models))

    def _prepare(self, rows: int, models: int) -> None:
        session, uses = self._session, -(-models // _LANES)
        use, total = session.uses.take(2 * uses), self._widths.total
        self._choices: Bits = fresh_bits(rows * total).reshape(rows, total)
        chosen, given = (use, use + uses) if session.first else (use + uses, use)

        def pads(blocks: Blocks, of_use: int, bits: int) -> Words:
            found = [session.hashing(Domain.CORRELATED, of_use + each, blocks) for each in range(uses)]
            return np.ascontiguousarray(np.concatenate(found, axis=1)[:, :models]).reshape(rows, bits, models)

        def choose() -> None:
            self._chosen = pads(session.receiver.extend(self._choices.reshape(-1)), chosen, total)

        def give() -> None:
            theirs = len(self._given)
            q = session.sender.extend(rows * theirs)
            self._zero, self._one = pads(q, given, theirs), pads(q ^ session.sender.delta, given, theirs)

        for act in (choose, give) if session.first else (give, choose):
            act()

    def count(self, own: Encoded) -> int:
        """How many rows these are.  Raises InputError when the models do not fit them."""
        if own.widths != self._widths:
            raise InputError("the rows have other columns than the model")
        return len(own)

    def parts(self, own: Encoded, start: int) -> Words:
        """This side's parts of the scores, (rows, models); start: the first row in what was made ahead."""
        channel, rows, theirs = self._session.channel, len(own), len(self._given)
        flips = packed(own.bits ^ self._choices[start : start + rows])
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
        chosen = self._chosen[start : start + rows] + masked * own.bits[:, :, None].astype(np.uint64)
        scores: Words = own.scaled @ self._own.T + chosen.sum(axis=1) + sums + self._constants
        return scores

    def _give(self, flips: Bits, start: int) -> tuple[Words, Words]:
        """(masked products with the other side's bits, own shares of their sums (rows, models))."""
        part = slice(start, start + len(flips))
        flipped = flips[:, :, None].astype(bool)
        zero, one = self._zero[part], self._one[part]
        low, high = np.where(flipped, one, zero), np.where(flipped, zero, one)
        return low + self._given - high, np.uint64(0) - low.sum(axis=1)
