"""The Fraud Detection Handbook's own table, made again: do our splits and measures say what the book's say?

    python -m bench.reproduction

Published: Y.-A. Le Borgne, W. Siblini, B. Lebichot and G. Bontempi, Reproducible Machine Learning for Credit Card Fraud
Detection - Practical Handbook, Université Libre de Bruxelles 2022, chapter 3, section "Baseline fraud detection system", table
of performances on the test set (https://fraud-detection-handbook.github.io/fraud-detection-handbook/Chapter_3_GettingStarted/
BaselineModeling.html); the same figures are stored in its notebook Chapter_3_GettingStarted/BaselineModeling.ipynb.

Protocol of the book: train on 2018-07-25 to 07-31, labels seven days late, test on 2018-08-08 to 08-14 without cards known as
defrauded; its fifteen published features, standardised by the training rows; scikit-learn and XGBoost as they come,
random_state 0.

Two defaults of XGBoost have changed since the book (1.3): `tree_method` (then exact at this size, now histograms) and
`base_score` (then 0.5, now the share of frauds).  They are set to what they were then; `AS_RELEASED` shows what today's
defaults make of it, -.075 in average precision.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.acceptance import Line, Run, at_most
from bench.handbook.book import BOOK_FEATURES
from bench.handbook.ledger import TRANSACTIONS, read_ledger, read_published
from bench.handbook.measures import SPLIT_A, parts
from tarim.models import auc, average_precision, card_precision_top_k

TOLERANCE: Final = 0.005
MEASURES: Final = ("AUC", "AP", "CP@100")
PUBLISHED: Final = {
    "logistic regression": (0.871, 0.606, 0.291),
    "tree of depth 2": (0.763, 0.496, 0.241),
    "tree, unlimited": (0.788, 0.309, 0.243),
    "random forest": (0.867, 0.658, 0.287),
    "XGBoost": (0.862, 0.639, 0.273),
}
"""AUC, average precision, card precision at 100."""
QUICK: Final = ("logistic regression", "tree of depth 2", "tree, unlimited")
"""The forest and XGBoost take half a minute of processor time."""
AS_RELEASED: Final = "XGBoost, today's defaults"
LIBRARIES: Final = ("scikit-learn", "xgboost-cpu", "numpy")


def line_names(quick: bool) -> tuple[str, ...]:
    """One line a model."""
    return tuple(f"reproduction, {name}" for name in (QUICK if quick else PUBLISHED))


def classifier(name: str) -> Any:
    """An untrained model of the book."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    if name == "logistic regression":
        return LogisticRegression(random_state=0)
    if name == "tree of depth 2":
        return DecisionTreeClassifier(max_depth=2, random_state=0)
    if name == "tree, unlimited":
        return DecisionTreeClassifier(random_state=0)
    if name == "random forest":
        return RandomForestClassifier(random_state=0, n_jobs=1)
    import xgboost

    then = {} if name == AS_RELEASED else {"tree_method": "exact", "base_score": 0.5}
    return xgboost.XGBClassifier(random_state=0, n_jobs=1, **then)


class Table:
    """The book's rows, split and standardised once.  Raises FileNotFoundError without the handbook's files."""

    def __init__(self, data: Path) -> None:
        from sklearn.preprocessing import StandardScaler

        ledger, published = read_ledger(data), read_published(data)
        columns = [ledger.fen / 100 if name == "TX_AMOUNT" else published[name] for name in BOOK_FEATURES]
        matrix = np.column_stack([column.astype(np.float64) for column in columns])
        train, self._tested = parts(ledger, SPLIT_A)
        scaler = StandardScaler().fit(matrix[train])
        self._train, self._test = scaler.transform(matrix[train]), scaler.transform(matrix[self._tested])
        self._labels = ledger.fraud[train].astype(np.int64)
        self._ledger = ledger

    def measured(self, name: str) -> tuple[float, float, float]:
        """AUC, average precision and card precision at 100 of one of the book's models."""
        model = classifier(name).fit(self._train, self._labels)
        scores = np.asarray(model.predict_proba(self._test)[:, 1], np.float64)
        truth = self._ledger.fraud[self._tested].astype(np.int64)
        days, cards = self._ledger.day[self._tested], self._ledger.customer[self._tested]
        return (
            auc(scores, truth),
            average_precision(scores, truth),
            card_precision_top_k(scores, truth, days, cards, 100),
        )


def folder() -> Path:
    """Where the handbook's files are."""
    return Path(os.environ.get("TARIM_SHARED", "../shared")) / "data"


def lines(run: Run) -> Iterator[Line]:
    """A line a model: the largest distance of its three figures from the published ones."""
    table = Table(folder())
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    for name in QUICK if run.quick else PUBLISHED:
        found, book = table.measured(name), PUBLISHED[name]
        shown = ", ".join(
            f"{what} {own:.4f}/{theirs:.3f}" for what, own, theirs in zip(MEASURES, found, book, strict=True)
        )
        distance = max(abs(own - theirs) for own, theirs in zip(found, book, strict=True))
        yield at_most(f"reproduction, {name}", TOLERANCE, distance, "", f"ours/book {shown}; seed 0; {versions}")


def main() -> int:
    """Print the table, what today's defaults of XGBoost give included."""
    if not (folder() / TRANSACTIONS).exists():
        print(f"skipped: {folder() / TRANSACTIONS} is not there (TARIM_SHARED)", file=sys.stderr)
        return 0
    print(", ".join(f"{name} {version(name)}" for name in LIBRARIES), "random_state 0", sep="; ")
    table = Table(folder())
    for name in (*PUBLISHED, AS_RELEASED):
        begin = time.process_time()
        found = table.measured(name)
        book = PUBLISHED.get(name, (float("nan"),) * 3)
        pairs = "   ".join(
            f"{what} {own:.4f} ({theirs:.3f})" for what, own, theirs in zip(MEASURES, found, book, strict=True)
        )
        print(f"{name:26} {pairs}   {time.process_time() - begin:.1f} s CPU", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
