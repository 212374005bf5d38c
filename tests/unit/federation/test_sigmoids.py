"""Sigmoids made ahead: the same model from the stock as without, used once, and in step whatever one side lacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tarim.federation import Role, Session
from tarim.federation.learning import logistic_blocks
from tarim.federation.learning.logistic import train
from tarim.federation.learning.logistic_in_the_clear import trained_in_the_clear
from tarim.federation.learning.logistic_plan import Plan
from tarim.federation.node.sigmoids import StockedSigmoids, make_sigmoids, packets_for
from tarim.federation.node.stock import Stock
from tarim.federation.sharing import open_to
from tarim.privacy import MasterKey
from tests.fakes.federation import in_session
from tests.unit.federation.test_learning import made_up

CONTRACT, ROWS = "a" * 64, 300
PLAN = Plan(batch_rows=64, epochs=2)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic_blocks, "BLOCK_ROWS", 128)


def stocks(folder: Path) -> dict[Role, Stock]:
    return {role: Stock(folder / role.name, MasterKey(bytes(32))) for role in Role}


def trained(folder: Path) -> None:
    """Train, and hold the weights to those of the clear."""
    first, second, labels = made_up(ROWS, 5)
    kept = stocks(folder)

    def side(session: Session):
        own, theirs = (first, second.widths) if session.first else (second, first.widths)
        ready = StockedSigmoids(kept[session.role], CONTRACT, PLAN)
        model = train(session, own, theirs, None if session.first else labels, PLAN, sigmoids=ready)
        return open_to(session, model.weights, Role.SECOND, "the weights")

    weights = in_session(side)[1]
    assert np.abs(weights - trained_in_the_clear(first, second, labels, PLAN)).max() < 2e-3


def filled(folder: Path, rows: int) -> None:
    def side(session: Session) -> None:
        stock = stocks(folder)[session.role]
        make_sigmoids(session, PLAN, CONTRACT, stock, "d" * 64, rows, lambda *_: None)

    in_session(side)


def packets(folder: Path) -> list[int]:
    return [stock.level(CONTRACT).packets for stock in stocks(folder).values()]


def test_a_training_takes_what_was_made_ahead_and_makes_the_rest(tmp_path: Path) -> None:
    assert packets_for(PLAN, 2 * 256) == 4
    filled(tmp_path, 3 * 128)
    assert packets(tmp_path) == [3, 3]
    trained(tmp_path)
    assert packets(tmp_path) == [0, 0]
    trained(tmp_path)


@pytest.mark.parametrize("lacking", list(Role))
def test_what_one_side_lacks_is_made_anew_by_both(tmp_path: Path, lacking: Role) -> None:
    filled(tmp_path, 128)
    stocks(tmp_path)[lacking].remove(CONTRACT)
    trained(tmp_path)
    assert packets(tmp_path) == ([0, 1] if lacking is Role.FIRST else [0, 0]), "used, or claimed and gone"
