"""Training: the same file for the same data and seed, an honest report, and scores equal to scikit-learn's."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tarim.base.errors import DefinitionError, InputError
from tarim.models import auc, model_from_bytes, train_small

NAMES = ["a", "b", "c", "d"]
SMALL = {"num_trees": 20, "min_data_in_leaf": 5}


def data(count=3000, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.lognormal(2, 1.5, (count, 4))
    x[rng.random(x.shape) < 0.05] = np.nan
    y = (np.nan_to_num(np.log1p(x[:, 0]) - np.log1p(x[:, 1])) + rng.normal(size=count) > 2).astype(int)
    return x, y


@pytest.mark.parametrize(("kind", "params"), [("lightgbm", SMALL), ("logistic", None)])
def test_the_same_data_and_seed_give_the_same_file_that_separates(kind, params):
    x, y = data()
    first, second = (train_small(x, y, NAMES, kind, 7, params) for _ in range(2))
    assert first.content == second.content
    assert first.report == second.report == json.loads(json.dumps(first.report))
    model = model_from_bytes(first.content, NAMES)
    scores = np.empty(len(x))
    model.score(x, scores)
    assert auc(scores, y) > 0.85
    assert 0.8 < first.report["holdout"]["auc"] < 1
    assert first.report["version"] == model.version
    assert model.kind == kind


def test_a_logistic_model_scores_as_scikit_learn_does():
    x, y = data()
    model = model_from_bytes(train_small(x, y, NAMES, "logistic", params={"c": 0.5}).content, NAMES)
    logs = np.log1p(x)
    means, scales = (
        np.nanmean(logs, axis=0),
        np.nanstd(np.where(np.isnan(logs), np.nanmean(logs, axis=0), logs), axis=0),
    )
    scales = np.sqrt(np.nansum((logs - means) ** 2, axis=0) / (~np.isnan(logs)).sum(axis=0))
    standard = np.nan_to_num((logs - means) / scales)
    regression = LogisticRegression(C=0.5, max_iter=200).fit(standard, y)
    scores = np.empty(len(x))
    model.score(x, scores)
    np.testing.assert_allclose(scores, regression.predict_proba(standard)[:, 1], rtol=1e-6)


def test_an_infinite_feature_does_not_break_a_logistic_score():
    x, y = data()
    model = model_from_bytes(train_small(x, y, NAMES, "logistic").content, NAMES)
    scores = np.empty(3)
    model.score(np.array([[np.inf] * 4, [-np.inf] * 4, [np.nan] * 4]), scores)
    assert len(set(scores.tolist())) == 1 and 0 < scores[0] < 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"labels": lambda y: np.zeros_like(y)}, InputError),
        ({"labels": lambda y: y + 1}, InputError),
        ({"labels": lambda y: y[:-1]}, InputError),
        ({"kind": "forest"}, DefinitionError),
        ({"params": {"objective": "regression"}}, DefinitionError),
    ],
)
def test_bad_training_input_is_refused(change, error):
    x, y = data()
    labels = change.get("labels", lambda y: y)(y)
    with pytest.raises(error):
        train_small(x, labels, NAMES, change.get("kind", "lightgbm"), 0, change.get("params"))
