"""Reasons: they add up to the score, are LightGBM's own, and cost little; who passes pays nothing.

    python -m bench.reasons [--quick]

The model is that of `bench.decide`: 200 trees of depth 6 over the 46 reference features, about 47 splits each; the
time grows with the splits.  Times are processor times of the thread.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from bench import decide
from bench.acceptance import Line, Run, at_most
from tarim.decisions import DECISION_WORDS, Grounds, Word
from tarim.models import Explainer, Model, model_from_bytes
from tarim.stream import reference_features

ROWS_FULL: Final = 100_000
ROWS_QUICK: Final = 10_000
ERROR_MAX: Final = 1e-9
COST_US_MAX: Final = 50
LINES: Final = (
    "reasons, their sum against the raw score",
    "reasons, against LightGBM's contributions",
    "reasons, an event among many",
    "reasons, one event with its sentences",
    "reasons, what a group of passes pays",
)
GROUP_EVENTS: Final = 256

Floats = npt.NDArray[np.float64]


def sums_differ(model: Model, features: Floats) -> tuple[float, float]:
    """(Largest distance of a row's sum from its raw score, microseconds a row in one batch.)"""
    found, raw = np.empty((len(features), features.shape[1] + 1)), np.empty(len(features))
    started = time.thread_time()
    model.contributions(features, found)
    used = time.thread_time() - started
    model.raw_score(features, raw)
    return float(np.abs(found.sum(axis=1) - raw).max()), used / len(features) * 1e6


def library_differs(content: bytes, model: Model, features: Floats) -> tuple[float, float]:
    """(Largest distance from `pred_contrib`, microseconds a row that it takes on one thread.)"""
    import lightgbm

    booster = lightgbm.Booster(model_str=content.decode())
    started = time.thread_time()
    wanted = booster.predict(features, pred_contrib=True, num_threads=1)
    used = time.thread_time() - started
    found = np.empty((len(features), features.shape[1] + 1))
    model.contributions(features, found)
    return float(np.abs(found - np.asarray(wanted)).max()), used / len(features) * 1e6


def single_cost(model: Model, features: Floats) -> float:
    """Microseconds for one event's three sentences, contributions included; median of five rounds."""
    explainer = Explainer(model, reference_features())
    explainer.top(features[0])
    rounds = []
    for part in np.array_split(features, 5):
        started = time.thread_time()
        for row in part:
            explainer.top(row)
        rounds.append((time.thread_time() - started) / len(part) * 1e6)
    return statistics.median(rounds)


def passes_pay(features: Floats) -> float:
    """Microseconds an event of a group in which no score stands out: looking whether one does."""
    decisions = np.zeros((GROUP_EVENTS, DECISION_WORDS), np.int64)
    decisions[:, Word.BAND] = -1
    rounds = []
    for _ in range(5):
        started = time.thread_time()
        for _ in range(1_000):
            Grounds.keep(decisions, features[:GROUP_EVENTS], 1 << 20)
        rounds.append((time.thread_time() - started) / 1_000 / GROUP_EVENTS * 1e6)
    return statistics.median(rounds)


def lines(run: Run) -> Iterator[Line]:
    """Each line of LINES."""
    rows = run.pick(ROWS_FULL, ROWS_QUICK)
    features = decide.computed(decide.events(run.pick(300_000, 60_000)))  # as `bench.decide`, whose model is kept
    content = decide.reference_model(features)
    model = model_from_bytes(content, reference_features().names)
    features = np.ascontiguousarray(features[:rows])
    apart, batch_us = sums_differ(model, features)
    yield at_most(LINES[0], ERROR_MAX, apart, " log odds", f"{rows:,} rows, the largest distance")
    few = features[:: len(features) // run.pick(2_000, 200)]
    apart, library_us = library_differs(content, model, np.ascontiguousarray(few))
    yield at_most(LINES[1], ERROR_MAX, apart, " log odds", f"{len(few):,} rows, every feature")
    note = f"{decide.TREES} trees of depth {decide.DEPTH}, processor time"
    yield at_most(LINES[2], COST_US_MAX, round(batch_us, 1), " us", f"{note}; LightGBM {library_us:,.0f} us")
    yield at_most(LINES[3], COST_US_MAX, round(single_cost(model, features[: run.pick(5_000, 1_000)]), 1), " us", note)
    yield at_most(LINES[4], 0.1, round(passes_pay(features), 4), " us", f"an event, in groups of {GROUP_EVENTS}")


def main(arguments: list[str]) -> int:
    """Print the lines."""
    missed = 0
    for line in lines(Run("--quick" in arguments, time.monotonic() + 600)):
        missed += not line.passed
        print(f"{'PASS' if line.passed else 'MISS'}  {line.name:<45}  {line.target:<16}  {line.figure}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
