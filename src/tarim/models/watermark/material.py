"""What a model's numbers are, seen from its answers: the raw score as a sum of the numbers that a row meets.

For a forest the numbers are its leaf values, for a scorecard the points of its bins, for a plain logistic regression its
weights.  `Material` says, by row, how much each number counts; moving the numbers by d moves the raw scores
by `meets @ d`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError
from tarim.models.domain import Forest, Missing, Tree
from tarim.models.lightgbm_text import read_forest, with_leaf_values

CANDIDATES: Final = 20_000
"""Rows that are tried, to find enough whose score is in the middle."""
ROWS: Final = 128
SCORE_MIN: Final = 0.05
SCORE_MAX: Final = 0.6
"""Rows are asked whose score lies between: three decimals of it still show a small change."""
FAR: Final = 6.0
"""Of a plain logistic regression: how many deviations from the mean its rows may lie, where no customer is."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Material:
    """meets: shape (n, numbers).  costs: shape (numbers,), what moving a number by 1 costs, in training rows.  moved: the
    model's file with its numbers moved.
    """

    meets: Floats
    costs: Floats
    moved: Callable[[Floats], bytes]


def features_of(content: bytes) -> tuple[str, ...]:
    """Names of the features of a model's file, in its order."""
    text = content.decode()
    return tuple(json.loads(text)["features"]) if text.startswith("{") else read_forest(text).feature_names


def rows_of(content: bytes, score: Callable[[Floats], Floats], random: np.random.Generator) -> Floats:
    """Rows to ask, shape (n, F), n at most ROWS; `score` gives the probabilities of rows in the order of the file's features.

    Raises DefinitionError when too few rows have a score in the middle.
    """
    text = content.decode()
    candidates = (
        _rows_of_logistic(json.loads(text), random)
        if text.startswith("{")
        else _rows_of_forest(read_forest(text), random)
    )
    scores = score(candidates)
    chosen = np.flatnonzero((scores >= SCORE_MIN) & (scores <= SCORE_MAX))[:ROWS]
    if len(chosen) < ROWS // 4:
        raise DefinitionError(
            f"only {len(chosen)} of {CANDIDATES} rows that were tried score between {SCORE_MIN} and {SCORE_MAX};"
            " a model that says so little cannot be marked"
        )
    return np.ascontiguousarray(candidates[chosen])


def material_of(content: bytes, rows: Floats) -> Material:
    """What the rows meet in a model's file.  Marked and unmarked files give the same `meets` and `costs`."""
    text = content.decode()
    if not text.startswith("{"):
        return _of_forest(text, read_forest(text), rows)
    document = json.loads(text)
    return _of_bins(document, rows) if document["transform"] == "woe" else _of_weights(document, rows)


# ---- forests ---------------------------------------------------------------------------------------------------------


def _rows_of_forest(forest: Forest, random: np.random.Generator) -> Floats:
    """Every feature anywhere between two neighbouring thresholds of the model, each as likely."""
    found: list[list[float]] = [[] for _ in forest.feature_names]
    for tree in forest.trees:
        for feature, threshold in zip(tree.feature.tolist(), tree.threshold.tolist(), strict=True):
            found[feature].append(threshold)
    columns = [_between(np.unique(np.array(each)), random) if each else np.zeros(CANDIDATES) for each in found]
    return np.column_stack(columns)


def _between(cuts: Floats, random: np.random.Generator) -> Floats:
    cuts = cuts[np.abs(cuts) < 1e300]
    if not len(cuts):
        return np.zeros(CANDIDATES)
    ends = np.concatenate([[cuts[0] - 1.0], cuts, [cuts[-1] + 1.0]])
    places = random.integers(0, len(ends) - 1, CANDIDATES)
    found: Floats = (ends[places] + ends[places + 1]) / 2
    return found


def _of_forest(text: str, forest: Forest, rows: Floats) -> Material:
    starts = np.concatenate([[0], np.cumsum([len(tree.leaf_value) for tree in forest.trees])]).astype(np.int64)
    meets = np.zeros((len(rows), int(starts[-1])))
    for start, tree in zip(starts[:-1].tolist(), forest.trees, strict=True):
        meets[np.arange(len(rows)), start + _leaves(tree, rows)] = 1.0
    counts = [tree.leaf_count if len(tree.leaf_count) else np.ones(len(tree.leaf_value)) for tree in forest.trees]

    def moved(by: Floats) -> bytes:
        parts = np.split(by, starts[1:-1])
        values = [tree.leaf_value + part for tree, part in zip(forest.trees, parts, strict=True)]
        return with_leaf_values(text, values).encode()

    return Material(meets, np.concatenate(counts).astype(np.float64), moved)


def _leaves(tree: Tree, rows: Floats) -> npt.NDArray[np.int64]:
    """The leaf that each row falls into; the rows have no missing values."""
    at = np.zeros(len(rows), np.int64) if len(tree.feature) else np.full(len(rows), -1)
    for _ in range(tree.depth):
        node = np.maximum(at, 0)
        value = rows[np.arange(len(rows)), tree.feature[node]]
        left = value <= tree.threshold[node]
        zero = (np.abs(value) <= 1e-35) & (tree.missing[node] == Missing.ZERO)
        left = np.where(zero, tree.default_left[node], left)
        at = np.where(at >= 0, np.where(left, tree.left[node], tree.right[node]), at)
    return ~at


# ---- logistic regressions ---------------------------------------------------------------------------------------------


def _rows_of_logistic(document: dict[str, Any], random: np.random.Generator) -> Floats:
    if document["transform"] == "woe":
        return np.column_stack([_between(np.array(edges), random) for edges in document["edges"]])
    means, scales, weights = (np.array(document[key]) for key in ("means", "scales", "weights"))
    far = random.uniform(-FAR, FAR, (CANDIDATES, len(means)))
    # Back along the weights, so that the score is in the middle although the row is far out.
    middle = random.uniform(_logit(SCORE_MIN), _logit(SCORE_MAX), CANDIDATES)
    excess = far @ weights + document["intercept"] - middle
    far -= np.outer(excess, weights) / max(float(weights @ weights), 1e-12)
    x = means + far * scales
    if document["transform"] == "signed_log":
        x = np.copysign(np.expm1(np.minimum(np.abs(x), 60.0)), x)
    return np.asarray(x, np.float64)


def _logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def _of_weights(document: dict[str, Any], rows: Floats) -> Material:
    x = np.copysign(np.log1p(np.abs(rows)), rows) if document["transform"] == "signed_log" else rows
    meets = (x - np.array(document["means"])) / np.array(document["scales"])

    def moved(by: Floats) -> bytes:
        return _file(document | {"weights": (np.array(document["weights"]) + by).tolist()})

    return Material(np.ascontiguousarray(meets), np.ones(meets.shape[1]), moved)


def _of_bins(document: dict[str, Any], rows: Floats) -> Material:
    weights = np.array(document["weights"])
    sizes = [len(woe) for woe in document["woe"]]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    meets = np.zeros((len(rows), int(starts[-1])))
    for feature, edges in enumerate(document["edges"]):
        bins = np.searchsorted(np.array(edges, np.float64), rows[:, feature], side="left")
        meets[np.arange(len(rows)), starts[feature] + bins] = weights[feature]

    def moved(by: Floats) -> bytes:
        woe = [
            (np.array(old) + part).tolist()
            for old, part in zip(document["woe"], np.split(by, starts[1:-1]), strict=True)
        ]
        return _file(document | {"woe": woe})

    return Material(meets, np.ones(meets.shape[1]), moved)


def _file(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
