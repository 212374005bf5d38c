"""Questions to shared trees: the answer is that of the same trees in the clear, for every question and batch."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.errors import InputError
from tarim.federation import Role, Session
from tarim.federation.learning.boosting import TREES_MAX, JointTrees, Tree
from tarim.federation.learning.leaves import LEAF_FRACTION_BITS
from tarim.federation.learning.logistic import JointModel
from tarim.federation.learning.precision import RATIO_BITS
from tarim.federation.queries import COMPARED_BITS, QueryPool, Question
from tarim.federation.randomness import fresh_words
from tarim.federation.sharing import encoded
from tests.fakes.federation import in_session

COLUMNS, DEPTH, TREES = (4, 3), 3, 6


class Forest:
    """Trees drawn at random, in both sides' parts, and walked in the clear.  alone: all splits are the first party's."""

    def __init__(self, seed: int, *, alone: bool = False) -> None:
        draw = np.random.default_rng(seed)
        nodes = 2**DEPTH - 1
        self.owners = draw.integers(0, 1 if alone else 2, (TREES, nodes))
        self.splits = [
            [(int(draw.integers(COLUMNS[o])), int(draw.integers(0, 15))) for o in row] for row in self.owners
        ]
        self.leaves = np.rint(draw.normal(0, 0.4, (TREES, 2**DEPTH)) * 2**LEAF_FRACTION_BITS) / 2**LEAF_FRACTION_BITS
        self.mask = fresh_words(TREES, 2**DEPTH)

    def part(self, role: Role) -> JointTrees:
        whole = encoded(self.leaves, LEAF_FRACTION_BITS)
        leaves = self.mask if role is Role.FIRST else whole - self.mask
        trees = []
        for owners, splits, part in zip(self.owners, self.splits, leaves, strict=True):
            own = {node: split for node, split in enumerate(splits) if owners[node] == role}
            trees.append(Tree(owners, own, part))
        return JointTrees(DEPTH, trees)

    def score(self, rows: tuple[np.ndarray, np.ndarray], row: int) -> float:
        total = 0.0
        for owners, splits, leaves in zip(self.owners, self.splits, self.leaves, strict=True):
            node = 0
            while node < 2**DEPTH - 1:
                column, last = splits[node]
                node = 2 * node + (1 if rows[owners[node]][row, column] <= last else 2)
            total += leaves[node - (2**DEPTH - 1)]
        return total


def bins(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    first, second = (draw.integers(0, 16, (rows, columns)).astype(np.uint8) for columns in COLUMNS)
    return first, second


def asked(forests: list[Forest], question: Question, batches: list[int], cut: float = 0.0):
    """(answers of all batches, the scores of the same trees in the clear, what was opened)."""
    rows = bins(sum(batches), 3)

    def act(session: Session):
        pool = QueryPool(session, [each.part(session.role) for each in forests], question, sum(batches), cut)
        answers, start = [], 0
        for size in batches:
            own = [rows[session.role][start : start + size]] * len(forests)
            answers.append(pool.answer(own) if session.first else pool.ask(own))
            start += size
        return answers, session.openings

    (none, noted), (answers, _) = in_session(act)
    assert none == [None] * len(batches)
    scores = np.array([[each.score(rows, row) for each in forests] for row in range(sum(batches))])
    return np.concatenate(answers), scores, noted


@pytest.mark.parametrize(("batches", "alone"), [([1, 4, 1], False), ([30], False), ([3], True)])
def test_scores_and_decisions_are_those_of_the_clear(batches: list[int], alone: bool) -> None:
    forest = Forest(sum(batches), alone=alone)
    found, scores, _ = asked([forest], Question.SCORE, batches)
    assert np.array_equal(found, scores[:, 0]), "to the last bit"
    cut = float(scores[0, 0])
    found, scores, noted = asked([forest], Question.DECISION, batches, cut)
    assert np.array_equal(found, scores[:, 0] >= cut)
    assert found[0] == 1, "a score that equals the cut reaches it"
    assert {(each.what, each.recipient) for each in noted} == {("query: decision", Role.SECOND)}


def test_the_best_of_several_offers() -> None:
    found, scores, _ = asked([Forest(seed) for seed in range(5)], Question.BEST_OFFER, [8, 1])
    assert np.array_equal(found, scores.argmax(axis=1))
    assert len(set(found.tolist())) > 1


def test_no_sum_of_leaves_leaves_the_ring() -> None:
    assert TREES_MAX * 2**RATIO_BITS < 2 ** (COMPARED_BITS - 2 - LEAF_FRACTION_BITS)


def test_what_does_not_fit_is_refused() -> None:
    def act(session: Session) -> None:
        trees = Forest(1).part(session.role)
        with pytest.raises(InputError, match="a cut lies between"):
            QueryPool(session, [trees], Question.DECISION, 1, cut=1e6)
        with pytest.raises(InputError, match="depths"):
            QueryPool(session, [trees, JointTrees(2, trees.trees)], Question.BEST_OFFER, 1)
        with pytest.raises(InputError, match="not compared"):
            mixed = [trees, JointModel.__new__(JointModel)]
            QueryPool(session, mixed, Question.BEST_OFFER, 1)  # type: ignore[arg-type]
        pool = QueryPool(session, [trees], Question.SCORE, 2)
        for own in ([bins(2, 1)[session.role]] * 2, [np.zeros((2, 0), np.uint8)]):
            with pytest.raises(InputError):
                (pool.answer if session.first else pool.ask)(own)
        assert pool.left == 2

    in_session(act)
