"""Early stop: what is opened, and that it is what the losses say in the clear."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tarim.base.errors import InputError
from tarim.federation import Role
from tarim.federation.learning.boosting import Boosting, BoostingPlan, Loss
from tarim.federation.learning.boosting_in_the_clear import boosted_in_the_clear
from tarim.federation.learning.logistic import train
from tarim.federation.learning.logistic_in_the_clear import trained_in_the_clear
from tarim.federation.learning.logistic_plan import Plan
from tarim.federation.learning.stopping import STOPPED, EarlyStop, Stopping, stops_in_the_clear
from tarim.federation.node.engines import Engine, require_possible
from tarim.federation.node.terms import BoostingTerms, LogisticTerms
from tarim.federation.randomness import fresh_words
from tarim.federation.sharing import open_to
from tests.fakes.federation import in_session
from tests.unit.federation.test_boosting import made_up
from tests.unit.federation.test_learning import made_up as columns


@pytest.mark.parametrize("patience", [1, 3])
def test_a_training_stops_where_its_losses_say(patience: int) -> None:
    losses = np.array([900, 700, 690, 500, 520, 497, 505, 480, 481, 600, 479, 478, 477, 300])
    stop, masks = EarlyStop(patience, least_log2=-4), fresh_words(len(losses))

    def side(session):
        stopping = Stopping(session, stop, 10, 4)  # has to fall by 10
        parts = masks if session.first else losses.astype(np.uint64) - masks
        told = [stopping.after(parts[number : number + 1]) for number in range(len(losses))]
        return told, [(each.what, each.recipient, each.shape) for each in session.openings]

    (one, opened), (other, _) = in_session(side)
    expected = [stops_in_the_clear(losses[: number + 1].tolist(), patience, 10) for number in range(len(losses))]
    assert one == other == expected
    assert expected.index(True) == {1: 2, 3: 6}[patience] and not expected[-1]
    assert opened == [(STOPPED, role, (1,)) for _ in range(len(losses) - patience) for role in Role]


@pytest.mark.parametrize("loss", list(Loss))
def test_joint_trees_stop_where_the_twin_does_and_go_back_to_the_best(loss: Loss) -> None:
    parts, shapes, labels = made_up(500, 6)
    labels = labels ^ (np.random.default_rng(7).random(500) < 0.3).astype(np.uint8)  # little can be learned
    plan = BoostingPlan(trees=12, depth=2, step_log2=0, loss=loss, stop=EarlyStop(2, 0.4, -7))

    def side(session):
        me, you = session.role, 1 - session.role
        states = []
        boosting = Boosting(session, parts[me], shapes[me], shapes[you], None if session.first else labels, plan)
        return boosting.run(keep=states.append), len(states)

    (one, grown), (other, _) = in_session(side)
    clear = boosted_in_the_clear(parts, shapes, labels, plan)
    assert 1 <= len(clear) == len(one.trees) == len(other.trees) == grown - 2 < plan.trees - 2
    for mine, theirs, (_, values) in zip(one.trees, other.trees, clear, strict=True):
        assert np.array_equal((mine.leaves + theirs.leaves).view(np.int64), values)
    whole = boosted_in_the_clear(parts, shapes, labels, BoostingPlan(plan.trees, plan.depth, 0, loss))
    assert not np.array_equal(whole[0][1], clear[0][1]), "rows held back are not trained on"


def test_a_joint_regression_stops_where_the_twin_does() -> None:
    first, second, labels = columns(900, 5)
    plan = Plan(batch_rows=64, epochs=12, learning_rate_log2=2, stop=EarlyStop(2, 0.25, -9))

    def side(session):
        own, theirs = (first, second.widths) if session.first else (second, first.widths)
        states = []
        model = train(session, own, theirs, None if session.first else labels, plan, keep=states.append)
        return open_to(session, model.weights, Role.SECOND, "the weights"), [each.epochs for each in states]

    (nothing, epochs), (weights, _) = in_session(side)
    assert nothing is None and epochs == list(range(1, len(epochs) + 1)) and 3 <= len(epochs) < 12
    assert np.abs(weights - trained_in_the_clear(first, second, labels, plan)).max() < 4e-3


@pytest.mark.parametrize("kind", [BoostingTerms, LogisticTerms])
def test_a_contract_names_an_early_stop(kind) -> None:
    terms = msgspec.convert({"type": kind.__struct_config__.tag, "early_stop": {"patience": 2, "share": 0.2}}, kind)
    assert terms.plan.stop == EarlyStop(2, 0.2, -10) and kind().plan.stop is None
    require_possible(Engine.OWN, terms)
    with pytest.raises(InputError, match="no early stop"):
        require_possible(Engine.ABY3, terms)
    with pytest.raises(msgspec.ValidationError, match="patience"):
        msgspec.convert({"type": kind.__struct_config__.tag, "early_stop": {"patience": 0}}, kind)


def test_a_stop_that_cannot_be_is_refused() -> None:
    for stop in (EarlyStop(0), EarlyStop(17), EarlyStop(share=0.9), EarlyStop(least_log2=1)):
        with pytest.raises(InputError, match="early stop"):
            BoostingPlan(stop=stop).check()
        with pytest.raises(InputError, match="early stop"):
            Plan(batch_rows=8, stop=stop).check(100)
    with pytest.raises(InputError, match="two batches"):
        Plan(batch_rows=64, stop=EarlyStop()).check(100)
    plan = Plan(batch_rows=64, stop=EarlyStop())
    plan.check(plan.least_rows)
