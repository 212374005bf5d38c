"""Bins, weight of evidence, information value: by hand, and what must hold for any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarim.models.lab.binning import cut, evidence


def test_evidence_by_hand():
    woe, iv = evidence(np.array([30, 10]), np.array([100, 300]))
    p, q = np.array([30.5, 10.5]) / 41, np.array([100.5, 300.5]) / 401
    np.testing.assert_allclose(woe, np.log(p / q))
    assert iv == pytest.approx(((p - q) * np.log(p / q)).sum())


def test_an_empty_bin_weighs_nothing():
    woe, iv = evidence(np.array([5, 0, 5]), np.array([50, 0, 50]))
    assert woe.tolist() == [0, 0, 0] and iv == 0


def test_a_rising_feature_gives_rising_bins_and_missing_its_own():
    rng = np.random.default_rng(0)
    x = rng.normal(size=20_000)
    y = (rng.random(20_000) < 1 / (1 + np.exp(4 - 2 * x))).astype(np.int64)
    x[:500], y[:500] = np.nan, rng.random(500) < 0.5
    bins = cut(x, y)
    assert 3 <= len(bins.edges) + 1 <= 8
    assert (np.diff(bins.woe[:-1]) > 0).all()
    assert bins.frauds[-1] + bins.genuine[-1] == 500 and bins.woe[-1] > 1
    assert cut(-x, y).iv == pytest.approx(bins.iv, rel=0.05)
    assert (np.diff(cut(-x, y).woe[:-1]) < 0).all()


def test_noise_carries_nothing():
    rng = np.random.default_rng(1)
    assert cut(rng.normal(size=50_000), (rng.random(50_000) < 0.02).astype(np.int64)).iv < 0.02


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 1.0, 2.0, 5.0, -3.0, float("nan"), float("inf"), 1e300]), st.booleans()),
        min_size=2,
        max_size=200,
    ),
    st.integers(2, 10),
)
def test_every_row_is_counted_once_and_the_order_is_kept(rows, bins_max):
    x, y = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], np.int64)
    bins = cut(x, y, bins_max)
    assert bins.frauds.sum() == y.sum() and bins.genuine.sum() == len(y) - y.sum()
    assert len(bins.frauds) == len(bins.woe) == len(bins.edges) + 2 <= bins_max + 1
    assert (np.diff(bins.edges) > 0).all()
    steps = np.sign(np.diff((bins.frauds + 0.5)[:-1] / (bins.frauds + bins.genuine + 1)[:-1]))
    assert len(set(steps.tolist())) <= 1
    assert bins.iv >= 0 and np.isfinite(bins.woe).all()
    placed = np.searchsorted(bins.edges, x[~np.isnan(x)])
    np.testing.assert_array_equal(np.bincount(placed, minlength=len(bins.edges) + 1), (bins.frauds + bins.genuine)[:-1])
