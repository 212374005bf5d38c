"""A logistic regression in JSON: standardised features, or the weight of evidence of each feature's bin.

    {"format": "tarim-logistic-1", "transform": "none" | "signed_log",
     "features": [...], "means": [...], "scales": [...], "weights": [...], "intercept": ..., "calibration": {...},
     "rules_only": [...]}

    {"format": "tarim-logistic-1", "transform": "woe",
     "features": [...], "edges": [[...], ...], "woe": [[...], ...], "weights": [...], "intercept": ..., "calibration": {...},
     "rules_only": [...]}

Bin k of a feature holds the values above `edges[k - 1]` up to and with `edges[k]`; after the last bin comes that of missing
values, so there are two more `woe` than `edges`.  `calibration` and `rules_only`, the segments left to rules, may be left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError
from tarim.base.kernels.bound import bind
from tarim.models.calibration import Calibration, calibration_of
from tarim.models.domain import FEATURES_MAX
from tarim.models.kernels import logistic as kernel
from tarim.models.kernels import scoring
from tarim.models.rules_only import RulesOnly, rules_only_of

LOGISTIC_FORMAT: Final = "tarim-logistic-1"
TRANSFORMS: Final = ("none", "signed_log", "woe")
EDGES_MAX: Final = 256
"""Of one feature."""

Floats = npt.NDArray[np.float64]


class LogisticEvaluator:
    """A logistic regression over standardised features."""

    sigmoid = 1.0

    def __init__(
        self, used: Sequence[int], means: Floats, scales: Floats, weights: Floats, intercept: float, signed_log: bool
    ) -> None:
        self._used = np.array(used, np.int64)
        self._means, self._scales, self._weights = means, scales, weights
        self._intercept = intercept
        self._signed_log = signed_log
        self.bound = bind(scoring.linear_score, self._used, means, scales, weights, float(intercept), int(signed_log))

    def contributions(self, features: Floats, out: Floats) -> None:
        """What each feature adds: its weight times its distance from the training mean."""
        kernel.contribute(
            features, out, self._used, self._means, self._scales, self._weights, self._intercept, self._signed_log
        )


class WoeEvaluator:
    """A logistic regression over the weights of evidence of bins: a scorecard."""

    sigmoid = 1.0

    def __init__(
        self, used: Sequence[int], edges: Sequence[Floats], woe: Sequence[Floats], weights: Floats, intercept: float
    ) -> None:
        self._used = np.array(used, np.int64)
        self._starts = np.concatenate([[0], np.cumsum([len(each) for each in edges])]).astype(np.int64)
        self._edges = np.concatenate([*edges, np.empty(0)])
        self._points = np.concatenate([weight * each for weight, each in zip(weights, woe, strict=True)])
        self._intercept = intercept
        self.bound = bind(scoring.bins_score, self._used, self._starts, self._edges, self._points, float(intercept))

    def contributions(self, features: Floats, out: Floats) -> None:
        """What each feature adds: the points of its bin; the last column is the intercept, a row without evidence."""
        kernel.contribute_bins(features, out, self._used, self._starts, self._edges, self._points, self._intercept)


def read_logistic(
    text: str, names: tuple[str, ...]
) -> tuple[LogisticEvaluator | WoeEvaluator, tuple[str, ...], Calibration | None, RulesOnly]:
    """The evaluator over columns `names`, the features it reads, its calibration, and the segments left to rules.

    Raises DefinitionError.
    """
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise DefinitionError("the model file is not JSON") from None
    if document.get("format") != LOGISTIC_FORMAT:
        raise DefinitionError(f"the model file's format is not {LOGISTIC_FORMAT}")
    reads = document.get("features")
    if (
        not isinstance(reads, list)
        or not 1 <= len(reads) <= FEATURES_MAX
        or not all(isinstance(name, str) for name in reads)
        or len(set(reads)) != len(reads)
    ):
        raise DefinitionError("the model's features are not a list of different names")
    require(reads, names)
    transform = document.get("transform")
    if transform not in TRANSFORMS:
        raise DefinitionError(f"the model's transform must be one of {', '.join(TRANSFORMS)}")
    index_of = {name: index for index, name in enumerate(names)}
    used = [index_of[name] for name in reads]
    weights = _numbers(document.get("weights"), "weights", len(reads))
    (intercept,) = _numbers([document.get("intercept")], "intercept", 1).tolist()
    calibration = calibration_of(document["calibration"]) if "calibration" in document else None
    rules_only = rules_only_of(document["rules_only"]) if "rules_only" in document else RulesOnly()
    if transform == "woe":
        edges, woe = _bins(document, len(reads))
        return WoeEvaluator(used, edges, woe, weights, intercept), tuple(reads), calibration, rules_only
    means, scales = (_numbers(document.get(key), key, len(reads)) for key in ("means", "scales"))
    if (scales <= 0).any():
        raise DefinitionError("the model's scales must be above 0")
    evaluator = LogisticEvaluator(used, means, scales, weights, intercept, transform == "signed_log")
    return evaluator, tuple(reads), calibration, rules_only


def require(reads: Sequence[str], names: Sequence[str]) -> None:
    """Raises DefinitionError naming what of `reads` is not among `names`."""
    lacking = sorted(set(reads) - set(names))
    if lacking:
        shown = ", ".join(name[:64] for name in lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        raise DefinitionError(f"the model needs {len(lacking)} features that are not computed: {shown}")


def _bins(document: dict[str, Any], count: int) -> tuple[list[Floats], list[Floats]]:
    edges, woe = document.get("edges"), document.get("woe")
    if not (isinstance(edges, list) and isinstance(woe, list) and len(edges) == len(woe) == count):
        raise DefinitionError(f"the model's edges and woe must be lists for {count} features")
    if not all(isinstance(each, list) and len(each) <= EDGES_MAX for each in edges):
        raise DefinitionError(f"a feature of the model has more than {EDGES_MAX} edges, or no list of them")
    found = [_numbers(each, "edges", len(each)) for each in edges]
    if any((np.diff(each) <= 0).any() for each in found):
        raise DefinitionError("the edges of a feature of the model do not ascend")
    return found, [_numbers(each, "woe", len(own) + 2) for each, own in zip(woe, found, strict=True)]


def _numbers(values: Any, key: str, count: int) -> Floats:
    if (
        not isinstance(values, list)
        or len(values) != count
        or not all(
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) for value in values
        )
    ):
        raise DefinitionError(f"the model's {key} must be {count} finite numbers")
    return np.array(values, np.float64)
