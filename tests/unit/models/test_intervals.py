"""Bootstrap intervals: every draw against the events repeated, intervals that cover, pairs that belong together."""

from __future__ import annotations

import numpy as np
import pytest

from tarim.base.errors import InputError
from tarim.models import auc, average_precision, card_precision_top_k
from tarim.models.histograms import edges_of, histogram_of, psi
from tarim.models.intervals import Evidence, assess, differences
from tarim.models.kernels import measures as kernel
from tarim.models.metrics import EmptyEvaluation, calibration_bins, calibration_error, gini, ks, money_recall
from tests.naive import measures as naive


def draw(seed=0, count=600, ties=True):
    rng = np.random.default_rng(seed)
    scores = rng.beta(1, 8, count)
    scores = np.round(scores, 2) if ties else scores
    labels = (rng.random(count) < scores).astype(np.int64)
    return scores, labels, rng.integers(1, 10_000, count), rng.integers(0, 80, count), rng.integers(0, 6, count), rng


def test_the_figures_are_those_of_the_plain_formulas():
    scores, labels, amounts, customers, days, _ = draw()
    found = assess(
        scores, labels, threshold=0.2, amounts_fen=amounts, customers=customers, days=days, top=10, replicates=0
    ).measures
    expected = {
        "auc": auc(scores, labels),
        "gini": gini(scores, labels),
        "ks": ks(scores, labels),
        "average_precision": average_precision(scores, labels),
        "calibration_error": calibration_error(scores, labels),
        "money_recall": money_recall(scores, labels, amounts, 0.2),
        "card_precision": card_precision_top_k(scores, labels, days, customers, 10),
        "precision": labels[scores >= 0.2].mean(),
        "recall": labels[scores >= 0.2].sum() / labels.sum(),
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-12), name
        assert found[name].low is None
    assert found["card_precision"].value == pytest.approx(naive.card_precision(scores, labels, days, customers, 10))


@pytest.mark.parametrize("seed", range(6))
def test_a_draw_weighs_events_as_if_they_were_repeated(seed):
    scores, labels, amounts, _, _, rng = draw(seed, ties=seed % 2 == 0)
    weights = rng.poisson(1.0, len(scores)).astype(np.int64)
    order = np.argsort(-scores, kind="stable")
    bins = calibration_bins(scores)
    out = np.empty(kernel.MEASURES)
    ends = np.append(np.diff(scores[order]) != 0, True)
    sums = np.zeros((bins.max() + 1, 3))
    kernel.weigh(
        labels[order] == 1, amounts[order].astype(float), ends, int((scores >= 0.1).sum()), bins[order], scores[order],
        weights[order], sums, out,
    )  # fmt: skip
    expected = naive.measures(scores, labels, amounts, weights, 0.1, bins)
    found = [out[getattr(kernel, name.upper())] for name in expected]
    np.testing.assert_allclose(found, list(expected.values()), rtol=1e-10)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """AUC of two normal distributions one standard deviation apart is Phi(1 / sqrt 2) = 0.7602."""
    rng, inside = np.random.default_rng(7), 0
    for trial in range(60):
        labels = (rng.random(400) < 0.3).astype(np.int64)
        raw = rng.normal(size=400) + labels
        found = assess(1 / (1 + np.exp(-raw)), labels, replicates=200, seed=trial).measures["auc"]
        inside += found.low <= 0.76025 <= found.high
    assert inside >= 50


def test_customers_who_act_as_one_widen_the_interval():
    rng = np.random.default_rng(5)
    customers = np.repeat(np.arange(60), 20)
    chance = 1 / (1 + np.exp(-rng.normal(size=60)))
    scores, labels = np.repeat(chance, 20), np.repeat((rng.random(60) < chance).astype(np.int64), 20)
    alone, together = (assess(scores, labels, customers=each).measures["auc"] for each in (None, customers))
    assert together.value == alone.value
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_paired_differences_are_narrower_than_the_figures_themselves():
    scores, labels, amounts, customers, days, rng = draw(count=3000, ties=False)
    other = np.clip(scores + rng.normal(scale=0.002, size=3000), 0, 1)
    evidence = Evidence(labels, amounts, customers, days)
    found = differences((scores, other), (0.2, 0.2), evidence, top=10)["auc"]
    alone = assess(scores, labels, customers=customers).measures["auc"]
    assert found.value == pytest.approx(auc(other, labels) - auc(scores, labels))
    assert found.high - found.low < 0.3 * (alone.high - alone.low)
    same = differences((scores, scores), (0.2, 0.2), evidence)["average_precision"]
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_the_same_seed_gives_the_same_intervals():
    scores, labels, *_ = draw()
    assert assess(scores, labels, seed=3) == assess(scores, labels, seed=3) != assess(scores, labels, seed=4)


def test_bad_input_is_said():
    with pytest.raises(EmptyEvaluation):
        assess(np.array([0.1, 0.2]), np.array([0, 0]))
    with pytest.raises(InputError, match="missing"):
        assess(np.array([0.1, np.nan]), np.array([0, 1]))
    with pytest.raises(InputError, match="one length"):
        assess(np.array([0.1, 0.2]), np.array([0, 1]), customers=np.array([1]))
    with pytest.raises(EmptyEvaluation):
        ks(np.array([0.1, 0.2]), np.array([1, 1]))
    with pytest.raises(EmptyEvaluation):
        money_recall(np.array([0.1, 0.2]), np.array([0, 1]), np.array([5, 0]), 0.1)


def test_precision_of_no_alerts_is_not_a_number_but_nothing():
    scores, labels, *_ = draw()
    found = assess(scores, labels, threshold=2.0)
    assert found.alerts == 0 and found.measures["precision"].value is None and found.measures["recall"].value == 0


def test_stability_by_hand_and_by_chance():
    then = histogram_of(np.array([1.0] * 50 + [2.0] * 50), np.array([1.0]))
    now = histogram_of(np.array([1.0] * 80 + [2.0] * 20), np.array([1.0]))
    assert then.counts == (50, 50, 0)
    assert psi(then, now) == pytest.approx(0.3 * np.log(1.6) - 0.3 * np.log(0.4))
    assert psi(then, then) == 0
    with pytest.raises(InputError):
        psi(then, histogram_of(np.ones(3), np.array([2.0])))
    rng = np.random.default_rng(1)
    edges = edges_of(rng.normal(size=10_000))
    before = histogram_of(rng.normal(size=10_000), edges)
    assert psi(before, histogram_of(rng.normal(size=10_000), edges)) < 0.02
    assert psi(before, histogram_of(rng.normal(0.5, size=10_000), edges)) > 0.15
    missing = np.where(rng.random(10_000) < 0.2, np.nan, rng.normal(size=10_000))
    assert psi(before, histogram_of(missing, edges)) > 0.25


def test_edges_leave_no_bin_empty_where_values_repeat():
    assert edges_of(np.array([0.0] * 90 + [1.0] * 10)).tolist() == [0.0]
    assert edges_of(np.array([np.nan, np.nan])).tolist() == []
    assert edges_of(np.zeros(5)).tolist() == []
