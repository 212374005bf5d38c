"""Contributions: Shapley values by their definition, equal to LightGBM's own, and adding up to the raw score."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import lightgbm
import numpy as np
import pytest

from tarim.base.errors import DefinitionError
from tarim.models import model_from_bytes
from tarim.models.kernels.shap_lanes import LANES
from tarim.models.lightgbm_text import read_forest
from tarim.models.model import LANES_EVENTS_MIN
from tests.naive.shapley import contributions as by_definition

NAMES = [f"payer_feature_{k}" for k in range(12)]
SHAPES = {
    "reference": {"num_leaves": 63, "max_depth": 6},
    "shallow": {"num_leaves": 4, "max_depth": 2},
    "seven": {"num_leaves": 128, "max_depth": 7, "min_data_in_leaf": 5},
    "deep": {"num_leaves": 60, "max_depth": -1, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0},
    "zero_as_missing": {"num_leaves": 31, "max_depth": 6, "zero_as_missing": True},
    "no_missing": {"num_leaves": 31, "max_depth": 6, "use_missing": False},
    "bagged": {"num_leaves": 31, "max_depth": 6, "bagging_fraction": 0.5, "bagging_freq": 1},
    "one_feature": {"num_leaves": 31, "max_depth": 6, "feature_fraction": 0.09},
    "no_split": {"num_leaves": 15, "max_depth": 4, "min_gain_to_split": 1e9},
}


def rows(seed=1, count=3000):
    rng = np.random.default_rng(seed)
    x = rng.lognormal(1, 2, (count, len(NAMES)))
    x[:, 4] -= 50
    x[rng.random(x.shape) < 0.1] = np.nan
    x[rng.random(x.shape) < 0.15] = 0.0
    lean = np.nan_to_num(np.log1p(np.abs(x))) @ rng.normal(size=len(NAMES)) + np.isnan(x[:, 0])
    return x, (lean + rng.normal(size=count) > np.quantile(lean, 0.8)).astype(int)


def boosted(shape, rounds=20):
    x, y = rows()
    params = {
        "objective": "binary",
        "verbose": -1,
        "num_threads": 1,
        "seed": 3,
        "min_data_in_leaf": 10,
        **SHAPES[shape],
    }
    own = {key: value for key, value in params.items() if "missing" in key}
    data = lightgbm.Dataset(x, y, feature_name=NAMES, params=own | {"verbose": -1})
    return lightgbm.train(params, data, rounds).model_to_string(num_iteration=-1)


@pytest.mark.parametrize("shape", SHAPES)
def test_contributions_are_those_of_lightgbm_and_add_up(shape):
    """Every column to 1e-9, and the row's sum to the raw score, for any shape of the trees and any missing value."""
    text = boosted(shape)
    model, booster = model_from_bytes(text.encode(), NAMES), lightgbm.Booster(model_str=text)
    x, _ = rows(seed=7, count=400)
    found, raw = np.empty((len(x), len(NAMES) + 1)), np.empty(len(x))
    model.contributions(x, found)
    model.raw_score(x, raw)
    assert np.abs(found - booster.predict(x, pred_contrib=True, num_threads=1)).max() < 1e-9
    assert np.abs(found.sum(axis=1) - raw).max() < 1e-9


def test_contributions_are_shapley_values_by_their_definition():
    """Against all subsets, on the trees of a forest whose paths meet the same feature again."""
    text = boosted("reference", rounds=3)
    forest = read_forest(text)
    model = model_from_bytes(text.encode(), NAMES)
    assert any(len(set(tree.feature.tolist())) < len(tree.feature) for tree in forest.trees)
    x, _ = rows(seed=8, count=2)
    found = np.empty((len(x), len(NAMES) + 1))
    model.contributions(x, found)
    for row, values in zip(found, x, strict=True):
        wanted = np.sum([by_definition(tree, values, len(NAMES)) for tree in forest.trees], axis=0)
        np.testing.assert_allclose(row, wanted, rtol=0, atol=1e-9)


def test_columns_follow_the_engine_and_batches_change_nothing():
    """A feature's contribution lands in the engine's column; unused columns get 0; cuts of a batch do not matter."""
    text = boosted("reference")
    plain, wide = model_from_bytes(text.encode(), NAMES), model_from_bytes(text.encode(), ["other", *reversed(NAMES)])
    x, _ = rows(seed=9, count=50)
    y = np.ascontiguousarray(np.column_stack([np.full(len(x), 3.0), x[:, ::-1]]))
    a, b, c = np.empty((50, 13)), np.empty((50, 14)), np.empty((50, 13))
    plain.contributions(x, a)
    wide.contributions(y, b)
    for at in range(50):
        plain.contributions(x[at : at + 1], c[at : at + 1])
    assert (b[:, 0] == 0).all() and (b[:, -1] == a[:, -1]).all()
    assert np.array_equal(b[:, 1:-1], a[:, -2::-1]) and np.array_equal(a, c)


@pytest.mark.parametrize("shape", SHAPES)
def test_side_by_side_is_one_by_one_to_the_last_bit(shape):
    """Whichever way a batch goes, and wherever it is cut: the choice is of cost only."""
    model = model_from_bytes(boosted(shape).encode(), NAMES)
    x, _ = rows(seed=11, count=3 * LANES + LANES_EVENTS_MIN + 1)
    whole, single, cut = (np.full((len(x), len(NAMES) + 1), np.nan) for _ in range(3))
    model.contributions(x, whole)
    for at in range(len(x)):
        model.contributions(x[at : at + 1], single[at : at + 1])
    for first, last in pairwise([0, 1, LANES_EVENTS_MIN + 1, LANES + 3, 2 * LANES + LANES_EVENTS_MIN, len(x)]):
        model.contributions(x[first:last], cut[first:last])
    assert np.array_equal(whole, single) and np.array_equal(whole, cut)


def test_a_forest_too_deep_for_side_by_side_goes_one_by_one(monkeypatch):
    """Memory grows with the depth, so there is a limit; the parts are the same."""
    text = boosted("deep", rounds=3).encode()
    x, _ = rows(seed=12, count=LANES)
    beside, single = np.empty((LANES, len(NAMES) + 1)), np.empty((LANES, len(NAMES) + 1))
    model_from_bytes(text, NAMES).contributions(x, beside)
    monkeypatch.setattr("tarim.models.model.LANES_DEPTH_MAX", 3)
    monkeypatch.setattr("tarim.models.model.ForestEvaluator.contribute_side_by_side", None)
    model_from_bytes(text, NAMES).contributions(x, single)
    assert np.array_equal(beside, single)


def test_a_file_without_counts_scores_but_gives_no_reasons():
    """The error says what is missing; counts that contradict each other are refused too."""
    text = boosted("shallow", rounds=2)
    x, _ = rows(count=3)
    out, scores = np.empty((3, 13)), np.empty(3)
    bare = model_from_bytes(re.sub(r"\nleaf_count=.*", "", text).encode(), NAMES)
    bare.score(x, scores)
    with pytest.raises(DefinitionError, match="how many training rows"):
        bare.contributions(x, out)
    twisted = model_from_bytes(re.sub(r"\nleaf_count=(\d+)", r"\nleaf_count=1\1", text).encode(), NAMES)
    with pytest.raises(DefinitionError, match="do not agree"):
        twisted.contributions(x, out)


LOGISTIC = {
    "plain": {
        "transform": "signed_log",
        "means": [0.5, 1.0],
        "scales": [2.0, 4.0],
    },
    "woe": {"transform": "woe", "edges": [[1.0, 2.0], []], "woe": [[0.1, 0.2, 0.3, -1.0], [0.7, -0.4]]},
}


@pytest.mark.parametrize("form", LOGISTIC)
def test_linear_contributions_are_the_terms_of_the_sum(form):
    """Each term in its column, the intercept last; a missing value is the mean, or a bin of its own."""
    document = {"format": "tarim-logistic-1", "features": ["b", "a"], "weights": [2.0, -3.0], "intercept": -1.5}
    model = model_from_bytes(json.dumps(document | LOGISTIC[form]).encode(), ["a", "x", "b"])
    x = np.array([[1.0, 9.0, 2.0], [np.nan, 9.0, -7.0], [0.0, 9.0, np.nan]])
    found, raw = np.empty((3, 4)), np.empty(3)
    model.contributions(x, found)
    model.raw_score(x, raw)
    np.testing.assert_allclose(found.sum(axis=1), raw, rtol=0, atol=1e-12)
    assert (found[:, 1] == 0).all() and (found[:, 3] == -1.5).all()
    if form == "woe":
        assert found[:, 2].tolist() == [0.4, 0.2, -2.0]
        np.testing.assert_allclose(found[:, 0], [-2.1, 1.2, -2.1])
    else:
        assert found[2, 2] == found[1, 0] == 0
        np.testing.assert_allclose(found[0, 2], np.log1p(2.0) - 0.5)
