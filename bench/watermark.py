"""Watermark: copies are recognised by their answers, models of others never, and average precision stays.

    python -m bench.watermark [--quick]

The handbook's first training week and test week (15 features of the book), or without that data a mixture of our own.  Every
trial has another key.  Copies of the marked model:

    exact       its answers
    rounded     its answers to three decimals
    pruned      the last tenth of its trees cut off
    recalibrated  another slope and constant on its log odds
    tuned       ten more trees on other days' payments (learning rate 0.05)
    refitted    every leaf moved a tenth of the way to other days' payments (LightGBM's refit, decay 0.9)

Independent models are trained on the same payments with other seeds, shapes and rates; each is judged under many keys.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.acceptance import Line, Run, at_least, at_most, none
from tarim.models import Recogniser, average_precision, embed, fit_model, model_from_bytes

TRIALS_FULL: Final = 100
TRIALS_QUICK: Final = 2
INDEPENDENT_FULL: Final = 100
INDEPENDENT_QUICK: Final = 2
COST_MAX: Final = 0.005
KINDS: Final = ("exact", "rounded", "pruned", "recalibrated", "tuned", "refitted")
LINES: Final = (
    *(f"watermark, copies recognised: {kind}" for kind in KINDS),
    "watermark, logistic copies recognised",
    "watermark, independent models accused",
    "watermark, average precision lost",
)
_TREES: Final = {"num_trees": 200, "num_leaves": 63, "max_depth": 6, "min_data_in_leaf": 50, "feature_fraction": 0.8}

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def material(quick: bool) -> tuple[tuple[Floats, Ints], tuple[Floats, Ints], tuple[Floats, Ints], str]:
    """Training rows, other rows, test rows with labels, and where they come from."""
    data = Path(os.environ.get("TARIM_SHARED", "../shared")) / "data"
    if not (data / "fraud_handbook_features.parquet").exists():
        rng = np.random.default_rng(5)
        table = rng.lognormal(1, 1, (90_000, 15))
        lean = np.log(table) @ np.linspace(-1, 1, 15) + 2 * np.sin(table[:, 0])
        labels = (lean + rng.normal(size=len(lean)) > np.quantile(lean, 0.98)).astype(np.int64)
        parts = [(table[at : at + 30_000], labels[at : at + 30_000]) for at in (0, 30_000, 60_000)]
        return parts[0], parts[1], parts[2], "a mixture of our own"
    from bench.handbook.book import BOOK_FEATURES
    from bench.handbook.ledger import read_ledger, read_published
    from bench.handbook.measures import PREQUENTIAL

    ledger, published = read_ledger(data), read_published(data)
    columns = [ledger.fen / 100 if name == "TX_AMOUNT" else published[name] for name in BOOK_FEATURES]
    table = np.column_stack([column.astype(np.float64) for column in columns])
    labels = ledger.fraud.astype(np.int64)

    def part(days: tuple[int, int]) -> tuple[Floats, Ints]:
        chosen = (ledger.day >= days[0]) & (ledger.day < days[1])
        return np.ascontiguousarray(table[chosen]), labels[chosen]

    split = PREQUENTIAL[0]
    return part(split.train), part((split.train[1], split.test[0])), part(split.test), "the handbook's first week"


class Trials:
    """One clean model, marked once a trial."""

    def __init__(self, quick: bool) -> None:
        self.train, self.other, self.test, self.origin = material(quick)
        self.names = [f"f{k}" for k in range(self.train[0].shape[1])]
        self.clean = self.fitted(1)
        self.logistic = fit_model(*self.train, self.names, "logistic", seed=1).content

    def fitted(self, seed: int, **changed: Any) -> bytes:
        """A model of the training rows."""
        params = {**_TREES, "learning_rate": 0.05, **changed}
        return fit_model(*self.train, self.names, "lightgbm", params=params, seed=seed).content

    def copies(self, marked: bytes, rows: Floats) -> dict[str, Callable[[], Floats]]:
        """Answers of each kind of copy to the rows."""
        import lightgbm

        copy = lightgbm.Booster(model_str=marked.decode())

        def answers() -> Floats:
            return np.asarray(copy.predict(rows, num_threads=1))

        def recalibrated() -> Floats:
            odds = 0.6 * np.asarray(copy.predict(rows, raw_score=True, num_threads=1)) - 1.5
            return np.asarray(1 / (1 + np.exp(-odds)))

        def tuned() -> Floats:
            params = {"objective": "binary", "num_leaves": 63, "max_depth": 6, "learning_rate": 0.05, "verbose": -1}
            more = lightgbm.Dataset(*self.other, feature_name=self.names, free_raw_data=False)
            further = lightgbm.train(params | {"num_threads": 1}, more, 10, init_model=copy)
            return np.asarray(further.predict(rows, num_threads=1))

        def refitted() -> Floats:
            further = copy.refit(*self.other, decay_rate=0.9, num_threads=1, verbose=-1)
            return np.asarray(further.predict(rows, num_threads=1))

        return {
            "exact": answers,
            "rounded": lambda: np.round(answers(), 3),
            "pruned": lambda: np.asarray(copy.predict(rows, num_iteration=copy.num_trees() * 9 // 10, num_threads=1)),
            "recalibrated": recalibrated,
            "tuned": tuned,
            "refitted": refitted,
        }

    def average_precision(self, content: bytes) -> float:
        """Of a model, on the test rows."""
        out = np.empty(len(self.test[1]))
        model_from_bytes(content, self.names).score(self.test[0], out)
        return average_precision(out, self.test[1])


def lines(run: Run) -> Iterator[Line]:
    """Each line of LINES."""
    trials, count = Trials(run.quick), run.pick(TRIALS_FULL, TRIALS_QUICK)
    recognised, cosines = dict.fromkeys((*KINDS, "logistic"), 0), _nothing()
    lost: list[float] = []
    marks: list[tuple[Recogniser, Floats]] = []
    before = trials.average_precision(trials.clean)
    slow = run.pick(count, 1)  # tuning takes seconds a copy
    for trial in range(count):
        key = np.random.default_rng(trial).bytes(32)
        marked, mark = embed(trials.clean, key)
        recogniser = mark.opened(marked, key)
        marks.append((recogniser, np.array(mark.rows)))
        lost.append(before - trials.average_precision(marked))
        for kind, answers in trials.copies(marked, marks[-1][1]).items():
            if kind in ("tuned", "refitted") and trial >= slow:
                continue
            verdict = recogniser.verdict(answers())
            recognised[kind] += verdict.copied
            cosines[kind].append(verdict.cosine)
        marked, mark = embed(trials.logistic, key)
        out = np.empty(len(mark.rows))
        model_from_bytes(marked, mark.features).score(np.array(mark.rows), out)
        recognised["logistic"] += mark.opened(marked, key).verdict(np.round(out, 3)).copied
    for line, kind in zip(LINES, KINDS, strict=False):
        tried = slow if kind in ("tuned", "refitted") else count
        note = f"{recognised[kind]} of {tried}; {trials.origin}; smallest cosine {min(cosines[kind]):.2f}"
        yield at_least(line, 0.99, recognised[kind] / tried, "", note)
    note = f"{recognised['logistic']} of {count}, answers to three decimals"
    yield at_least(LINES[-3], 0.99, recognised["logistic"] / count, "", note)
    accused, judged, models = 0, 0, run.pick(INDEPENDENT_FULL, INDEPENDENT_QUICK)
    for number in range(models):
        if run.left_s < 20:
            break
        changed = {"learning_rate": (0.03, 0.05, 0.1)[number % 3], "num_leaves": (31, 63)[number % 2], "num_trees": 100}
        model = model_from_bytes(trials.fitted(1_000 + number, **changed), trials.names)
        for recogniser, rows in marks:
            out = np.empty(len(rows))
            model.score(rows, out)
            accused += recogniser.verdict(out).copied
            judged += 1
    note = f"of {judged:,} verdicts on {judged // len(marks)} models under {len(marks)} keys; by formula 1e-6 a verdict"
    yield none(LINES[-2], "independent model accused", accused, note)
    note = f"mean of {count} keys, worst {max(lost):+.4f}; unmarked {before:.4f}"
    yield at_most(LINES[-1], COST_MAX, round(statistics.mean(lost), 5), "", note)


def _nothing() -> dict[str, list[float]]:
    return {kind: [] for kind in KINDS}


def main(arguments: list[str]) -> int:
    """Print the lines."""
    missed = 0
    for line in lines(Run("--quick" in arguments, time.monotonic() + 1_200)):
        missed += not line.passed
        print(f"{'PASS' if line.passed else 'MISS'}  {line.name:<45}  {line.target:<16}  {line.figure}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
