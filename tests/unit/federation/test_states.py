"""A training that goes on from the states of its steps ends where one without a break does."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.errors import InputError
from tarim.federation import Session
from tarim.federation.learning.boosting import Bins, Boosting, BoostingPlan, BoostingState, Loss
from tarim.federation.learning.encoding import Encoder
from tarim.federation.learning.logistic import LogisticState, train
from tarim.federation.learning.logistic_plan import Plan
from tests.fakes.federation import in_session


@pytest.mark.parametrize(
    ("kept_steps", "at", "states"),
    [
        (None, 1, [(1, 0), (2, 0), (3, 0)]),
        (3, 2, [(0, 3), (1, 0), (1, 3), (2, 0), (2, 3), (3, 0)]),
    ],
)
def test_logistic_regression_goes_on_from_an_epoch_or_a_step(
    kept_steps: int | None, at: int, states: list[tuple[int, int]]
) -> None:
    draw = np.random.default_rng(1)
    columns = draw.normal(size=(6, 512))
    labels = (columns[0] + columns[5] + draw.normal(size=512) > 0).astype(np.uint8)
    parts = [Encoder.learned(each).encoded(each) for each in (list(columns[:3]), list(columns[3:]))]
    plan = Plan(batch_rows=128, epochs=3, kept_steps=kept_steps)

    def trained(session: Session, begun: LogisticState | None):
        own, other = parts[session.role], parts[1 - session.role]
        kept: list[LogisticState] = []
        given = None if session.first else labels
        model = train(session, own, other.widths, given, plan, keep=kept.append, begun=begun)
        return model.weights.part(), kept

    def side(session: Session):
        with pytest.raises(InputError, match="other columns"):
            trained(session, LogisticState(1, np.zeros(3, np.uint64), 1))
        model, kept = trained(session, None)
        again, rest = trained(session, kept[at])
        assert [(state.epochs, state.steps) for state in kept] == states
        assert [(state.epochs, state.steps) for state in rest] == states[at + 1 :]
        assert [state.number for state in kept] == list(range(1, len(kept) + 1))
        assert [state.number for state in rest] == list(range(at + 2, len(kept) + 1))
        return model, again

    (one, one_again), (other, other_again) = in_session(side)
    found, expected = (one_again + other_again).view(np.int64), (one + other).view(np.int64)
    assert np.abs(found - expected).max() <= 2**3, "some units of 2^-16: scores lose their last bits by chance"
    assert np.abs(expected).max() > 2**14


@pytest.mark.parametrize("loss", list(Loss))
def test_trees_go_on_from_a_tree(loss: Loss) -> None:
    draw = np.random.default_rng(2)
    parts = [draw.integers(0, 4, (100, 2)).astype(np.uint8) for _ in range(2)]
    labels = (parts[0][:, 0] + parts[1][:, 0] + draw.integers(0, 3, 100) > 4).astype(np.uint8)
    shapes = [Bins(tuple(int(column.max()) + 1 for column in part.T)) for part in parts]
    plan = BoostingPlan(trees=2, depth=1, loss=loss)

    def trained(session: Session, begun: BoostingState | None):
        me, you = session.role, 1 - session.role
        kept: list[BoostingState] = []
        training = Boosting(session, parts[me], shapes[me], shapes[you], None if session.first else labels, plan)
        return training.run(keep=kept.append, begun=begun), kept

    def side(session: Session):
        model, kept = trained(session, None)
        again, rest = trained(session, kept[0])
        assert [len(state.trees) for state in kept + rest] == [1, 2, 2]
        return model, again

    (one, one_again), (other, other_again) = in_session(side)
    for before, after in zip(one.trees + other.trees, one_again.trees + other_again.trees, strict=True):
        assert before.own == after.own
    for pairs in zip(one.trees, other.trees, one_again.trees, other_again.trees, strict=True):
        leaves = [(mine.leaves + theirs.leaves).view(np.int64) for mine, theirs in (pairs[:2], pairs[2:])]
        assert np.array_equal(*leaves), "to the last bit"
