"""The handbook's bars: average precision and card precision on the book's splits, and that no label of the future is seen."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from bench.acceptance import Line, Run, at_least, none
from bench.handbook.flow import by_engine, own_columns
from bench.handbook.ledger import DAY_MS, DELAY_MS, TRANSACTIONS, Columns, Ledger, read_ledger, taken
from bench.handbook.measures import PREQUENTIAL, Measures, Split
from bench.handbook.sets import ALL_SET, FITTED
from bench.handbook.training import PARAMETERS, SEEDS, TREES, assess, matrix_of, mean_of, trainer
from tarim.stream import FeatureSet

CEILING: Final = 0.79
"""Above what a model can know that has labels seven days late (.779 and .767, computed from the simulator's rules): a leak."""
_SPLIT_A: Final = ("handbook, split A, AP", "handbook, split A, CP@100")
_REST: Final = (
    "handbook, split B, AP",
    "handbook, split B, CP@100",
    "handbook, without fitted windows, AP",
    "handbook, labels of the future",
)


def line_names(quick: bool) -> tuple[str, ...]:
    """The lines `lines` answers: all, or with QUICK those of split A."""
    return _SPLIT_A if quick else (*_SPLIT_A, *_REST)


@dataclass(frozen=True)
class Material:
    """Payments from the first training day on, and their columns."""

    ledger: Ledger
    columns: Columns

    def without(self, names: Sequence[str]) -> Material:
        """The same with fewer columns."""
        return Material(self.ledger, {name: values for name, values in self.columns.items() if name not in names})


def material(data: Path, splits: Sequence[Split], *, past_days: int = 366) -> Material:
    """All of Tarim's columns for these splits, from a past of so many days before the first training day.

    What is behind the last test day changes nothing before it, and is left out.
    """
    whole = read_ledger(data)
    first_day = min(split.train[0] for split in splits)
    last_day = max(split.test[1] for split in splits)
    ledger = taken(whole, (whole.day >= first_day - past_days) & (whole.day < last_day))
    values = by_engine(ledger, ALL_SET, first_day=first_day)
    kept = taken(ledger, ledger.day >= first_day)
    return Material(kept, own_columns(kept, values))


def by_seed(found: Material, splits: Sequence[Split], seeds: Sequence[int]) -> list[list[Measures]]:
    """Measures of each split, one per seed."""
    matrix, names = matrix_of(found.columns), list(found.columns)
    trains = [trainer({**PARAMETERS, "seed": seed}, TREES) for seed in seeds]
    return [[assess(matrix, names, found.ledger, split, train) for train in trains] for split in splits]


def changed_by_the_future(
    ledger: Ledger, day: int, features: FeatureSet = ALL_SET, *, known_ms: int = 0, jit: bool = True
) -> int:
    """How many feature values of payments before `day` change when every label that is known only from then on is turned round.

    Known before the day begins are the labels of payments more than seven days before it.  With `known_ms` those of
    that much more time are turned round as well, which does change values: so the check itself is checked.
    """
    ledger = taken(ledger, ledger.day < day + 1)
    instant_ms = int(ledger.local_ms.min()) // DAY_MS * DAY_MS + (day - int(ledger.day.min())) * DAY_MS
    turned = ledger.fraud ^ (ledger.local_ms + DELAY_MS >= instant_ms - known_ms)
    before = ledger.day < day
    changed = 0
    ours = by_engine(ledger, features, jit=jit)
    others = by_engine(Ledger(**{**vars(ledger), "fraud": turned}), features, jit=jit)
    for name, values in ours.items():
        changed += int((values[before].view(np.int64) != others[name][before].view(np.int64)).sum())
    return changed


def lines(run: Run) -> Iterator[Line]:
    """The lines of the handbook's bars: the mean of five seeds, from the whole past.

    With QUICK split A alone, one seed, and a past of sixty days, so that features of longer windows see less.
    """
    import lightgbm

    data = Path(os.environ.get("TARIM_SHARED", "../shared")) / "data"
    if not (data / TRANSACTIONS).exists():
        raise FileNotFoundError(f"{data / TRANSACTIONS} is not there; set TARIM_SHARED")
    splits = PREQUENTIAL[: run.pick(4, 1)]
    seeds = SEEDS[: run.pick(len(SEEDS), 1)]
    found = material(data, splits, past_days=run.pick(366, 60))
    measured = by_seed(found, splits, seeds)
    note = partial(_note, f"LightGBM {lightgbm.__version__}, seeds {', '.join(map(str, seeds))}")
    first = measured[0]
    yield _average_precision(_SPLIT_A[0], 0.74, first, note(first))
    yield at_least(_SPLIT_A[1], 0.30, round(mean_of(first).card_precision_100, 4), note="published .291, ceiling .303")
    if run.quick:
        return
    weeks = _weeks_mean(measured)
    yield _average_precision(_REST[0], 0.74, weeks, note(weeks))
    yield at_least(_REST[1], 0.305, round(mean_of(weeks).card_precision_100, 4), note="published .305, ceiling .309")
    general = by_seed(found.without(FITTED), splits, seeds)
    both = [mean_of(general[0]).average_precision, mean_of(_weeks_mean(general)).average_precision]
    figures = f"split A {both[0]:.4f}, split B {both[1]:.4f}"
    yield at_least(_REST[2], 0.72, round(min(both), 4), note=figures)
    whole = read_ledger(data)
    piece = taken(whole, whole.day < 30)
    yield none(_REST[3], "value changed by a later label", changed_by_the_future(piece, 25), "of 25 days")


def _average_precision(name: str, target: float, measured: Sequence[Measures], note: str) -> Line:
    figure = round(mean_of(measured).average_precision, 4)
    return Line(name, f">= {target}, <= {CEILING}", f"{figure:.4f}  ({note})", target <= figure <= CEILING)


def _weeks_mean(measured: Sequence[Sequence[Measures]]) -> list[Measures]:
    """The mean over weeks, one per seed."""
    return [mean_of(weeks) for weeks in zip(*measured, strict=True)]


def _note(conditions: str, measured: Sequence[Measures]) -> str:
    found = [each.average_precision for each in measured]
    return f"{min(found):.4f} to {max(found):.4f}, AUC {mean_of(measured).auc:.3f}; {conditions}"
