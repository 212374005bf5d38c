"""What a model leans on: gain, permutation, and each feature's part in single scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from tarim.models.lab.samples import Floats, Ints
from tarim.models.metrics import average_precision
from tarim.models.model import Model, model_from_bytes

PERMUTED_ROWS_MAX: Final = 10_000
PERMUTED_TIMES: Final = 2


def gains(content: bytes, names: Sequence[str], features: Floats) -> Floats:
    """Each feature's share of what the model gained by it, adding up to 1; zeros when it gained nothing.

    Of trees: the fall in loss at the feature's splits.  Of a linear model: the spread (standard deviation) of the feature's
    part in the raw score over `features`.
    """
    if content.startswith(b"{"):
        found = contributions(content, names, features).std(axis=0)
    else:
        import lightgbm

        booster = lightgbm.Booster(model_str=content.decode())
        by_name = dict(zip(booster.feature_name(), booster.feature_importance("gain").tolist(), strict=True))
        found = np.array([by_name.get(name, 0.0) for name in names], np.float64)
    total = float(found.sum())
    return np.asarray(found / total if total else found, np.float64)


def permutation(content: bytes, names: Sequence[str], features: Floats, labels: Ints, seed: int) -> Floats:
    """By how much average precision falls, for each feature, when its values change places between events.

    Over at most PERMUTED_ROWS_MAX rows (frauds first, for there are few), the mean of PERMUTED_TIMES shuffles.  A feature whose
    twin stays in place loses little: see the correlation beside it.  L. Breiman, Random Forests, 2001.
    """
    rng = np.random.default_rng(seed)
    rows = _sample(rng, labels)
    model = model_from_bytes(content, names)
    table, truth, scores = np.ascontiguousarray(features[rows]), labels[rows], np.empty(len(rows))
    model.raw_score(table, scores)
    whole = average_precision(scores, truth)
    falls = np.zeros(len(names))
    for column, name in enumerate(names):
        if name not in model.reads:
            continue
        kept = table[:, column].copy()
        for _ in range(PERMUTED_TIMES):
            table[:, column] = rng.permutation(kept)
            model.raw_score(table, scores)
            falls[column] += (whole - average_precision(scores, truth)) / PERMUTED_TIMES
        table[:, column] = kept
    return falls


def contributions(content: bytes, names: Sequence[str], features: Floats) -> Floats:
    """What each feature adds to each raw score, shape (n, F): the model's own, see `Model.contributions`."""
    parts = np.empty((len(features), len(names) + 1))
    model_from_bytes(content, names).contributions(np.ascontiguousarray(features), parts)
    return parts[:, :-1]  # the last is the mean score


def scored(model: Model, features: Floats) -> Floats:
    """The scores of rows, calibrated where the model is."""
    out = np.empty(len(features))
    model.score(np.ascontiguousarray(features), out)
    return out


def _sample(rng: np.random.Generator, labels: Ints) -> Ints:
    frauds, genuine = np.flatnonzero(labels == 1), np.flatnonzero(labels != 1)
    taken = rng.permutation(frauds)[: PERMUTED_ROWS_MAX // 2]
    others = rng.permutation(genuine)[: PERMUTED_ROWS_MAX - len(taken)]
    return np.sort(np.concatenate([taken, others])).astype(np.int64)
