"""Calibrations and scorecards: kernels against their naive twins, order kept, model files refused when they are wrong."""

from __future__ import annotations

import json

import lightgbm
import numpy as np
import pytest

from tarim.base.errors import DefinitionError, InputError
from tarim.models import auc, fit_model, model_from_bytes
from tarim.models.calibration import Calibration, calibration_of
from tarim.models.kernels import calibration as kernel
from tarim.models.lab.calibrate import calibrate
from tarim.models.lab.fit import calibrated
from tarim.models.metrics import calibration_error
from tests.naive import calibration as naive

NAMES = ["a", "b", "c"]


def data(count=4000, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.lognormal(2, 1.5, (count, 3))
    x[rng.random(x.shape) < 0.05] = np.nan
    y = (np.nan_to_num(np.log1p(x[:, 0]) - np.log1p(x[:, 1])) + rng.normal(size=count) > 2).astype(int)
    return x, y


def curve(seed, knots):
    rng = np.random.default_rng(seed)
    at, to = np.sort(rng.normal(size=knots)), np.sort(rng.normal(size=knots))
    return Calibration("isotonic", at, to, 0.5, 2.0)


@pytest.mark.parametrize("knots", [1, 2, 3, 17])
def test_a_curve_equals_its_twin_and_keeps_the_order(knots):
    found = curve(knots, knots)
    raw = np.concatenate([np.random.default_rng(1).normal(scale=3, size=500), found.at, [np.nan]])
    expected = [naive.calibrated(x, found.at, found.to, 0.5, 2.0) for x in raw]
    out = raw.copy()
    kernel.apply(out, found.at, found.to, found.left_slope, found.right_slope)
    np.testing.assert_array_equal(out, expected)
    order = np.argsort(raw[:-1])
    assert (np.diff(out[:-1][order]) >= 0).all()
    assert calibration_of(found.as_document()).as_document() == found.as_document()


@pytest.mark.parametrize(
    "change",
    [
        {"method": "guess"},
        {"at": []},
        {"to": [1.0, 1.0]},
        {"at": [2.0, 1.0]},
        {"left_slope": 0.0},
        {"right_slope": float("nan")},
        {"to": [1.0, "2"]},
        {"at": [0.0, 1.0, 2.0]},
    ],
)
def test_a_curve_that_does_not_rise_everywhere_is_refused(change):
    document = {"method": "isotonic", "at": [0.0, 1.0], "to": [0.0, 1.0], "left_slope": 1.0, "right_slope": 1.0}
    with pytest.raises(DefinitionError):
        calibration_of({**document, **change})


@pytest.mark.parametrize("method", ["platt", "isotonic"])
@pytest.mark.parametrize("kind", ["lightgbm", "logistic", "woe"])
def test_a_calibrated_file_scores_better_probabilities_in_the_same_order(kind, method):
    x, y = data()
    params = {"num_trees": 30} if kind == "lightgbm" else {}
    content = fit_model(x[:2000], y[:2000], NAMES, kind, params=params, fraud_weight=0).content
    raw, plain, scores = np.empty(2000), np.empty(2000), np.empty(2000)
    model = model_from_bytes(content, NAMES)
    model.raw_score(x[2000:], raw)
    model.score(x[2000:], plain)
    with_curve = model_from_bytes(calibrated(content, calibrate(raw, y[2000:], method)), NAMES)
    with_curve.score(x[2000:], scores)
    again = np.empty(2000)
    with_curve.raw_score(x[2000:], again)
    np.testing.assert_array_equal(again, raw)
    assert auc(scores, y[2000:]) == auc(plain, y[2000:])
    assert calibration_error(scores, y[2000:]) < 0.5 * calibration_error(plain, y[2000:])
    assert with_curve.version != model.version


def test_lightgbm_reads_a_calibrated_file_as_the_same_trees():
    x, y = data()
    content = fit_model(x, y, NAMES, params={"num_trees": 10}).content
    text = calibrated(content, curve(1, 5)).decode()
    before, after = (lightgbm.Booster(model_str=each) for each in (content.decode(), text))
    np.testing.assert_array_equal(before.predict(x, raw_score=True), after.predict(x, raw_score=True))
    with pytest.raises(DefinitionError, match="calibration is not JSON"):
        model_from_bytes(text.replace("tarim_calibration={", "tarim_calibration=<").encode(), NAMES)


def test_isotonic_steps_are_the_pooled_ones():
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(3)
    raw = np.sort(rng.normal(size=5000))
    y = (rng.random(5000) < 1 / (1 + np.exp(-2 * raw - 1))).astype(int)
    out = raw.copy()
    found = calibrate(raw, y, "isotonic")
    kernel.apply(out, found.at, found.to, found.left_slope, found.right_slope)
    expected = IsotonicRegression(out_of_bounds="clip").fit(raw, y).predict(raw)
    assert np.abs(1 / (1 + np.exp(-out)) - expected).mean() < 0.02


def test_what_cannot_be_calibrated_is_said():
    with pytest.raises(InputError, match="both frauds"):
        calibrate(np.arange(5.0), np.zeros(5, np.int64), "platt")
    with pytest.raises(InputError, match="nothing to calibrate"):
        calibrate(np.arange(100.0), (np.arange(100) < 50).astype(int), "platt")


@pytest.mark.parametrize("seed", range(5))
def test_a_scorecard_equals_its_twin(seed):
    rng = np.random.default_rng(seed)
    edges = [np.unique(rng.integers(-3, 4, size=size)).astype(float) for size in (0, 1, 5)]
    document = {
        "format": "tarim-logistic-1",
        "transform": "woe",
        "features": NAMES,
        "edges": [each.tolist() for each in edges],
        "woe": [rng.normal(size=len(each) + 2).tolist() for each in edges],
        "weights": rng.normal(size=3).tolist(),
        "intercept": 0.25,
    }
    x = rng.integers(-4, 5, (300, 3)).astype(float)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[:3] = [[np.inf] * 3, [-np.inf] * 3, [np.nan] * 3]
    model, out = model_from_bytes(json.dumps(document).encode(), ["c", "a", "b"]), np.empty(300)
    model.raw_score(np.ascontiguousarray(x[:, [2, 0, 1]]), out)
    arguments = [document[key] for key in ("features", "edges", "woe", "weights", "intercept")]
    expected = [naive.points(dict(zip(NAMES, row, strict=True)), *arguments) for row in x]
    np.testing.assert_array_equal(out, expected)
    part = np.empty(7)
    model.raw_score(np.ascontiguousarray(x[5:12][:, [2, 0, 1]]), part)  # where a batch is cut changes nothing
    np.testing.assert_array_equal(part, out[5:12])


@pytest.mark.parametrize(
    "change",
    [
        {"edges": [[1.0, 1.0]]},
        {"edges": [[2.0, 1.0]]},
        {"edges": []},
        {"edges": [list(map(float, range(300)))]},
        {"woe": [[0.0, 1.0]]},
        {"woe": [[0.0, 1.0, None]]},
        {"transform": "magic"},
    ],
)
def test_a_wrong_scorecard_is_refused(change):
    document = {
        "format": "tarim-logistic-1",
        "transform": "woe",
        "features": ["a"],
        "edges": [[1.0]],
        "woe": [[0.0, 1.0, 2.0]],
        "weights": [1.0],
        "intercept": 0.0,
    }
    model_from_bytes(json.dumps(document).encode(), ["a"])
    with pytest.raises(DefinitionError):
        model_from_bytes(json.dumps({**document, **change}).encode(), ["a"])
