"""`make accept-models`: are models as good, as exact and as traceable as promised?  A line per bar, then `N passed, M failed`.

    python -m bench.accept_models [--only NAME ...] [--json FILE]

At most forty minutes; with QUICK=1 in the environment fifty seconds, on smaller sizes and with fewer lines.  The targets are
the same.  A bar that cannot be run (no data, out of time) has failed, and the line says why.  Exit status 1 on any miss.
Nothing is pinned, and the machine may be shared.

Data: the Fraud Detection Handbook and a laundering ledger, both simulated, in the folder that TARIM_SHARED names.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Iterator
from importlib import import_module

from bench.acceptance import Bar, Line, Run, at_most, main
from bench.handbook import line_names as handbook_lines
from bench.parity import line_names as parity_lines
from bench.reproduction import line_names as reproduction_lines

FULL_S = 40 * 60
SCORING_COST = ("scoring cost, a row in a batch", "scoring cost, one event with features and rules")
REASONS = (
    "reasons, their sum against the raw score",
    "reasons, against LightGBM's contributions",
    "reasons, an event among many",
    "reasons, one event with its sentences",
    "reasons, what a group of passes pays",
)
REGISTRY = (
    "publishing a model of 200 trees, slowest decision against quiet windows",
    "traceability",
    "traceability, anonymous",
)
GRAPH = ("graph kernels, events a second", "graph kernels, against the naive twin")
LEDGER = ("laundering ledger, AP with graph over raw", "laundering ledger, AP with graph over windows")
DRIFT = (
    *(
        f"drift, {shift}"
        for shift in (
            "amounts of one channel doubled",
            "a fifth of a feature missing",
            "a fifth of the devices missing",
            "three tenths new devices",
            "a sixth from another city",
            "a tenth moved into the night",
            "scores higher by half a unit",
        )
    ),
    "drift, quiet days",
    "drift, cost an event",
    "probing, burst: refused",
    "probing, sweep: refused of 2,000",
    "probing, grid: refused of 2,000",
    "probing, ordinary traffic",
    "probing, cost an event",
)
WATERMARK = (
    *(
        f"watermark, copies recognised: {kind}"
        for kind in ("exact", "rounded", "pruned", "recalibrated", "tuned", "refitted")
    ),
    "watermark, logistic copies recognised",
    "watermark, independent models accused",
    "watermark, average precision lost",
)
TRAINING_LOAD = (
    "training, two processes against one",
    "training, median answer meanwhile",
    "training, 99th percentile meanwhile",
)
POISON = (
    "poison: 1 % of labels turned found",
    "poison: bait points found",
    "poison: bad source found",
    "poison: clean data left alone",
)
QUICK = os.environ.get("QUICK", "") not in ("", "0")


def bar(name: str, module: str, names: tuple[str, ...], needs_s: tuple[int, int]) -> Bar:
    """A bar whose lines come from `bench.<module>.lines`; the module is imported when it is judged."""

    def judge(run: Run) -> Iterator[Line]:
        yield from import_module(f"bench.{module}").lines(run)

    return Bar(name, names, judge, needs_s)


def scoring_cost(run: Run) -> Iterator[Line]:
    """`bench.decide`: model_us in batches; whole_single_us one event at a time, features and rules included."""
    from bench import decide

    found = decide.run(quick=run.quick)
    trees = f"{found['trees']} trees of depth {decide.DEPTH}, processor time"
    note = f"{trees}, batches of {decide.BATCH_EVENTS}; LightGBM from Python {found['lightgbm_us']}"
    yield at_most(SCORING_COST[0], 2.5, found["model_us"], " us", note)
    note = f"{trees}, with 46 features and {found['rules']} rules; LightGBM alone {found['lightgbm_single_us']}"
    yield at_most(SCORING_COST[1], 6, found["whole_single_us"], " us", note)


ALL = (
    bar("reproduction", "reproduction", reproduction_lines(QUICK), (40, 5)),
    bar("parity", "parity", parity_lines(QUICK), (90, 6)),
    Bar("scoring cost", SCORING_COST, scoring_cost, (20, 6)),
    bar("handbook", "handbook", handbook_lines(QUICK), (240, 12)),
    bar("reasons", "reasons", REASONS, (40, 5)),
    bar("registry", "registry", REGISTRY, (60, 25)),
    bar("graph", "graph", GRAPH, (60, 35)),
    bar("ledger", "ledger_models", LEDGER, (120, 60)),
    bar("drift", "watch", DRIFT, (240, 60)),
    bar("watermark", "watermark", WATERMARK, (420, 30)),
    bar("training load", "training_load", TRAINING_LOAD, (120, 45)),
    bar("poison", "poison", POISON, (480, 8)),
)
FULL_ONLY = ("registry", "graph", "ledger", "drift", "watermark", "training load")
"""They do not get small enough for fifty seconds in all, and are left out of a quick run; each has a quick run of its own."""
BARS = tuple(each for each in ALL if not (QUICK and each.name in FULL_ONLY))


def prepare(quick: bool, bars: Collection[str]) -> float:
    """Compile what the bars will run, some minutes when the cache has none.  Seconds it took."""
    started = time.monotonic()
    if {"scoring cost", "poison"} & set(bars):
        from tarim.stream import Engine, reference_features

        Engine(reference_features())
    if "ledger" in bars:
        from bench import ledger_models

        ledger_models.prepared()
    if "graph" in bars:
        from tarim.stream import Engine, graph_features

        Engine(graph_features())
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main("Judge models against their bars.", BARS, prepare, FULL_S))
