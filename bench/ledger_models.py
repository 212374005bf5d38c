"""The laundering ledger: what raw columns, window features and graph features find, split by time.

    python -m bench.ledger_models [--shared FOLDER]

The ledger is AMLGentex's (`aml_gentex_dev_transactions.parquet`); rows are its transfers between accounts, features come from
the engine over all its events in order (edges of the graph are the transfers between accounts), labels `fraud` among them
LABEL_DELAY_DAYS after each laundering transfer.  No feature is an account's or bank's number, none reads the day.

    raw      amount, days in bank, phone changes and balances of both sides before the transfer: what the row says
    window   and the stream's windows over payer, payee and the pair: counts, sums, means, deviations, distinct partners
    graph    and the stream's graph features
    labels   and those of them that follow from earlier labels, as known then

Split: trained on the first TRAINED_SHARE of the days, judged from LABEL_DELAY_DAYS later on, when those labels are known.
Nothing is tuned on what is judged: LightGBM's settings are fixed below, and the threshold of F1 is that which was best for
the last fifth of the training days under trees of the days before.  Several seeds vary the trees, and their mean is judged;
intervals draw the paying accounts again (cluster bootstrap).

What leans on this file: its patterns last up to a month, so HORIZON is a month (a bank's own reports look back as far); its
launderers take part in several patterns, which is what label features find; a customer's days in the bank are nearly
a name, so the raw columns are judged without them as well.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from bench.acceptance import Line, Run, at_least
from tarim.base.instants import DAY_MS
from tarim.intake import Intake
from tarim.models.intervals import Assessment, assess
from tarim.privacy import Tokenizer
from tarim.simulation import Labels, gentex_events
from tarim.stream import Col, Engine, Entity, Feature, FeatureSet, Graph, Kind, Rows, graph_features
from tests.fakes.clock import FakeClock

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEDGER: Final = "aml_gentex_dev_transactions.parquet"
LABEL_DELAY_DAYS: Final = 14
TRAINED_SHARE: Final = 0.6
TIMES_RAW_MIN: Final = 2.0
SEEDS: Final = (1, 2, 3, 4, 5)
BOOTSTRAPS: Final = 500
HORIZON: Final = "30d"
"""A month: the span that reports on laundering look back over."""
SETTINGS: Final[Mapping[str, Any]] = {
    "objective": "binary",
    "learning_rate": 0.03,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "num_threads": 1,
    "deterministic": True,
    "verbosity": -1,
}
TREES: Final = 300
TYPOLOGIES: Final = {1: "fan_out", 2: "fan_in", 3: "cycle", 5: "stack", 7: "scatter_gather"}
RAW: Final = (
    "amount",
    "phoneChangesOrig",
    "phoneChangesDest",
    "oldbalanceOrig",
    "oldbalanceDest",
    "daysInBankOrig",
    "daysInBankDest",
)
NEARLY_NAMES: Final = ("daysInBankOrig", "daysInBankDest")
FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "raw": ("raw",),
    "raw + window": ("raw", "window"),
    "raw + graph": ("raw", "graph"),
    "raw + window + graph": ("raw", "window", "graph"),
    "raw + window + graph + labels": ("raw", "window", "graph", "labels"),
}
QUICK_FAMILIES: Final = ("raw", "raw + window", "raw + window + graph")
BEST: Final = "raw + window + graph"


def window_features() -> FeatureSet:
    """Windows of a day, a week and a month over both sides and the pair, the ones a bank starts with."""
    payer, payee = Entity("payer", key="account"), Entity("payee", key="payee_account")
    relation = Entity("relation", key=("account", "payee_account"))
    found: list[Feature] = []
    for window in ("1d", "7d", "30d"):
        for side, other in ((payer, "payee_account"), (payee, "account")):
            found += [side.count(window), side.sum("amount_fen", window), side.mean("amount_fen", window)]
            found += [side.max("amount_fen", window), side.distinct(other, window)]
        found += [relation.count(window), relation.sum("amount_fen", window)]
        found += [payee.in_out_ratio("amount_fen", window, payer)]
    for side in (payer, payee):
        found += [side.std("amount_fen", "30d"), side.zscore("amount_fen", "30d"), side.since_last("30d")]
    found += [payer.is_new("payee_account", "30d"), relation.first_seen("90d"), payer.first_seen("90d")]
    return FeatureSet("ledger-windows", *found)


def money() -> Graph:
    """The transfers of a month; a label says of both sides that they took part in laundering."""
    return Graph("money", horizon=HORIZON, convicts=("account", "payee_account"))


@dataclass(frozen=True)
class Ledger:
    """Transfers between accounts in order: raw columns, features by family, labels, days, payers, typologies."""

    values: Mapping[str, Floats]
    names: Mapping[str, tuple[str, ...]]
    labels: npt.NDArray[np.bool_]
    day: Ints
    payer: Ints
    typology: Ints


def event_rows(path: Path) -> Rows:
    """The ledger's events with their labels among them, in journal order, as intake and the decision path leave them."""
    intake = Intake(Tokenizer(b"k" * 32), clock=FakeClock(1_900_000_000_000))
    parts = []
    for batch in gentex_events(path, labels=Labels.FRAUD, label_delay_ms=LABEL_DELAY_DAYS * DAY_MS):
        taken, refusals = intake.table(batch)
        assert not refusals
        parts.append(taken.rows)
    rows = np.concatenate(parts)
    rows[:, Col.SEQ] = np.arange(len(rows))
    order = np.argsort(rows[:, Col.EVENT_KEY], kind="stable")
    labels = np.flatnonzero(rows[:, Col.KIND] == Kind.LABEL)
    about = order[np.searchsorted(rows[order, Col.EVENT_KEY], rows[labels, Col.REFERS_KEY])]
    assert (rows[about, Col.EVENT_KEY] == rows[labels, Col.REFERS_KEY]).all()
    rows[labels, Col.REFERS_SEQ] = about
    for column in (Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE):
        rows[labels, column] = rows[about, column]
    return np.ascontiguousarray(rows)


@lru_cache(maxsize=2)
def read_ledger(path: Path) -> Ledger:
    """Everything the models are given."""
    table = pq.read_table(path)
    columns = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    between = (columns["type"] == "TRANSFER") & (columns["nameOrig"] >= 0) & (columns["nameDest"] >= 0)
    rows = event_rows(path)
    events = np.flatnonzero(rows[:, Col.KIND] != Kind.LABEL)
    chosen = events[between[columns["type"] != "INITALBALANCE"]]
    assert (rows[chosen, Col.KIND] == Kind.TRANSFER).all()
    values: dict[str, Floats] = {"raw": np.column_stack([columns[name][between].astype(np.float64) for name in RAW])}
    names: dict[str, tuple[str, ...]] = {"raw": RAW}
    inside = rows.copy()  # everybody's income comes from one account and goes to another: those are no neighbours
    inside[np.setdiff1d(events, chosen), Col.KIND] = Kind.PAYMENT
    for family, features, stream in (
        ("window", window_features(), rows.copy()),
        ("graph", graph_features(money()), inside),
    ):
        out = np.empty((len(stream), len(features.names)))
        Engine(features).process(stream, out)
        values[family], names[family] = out[chosen], features.names
    late = np.array(["convicted" in name for name in names["graph"]])
    values["labels"], names["labels"] = values["graph"][:, late], tuple(np.array(names["graph"])[late])
    values["graph"], names["graph"] = values["graph"][:, ~late], tuple(np.array(names["graph"])[~late])
    return Ledger(
        values,
        names,
        columns["isSAR"][between] == 1,
        columns["step"][between].astype(np.int64),
        columns["nameOrig"][between].astype(np.int64),
        columns["modelType"][between].astype(np.int64),
    )


@dataclass(frozen=True)
class Judged:
    """What a family of features is worth."""

    average_precision: float
    low: float
    high: float
    by_seed: tuple[float, ...]
    f1: float
    precision: float
    recall: float
    recall_by_typology: Mapping[str, tuple[float, int]]
    """Found share, and how many there were."""
    by_gain: tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Rows for training, the last of them for the threshold, and rows that are judged."""

    early: npt.NDArray[np.bool_]
    recent: npt.NDArray[np.bool_]
    judged: npt.NDArray[np.bool_]


def split_of(ledger: Ledger) -> Split:
    """By days; between training and judged days lie those whose labels were not known yet."""
    days = int(ledger.day.max()) + 1
    last = int(TRAINED_SHARE * days)
    trained = ledger.day < last
    early = ledger.day < int(0.8 * last)
    return Split(early, trained & ~early, ledger.day >= last + LABEL_DELAY_DAYS)


def matrix_of(ledger: Ledger, families: Collection[str], without: Collection[str] = ()) -> tuple[Floats, list[str]]:
    """Feature columns of some families side by side, and their names."""
    names = [name for family in families for name in ledger.names[family]]
    values = np.column_stack([ledger.values[family] for family in families])
    kept = [n for n, name in enumerate(names) if name not in without]
    return np.ascontiguousarray(values[:, kept]), [names[n] for n in kept]


def judge(
    ledger: Ledger, families: Collection[str], seeds: Collection[int] = SEEDS, without: Collection[str] = ()
) -> Judged:
    """Train and judge; see the module's head for the protocol."""
    values, names = matrix_of(ledger, families, without)
    split = split_of(ledger)
    fitted = [_trained(values, ledger.labels, split.early, seed) for seed in seeds]
    recent = np.mean([model.predict(values[split.recent]) for model in fitted], axis=0)
    threshold = _best_threshold(recent, ledger.labels[split.recent])
    models = [_trained(values, ledger.labels, split.early | split.recent, seed) for seed in seeds]
    scores = [np.asarray(model.predict(values[split.judged])) for model in models]
    labels = ledger.labels[split.judged]
    found = _assessed(np.mean(scores, axis=0), ledger, split, threshold, BOOTSTRAPS)
    alone = [_assessed(each, ledger, split, threshold, 0).measures["average_precision"].value for each in scores]
    alerted = np.mean(scores, axis=0) >= threshold
    kinds = ledger.typology[split.judged]
    by_typology = {
        name: (float(alerted[labels & (kinds == code)].mean()), int((labels & (kinds == code)).sum()))
        for code, name in TYPOLOGIES.items()
        if (labels & (kinds == code)).any()
    }
    precision, recall = (found.measures[name].value or 0.0 for name in ("precision", "recall"))
    measure = found.measures["average_precision"]
    assert measure.value is not None and measure.low is not None and measure.high is not None
    gains = np.mean([model.feature_importance("gain") for model in models], axis=0)
    return Judged(
        measure.value,
        measure.low,
        measure.high,
        tuple(each or 0.0 for each in alone),
        2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        precision,
        recall,
        by_typology,
        tuple(names[n] for n in np.argsort(-gains)[:8]),
    )


def _trained(values: Floats, labels: npt.NDArray[np.bool_], chosen: npt.NDArray[np.bool_], seed: int) -> Any:
    import lightgbm

    data = lightgbm.Dataset(values[chosen], labels[chosen].astype(np.int8), params={"verbosity": -1})
    return lightgbm.train({**SETTINGS, "seed": seed}, data, TREES)


def _assessed(scores: Floats, ledger: Ledger, split: Split, threshold: float, replicates: int) -> Assessment:
    labels = ledger.labels[split.judged].astype(np.int64)
    payers = ledger.payer[split.judged]
    return assess(scores, labels, threshold=threshold, customers=payers, replicates=replicates, seed=1)


def _best_threshold(scores: Floats, labels: npt.NDArray[np.bool_]) -> float:
    """The score from which on alerts have the greatest F1."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + labels.sum())
    return float(scores[order[np.argmax(f1)]])


def report(name: str, found: Judged) -> str:
    """One family in a line or two."""
    kinds = ", ".join(f"{kind} {share:.2f} of {count}" for kind, (share, count) in found.recall_by_typology.items())
    seeds = ", ".join(f"{value:.3f}" for value in found.by_seed)
    return (
        f"{name}: AP {found.average_precision:.3f} [{found.low:.3f}, {found.high:.3f}], by seed {seeds}; F1 {found.f1:.3f} "
        f"(precision {found.precision:.2f}, recall {found.recall:.2f}); found {kinds}\n    first by gain: "
        + ", ".join(found.by_gain)
    )


def shared_ledger(folder: Path | None = None) -> Path:
    """Where the ledger lies: the folder given, or TARIM_SHARED, or ../shared."""
    return (folder or Path(os.environ.get("TARIM_SHARED", "../shared"))) / "data" / LEDGER


def prepared() -> None:
    """Compile what the bar runs."""
    Engine(window_features())
    Engine(graph_features(money()))


def lines(run: Run) -> Iterator[Line]:
    """The bar's lines."""
    ledger = read_ledger(shared_ledger())
    seeds = SEEDS[:1] if run.quick else SEEDS
    chosen = QUICK_FAMILIES if run.quick else tuple(FAMILIES)
    found = {name: judge(ledger, FAMILIES[name], seeds) for name in chosen}
    raw, best = found["raw"], found[BEST]
    note = "; ".join(
        f"{name} AP {each.average_precision:.3f} [{each.low:.3f}, {each.high:.3f}] F1 {each.f1:.2f}"
        for name, each in found.items()
    )
    yield at_least(
        "laundering ledger, AP with graph over raw",
        TIMES_RAW_MIN,
        best.average_precision / raw.average_precision,
        "x",
        note,
    )
    windows = found["raw + window"]
    kinds = ", ".join(
        " ".join([kind, *(f"{each.recall_by_typology[kind][0]:.2f}" for each in (raw, windows, best))])
        for kind in best.recall_by_typology
    )
    times = best.average_precision / windows.average_precision
    yield at_least(
        "laundering ledger, AP with graph over windows", 1.0, times, "x", f"recall raw, windows, graph: {kinds}"
    )


def main() -> None:
    """Print every family, and the ablations that say what leans on this file."""
    parser = argparse.ArgumentParser(description="Models on the laundering ledger.")
    parser.add_argument("--shared", type=Path, help="folder with the public data")
    started = time.process_time()
    ledger = read_ledger(shared_ledger(parser.parse_args().shared))
    split = split_of(ledger)
    print(
        f"{len(ledger.labels):,} transfers, {ledger.labels.sum()} laundering; trained on "
        f"{(split.early | split.recent).sum():,} ({ledger.labels[split.early | split.recent].sum()}), judged "
        f"{split.judged.sum():,} ({ledger.labels[split.judged].sum()}); {time.process_time() - started:.0f} s of features"
    )
    for name, families in FAMILIES.items():
        print(report(name, judge(ledger, families)), flush=True)
    for name in ("raw", BEST):
        print(
            report(f"{name}, without days in the bank", judge(ledger, FAMILIES[name], without=NEARLY_NAMES)), flush=True
        )


if __name__ == "__main__":
    main()
