"""Parity: the engine's score against the training library's on every payment of the handbook's test weeks, and the features
that a training set holds against those that production computed.

    python -m bench.parity [--quick]

LightGBM: every raw score and every probability to the last bit. The two regressions: against scikit-learn's decision function
over the same standardised columns or weights of evidence, within 1e-9 (the library adds up in another order).  Features: a
simulated bank with late events goes through the service's own path, a training set is cut from its journal, and the bytes are
compared.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.acceptance import FULL_S, Line, Run, at_most, none
from bench.handbook.book import BOOK_FEATURES
from bench.handbook.ledger import read_ledger, read_published
from bench.handbook.measures import PREQUENTIAL
from tarim.models import fit_model, model_from_bytes
from tarim.models.lab.binning import cut

TREES: Final = 200
DEPTH: Final = 6
REGRESSION_ERROR_MAX: Final = 1e-9
LINES: Final = (
    "parity, trees",
    "parity, logistic regression",
    "parity, scorecard",
    "parity, served and training features",
)


def line_names(quick: bool) -> tuple[str, ...]:
    """The lines that are answered; QUICK leaves out the last."""
    return LINES[:3] if quick else LINES


def material(quick: bool) -> tuple[Any, Any, Any]:
    """Features and labels of the first training week, and the features of the test weeks (quick: the first).

    Raises FileNotFoundError without the handbook's files.
    """
    data = Path(os.environ.get("TARIM_SHARED", "../shared")) / "data"
    ledger, published = read_ledger(data), read_published(data)
    columns = [ledger.fen / 100 if name == "TX_AMOUNT" else published[name] for name in BOOK_FEATURES]
    table = np.column_stack([column.astype(np.float64) for column in columns])
    first, last = PREQUENTIAL[0], PREQUENTIAL[0 if quick else -1]
    train = (ledger.day >= first.train[0]) & (ledger.day < first.train[1])
    test = (ledger.day >= first.test[0]) & (ledger.day < last.test[1])
    return table[train], ledger.fraud[train].astype(np.int64), np.ascontiguousarray(table[test])


def trees_differing(train: Any, labels: Any, test: Any) -> tuple[int, str]:
    """How many rows score otherwise than LightGBM says, and its version."""
    import lightgbm

    content = fit_model(train, labels, BOOK_FEATURES, params={"num_trees": TREES, "max_depth": DEPTH}).content
    model, raw, scores = model_from_bytes(content, BOOK_FEATURES), np.empty(len(test)), np.empty(len(test))
    model.raw_score(test, raw)
    model.score(test, scores)
    booster = lightgbm.Booster(model_str=content.decode())
    differing = raw != booster.predict(test, raw_score=True, num_threads=1)
    differing |= scores != booster.predict(test, num_threads=1)
    return int(differing.sum()), f"LightGBM {lightgbm.__version__}"


def regression_error(kind: str, train: Any, labels: Any, test: Any) -> float:
    """The largest distance of a raw score from scikit-learn's decision function, over 1 or the score's size."""
    from sklearn.linear_model import LogisticRegression

    content = fit_model(train, labels, BOOK_FEATURES, "woe" if kind == "woe" else "logistic").content
    found = np.empty(len(test))
    model_from_bytes(content, BOOK_FEATURES).raw_score(test, found)
    document = json.loads(content)
    if kind == "woe":
        bins = [cut(column, labels) for column in train.T]
        seen = np.column_stack([own.weigh(column) for own, column in zip(bins, test.T, strict=True)])
    else:
        seen = (np.copysign(np.log1p(np.abs(test)), test) - document["means"]) / document["scales"]
    library = LogisticRegression()
    library.classes_, library.n_features_in_ = np.array([0, 1]), seen.shape[1]
    library.coef_, library.intercept_ = np.array([document["weights"]]), np.array([document["intercept"]])
    expected = library.decision_function(seen)
    return float((np.abs(found - expected) / np.maximum(1.0, np.abs(expected))).max())


def features_differing(folder: Path) -> tuple[int, int]:
    """Values of a training set that are not the bytes which production computed, and how many values there are."""
    import pyarrow.parquet as pq
    from typer.testing import CliRunner

    from bench.serving import new_data
    from tarim.base.instants import DAY_MS
    from tarim.bootstrap.datasets import Cut, cut_dataset, signer_of
    from tarim.bootstrap.places import Places
    from tarim.bootstrap.settings import settings_of
    from tarim.cli import build_app
    from tarim.models import load_dataset

    def tarim(*words: object) -> None:
        texts = [str(word) for word in words]
        CliRunner().invoke(build_app([texts[0]]), texts, catch_exceptions=False)

    data = folder / "data"
    key = new_data(data)["models"]
    size = ("--customers", 3_000, "--events-per-day", 3_000, "--days", 14)
    tarim(
        "simulate",
        folder / "sim",
        *size,
        "--crime-share",
        0.05,
        "--labels",
        "--late-share",
        0.05,
        "--late-ms-max",
        3_000_000,
    )
    files = sorted((folder / "sim").glob("events-*.parquet"))
    tarim("replay", *files, "--data", data, "--no-snapshot", "--out", folder / "out")
    environment = {"TARIM_KEY": key}
    whole = Cut("whole", label_delay_ms=DAY_MS)
    made, _ = cut_dataset(settings_of(data, environment), Places(data), environment, whole)
    dataset = load_dataset(made, signer_of(Places(data), {}))
    served = pq.read_table(folder / "out" / "features.parquet")
    at = np.searchsorted(served["seq"].to_numpy(), dataset.seq)
    live = np.column_stack([served[name].to_numpy()[at] for name in dataset.names]).view(np.int64)
    return int((live != np.ascontiguousarray(dataset.features).view(np.int64)).sum()), live.size


def lines(run: Run) -> Iterator[Line]:
    """The bar's lines."""
    train, labels, test = material(run.quick)
    differing, library = trees_differing(train, labels, test)
    note = f"of {len(test):,} rows, {TREES} trees, {library}, seed 0"
    yield none(LINES[0], "score differs by a bit", differing, note)
    for name, kind in zip(LINES[1:3], ("logistic", "woe"), strict=True):
        error = regression_error(kind, train, labels, test)
        yield at_most(name, REGRESSION_ERROR_MAX, error, "", f"largest relative error of {len(test):,} rows")
    if run.quick:
        return  # a bank through the whole path takes half a minute
    with tempfile.TemporaryDirectory() as folder:
        different, values = features_differing(Path(folder))
    yield none(LINES[3], "value differs by a bit", different, f"of {values:,} values")


if __name__ == "__main__":
    for line in lines(Run(quick="--quick" in sys.argv, deadline=time.monotonic() + FULL_S)):
        print(line)
