"""Training with several processes beside the live path: how much sooner it is done, and what decisions notice of it (ML-06).

    python -m bench.training_load [--quick]

A service answers a steady load all the time.  Meanwhile the product's own cross-validation (three folds forward in time, four
seeds each) runs under its usual caps (nice 10, one thread each), once with one process and once with two; both give the same
figures to the last bit.  All of it happens in one run on one machine, and what is judged are ratios:

speed-up    wall time with one process by wall time with two, start of the processes included.  Two processors allow 2; service,
            load generator and uneven folds take their part.  At least 1.5: three quarters.
latency     median and 99th percentile of an answer while two processes train, by those of the same service without training,
            windows before and after.  Beside training, caches are cold and memory is shared: a median of up to twice is put up
            with.  If only one decision in a hundred had to wait until a training process's time slice is over, some
            milliseconds, the 99th percentile would be ten times as long: at most three times says that training gives way.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.acceptance import Line, Run, at_least, at_most
from bench.service_load import arrivals_ns, bodies, deliver, figures, introduce
from bench.serving import Served, new_data, serving
from tarim.models.lab.crossval import CrossValidation, cross_validate
from tarim.models.lab.plan import Plan
from tarim.models.lab.samples import Samples
from tarim.models.lab.workers import Caps

SPEED_UP_MIN: Final = 1.5
MEDIAN_RATIO_MAX: Final = 2.0
P99_RATIO_MAX: Final = 3.0
RATE_PER_S: Final = 300
CUSTOMERS: Final = 2_000
COLUMNS: Final = 30
FULL_ROWS: Final = 40_000
QUICK_ROWS: Final = 20_000
WINDOW_S: Final = 3.0
FEATURES: Final = tuple(f"feature_{number}" for number in range(COLUMNS))
_DAY_MS: Final = 86_400_000


def made_samples(rows: int, seed: int = 0) -> Samples:
    """Rows in time whose labels follow from some of the features; one in fifty is a fraud."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((rows, COLUMNS))
    odds = -5.0 + features[:, 0] + features[:, 1] * features[:, 2] + 0.5 * np.abs(features[:, 3])
    labels = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    occurred = 1_780_000_000_000 + np.sort(rng.integers(0, 90 * _DAY_MS, rows))
    return Samples(
        features=features,
        labels=labels,
        names=FEATURES,
        occurred_ms=occurred,
        known_ms=occurred + 7 * _DAY_MS,
        amount_fen=rng.integers(100, 10**6, rows),
        customer=rng.integers(1, 5_000, rows),
        role=np.full(rows, "", object),
        weight=np.ones(rows),
        digest="00" * 32,
        feature_version="bench",
    )


class Training(threading.Thread):
    """The cross-validation, in processes of its own; this thread only waits for them."""

    def __init__(self, samples: Samples, processes: int, trees: int) -> None:
        super().__init__(daemon=True)
        self._samples, self._processes = samples, processes
        self._plan = Plan(folds=3, fold_seeds=4, params={"num_trees": trees})
        self.wall_s = 0.0
        self.found: CrossValidation | None = None

    def run(self) -> None:
        begun_s = time.perf_counter()
        rows, columns = np.arange(len(self._samples)), np.arange(COLUMNS)
        self.found = cross_validate(self._samples, rows, columns, self._plan, Caps(processes=self._processes))
        self.wall_s = time.perf_counter() - begun_s


def run(*, quick: bool = False) -> dict[str, Any]:
    """Wall times of training with one process and with two, and latencies without and with it, milliseconds."""
    samples, trees = made_samples(QUICK_ROWS if quick else FULL_ROWS), 150 if quick else 300
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        keys = new_data(data)
        with serving(data, keys, TARIM_SNAPSHOTS_EVERY_EVENTS="10000000") as served:
            introduce(served.url, keys["decide"], CUSTOMERS)
            _window(served, 1)
            quiet = [_window(served, 2 + number) for number in range(2)]
            trained = []
            for processes in (1, 2):
                training = Training(samples, processes, trees)
                latencies = _meanwhile(served, training, 100 * processes)
                assert training.found is not None, "the cross-validation has no folds"
                trained.append(training.found)
                found[f"wall_s_{processes}"] = training.wall_s
                found[f"cpu_s_{processes}"] = sum(each.cpu_s for each in training.found.results)
                found[f"trained_{processes}"] = figures(np.concatenate(latencies))
            quiet += [_window(served, 900 + number) for number in range(2)]
            found["service_nice"] = served.nice
    assert _areas(trained[0]) == _areas(trained[1]), "the figures depend on the number of processes"
    return found | {"quiet": figures(np.concatenate(quiet))}


def _areas(of: CrossValidation) -> Sequence[tuple[float, float]]:
    return [(each.auc, each.average_precision) for each in of.results]


def _meanwhile(served: Served, training: Training, seed: int) -> list[np.ndarray]:
    """Latencies of windows that lie within the training."""
    training.start()
    within: list[np.ndarray] = []
    while training.is_alive():
        latency_ms = _window(served, seed + len(within))
        if training.is_alive() or not within:
            within.append(latency_ms)
    training.join()
    return within


def _window(served: Served, seed: int) -> np.ndarray:
    """Latencies in milliseconds of WINDOW_S of load."""
    due_ns = arrivals_ns(RATE_PER_S, WINDOW_S, seed)
    encoded = bodies(len(due_ns), seed, CUSTOMERS, rate=RATE_PER_S)
    sent = deliver(served.url, served.keys["decide"], encoded, due_ns, connections=16)
    assert (sent.answered_ns >= 0).all() and (sent.statuses == 200).all(), "not every request was answered"
    found: np.ndarray = (sent.answered_ns - due_ns) / 1e6
    return found


LINES: Final = (
    "training, two processes against one",
    "training, median answer meanwhile",
    "training, 99th percentile meanwhile",
)


def lines(run_of: Run) -> Iterator[Line]:
    """The bars."""
    found = run(quick=run_of.quick)
    quiet, busy = found["quiet"], found["trained_2"]
    took = " and ".join(f"{found[f'wall_s_{n}']:.1f} s (of processor {found[f'cpu_s_{n}']:.1f})" for n in (1, 2))
    note = f"{took}, the same figures"
    yield at_least(LINES[0], SPEED_UP_MIN, found["wall_s_1"] / found["wall_s_2"], "x", note)
    for name, which, most in ((LINES[1], "p50", MEDIAN_RATIO_MAX), (LINES[2], "p99", P99_RATIO_MAX)):
        now, was = busy[f"latency_ms_{which}"], quiet[f"latency_ms_{which}"]
        one = found["trained_1"][f"latency_ms_{which}"]
        note = f"{now:.3g} ms, {was:.3g} without training, {one:.3g} beside one process; nice {found['service_nice']}"
        yield at_most(name, most, now / was, "x", note)


if __name__ == "__main__":
    print(json.dumps(run(quick="--quick" in sys.argv), indent=1))
