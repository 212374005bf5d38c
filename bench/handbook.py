"""The Fraud Detection Handbook: are the book's features reproduced, and how good is a model on them?

    python -m bench.handbook [--shared FOLDER]

Three parts: the book's fifteen features by plain NumPy from its definitions against its published files; the same from
the engine; LightGBM on the book's features and on Tarim's own, under the book's splits.

What the book computes (chapter 3, checked on all 1,754,155 rows):

    customer windows   (t - w, t], the transaction itself included, ties in the order of the file
    terminal windows   (t - 7d - w, t - 7d], both sides as written: exactly seven days ago counts
    risk               frauds over transactions of that window, 0 when there are none
    night              local hour <= 6, so until 06:59:59; weekend: Saturday and Sunday

Tolerance: counts and flags equal; averages and risks within 1e-6 relative.  The files hold float32 (half a unit in the last
place is 6e-8 relative), and the book's rolling sums add and subtract float64 amounts, so that they drift; ours are sums of
integers.  The book sorts a customer's transactions by time unstably: of 29 pairs within one second it has ten the other
way round, so twenty rows differ unless the file is read in the book's order (`book_order`).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from tarim.simulation import splitmix64
from tarim.stream import Channel, Col, Engine, Entity, FeatureSet, Flag, Kind, Result, Rows, empty_rows

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Columns = Mapping[str, npt.NDArray[Any]]

DAY_MS = 86_400_000
CHINA_MS = 8 * 3_600_000
DELAY_MS = 7 * DAY_MS
WINDOWS_DAYS = (1, 7, 30)
FIRST_DAY = np.datetime64("2018-04-01")
RELATIVE_TOLERANCE = 1e-6
TRANSACTIONS = "fraud_handbook_transactions.parquet"
FEATURES = "fraud_handbook_features.parquet"

BOOK_FEATURES = (
    "TX_AMOUNT",
    "TX_DURING_WEEKEND",
    "TX_DURING_NIGHT",
    *(f"CUSTOMER_ID_{what}_{days}DAY_WINDOW" for days in WINDOWS_DAYS for what in ("NB_TX", "AVG_AMOUNT")),
    *(f"TERMINAL_ID_{what}_{days}DAY_WINDOW" for days in WINDOWS_DAYS for what in ("NB_TX", "RISK")),
)
"""The fifteen inputs of the book's models, in its order."""


# ------------------------------------------------------------------------------------------------------------- the data


@dataclass(frozen=True)
class Ledger:
    """The transactions in the file's order; times are local ms since 1970-01-01T00:00 local."""

    local_ms: Ints
    customer: Ints
    terminal: Ints
    fen: Ints
    fraud: npt.NDArray[np.bool_]
    day: Ints
    """Days since 2018-04-01."""

    def __len__(self) -> int:
        return len(self.local_ms)


def read_ledger(data: Path) -> Ledger:
    """The handbook's transactions."""
    table = pq.read_table(data / TRANSACTIONS)
    local_ms = table["TX_DATETIME"].cast("timestamp[ms]").cast("int64").to_numpy()
    amounts = table["TX_AMOUNT"].to_numpy()
    fen = np.rint(amounts * 100).astype(np.int64)
    assert np.abs(fen / 100 - amounts).max() < 1e-9
    return Ledger(
        local_ms,
        table["CUSTOMER_ID"].to_numpy().astype(np.int64),
        table["TERMINAL_ID"].to_numpy().astype(np.int64),
        fen,
        table["TX_FRAUD"].to_numpy() == 1,
        table["TX_TIME_DAYS"].to_numpy().astype(np.int64),
    )


def read_published(data: Path) -> dict[str, npt.NDArray[Any]]:
    """The book's own features, all but the amount."""
    table = pq.read_table(data / FEATURES)
    assert (table["TRANSACTION_ID"].to_numpy() == np.arange(len(table))).all()
    return {name: table[name].to_numpy() for name in table.column_names if name != "TRANSACTION_ID"}


def book_order(ledger: Ledger, published: Columns) -> Ints:
    """The file's rows, with transactions of one customer within one second in the order the book counted them."""
    counts = published["CUSTOMER_ID_NB_TX_30DAY_WINDOW"].astype(np.int64)
    order = np.lexsort((np.arange(len(ledger)), counts, ledger.customer, ledger.local_ms))
    grouped = np.lexsort((np.arange(len(ledger)), ledger.customer, ledger.local_ms))
    # Between different customers the file's order stays: only positions within a group are exchanged.
    result = np.empty(len(ledger), np.int64)
    result[grouped] = order
    return result


# ----------------------------------------------------------------------------------- the book's features, by definition


def by_definition(ledger: Ledger) -> dict[str, Floats]:
    """The fifteen features from the definitions above, by sorting and searching; ties in the order of the rows."""
    weekday = (ledger.local_ms // DAY_MS + 3) % 7
    hour = ledger.local_ms % DAY_MS // 3_600_000
    found: dict[str, Floats] = {
        "TX_AMOUNT": ledger.fen / 100,
        "TX_DURING_WEEKEND": (weekday >= 5).astype(np.float64),
        "TX_DURING_NIGHT": (hour <= 6).astype(np.float64),
    }
    span = 400 * DAY_MS
    base = int(ledger.local_ms.min()) - 100 * DAY_MS
    for key in (ledger.customer, ledger.terminal):
        order = np.lexsort((np.arange(len(ledger)), ledger.local_ms, key))
        place = key[order] * span + ledger.local_ms[order] - base
        fen = np.concatenate([[0], np.cumsum(ledger.fen[order])])
        frauds = np.concatenate([[0], np.cumsum(ledger.fraud[order])])
        for days in WINDOWS_DAYS:
            count, value = np.empty(len(ledger)), np.empty(len(ledger))
            if key is ledger.customer:
                low = np.searchsorted(place, place - days * DAY_MS, side="right")
                high = np.arange(len(ledger)) + 1
                count[order] = high - low
                value[order] = (fen[high] - fen[low]) / (high - low) / 100
                names = ("CUSTOMER_ID_NB_TX", "CUSTOMER_ID_AVG_AMOUNT")
            else:
                low = np.searchsorted(place, place - DELAY_MS - days * DAY_MS, side="right")
                high = np.searchsorted(place, place - DELAY_MS, side="right")
                count[order] = high - low
                value[order] = (frauds[high] - frauds[low]) / np.maximum(1, high - low)
                names = ("TERMINAL_ID_NB_TX", "TERMINAL_ID_RISK")
            found[f"{names[0]}_{days}DAY_WINDOW"], found[f"{names[1]}_{days}DAY_WINDOW"] = count, value
    return {name: found[name] for name in BOOK_FEATURES}


# --------------------------------------------------------------------------------------- the book's features, by engine

_CARD = Entity("card", key="account")
_TERMINAL = Entity("terminal", key="merchant_id")

_BOOK_BY_ENGINE = {
    **{f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW": _CARD.count(f"{days}d") for days in WINDOWS_DAYS},
    **{f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW": _CARD.mean("amount_fen", f"{days}d") for days in WINDOWS_DAYS},
    **{f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW": _TERMINAL.delayed_count(f"{days}d", "7d") for days in WINDOWS_DAYS},
    **{f"TERMINAL_ID_RISK_{days}DAY_WINDOW": _TERMINAL.label_rate(f"{days}d", "7d") for days in WINDOWS_DAYS},
}
BOOK_SET = FeatureSet("handbook", *_BOOK_BY_ENGINE.values())
"""The twelve windows; amount, weekend and night are in the row itself."""

_PAIR = Entity("pair", key=("account", "merchant_id"))
OWN_SET = FeatureSet(
    "handbook-own",
    *_BOOK_BY_ENGINE.values(),
    *(_CARD.std("amount_fen", window) for window in ("7d", "30d")),
    *(_CARD.max("amount_fen", window) for window in ("7d", "30d")),
    _CARD.zscore("amount_fen", "30d"),
    _CARD.ratio("amount_fen", "30d"),
    _CARD.ratio("amount_fen", "90d"),
    _CARD.zscore("amount_fen", "90d"),
    _CARD.mean("amount_fen", "90d"),
    _CARD.since_last(),
    _CARD.distinct("merchant_id", "7d"),
    *(_CARD.label_count(window, "7d") for window in ("7d", "30d", "90d")),
    *(_TERMINAL.label_count(window, "7d") for window in ("1d", "3d", "7d", "14d", "21d", "28d")),
    *(_TERMINAL.label_rate(window, "7d") for window in ("3d", "14d", "21d", "28d", "90d")),
    *(_TERMINAL.mean("amount_fen", window) for window in ("7d", "30d")),
    _TERMINAL.zscore("amount_fen", "30d"),
    *(_TERMINAL.count(window) for window in ("1d", "7d", "30d")),
    _PAIR.count("30d"),
)
"""Tarim's own features: the book's, own history of card and terminal, and what is known about both after a week."""


def ledger_rows(ledger: Ledger) -> tuple[Rows, Ints]:
    """Payments and their fraud labels seven days later as rows in journal order, and the payment number of each row.

    A label comes before the payments of its own instant; its number is that of its payment less the ledger's length.
    """
    count = len(ledger)
    frauds = np.flatnonzero(ledger.fraud)
    number = np.concatenate([np.arange(count), frauds])
    is_payment = np.arange(len(number)) < count
    occurred = ledger.local_ms[number] - CHINA_MS + np.where(is_payment, 0, DELAY_MS)
    order = np.lexsort((is_payment, occurred))
    number, is_payment, occurred = number[order], is_payment[order], occurred[order]
    position = np.arange(len(number))
    seq_of_payment = np.empty(count, np.int64)
    seq_of_payment[number[is_payment]] = position[is_payment]

    rows = empty_rows(len(number))
    rows[:, Col.SEQ] = position
    rows[:, Col.OCCURRED_MS] = rows[:, Col.RECEIVED_MS] = occurred
    rows[:, Col.EVENT_KEY] = splitmix64(number * 2 + is_payment).view(np.int64)
    rows[:, Col.CONTENT_KEY] = rows[:, Col.EVENT_KEY]
    rows[:, Col.CUSTOMER] = rows[:, Col.ACCOUNT] = splitmix64(ledger.customer[number] * 4 + 1).view(np.int64)
    rows[:, Col.MERCHANT] = splitmix64(ledger.terminal[number] * 4 + 2).view(np.int64)
    rows[:, Col.AMOUNT_FEN] = np.where(is_payment, ledger.fen[number], 0)
    rows[:, Col.KIND] = np.where(is_payment, int(Kind.PAYMENT), int(Kind.LABEL))
    rows[:, Col.CHANNEL] = int(Channel.POS)
    rows[:, Col.RESULT] = int(Result.SUCCEEDED)
    rows[:, Col.FLAGS] = int(Flag.HISTORY_AUTHORISED)
    rows[:, Col.CURRENCY] = int.from_bytes(b"CNY", "big")
    rows[:, Col.LABEL] = np.where(is_payment, -1, 1)
    rows[:, Col.REFERS_KEY] = np.where(is_payment, 0, splitmix64(number * 2 + 1).view(np.int64))
    rows[:, Col.REFERS_MS] = np.where(is_payment, 0, ledger.local_ms[number] - CHINA_MS)
    rows[:, Col.REFERS_SEQ] = np.where(is_payment, -1, seq_of_payment[number])
    return rows, np.where(is_payment, number, number - count)


def by_engine(ledger: Ledger, features: FeatureSet, *, jit: bool = True) -> dict[str, Floats]:
    """The set's features of each payment, in the ledger's order, from one pass of the engine over payments and labels.

    Says on standard error how long compiling and running took.
    """
    rows, number = ledger_rows(ledger)
    began = time.perf_counter()
    engine = Engine(features, jit=jit)
    compiled = time.perf_counter()
    out = np.empty((len(rows), len(features.names)))
    for first in range(0, len(rows), 65_536):
        engine.process(rows[first : first + 65_536], out[first : first + 65_536])
    ran_s = time.perf_counter() - compiled
    print(
        f"{features.name}: {len(features.names)} features, compiled in {compiled - began:.1f} s, "
        f"{len(rows) / ran_s:,.0f} events a second",
        file=sys.stderr,
    )
    payments = out[number >= 0]
    ordered = np.empty((len(ledger), len(features.names)))
    ordered[number[number >= 0]] = payments
    return {name: np.ascontiguousarray(ordered[:, index]) for index, name in enumerate(features.names)}


def book_names(values: Columns, ledger: Ledger) -> dict[str, Floats]:
    """Engine features under the book's names and in its units, with the three that are in the row itself."""
    plain = by_row(ledger)
    for name, feature in _BOOK_BY_ENGINE.items():
        plain[name] = values[feature.name] / (100 if "AVG_AMOUNT" in name else 1)
    return {name: plain[name] for name in BOOK_FEATURES}


def by_row(ledger: Ledger) -> dict[str, Floats]:
    """What the row itself says, under the book's names."""
    weekday = (ledger.local_ms // DAY_MS + 3) % 7
    return {
        "TX_AMOUNT": ledger.fen / 100,
        "TX_DURING_WEEKEND": (weekday >= 5).astype(np.float64),
        "TX_DURING_NIGHT": (ledger.local_ms % DAY_MS // 3_600_000 <= 6).astype(np.float64),
    }


# -------------------------------------------------------------------------------------------------------- the comparing


@dataclass(frozen=True)
class Comparison:
    """One feature against the book's file.  `unequal` counts rows outside the tolerance."""

    name: str
    unequal: int
    unequal_outside_ties: int
    relative_error_max: float
    """Largest of the rows outside ties."""


def compare(features: Columns, published: Columns, ledger: Ledger) -> list[Comparison]:
    """Each feature against the book's file, row by row; ties are payments of one customer within one second."""
    key = ledger.customer * (1 << 44) + ledger.local_ms
    _, where, how_many = np.unique(key, return_inverse=True, return_counts=True)
    tied = how_many[where] > 1
    expected: dict[str, npt.NDArray[Any]] = {**published, "TX_AMOUNT": ledger.fen / 100}
    found = []
    for name in BOOK_FEATURES:
        ours, theirs = features[name], expected[name].astype(np.float64)
        exact = "AVG" not in name and "RISK" not in name
        error = np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-12 if exact else 1e-3)
        unequal = ~(error <= (0.0 if exact else RELATIVE_TOLERANCE))
        outside = error[~tied]
        found.append(Comparison(name, int(unequal.sum()), int(unequal[~tied].sum()), float(outside.max())))
    return found


# ---------------------------------------------------------------------------------------- splits, training and measures


@dataclass(frozen=True)
class Split:
    """Days to train on and to test on, since 2018-04-01: [first, after)."""

    name: str
    train: tuple[int, int]
    test: tuple[int, int]


def day_of(text: str) -> int:
    """Days from 2018-04-01 to a date."""
    return int((np.datetime64(text) - FIRST_DAY).astype(int))


SPLIT_A = Split("A", (day_of("2018-07-25"), day_of("2018-08-01")), (day_of("2018-08-08"), day_of("2018-08-15")))
"""Chapter 3: a week to train on, a week's delay, a week to test on."""

PREQUENTIAL = tuple(
    Split(
        f"week {week + 1}",
        (SPLIT_A.train[0] + 7 * week, SPLIT_A.train[1] + 7 * week),
        (SPLIT_A.test[0] + 7 * week, SPLIT_A.test[1] + 7 * week),
    )
    for week in range(4)
)
"""Chapters 5 to 7: the mean over four such weeks, tests from 2018-08-08 to 2018-09-04."""

SPLIT_LONG = Split("long", (day_of("2018-04-08"), day_of("2018-08-01")), SPLIT_A.test)
"""All that is labelled before the test week, from the first day whose terminal windows are not empty by construction."""


def parts(ledger: Ledger, split: Split) -> tuple[Ints, Ints]:
    """Row numbers to train on and to test on, as the book chooses them.

    Tested are only cards not known as defrauded: without frauds in the training days, and for test day d without frauds
    on the days up to that of the training's end + d - 1 (the book's own code leaves out the day that becomes known
    during day d itself).
    """
    train = np.flatnonzero((ledger.day >= split.train[0]) & (ledger.day < split.train[1]))
    known = np.zeros(int(ledger.customer.max()) + 1, bool)
    # The book looks at the training week; with a longer training a card defrauded long ago would never be tested.
    first_known = split.train[1] - 7
    recent = (ledger.day >= first_known) & (ledger.day < split.train[1]) & ledger.fraud
    known[ledger.customer[recent]] = True
    tests = []
    for offset in range(split.test[1] - split.test[0]):
        known[ledger.customer[(ledger.day == split.train[1] + offset - 1) & ledger.fraud]] = True
        today = np.flatnonzero(ledger.day == split.test[0] + offset)
        tests.append(today[~known[ledger.customer[today]]])
    return train, np.concatenate(tests)


@dataclass(frozen=True)
class Measures:
    """How good scores are on the tested rows."""

    auc: float
    average_precision: float
    card_precision_100: float


def card_precision(scores: Floats, ledger: Ledger, tested: Ints, top: int = 100) -> float:
    """Mean over days of the share of defrauded cards among the day's `top` highest-scored cards.

    A card's score is its highest of the day; a card that was detected (among the top and defrauded) is not looked at on
    later days.
    """
    detected = np.zeros(int(ledger.customer.max()) + 1, bool)
    precisions = []
    for day in np.unique(ledger.day[tested]):
        today = (ledger.day[tested] == day) & ~detected[ledger.customer[tested]]
        cards, where = np.unique(ledger.customer[tested][today], return_inverse=True)
        highest, defrauded = np.full(len(cards), -np.inf), np.zeros(len(cards), bool)
        np.maximum.at(highest, where, scores[today])
        np.logical_or.at(defrauded, where, ledger.fraud[tested][today])
        best = np.argsort(-highest, kind="stable")[:top]
        precisions.append(defrauded[best].sum() / top)
        detected[cards[best[defrauded[best]]]] = True
    return float(np.mean(precisions))


def measure(scores: Floats, ledger: Ledger, tested: Ints) -> Measures:
    """AUC, average precision and card precision at 100."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    truth = ledger.fraud[tested]
    return Measures(
        float(roc_auc_score(truth, scores)),
        float(average_precision_score(truth, scores)),
        card_precision(scores, ledger, tested),
    )


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
    "lambda_l2": 5.0,
    "seed": 7,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
TREES = 200


def train_lightgbm(features: Floats, fraud: npt.NDArray[np.bool_], names: Sequence[str]) -> Callable[[Floats], Floats]:
    """Gradient-boosted trees with fixed parameters and seed."""
    import lightgbm

    data = lightgbm.Dataset(features, fraud.astype(np.int8), feature_name=list(names))
    booster = lightgbm.train(PARAMETERS, data, TREES)

    def score(rows: Floats) -> Floats:
        return np.asarray(booster.predict(rows), np.float64)

    return score


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


# ------------------------------------------------------------------------------------------------------------- the main


def own_columns(ledger: Ledger, values: Columns) -> dict[str, Floats]:
    """Tarim's own features with what the row itself says."""
    hour = ledger.local_ms % DAY_MS / 3_600_000
    return {**by_row(ledger), "hour": hour, **{name: np.asarray(column, np.float64) for name, column in values.items()}}


def main() -> int:
    """Print the three parts; 0 when the engine's features equal the book's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("TARIM_SHARED", "../shared")))
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    data = arguments.shared / "data"
    if not (data / TRANSACTIONS).exists():
        print(f"handbook: skipped, {data / TRANSACTIONS} is not there (--shared or TARIM_SHARED)", file=sys.stderr)
        return 0
    ledger, published = read_ledger(data), read_published(data)
    report: dict[str, Any] = {}

    order = book_order(ledger, published)
    in_book_order = Ledger(*(column[order] for column in vars(ledger).values()))
    published_in_order = {name: column[order] for name, column in published.items()}
    print("the book's features by definition, rows unlike the book's file: as filed / in the book's order of ties")
    filed = compare(by_definition(ledger), published, ledger)
    sorted_ = compare(by_definition(in_book_order), published_in_order, in_book_order)
    for one, other in zip(filed, sorted_, strict=True):
        print(
            f"  {one.name:38} {one.unequal:4} / {other.unequal:4}   largest relative error {one.relative_error_max:.1e}"
        )
    report["by_definition"] = [asdict(each) for each in sorted_]

    own = by_engine(in_book_order, OWN_SET)
    print("the same from the engine")
    by_book = book_names(own, in_book_order)
    engine = compare(by_book, published_in_order, in_book_order)
    for each in engine:
        print(f"  {each.name:38} {each.unequal:4}          largest relative error {each.relative_error_max:.1e}")
    report["by_engine"] = [asdict(each) for each in engine]

    print("LightGBM                         AUC     AP   CP@100")
    for label, columns in (
        ("the book's features", by_book),
        ("Tarim's features", own_columns(in_book_order, own)),
    ):
        matrix, names = matrix_of(columns), list(columns)
        results = {
            "A, one week": assess(matrix, names, in_book_order, SPLIT_A),
            "four weeks' mean": mean_of([assess(matrix, names, in_book_order, each) for each in PREQUENTIAL]),
            "A, long training": assess(matrix, names, in_book_order, SPLIT_LONG),
        }
        for split, measured in results.items():
            print(
                f"  {label:20} {split:18} {measured.auc:.3f}  {measured.average_precision:.3f}  "
                f"{measured.card_precision_100:.3f}"
            )
        report[label] = {split: asdict(measured) for split, measured in results.items()}
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 1 if any(each.unequal for each in engine) else 0


if __name__ == "__main__":
    sys.exit(main())
