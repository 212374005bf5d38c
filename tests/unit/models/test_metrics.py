"""Metrics against scikit-learn, and the card precision against the handbook's own way with loops."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from tarim.base.errors import InputError
from tarim.models import auc, average_precision, card_precision_top_k, precision_at_k
from tarim.models.metrics import EmptyEvaluation


def draw(seed, count=500, ties=True):
    rng = np.random.default_rng(seed)
    scores = rng.random(count)
    labels = (rng.random(count) < scores * 0.4).astype(int)
    return (np.round(scores, 1) if ties else scores), labels, rng


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("ties", [False, True])
def test_auc_and_average_precision_equal_scikit_learn(seed, ties):
    scores, labels, _ = draw(seed, ties=ties)
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), rel=1e-12)
    assert average_precision(scores, labels) == pytest.approx(average_precision_score(labels, scores), rel=1e-12)


def test_precision_at_k_by_hand():
    scores, labels = np.array([0.9, 0.8, 0.7, 0.7, 0.7, 0.1]), np.array([1, 0, 1, 1, 0, 1])
    assert precision_at_k(scores, labels, 1) == 1
    assert precision_at_k(scores, labels, 2) == 0.5
    assert precision_at_k(scores, labels, 3) == pytest.approx((1 + 2 / 3) / 3)
    assert precision_at_k(scores, labels, 100) == pytest.approx(4 / 6)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_input_does_not_matter(seed):
    scores, labels, rng = draw(seed)
    order = rng.permutation(len(scores))
    for metric in (auc, average_precision, lambda s, y: precision_at_k(s, y, 37)):
        assert metric(scores, labels) == pytest.approx(metric(scores[order], labels[order]), rel=1e-12)


def card_precision_slowly(scores, labels, days, customers, k):
    known, precisions = set(), []
    for day in sorted(set(days.tolist())):
        best = {}
        for score, label, when, customer in zip(scores, labels, days, customers, strict=True):
            if when == day and customer not in known:
                old_score, old_label = best.get(customer, (-1.0, 0))
                best[customer] = (max(old_score, score), max(old_label, label))
        top = sorted(best.items(), key=lambda item: (-item[1][0], item[0]))[:k]
        detected = {customer for customer, (_, label) in top if label}
        precisions.append(len(detected) / k)
        known |= detected
    return sum(precisions) / len(precisions)


@pytest.mark.parametrize("seed", range(10))
def test_card_precision_equals_the_slow_way(seed):
    scores, labels, rng = draw(seed)
    days, customers = rng.integers(100, 107, len(scores)), rng.integers(0, 60, len(scores))
    expected = card_precision_slowly(scores, labels, days, customers, 10)
    assert card_precision_top_k(scores, labels, days, customers, 10) == pytest.approx(expected, rel=1e-12)
    assert 0 < expected < 1


def test_a_compromised_customer_counts_once():
    """Found on day 1, left out on day 2: the second place goes to customer 6, who is genuine."""
    scores, labels = np.array([0.9, 0.8, 0.9, 0.7]), np.array([1, 0, 1, 0])
    days, customers = np.array([1, 1, 2, 2]), np.array([5, 6, 5, 6])
    assert card_precision_top_k(scores, labels, days, customers, 1) == 0.5


def test_nothing_to_evaluate_is_said():
    none = np.empty(0)
    with pytest.raises(EmptyEvaluation):
        auc(none, none)
    with pytest.raises(EmptyEvaluation):
        auc(np.array([0.1, 0.2]), np.array([0, 0]))
    with pytest.raises(EmptyEvaluation):
        average_precision(np.array([0.1]), np.array([0]))
    with pytest.raises(InputError):
        auc(np.array([np.nan, 0.2]), np.array([0, 1]))
