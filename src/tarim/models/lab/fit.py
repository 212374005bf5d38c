"""Fit a model on rows that are chosen already; what comes back is the content of a model file.

The same rows, settings, seed and library give the same bytes, whatever the number of threads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tarim.base.errors import InputError
from tarim.models.calibration import Calibration
from tarim.models.lab.binning import cut
from tarim.models.lab.plan import PARAMETERS, Kind
from tarim.models.lab.samples import Floats, Ints
from tarim.models.lightgbm_text import with_calibration, with_rules_only
from tarim.models.logistic_json import LOGISTIC_FORMAT
from tarim.models.rules_only import RulesOnly

LIBRARY_OF: Final[Mapping[str, str]] = {"lightgbm": "lightgbm", "logistic": "scikit-learn", "woe": "scikit-learn"}
LOG_LINES_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model file's content; how many iterations it took; a line an iteration of figures on the validation rows."""

    content: bytes
    iterations: int
    log: list[dict[str, float]]


def fit_model(
    features: Floats,
    labels: Ints,
    names: Sequence[str],
    kind: Kind = "lightgbm",
    *,
    params: Mapping[str, float] | None = None,
    seed: int = 0,
    fraud_weight: float = 1.0,
    weights: Floats | None = None,
    threads: int = 1,
    validation: tuple[Floats, Ints] | None = None,
    early_stop: int = 0,
) -> Fitted:
    """A model of features (n, F), NaN missing, and labels (n,) of 0 and 1.

    params: see PARAMETERS; what is left out has its default.  fraud_weight: what a fraud counts against a genuine event, 0 is
    balanced.  weights (n,): how many events a row stands for.  LightGBM stops after `early_stop` rounds without gain in average
    precision on `validation`, when both are given, and keeps the trees up to the best.  Raises InputError unless both labels
    occur.
    """
    features, labels = np.ascontiguousarray(features, np.float64), np.asarray(labels).astype(np.int64)
    if features.ndim != 2 or features.shape != (len(labels), len(names)):
        raise InputError("features must be of shape (labels, names)")
    if not np.isin(labels, (0, 1)).all():
        raise InputError("labels must be 0 (genuine) or 1 (fraud)")
    frauds = int(labels.sum())
    if not 0 < frauds < len(labels):
        raise InputError("both frauds and genuine events are needed to learn from")
    settings = {name: allowed.default for name, allowed in PARAMETERS[kind].items()} | dict(params or {})
    each = np.ones(len(labels)) if weights is None else np.array(weights, np.float64)
    each[labels == 1] *= fraud_weight or float(each[labels == 0].sum() / each[labels == 1].sum())
    if kind == "lightgbm":
        return _fit_lightgbm(features, labels, names, settings, seed, each, threads, validation, early_stop)
    if kind == "woe":
        return _fit_woe(features, labels, names, settings, seed, each)
    return _fit_logistic(features, labels, names, settings, seed, each)


def calibrated(content: bytes, calibration: Calibration) -> bytes:
    """A model file with a calibration in it."""
    text = content.decode()
    if text.startswith("{"):
        return _json({**json.loads(text), "calibration": calibration.as_document()})
    return with_calibration(text, calibration).encode()


def leaving(content: bytes, rules_only: RulesOnly) -> bytes:
    """A model file with the segments in it in which rules alone decide; the file itself when there are none."""
    if not rules_only:
        return content
    text = content.decode()
    if text.startswith("{"):
        return _json({**json.loads(text), "rules_only": rules_only.as_document()})
    return with_rules_only(text, rules_only).encode()


def _fit_lightgbm(
    features: Floats,
    labels: Ints,
    names: Sequence[str],
    settings: Mapping[str, float],
    seed: int,
    weights: Floats,
    threads: int,
    validation: tuple[Floats, Ints] | None,
    early_stop: int,
) -> Fitted:
    import lightgbm

    whole = {name for name, allowed in PARAMETERS["lightgbm"].items() if allowed.whole}
    params: dict[str, Any] = {name: int(value) if name in whole else value for name, value in settings.items()}
    rounds = params.pop("num_trees")
    params |= {
        "objective": "binary",
        "metric": ["average_precision", "binary_logloss"],
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbose": -1,
    }
    data = lightgbm.Dataset(
        features, labels, weight=weights, feature_name=list(names), params={"verbose": -1, "max_bin": params["max_bin"]}
    )
    found: dict[str, dict[str, list[float]]] = {}
    callbacks, held = [lightgbm.record_evaluation(found)], []
    if validation is not None:
        held = [lightgbm.Dataset(*validation, feature_name=list(names), reference=data, params={"verbose": -1})]
        if early_stop:
            callbacks.append(lightgbm.early_stopping(early_stop, first_metric_only=True, verbose=False))
    booster = lightgbm.train(
        params,
        data,
        num_boost_round=rounds,
        valid_sets=held,
        valid_names=["validation"] * len(held),
        callbacks=callbacks,
    )
    best = booster.best_iteration if held and early_stop else booster.current_iteration()
    text: str = booster.model_to_string(num_iteration=best)
    log = found.get("validation", {})
    lines = [dict(zip(log, map(float, values), strict=True)) for values in zip(*log.values(), strict=True)]
    return Fitted(text.encode(), int(best), lines[:LOG_LINES_MAX])


def _fit_logistic(
    features: Floats, labels: Ints, names: Sequence[str], settings: Mapping[str, float], seed: int, weights: Floats
) -> Fitted:
    x = np.where(np.isfinite(features), features, np.nan)
    if settings["signed_log"]:
        x = np.copysign(np.log1p(np.abs(x)), x)
    known = ~np.isnan(x)
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, x, 0).sum(axis=0) / counts
    centred = np.where(known, x - means, 0)
    scales = np.sqrt((centred**2).sum(axis=0) / counts)
    scales[scales == 0] = 1
    slopes, intercept, iterations, log = _regress(centred / scales, labels, settings, seed, weights)
    document = {
        "format": LOGISTIC_FORMAT,
        "transform": "signed_log" if settings["signed_log"] else "none",
        "features": list(names),
        "means": means.tolist(),
        "scales": scales.tolist(),
        "weights": slopes,
        "intercept": intercept,
    }
    return Fitted(_json(document), iterations, log)


def _fit_woe(
    features: Floats, labels: Ints, names: Sequence[str], settings: Mapping[str, float], seed: int, weights: Floats
) -> Fitted:
    bins = [cut(column, labels, int(settings["bins"]), settings["bin_share"]) for column in features.T]
    evidence = np.column_stack([own.weigh(column) for own, column in zip(bins, features.T, strict=True)])
    slopes, intercept, iterations, log = _regress(evidence, labels, settings, seed, weights)
    document = {
        "format": LOGISTIC_FORMAT,
        "transform": "woe",
        "features": list(names),
        "edges": [own.edges.tolist() for own in bins],
        "woe": [own.woe.tolist() for own in bins],
        "weights": slopes,
        "intercept": intercept,
    }
    return Fitted(_json(document), iterations, log)


def _regress(
    matrix: Floats, labels: Ints, settings: Mapping[str, float], seed: int, weights: Floats
) -> tuple[list[float], float, int, list[dict[str, float]]]:
    """Weights, intercept, iterations, and one line that says whether it converged.  L2-penalised, by L-BFGS."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(C=settings["c"], max_iter=int(settings["iterations"]), random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the record says it
        regression.fit(matrix, labels, sample_weight=weights)
    iterations = int(regression.n_iter_[0])
    line = {"iterations": float(iterations), "converged": float(iterations < settings["iterations"])}
    return regression.coef_[0].tolist(), float(regression.intercept_[0]), iterations, [line]


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
