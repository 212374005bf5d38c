"""Scores of boosted trees for a question, from trees that stay shared: which way a row goes each split's owner alone knows.

A row reaches a leaf where none of the first party's splits on the path leads away from it, A, and none of the second's, B: two
bits, each known to one party.  The score is the sum of A B v over all leaves of all trees, v the leaf's value, which is shared.
Ahead, for random bits a and b of each row and leaf, both make shares of a v, b v and a b v:

    a v      first party's bits times the second's parts of v
    b v      second party's bits times the first's parts of v
    a b v    second party's bits times the first's parts of a v; in the same transfers

A question tells f = A xor a and e = B xor b; then A B v is a sum of v, a v, b v and a b v whose signs f and e say.

Public: whose split each node is, as in training.  Who learns what: nothing, each sees one even bit a leaf, because each a and b
is used once; not even the split's owner learns whether a row comes to its node.  What a side says depends on the way neither in
size nor in number.  Semi-honest.  One bit a row and leaf each way; before, 12 bytes from the first party and 8 from the second.
Source: Beaver, "Efficient Multiparty Protocols Using Circuit Randomization", CRYPTO 1991, here of two bits and a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError
from tarim.federation.channel import Array
from tarim.federation.kernels import scores as kernel
from tarim.federation.learning.boosting import JointTrees
from tarim.federation.learning.histograms import Binned
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS
from tarim.federation.random_products import chosen_products, given_products
from tarim.federation.randomness import Bits, Words, fresh_bits
from tarim.federation.session import Meeting, Session

Parts = npt.NDArray[np.uint32]
"""Shares modulo 2^32: a score stays below 2^16 with LEAF_FRACTION_BITS, even of TREES_MAX trees that all give 2^RATIO_BITS."""


@dataclass(frozen=True)
class _Made:
    """choices: own random bits; the others: shares of the leaves' values times the first party's, the second's, both.

    All (rows, leaves).
    """

    choices: Bits
    of_first: Parts
    of_second: Parts
    of_both: Parts


class TreeScoring:
    """What so many rows need.  Both sides build it at the same time.

    A row of the caller's is one array of bins for each model, (rows, columns).
    """

    fraction_bits, ring_bits = LEAF_FRACTION_BITS, 32

    def __init__(
        self, session: Meeting, models: Sequence[JointTrees], rows: int, made: dict[str, Array] | None = None
    ) -> None:
        """made: what `arrays` gave; without it, it is made now, in a `Session`.

        Raises InputError when the models have other depths than each other.
        """
        if len({model.depth for model in models}) != 1 or not all(model.trees for model in models):
            raise InputError("the trees of the models have other depths than each other")
        self._first, self._models = session.first, models
        trees = [(number, tree) for number, model in enumerate(models) for tree in model.trees]
        self._leaves: Parts = np.concatenate([tree.leaves for _, tree in trees]).astype(np.uint32)
        self._model_of_leaf = np.repeat([number for number, _ in trees], 1 << models[0].depth)
        self.own_bits = self.their_bits = len(self._leaves)
        shape = (len(trees), (1 << models[0].depth) - 1)
        self._owned = np.full(shape, -1, np.int64), np.zeros(shape, np.int64)
        """Column and last bin that goes left of own splits, by tree and node; columns within the own model's."""
        for place, (_, tree) in enumerate(trees):
            for node, split in tree.own.items():
                self._owned[0][place, node], self._owned[1][place, node] = split
        self._model_of_tree = np.array([number for number, _ in trees])
        if made is not None:
            self._made = _Made(made["choices"], made["of first"], made["of second"], made["of both"])
        else:
            assert isinstance(session, Session)
            self._made = self._make(session, rows)

    def _make(self, session: Session, rows: int) -> _Made:
        shape = (rows, len(self._leaves))
        choices = fresh_bits(rows * len(self._leaves))
        values = np.broadcast_to(self._leaves, shape).reshape(-1)
        if session.first:
            of_first = choices * values + chosen_products(session, choices, 1, np.uint32)[:, 0]
            products = given_products(session, np.stack([values, of_first], axis=1))
            of_second, of_both = products[:, 0], products[:, 1]
        else:
            of_first = given_products(session, values[:, None])[:, 0]
            products = chosen_products(session, choices, 2, np.uint32)
            of_second, of_both = choices * values + products[:, 0], choices * of_first + products[:, 1]
        parts = (np.ascontiguousarray(each).reshape(shape) for each in (of_first, of_second, of_both))
        return _Made(choices.reshape(shape), *parts)

    def arrays(self) -> dict[str, Array]:
        """To be stored."""
        made = self._made
        return {
            "choices": made.choices,
            "of first": made.of_first,
            "of second": made.of_second,
            "of both": made.of_both,
        }

    def count(self, own: Sequence[Binned]) -> int:
        """How many rows these are.  Raises InputError when the models do not fit them."""
        if len(own) != len(self._models) or len({len(each) for each in own}) != 1:
            raise InputError("the rows are not given as bins for each model")
        widths = np.array([each.shape[1] for each in own])
        if (self._owned[0] >= widths[self._model_of_tree, None]).any():
            raise InputError("the rows have other columns than the model")
        return len(own[0])

    def ways(self, own: Sequence[Binned], start: int) -> Bits:
        """Whether own splits let each leaf be reached, against the random bits, (rows, leaves)."""
        columns, lasts = self._owned
        before = np.cumsum([0, *(each.shape[1] for each in own)])[self._model_of_tree]
        places = np.where(columns < 0, columns, columns + before[:, None])
        rows = len(own[0])
        reached = np.empty((rows, len(columns), columns.shape[1] + 1), np.uint8)
        kernel.reach(np.ascontiguousarray(np.concatenate(own, axis=1)), places, lasts, reached)
        return reached.reshape(rows, -1) ^ self._made.choices[start : start + rows]

    def parts(self, own: Sequence[Binned], mine: Bits, theirs: Bits, start: int) -> Words:
        """This side's parts of the scores modulo 2^32, (rows, models)."""
        made, here = self._made, slice(start, start + len(mine))
        found = np.zeros((len(mine), len(own)), np.uint32)
        first, second = (mine, theirs) if self._first else (theirs, mine)
        kernel.add_leaves(
            first, second, self._leaves, made.of_first[here], made.of_second[here], made.of_both[here],
            self._model_of_leaf, found,
        )  # fmt: skip
        return found.astype(np.uint64)
