"""Scores from products made ahead: the products themselves, the kernels against their twins, and what a question tells."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.federation import Session, random_products
from tarim.federation.kernels import scores
from tarim.federation.queries import QueryPool, Question
from tarim.federation.random_products import chosen_products, given_products
from tarim.federation.randomness import fresh_bits, fresh_words
from tests.fakes.federation import QueueChannel, in_session
from tests.naive.joint_scores import leaf_share, may_reach, signed_total
from tests.unit.federation.test_tree_queries import Forest, bins


@pytest.mark.parametrize(("kind", "lanes"), [(np.uint64, 1), (np.uint64, 5), (np.uint32, 2), (np.uint32, 1)])
def test_products_of_random_bits_however_many_are_made_at_a_time(
    kind: type, lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random_products, "BLOCK_PRODUCTS", 100)
    bits, numbers = fresh_bits(250), fresh_words(250, lanes).astype(kind)

    def act(session: Session) -> np.ndarray:
        return given_products(session, numbers) if session.first else chosen_products(session, bits, lanes, kind)

    given, chosen = in_session(act)
    assert np.array_equal(given + chosen, bits[:, None] * numbers)
    assert len(np.unique(given)) > 0.99 * given.size


def test_kernels_do_what_their_twins_do() -> None:
    draw = np.random.default_rng(6)
    flips, products = draw.integers(0, 2, (3, 9), np.uint8), draw.integers(0, 2**64, (3, 9, 2), np.uint64)
    totals = np.zeros((3, 2), np.uint64)
    scores.add_signed(flips, products, totals)
    for row in range(3):
        for lane in range(2):
            assert int(totals[row, lane]) == signed_total(flips[row].tolist(), products[row, :, lane].tolist())
    rows = draw.integers(0, 16, (5, 4), np.uint8)
    columns, lasts = draw.integers(-1, 4, (3, 7)), draw.integers(0, 15, (3, 7))
    reached = np.empty((5, 3, 8), np.uint8)
    scores.reach(rows, columns, lasts, reached)
    for row, tree, leaf in np.ndindex(*reached.shape):
        assert reached[row, tree, leaf] == may_reach(
            rows[row].tolist(), columns[tree].tolist(), lasts[tree].tolist(), leaf
        )
    first, second = (draw.integers(0, 2, (2, 8), np.uint8) for _ in range(2))
    leaves = draw.integers(0, 2**32, 8, np.uint32)
    made = [draw.integers(0, 2**32, (2, 8), np.uint32) for _ in range(3)]
    models, found = draw.integers(0, 2, 8), np.zeros((2, 2), np.uint32)
    scores.add_leaves(first, second, leaves, *made, models, found)
    for row in range(2):
        shares = [
            leaf_share(
                (first[row, leaf], second[row, leaf]), int(leaves[leaf]), *(int(each[row, leaf]) for each in made)
            )
            for leaf in range(8)
        ]
        for model in range(2):
            assert int(found[row, model]) == sum(np.array(shares)[models == model].tolist()) % 2**32


def test_a_question_tells_even_bits_that_say_nothing_of_the_row() -> None:
    """The same row asked about often: every bit told is 0 as often as 1, on both sides, and messages have one size."""
    questions, sent = 400, {}
    row = [each[:1] for each in bins(1, 9)]

    def act(session: Session) -> None:
        pool = QueryPool(session, [Forest(2).part(session.role)], Question.DECISION, questions)
        assert isinstance(session.channel, QueueChannel)
        session.channel.sent.clear()
        for _ in range(questions):
            (pool.answer if session.first else pool.ask)([row[session.role]])
        sent[session.role] = list(session.channel.sent)

    in_session(act)
    for messages in sent.values():
        told = [data for step, data in messages if step.startswith("query, bits")]
        assert len(told) == questions and len({len(data) for data in told}) == 1
        ones = np.unpackbits(np.frombuffer(b"".join(told), np.uint8).reshape(questions, -1)[:, :6], axis=1).mean(axis=0)
        assert np.all(np.abs(ones - 0.5) < 6 * 0.5 / questions**0.5), "six standard deviations of each of 48 bits"
