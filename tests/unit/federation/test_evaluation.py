"""The opened curve is the plaintext's, and its figures are those of the scores."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.federation import Role, Session
from tarim.federation.learning.evaluation import Curve, curve, curve_in_the_clear
from tarim.federation.randomness import fresh_words
from tarim.federation.sharing import Share, decoded, encoded
from tarim.models import auc
from tests.fakes.federation import in_session

FRACTION = 21


def made_up(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = (draw.random(rows) < 0.2).astype(np.uint8)
    return draw.normal(-1.5 + 1.5 * labels, 1.0), labels


def both(scores: np.ndarray, labels: np.ndarray, recipients: frozenset[Role]):
    whole = encoded(scores, FRACTION)
    mask = fresh_words(len(whole))

    def act(session: Session):
        share = Share(mask if session.first else whole - mask, FRACTION)
        found = curve(session, share, None if session.first else labels, recipients, "the curve")
        return found, [(each.what, each.recipient) for each in session.openings]

    return in_session(act)


def test_the_curve_is_that_of_the_clear_at_the_edges_too() -> None:
    scores, labels = made_up(2_500, 1)
    edges = np.array([-4.0, 4.0, -4.0 - 2.0**-21, 4.0 - 2.0**-21, 0.0, -(2.0**-21), 900.0, -900.0, 0.125])
    scores[: len(edges)] = edges
    (nothing, noted), (found, _) = both(scores, labels, frozenset({Role.SECOND}))
    clear = curve_in_the_clear(decoded(encoded(scores, FRACTION), FRACTION), labels)
    assert nothing is None
    assert noted == [("the curve", Role.SECOND)]
    assert (found.rows == clear.rows).all()
    assert (found.events == clear.events).all()


def test_both_may_learn_it() -> None:
    scores, labels = made_up(70, 2)
    (one, _), (other, _) = both(scores, labels, frozenset(Role))
    assert (one.rows == other.rows).all()
    assert one.rows.sum() == 70
    assert one.events.sum() == labels.sum()


def test_figures_are_near_those_of_the_scores() -> None:
    scores, labels = made_up(40_000, 3)
    found = curve_in_the_clear(scores, labels)
    assert found.auc == pytest.approx(auc(scores, labels), abs=1e-3)
    assert found.gini == pytest.approx(2 * found.auc - 1)
    order = np.argsort(scores)
    cumulated = np.cumsum(labels[order]) / labels.sum() - np.cumsum(1 - labels[order]) / (1 - labels).sum()
    assert found.ks == pytest.approx(np.abs(cumulated).max(), abs=5e-3)
    top = labels[order[-4_000:]].mean() / labels.mean()
    assert found.lift(0.1) == pytest.approx(top, rel=0.02)


def test_a_class_that_is_missing_is_no_error() -> None:
    empty = Curve(np.array([3, 4]), np.array([0, 0]))
    assert (empty.auc, empty.ks, empty.lift(0.5)) == (0.5, 0.0, 0.0)
