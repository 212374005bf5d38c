"""Scores of logistic regression for a question, from a model that stays shared.

The products of weights and the other side's bits are made ahead, for random bits (`random_products`); a question tells both
sides each other's bits against these, and everything else is local.

Who learns what: nothing, each sees uniform bits.  Semi-honest.  One bit a bit and row, each way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tarim.base.errors import InputError
from tarim.federation.channel import Array
from tarim.federation.kernels import scores as kernel
from tarim.federation.learning.encoding import FRACTION_BITS, Encoded
from tarim.federation.learning.logistic import JointModel
from tarim.federation.learning.logistic_plan import SCORE_FRACTION_BITS
from tarim.federation.random_products import chosen_products, given_products
from tarim.federation.randomness import Bits, Words, fresh_bits
from tarim.federation.session import Meeting, Role, Session


@dataclass(frozen=True)
class _Made:
    """choices: own random bits, (rows, own bits).

    chosen, given: shares of own ones times the other's weights, and of the other's times own weights, (rows, bits, models).
    """

    choices: Bits
    chosen: Words
    given: Words


class LinearScoring:
    """What so many rows need.  Both sides build it at the same time."""

    fraction_bits, ring_bits = SCORE_FRACTION_BITS, 64

    def __init__(
        self, session: Meeting, models: Sequence[JointModel], rows: int, made: dict[str, Array] | None = None
    ) -> None:
        """made: what `arrays` gave; without it, it is made now, in a `Session`.  Raises InputError."""
        if len({(model.first, model.second) for model in models}) != 1:
            raise InputError("the models are on other columns than each other")
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
        self.own_bits, self.their_bits = self._widths.total, len(self._given)
        if made is not None:
            self._made = _Made(made["choices"], made["chosen"], made["given"])
        else:
            assert isinstance(session, Session)
            self._made = self._make(session, rows, len(models))

    def _make(self, session: Session, rows: int, models: int) -> _Made:
        choices = fresh_bits(rows * self.own_bits).reshape(rows, self.own_bits)
        for owner in Role:  # both sides in the same order
            if owner is session.role:
                chosen = chosen_products(session, choices.reshape(-1), models, np.uint64)
            else:
                numbers = np.broadcast_to(self._given, (rows, *self._given.shape))
                given = given_products(session, numbers.reshape(-1, models))
        return _Made(choices, chosen.reshape(rows, -1, models), given.reshape(rows, -1, models))

    def arrays(self) -> dict[str, Array]:
        """To be stored."""
        return {"choices": self._made.choices, "chosen": self._made.chosen, "given": self._made.given}

    def count(self, own: Encoded) -> int:
        """How many rows these are.  Raises InputError when the models do not fit them."""
        if own.widths != self._widths:
            raise InputError("the rows have other columns than the model")
        return len(own)

    def ways(self, own: Encoded, start: int) -> Bits:
        """Own bits against the random ones, (rows, own bits)."""
        return own.bits ^ self._made.choices[start : start + len(own)]

    def parts(self, own: Encoded, mine: Bits, theirs: Bits, start: int) -> Words:
        """This side's parts of the scores, (rows, models)."""
        here = slice(start, start + len(own))
        found: Words = own.scaled @ self._own.T + theirs.astype(np.uint64) @ self._given + self._constants
        kernel.add_signed(mine, self._made.chosen[here], found)
        kernel.add_signed(theirs, self._made.given[here], found)
        return found
