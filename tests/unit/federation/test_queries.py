"""Queries: the answer is the plaintext's, and nothing made ahead is used twice."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.errors import InputError, Unavailable
from tarim.federation import Role, Session
from tarim.federation.learning.encoding import Encoded, Widths
from tarim.federation.learning.logistic import JointModel
from tarim.federation.learning.logistic_plan import WEIGHT_FRACTION_BITS
from tarim.federation.queries import QueryPool, Question, answered_in_the_clear
from tarim.federation.session import Meeting
from tarim.federation.sharing import Share, encoded
from tests.fakes.federation import in_session

FIRST, SECOND = Widths((1, 8, 3, 1)), Widths((8, 1, 1))
COUNT = 1 + len(FIRST) + len(SECOND)


def rows_of(widths: Widths, rows: int, seed: int) -> Encoded:
    draw = np.random.default_rng(seed)
    return Encoded(widths, np.stack([draw.integers(0, 2**bits, rows, np.uint64) for bits in widths.bits], axis=1))


def shared(weights: np.ndarray, role: Role, seed: int) -> JointModel:
    mask = np.random.default_rng(seed).integers(0, 2**64, COUNT, np.uint64)
    whole = encoded(weights, WEIGHT_FRACTION_BITS)
    part = mask if role is Role.FIRST else whole - mask
    return JointModel(Share(part, WEIGHT_FRACTION_BITS), FIRST, SECOND)


def asked(weights: list[np.ndarray], question: Question, batches: list[int], cut: float = 0.0, seed: int = 3):
    """(answers of all batches, the plaintext's, what the first party noted as opened)."""
    rows = sum(batches)
    first, second = rows_of(FIRST, rows, seed), rows_of(SECOND, rows, seed + 1)

    def act(session: Session):
        models = [shared(each, session.role, seed + number) for number, each in enumerate(weights)]
        pool = QueryPool(session, models, question, rows, cut)
        answers, start = [], 0
        for size in batches:
            own = first if session.first else second
            part = Encoded(own.widths, own.integers[start : start + size])
            answers.append(pool.answer(part) if session.first else pool.ask(part))
            start += size
        assert pool.left == 0
        return answers, session.openings

    (none, noted), (answers, _) = in_session(act)
    assert none == [None] * len(batches)
    return np.concatenate(answers), answered_in_the_clear(weights, question, first, second, cut), noted


@pytest.mark.parametrize("batches", [[1], [1, 1, 5, 1], [40]])
@pytest.mark.parametrize("question", list(Question))
def test_answers_are_those_of_the_clear(question: Question, batches: list[int]) -> None:
    draw = np.random.default_rng(sum(batches))
    models = 5 if question is Question.BEST_OFFER else 1
    weights = [draw.normal(0, 0.7, COUNT) for _ in range(models)]
    answers, clear, noted = asked(weights, question, batches, cut=0.25)
    assert np.array_equal(answers, clear), "to the last bit"
    assert [each.what for each in noted] == [f"query: {question.value}"] * len(batches)
    assert {each.recipient for each in noted} == {Role.SECOND}


def test_a_score_that_equals_the_cut_reaches_it_and_one_below_does_not() -> None:
    weights = np.zeros(COUNT)
    weights[0] = 0.5
    assert asked([weights], Question.DECISION, [3], cut=0.5)[0].tolist() == [1, 1, 1]
    assert asked([weights], Question.DECISION, [3], cut=0.5 + 2.0**-21)[0].tolist() == [0, 0, 0]


def test_the_first_of_equal_offers_and_never_a_place_without_one() -> None:
    low = np.zeros(COUNT)
    low[0] = -900.0
    assert asked([low] * 5, Question.BEST_OFFER, [4])[0].tolist() == [0] * 4
    better = low.copy()
    better[0] += 2.0**-16
    assert asked([low, low, low, low, better], Question.BEST_OFFER, [4])[0].tolist() == [4] * 4


def test_what_was_made_ahead_is_used_once() -> None:
    def act(session: Session) -> None:
        model = shared(np.ones(COUNT), session.role, 1)
        pool = QueryPool(session, [model], Question.SCORE, 2)
        own = rows_of(FIRST if session.first else SECOND, 2, 5)
        (pool.answer if session.first else pool.ask)(own)
        with pytest.raises(Unavailable):
            (pool.answer if session.first else pool.ask)(Encoded(own.widths, own.integers[:1]))

    in_session(act)


@pytest.mark.parametrize("question", list(Question))
def test_a_pool_that_was_stored_answers_as_it_would_have(question: Question) -> None:
    """From its arrays alone, without the session that made it, in any order of skipping ahead."""
    count = 3 if question is Question.BEST_OFFER else 1
    weights = [np.random.default_rng(number).normal(0, 0.7, COUNT) for number in range(count)]
    first, second = rows_of(FIRST, 8, 1), rows_of(SECOND, 8, 2)

    def act(session: Session):
        models = [shared(each, session.role, number) for number, each in enumerate(weights)]
        arrays = QueryPool(session, models, question, 8, 0.25).arrays()
        pool = QueryPool(Meeting(session.channel, session.role), models, question, 8, 0.25, arrays)
        pool.skip(3)
        own = first if session.first else second
        part = Encoded(own.widths, own.integers[3:])
        return pool.answer(part) if session.first else pool.ask(part)

    _, answers = in_session(act)
    assert np.array_equal(answers, answered_in_the_clear(weights, question, first, second, 0.25)[3:])


def test_what_does_not_fit_is_refused() -> None:
    def act(session: Session) -> None:
        model = shared(np.ones(COUNT), session.role, 1)
        for models, question, rows in [
            ([model], Question.BEST_OFFER, 1),
            ([model, model], Question.SCORE, 1),
            ([model], Question.SCORE, 0),
            ([], Question.SCORE, 1),
        ]:
            with pytest.raises(InputError):
                QueryPool(session, models, question, rows)

    in_session(act)


def test_bits_of_many_rows_lie_row_by_row() -> None:
    """NumPy computes on a large temporary in place, so its order in memory would reach kernels that want rows."""
    rows = Encoded(Widths((8,) * 13), np.zeros((6_000, 13), np.uint64))
    told = rows.bits ^ np.zeros((6_000, 104), np.uint8)
    assert told.flags.c_contiguous and told.shape == (6_000, 104)
