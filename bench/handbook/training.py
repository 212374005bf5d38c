"""LightGBM on a split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.handbook.ledger import Columns, Floats, Ledger
from bench.handbook.measures import Measures, Split, measure, parts

Train = Callable[[Floats, npt.NDArray[np.bool_], Sequence[str]], Callable[[Floats], Floats]]
"""(features, fraud, names) to a scorer."""

PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.03,
    "num_leaves": 15,
    "max_depth": 5,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "seed": 7,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
TREES = 200
SEEDS = (7, 11, 13, 17, 19)
"""Seeds of the rows and features that trees are drawn; a figure is their mean, its spread their least and greatest."""


def trainer(parameters: dict[str, Any], trees: int) -> Train:
    """Gradient-boosted trees with these parameters, the seed among them."""

    def train(features: Floats, fraud: npt.NDArray[np.bool_], names: Sequence[str]) -> Callable[[Floats], Floats]:
        import lightgbm

        data = lightgbm.Dataset(features, fraud.astype(np.int8), feature_name=list(names))
        booster = lightgbm.train(parameters, data, trees)

        def score(rows: Floats) -> Floats:
            return np.asarray(booster.predict(rows, num_threads=1), np.float64)

        return score

    return train


train_lightgbm = trainer(PARAMETERS, TREES)


def assess(
    matrix: Floats, names: Sequence[str], ledger: Ledger, split: Split, train: Train = train_lightgbm
) -> Measures:
    """Train on the split's training rows of `matrix` (n, features), measure on its tested rows."""
    train_rows, tested = parts(ledger, split)
    score = train(matrix[train_rows], ledger.fraud[train_rows], names)
    return measure(score(matrix[tested]), ledger, tested)


def mean_of(measures: Sequence[Measures]) -> Measures:
    """The mean of each measure."""
    return Measures(*(float(np.mean([getattr(each, name) for each in measures])) for name in Measures.__annotations__))


def matrix_of(columns: Columns) -> Floats:
    """Columns side by side, shape (n, features)."""
    return np.column_stack([column.astype(np.float64) for column in columns.values()])
