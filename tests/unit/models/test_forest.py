"""Forests: equal to LightGBM's own prediction to the last bit, whichever way the trees are evaluated."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from tarim.base.errors import DefinitionError, NotFound
from tarim.base.kernels.bound import address_of, table_of
from tarim.models import load_model, model_from_bytes
from tarim.models.kernels import scoring
from tarim.models.lightgbm_text import read_forest
from tarim.models.model import ForestEvaluator
from tests.naive.forest_walk import raw_score

NAMES = [f"payer_feature_{k}" for k in range(12)]
SHAPES = {
    "reference": {"num_leaves": 63, "max_depth": 6},
    "shallow": {"num_leaves": 4, "max_depth": 2},
    "full_bytes": {"num_leaves": 128, "max_depth": 8, "min_data_in_leaf": 5},
    "deep": {"num_leaves": 40, "max_depth": -1, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0},
    "wide": {"num_leaves": 300, "max_depth": -1, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0},
    "many_bins": {"num_leaves": 120, "max_depth": 8, "max_bin": 4000, "min_data_in_bin": 1, "learning_rate": 0.3},
    "zero_as_missing": {"num_leaves": 31, "max_depth": 6, "zero_as_missing": True},
    "no_missing": {"num_leaves": 31, "max_depth": 6, "use_missing": False},
    "scaled_sigmoid": {"num_leaves": 15, "max_depth": 4, "sigmoid": 1.7},
    "no_split": {"num_leaves": 15, "max_depth": 4, "min_gain_to_split": 1e9},
}


def training_data(seed=1, count=6000):
    rng = np.random.default_rng(seed)
    x = rng.lognormal(1, 2, (count, len(NAMES)))
    x[:, :4] = np.floor(x[:, :4])
    x[:, 4] -= 50
    x[rng.random(x.shape) < 0.1] = np.nan
    x[rng.random(x.shape) < 0.15] = 0.0
    x[:, 5] = np.where(np.isnan(x[:, 5]), 1.0, x[:, 5])  # a feature never missing in training may be missing later
    lean = np.nan_to_num(np.log1p(np.abs(x))) @ rng.normal(size=len(NAMES)) + np.isnan(x[:, 0]) - (x[:, 1] == 0)
    y = lean + rng.normal(size=count) > np.quantile(lean, 0.8)
    return x, y.astype(int)


@pytest.fixture(scope="module", params=list(SHAPES))
def trained(request):
    x, y = training_data()
    params = {
        "objective": "binary",
        "verbose": -1,
        "num_threads": 1,
        "seed": 3,
        "min_data_in_leaf": 10,
        **SHAPES[request.param],
    }
    data = lightgbm.Dataset(
        x, y, feature_name=NAMES, params={k: params[k] for k in params if "bin" in k or "missing" in k}
    )
    text = lightgbm.train(params, data, 37).model_to_string(num_iteration=-1)
    return lightgbm.Booster(model_str=text), text


def awkward_events(forest, count, seed=2):
    """Random values, missing ones, zeros of all kinds, infinities, and thresholds hit exactly or missed by one bit."""
    rng = np.random.default_rng(seed)
    x = rng.lognormal(1, 2.5, (count, len(NAMES))) * rng.choice([1, 1, 1, -1], (count, len(NAMES)))
    special = np.array(
        [np.nan, 0.0, -0.0, 1e-36, -1e-36, 1.0000000180025095e-35, 2e-35, -2e-35, np.inf, -np.inf, 1e300, 5e-324]
    )
    chosen = rng.random(x.shape)
    x = np.where(chosen < 0.25, rng.choice(special, x.shape), x)
    for feature in range(len(NAMES)):
        cuts = np.concatenate([tree.threshold[tree.feature == feature] for tree in forest.trees] or [np.empty(0)])
        if len(cuts):
            hit = rng.choice(cuts, count)
            hit = np.where(rng.random(count) < 0.5, hit, np.nextafter(hit, rng.choice([-np.inf, np.inf], count)))
            x[:, feature] = np.where(chosen[:, feature] > 0.6, hit, x[:, feature])
    return np.ascontiguousarray(x)


def test_scores_equal_lightgbm_to_the_last_bit(trained):
    booster, text = trained
    model = model_from_bytes(text.encode(), NAMES)
    x = awkward_events(read_forest(text), 40_000)
    raw, score = np.empty(len(x)), np.empty(len(x))
    model.raw_score(x, raw)
    model.score(x, score)
    np.testing.assert_array_equal(raw, booster.predict(x, raw_score=True, num_threads=1))
    np.testing.assert_array_equal(score, booster.predict(x, num_threads=1))


@pytest.mark.slow
def test_scores_equal_lightgbm_on_millions_of_events(trained):
    booster, text = trained
    model = model_from_bytes(text.encode(), NAMES)
    for seed in range(5):
        x = awkward_events(read_forest(text), 500_000, seed + 100)
        score = np.empty(len(x))
        model.score(x, score)
        np.testing.assert_array_equal(score, booster.predict(x))


def test_every_way_of_evaluation_agrees_with_the_naive_walk(trained):
    _, text = trained
    forest = read_forest(text)
    x = awkward_events(forest, 700, seed=9)
    expected = np.array([raw_score(forest, values) for values in x])
    evaluator = ForestEvaluator(forest, list(range(len(NAMES))))
    out = np.empty(len(x))
    for way in (evaluator.walked, evaluator.swept, evaluator.bound):
        if way is not None:
            out[:] = 0
            scoring.raw_score(table_of(way, 1.0, *[np.zeros(0)] * 2, 1.0, 1.0), x, out)
            np.testing.assert_array_equal(out, expected)


def test_where_a_batch_is_cut_changes_nothing(trained):
    _, text = trained
    model = model_from_bytes(text.encode(), NAMES)
    x = awkward_events(read_forest(text), 1500, seed=4)
    whole, parts = np.empty(len(x)), np.empty(len(x))
    model.score(x, whole)
    start = 0
    for size in (1, 7, 127, 128, 129, 256, 300, 512, 1500):
        stop = min(start + size, len(x))
        model.score(x[start:stop], parts[start:stop])
        start = stop
    np.testing.assert_array_equal(whole, parts)


def test_both_ways_are_used_where_they_should_be():
    """The shapes above must reach every kernel, or the equalities prove less than they say."""
    x, y = training_data()
    ways = {}
    for name in ("reference", "deep", "wide", "many_bins"):
        params = {"objective": "binary", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 10, **SHAPES[name]}
        bins = {key: params[key] for key in params if "bin" in key}
        text = lightgbm.train(params, lightgbm.Dataset(x, y, feature_name=NAMES, params=bins), 37).model_to_string()
        evaluator = ForestEvaluator(read_forest(text), list(range(len(NAMES))))
        complete = evaluator.walked.address == address_of(scoring.walk_complete)
        ways[name] = (evaluator.swept is not None, complete)
    assert ways == {
        "reference": (True, True),
        "deep": (True, False),
        "wide": (False, False),
        "many_bins": (False, True),
    }


def small_model(**extra) -> str:
    x, y = training_data(count=1500)
    params = {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 7, **extra}
    return lightgbm.train(params, lightgbm.Dataset(x, y, feature_name=NAMES), 3).model_to_string(num_iteration=-1)


def test_columns_are_found_by_name():
    text = small_model()
    x = awkward_events(read_forest(text), 300)
    names = ["unused", *reversed(NAMES)]
    turned = np.ascontiguousarray(np.column_stack([np.full(300, 7.0), x[:, ::-1]]))
    straight, mapped = np.empty(300), np.empty(300)
    model_from_bytes(text.encode(), NAMES).score(x, straight)
    model_from_bytes(text.encode(), names).score(turned, mapped)
    np.testing.assert_array_equal(straight, mapped)


def test_a_needed_feature_that_is_missing_is_named():
    text = small_model()
    reads = model_from_bytes(text.encode(), NAMES).reads
    with pytest.raises(DefinitionError, match=reads[0]):
        model_from_bytes(text.encode(), [name for name in NAMES if name != reads[0]])


def categorical_model() -> str:
    x, y = training_data(count=1500)
    x[:, 0] = np.nan_to_num(x[:, 0]).clip(0, 9)
    y = (x[:, 0] % 2).astype(int)
    data = lightgbm.Dataset(x, y, feature_name=NAMES, categorical_feature=[0])
    return lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 3).model_to_string()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: "", "not a LightGBM"),
        (lambda: "tree\nnothing", "no trees"),
        (lambda: small_model().replace("end of trees", ""), "cut short"),
        (lambda: small_model()[:2000], "cut short"),
        (categorical_model, "category"),
        (lambda: small_model(objective="regression"), "no probability"),
        (lambda: small_model(boosting="rf", bagging_freq=1, bagging_fraction=0.5), "averages"),
        (lambda: small_model().replace("num_class=1", "num_class=3"), "several classes"),
        (lambda: small_model().replace("left_child=", "left_child=9", 1), "tree"),
        (lambda: small_model().replace("split_feature=", "split_feature=99", 1), "does not exist"),
        (lambda: small_model().replace("leaf_value=", "leaf_value=nan ", 1), "NaN"),
        (lambda: small_model().replace("threshold=", "threshold=x", 1), "not a number"),
        (lambda: small_model().replace("is_linear=0", "is_linear=1", 1), "linear"),
        (lambda: small_model().replace("sigmoid:1", "sigmoid:-1"), "out of range"),
        (lambda: "{", "not JSON"),
        (lambda: "{}", "format"),
    ],
)
def test_what_cannot_be_evaluated_exactly_is_refused(make, says):
    with pytest.raises(DefinitionError, match=says):
        model_from_bytes(make().encode(), NAMES)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(NotFound):
        load_model(tmp_path / "none.txt", NAMES)
