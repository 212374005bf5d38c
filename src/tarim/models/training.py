"""Train a small model on exported features: seconds, one machine, the same file for the same data and seed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError, InputError
from tarim.models.logistic_json import LOGISTIC_FORMAT
from tarim.models.metrics import auc, average_precision
from tarim.models.model import model_from_bytes

Kind = Literal["lightgbm", "logistic"]

HOLDOUT_SHARE: Final = 0.25
"""The latest rows, kept aside to say how good the model is."""
POSITIVES_MIN: Final = 2
_LIGHTGBM: Final[Mapping[str, Any]] = {
    "num_trees": 200,
    "num_leaves": 63,
    "max_depth": 6,
    "learning_rate": 0.05,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.8,
    "lambda_l2": 1.0,
}
_LOGISTIC: Final[Mapping[str, Any]] = {"c": 1.0, "iterations": 200, "transform": "signed_log"}


@dataclass(frozen=True, slots=True)
class Trained:
    """A model file's content and the report that travels beside it (plain values, fit for JSON)."""

    content: bytes
    report: dict[str, Any]


def train_small(
    features: npt.NDArray[np.float64],
    labels: npt.NDArray[np.integer],
    names: Sequence[str],
    kind: Kind = "lightgbm",
    seed: int = 0,
    params: Mapping[str, Any] | None = None,
) -> Trained:
    """A model over `features` (n, F), oldest event first, NaN missing; labels (n,) of 0 and 1.

    Trained first on the earliest three quarters to be measured on the rest, then on everything; the report says both.
    `params` override the defaults of this module.  Raises InputError, DefinitionError.
    """
    features = np.ascontiguousarray(features, np.float64)
    truth: npt.NDArray[np.int64] = np.asarray(labels).astype(np.int64)
    if features.ndim != 2 or features.shape != (len(labels), len(names)):
        raise InputError("features must be of shape (labels, names)")
    if not np.isin(truth, (0, 1)).all():
        raise InputError("labels must be 0 (genuine) or 1 (fraud)")
    defaults = {"lightgbm": _LIGHTGBM, "logistic": _LOGISTIC}.get(kind)
    if defaults is None:
        raise DefinitionError(f"unknown kind of model {str(kind)[:32]!r}; known are lightgbm, logistic")
    unknown = sorted(set(params or {}) - set(defaults))
    if unknown:
        raise DefinitionError(f"unknown parameter {unknown[0][:64]!r}; known are {', '.join(defaults)}")
    settings = {**defaults, **(params or {})}
    head = len(labels) - int(len(labels) * HOLDOUT_SHARE)
    for part in (truth, truth[:head]):
        if not POSITIVES_MIN <= part.sum() <= len(part) - POSITIVES_MIN:
            raise InputError(
                f"at least {POSITIVES_MIN} frauds and genuine events are needed, also before the last quarter"
            )
    fit = _fit_lightgbm if kind == "lightgbm" else _fit_logistic
    tested = fit(features[:head], truth[:head], names, seed, settings)
    report = {
        "kind": kind,
        "seed": seed,
        "params": settings,
        "features": len(names),
        "rows": len(labels),
        "frauds": int(truth.sum()),
        "holdout": _holdout(tested, features[head:], truth[head:], names),
        "library": _library(kind),
    }
    content = fit(features, truth, names, seed, settings)
    report["version"] = model_from_bytes(content, names).version
    return Trained(content, report)


def _holdout(
    content: bytes, features: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], names: Sequence[str]
) -> dict[str, Any]:
    """How the model of the earlier rows does on the later ones; no figures when these have one kind of label only."""
    result: dict[str, Any] = {"rows": len(labels), "frauds": int(labels.sum()), "auc": None, "average_precision": None}
    if 0 < labels.sum() < len(labels):
        scores = np.empty(len(labels))
        model_from_bytes(content, names).score(features, scores)
        result["auc"] = auc(scores, labels)
        result["average_precision"] = average_precision(scores, labels)
    return result


def _library(kind: Kind) -> str:
    from importlib.metadata import version

    package = "lightgbm" if kind == "lightgbm" else "scikit-learn"
    return f"{package} {version(package)}"


def _fit_lightgbm(
    features: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    names: Sequence[str],
    seed: int,
    settings: Mapping[str, Any],
) -> bytes:
    import lightgbm

    params = {name: value for name, value in settings.items() if name != "num_trees"}
    params |= {"objective": "binary", "seed": seed, "deterministic": True, "force_row_wise": True, "verbose": -1}
    data = lightgbm.Dataset(features, labels, feature_name=list(names), params={"verbose": -1})
    booster = lightgbm.train(params, data, num_boost_round=int(settings["num_trees"]))
    text: str = booster.model_to_string(num_iteration=-1)
    return text.encode()


def _fit_logistic(
    features: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    names: Sequence[str],
    seed: int,
    settings: Mapping[str, Any],
) -> bytes:
    from sklearn.linear_model import LogisticRegression

    if settings["transform"] not in ("none", "signed_log"):
        raise DefinitionError("transform must be none or signed_log")
    x = np.where(np.isfinite(features), features, np.nan)
    if settings["transform"] == "signed_log":
        x = np.copysign(np.log1p(np.abs(x)), x)
    known = ~np.isnan(x)
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, x, 0).sum(axis=0) / counts
    centred = np.where(known, x - means, 0)
    scales = np.sqrt((centred**2).sum(axis=0) / counts)
    scales[scales == 0] = 1
    regression = LogisticRegression(C=settings["c"], max_iter=int(settings["iterations"]), random_state=seed)
    regression.fit(centred / scales, labels)
    document = {
        "format": LOGISTIC_FORMAT,
        "transform": settings["transform"],
        "features": list(names),
        "means": means.tolist(),
        "scales": scales.tolist(),
        "weights": regression.coef_[0].tolist(),
        "intercept": float(regression.intercept_[0]),
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
