"""Scores of rows by models that never saw them, and rows that are nearly the same.

Rows of one customer are scored together, and so are rows that are near copies of each other: otherwise planted copies would
vouch for one another, one half of them in training and the other scored by it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tarim.models.datasets.checks.findings import Checked

Words = npt.NDArray[np.int64]

FOLDS: Final = 4
ROUNDS: Final = 50
NEAR: Final = 0.05
"""Near copies differ by at most this in the signed logarithm of every feature: by 5 percent of a large number, and not at all
in a count."""
COPIES_MIN: Final = 5
SHARE_MAX: Final = 0.02
"""A cluster with a larger share of the rows is how ordinary events look (a log-in without history), not a set of copies."""
_NEIGHBOURS: Final = 8
_DIMENSIONS: Final = 6
MISSING: Final = -37.0
"""Where missing values lie: further from any number than any two numbers are."""
_PARAMS: Final[dict[str, Any]] = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.15,
    "min_data_in_leaf": 20,
    "lambda_l2": 5.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.6,
    "bagging_freq": 1,
    "max_bin": 63,
    "verbose": -1,
    "deterministic": True,
    "force_row_wise": True,
}


def logged(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Signed logarithms, missing values far away; shape (n, F)."""
    found = np.copysign(np.log1p(np.abs(features)), features)
    return np.where(np.isnan(features), MISSING, found)


def near_copies(features: npt.NDArray[np.float64], seed: int) -> Words:
    """Number of each row's cluster of near copies, shape (n,), numbered from 0.

    Candidates are nearest neighbours in a few random directions (Johnson and Lindenstrauss), compared in every feature;
    clusters are what such pairs connect.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    places = logged(features)
    places = places[:, np.ptp(places, axis=0) > 0]
    if len(places) < 2 or not places.shape[1]:
        return np.zeros(len(places), np.int64)
    # Equal rows are one point: log-ins without a past are alike by the thousand, and a tree cannot part them.
    keys = np.ascontiguousarray(places).view(f"V{places.itemsize * places.shape[1]}").ravel()
    _, first, point = np.unique(keys, return_index=True, return_inverse=True)
    places = places[first]
    count = len(places)
    directions = np.random.default_rng(seed).standard_normal((places.shape[1], _DIMENSIONS))
    projected = places @ directions / np.sqrt(places.shape[1])
    _, near = cKDTree(projected).query(projected, k=np.arange(1, min(_NEIGHBOURS, count) + 1))
    one = np.repeat(np.arange(count), near.shape[1])
    other = near.ravel()
    same = np.abs(places[one] - places[other]).max(axis=1) <= NEAR
    pairs = coo_matrix((np.ones(same.sum()), (one[same], other[same])), shape=(count, count))
    found: Words = connected_components(pairs, directed=False)[1].astype(np.int64)[point]
    return found


def groups_of(customer: Words, clusters: Words) -> Words:
    """What is scored together: the cluster of a row that has near copies, else its customer; numbered from 0."""
    size = np.bincount(clusters)[clusters]
    copied = (size >= COPIES_MIN) & (size <= SHARE_MAX * len(clusters))
    _, of_customer = np.unique(customer, return_inverse=True)
    keys = np.where(copied, clusters + len(clusters), of_customer)
    _, groups = np.unique(keys, return_inverse=True)
    return groups.astype(np.int64)


def cross_fitted(checked: Checked, groups: Words, seed: int, threads: int) -> npt.NDArray[np.float64]:
    """Chance of fraud of each row by a model of the other folds, shape (n,), scaled so that they add up to the frauds.

    Kind and channel count as features here, so that what is usual for a channel does not look odd; the source does not.
    """
    import lightgbm

    table = np.column_stack([checked.features, *(_codes(checked, name) for name in ("kind", "channel"))])
    fold = np.random.default_rng(seed).integers(0, FOLDS, int(groups.max()) + 1)[groups]
    scores = np.zeros(len(checked))
    params = {**_PARAMS, "seed": seed, "num_threads": threads}
    for each in range(FOLDS):
        held = fold == each
        labels = checked.labels[~held]
        if not held.any():
            continue
        if not 0 < labels.sum() < len(labels):
            scores[held] = labels.mean()
            continue
        booster = lightgbm.train(params, lightgbm.Dataset(table[~held], labels, params={"verbose": -1}), ROUNDS)
        scores[held] = booster.predict(table[held], num_threads=threads)
    total = scores.sum()
    scaled: npt.NDArray[np.float64] = np.minimum(scores * (checked.labels.sum() / total if total else 0.0), 1.0)
    return scaled


def _codes(checked: Checked, division: str) -> npt.NDArray[np.float64]:
    if division not in checked.segments:
        return np.zeros(len(checked))
    _, codes = np.unique(checked.segments[division].astype(str), return_inverse=True)
    return codes.astype(np.float64)
