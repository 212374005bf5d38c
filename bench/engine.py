"""Measurements of the stream engine itself: exactness, determinism, speed, memory.  Each returns plain figures.

Everything runs the 46 features of the reference workload on the reference events in journal order, one in a hundred up
to five seconds late and a queue of two thousand a day late.  Kernels are compiled before a clock starts; memory for the
results is touched before; the state starts empty, so growing it is part of every figure.
"""

from __future__ import annotations

import gc
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.c_loop import CLoop, NotTranslated, compiler
from bench.oracle_duckdb import COLUMN_NAMES, OracleRun, disagreements, oracle
from bench.python_twin import features_of
from bench.reference_events import Shape, in_event_order, reference_rows
from tarim.stream import Engine, Entity, FeatureSet, Rows, reference_features

Floats = npt.NDArray[np.float64]
RESULTS = Path(__file__).parent / "results"
STATE_BYTES_PER_EVENT = 180
BATCH_ROWS = 1024
FULL_EVENTS = 2_000_000
QUICK_EVENTS = 100_000
GIB = 1 << 30


@lru_cache(maxsize=2)
def rows_of(events: int) -> Rows:
    """The reference events, made once; the customers shrink with the events, so that pasts are as long."""
    customers = max(1_000, round(350_000 * min(1.0, events / FULL_EVENTS)))
    return reference_rows(Shape(events=events, customers=customers))


def batches(rows: Rows, size: int = BATCH_ROWS) -> Iterator[tuple[int, int]]:
    """Bounds of consecutive batches."""
    for start in range(0, len(rows), size):
        yield start, min(start + size, len(rows))


def run_engine(rows: Rows, out: Floats, process: Callable[[Rows, Floats], None], size: int = BATCH_ROWS) -> float:
    """Seconds it takes to process `rows` in batches."""
    started = time.perf_counter()
    for low, high in batches(rows, size):
        process(rows[low:high], out[low:high])
    return time.perf_counter() - started


def _touched(rows: Rows, features: int) -> Floats:
    return np.ones((len(rows), features))


def pace_engine(rows: Rows, out: Floats, process: Callable[[Rows, Floats], None]) -> None:
    """Process `rows` in batches; each batch's features take the place of the last one's, as whoever reads them does."""
    for low, high in batches(rows, len(out)):
        process(rows[low:high], out[: high - low])


def ready(engine: Engine, events: int) -> Engine:
    """The engine with memory for `events` ready, as the service keeps it: the clock measures features, not page faults."""
    engine.prepare_memory(STATE_BYTES_PER_EVENT * events + (64 << 20))
    return engine


def exactness(events: int, *, threads: int = 2) -> dict[str, Any]:
    """The engine against the SQL oracle: rows that differ in any feature, and the features they differ in."""
    rows = rows_of(events)
    run = oracle_of(events, threads)
    out = _touched(rows, len(COLUMN_NAMES))
    run_engine(rows.copy(), out, Engine(reference_features()).process)
    wrong = disagreements(out, run.features)
    return {
        "events": events,
        "features": len(COLUMN_NAMES),
        "values_differing": int(wrong.sum()),
        "features_differing": {COLUMN_NAMES[i]: int(wrong[i]) for i in np.flatnonzero(wrong)},
        "rows_corrected_by_join": run.corrected,
        "duckdb_windows_s": round(run.windows_s, 2),
        "duckdb_corrections_s": round(run.corrections_s, 2),
        "duckdb_version": run.version,
    }


@lru_cache(maxsize=1)
def oracle_of(events: int, threads: int = 2) -> OracleRun:
    """What SQL says about `rows_of(events)`; kept, as it is also the DuckDB baseline."""
    return oracle(rows_of(events), threads=threads)


def determinism(events: int, *, restarts: int = 5, seed: int = 1) -> dict[str, Any]:
    """Digests of the features under different batch cuts and with restarts at random points; one digest is right."""
    rows = rows_of(events)
    features = reference_features()
    rng = np.random.default_rng(seed)
    out = _touched(rows, len(features.names))

    def digest(cuts: Iterable[int], restart_at: set[int], folder: Path) -> str:
        copy = rows.copy()
        out.fill(-7.0)
        engine = Engine(features)
        edges = sorted({0, len(rows), *cuts, *restart_at})
        for low, high in pairwise(edges):
            if low in restart_at:
                path = folder / "engine.snapshot"
                engine.snapshot(path)
                del engine
                engine = Engine.restore(path, features)
            engine.process(copy[low:high], out[low:high])
        return hashlib.sha256(out.tobytes() + copy.tobytes()).hexdigest()[:16]

    with tempfile.TemporaryDirectory(prefix="tarim-bench-") as name:
        folder = Path(name)
        whole = digest((), set(), folder)
        found = {
            "batches of 1": digest(range(len(rows)), set(), folder),
            "batches of 256": digest(range(0, len(rows), 256), set(), folder),
            "random cuts": digest(rng.integers(1, len(rows), 500).tolist(), set(), folder),
            f"{restarts} restarts": digest((), set(rng.integers(1, len(rows), restarts).tolist()), folder),
        }
    return {
        "events": events,
        "digest": whole,
        "ways": len(found),
        "differing": [way for way, value in found.items() if value != whole],
    }


@dataclass
class _Pace:
    """Rates of repeated runs of one loop: by the clock, and by the processor time of its one thread."""

    by_clock: list[float] = field(default_factory=list)
    by_processor: list[float] = field(default_factory=list)

    def run(self, events: int, act: Callable[[], object]) -> None:
        wall, used = time.perf_counter(), time.thread_time()
        act()
        self.by_clock.append(events / (time.perf_counter() - wall))
        self.by_processor.append(events / (time.thread_time() - used))

    @property
    def per_s(self) -> float:
        return statistics.median(self.by_clock)

    @property
    def per_cpu_s(self) -> float:
        return statistics.median(self.by_processor)


def speed(events: int, *, repetitions: int = 5, twin_events: int = 100_000, threads: int = 2) -> dict[str, Any]:
    """Events a second of the engine and of its baselines; medians, with the ratios between them.

    The engine, the C loop and the plain-Python twin have one thread each, so they are compared by processor time, which
    other work on the machine disturbs least; DuckDB has several and is compared by the clock.
    """
    rows = rows_of(events)
    features = reference_features()
    out = np.ones((BATCH_ROWS, len(features.names)))
    copy = rows.copy()
    pace_engine(copy[:50_000], out, Engine(features).process)  # compiled and warm
    ours, theirs, twin = _Pace(), _Pace(), _Pace()
    reason = "" if compiler() else "no C compiler found"
    for _ in range(repetitions):
        ours.run(events, partial(pace_engine, copy, out, ready(Engine(features), events).process))
        if not reason:
            try:
                loop = CLoop(features, RESULTS)
            except (NotTranslated, OSError) as error:
                reason = f"{type(error).__name__}: {error}"
                continue
            ready(loop.engine, events)
            theirs.run(events, partial(pace_engine, copy, out, loop.process))
            del loop
        gc.collect()
    subset = in_event_order(rows[:twin_events]).tolist()
    for _ in range(min(3, repetitions)):
        twin.run(len(subset), partial(features_of, subset))
    duckdb = events / oracle_of(events, threads).windows_s
    result: dict[str, Any] = {
        "events": events,
        "batch_rows": BATCH_ROWS,
        "engine_per_s": round(ours.per_s),
        "engine_per_s_all": [round(rate) for rate in ours.by_clock],
        "engine_per_cpu_s": round(ours.per_cpu_s),
        "python_twin_per_s": round(twin.per_s),
        "python_twin_per_cpu_s": round(twin.per_cpu_s),
        "python_twin_events": len(subset),
        "times_python_twin": round(ours.per_cpu_s / twin.per_cpu_s, 1),
        "duckdb_per_s": round(duckdb),
        "duckdb_threads": threads,
        "times_duckdb": round(ours.per_s / duckdb, 1),
        "c_loop_not_measured": reason,
    }
    if theirs.by_clock:
        result["c_loop_per_s"] = round(theirs.per_s)
        result["c_loop_per_cpu_s"] = round(theirs.per_cpu_s)
        result["c_loop_per_s_all"] = [round(rate) for rate in theirs.by_clock]
        result["share_of_c_loop"] = round(ours.per_cpu_s / theirs.per_cpu_s, 3)
    return result


def memory(source: Iterable[Rows], features: FeatureSet) -> dict[str, Any]:
    """Bytes of an engine fed with `source`, and seconds of its snapshot and restore.

    `resident_bytes` is what the process grew by, a check on what the engine says of itself.
    """
    gc.collect()
    engine = Engine(features)
    events = 0
    out = np.ones((BATCH_ROWS, len(features.names)))
    before = _resident_bytes()
    for rows in source:
        for low, high in batches(rows):
            engine.process(rows[low:high], out[: high - low])
        events += len(rows)
    del rows
    gc.collect()
    resident = _resident_bytes() - before
    use = engine.memory()
    with tempfile.TemporaryDirectory(prefix="tarim-bench-", dir=_scratch()) as name:
        path = Path(name) / "engine.snapshot"
        started = time.perf_counter()
        size = engine.snapshot(path)
        snapshot_s = time.perf_counter() - started
        del engine
        gc.collect()
        started = time.perf_counter()
        Engine.restore(path, features)
        restore_s = time.perf_counter() - started
    return {
        "events": events,
        "events_retained": use.events_retained,
        "entities": {each.entity: each.entities for each in use.entities},
        "in_use_bytes": use.in_use_bytes,
        "allocated_bytes": use.allocated_bytes,
        "resident_bytes": resident,
        "in_use_bytes_per_event": round(use.in_use_bytes / use.events_retained, 1),
        "allocated_by_in_use": round(use.allocated_bytes / use.in_use_bytes, 3),
        "snapshot_bytes": size,
        "snapshot_s": round(snapshot_s, 3),
        "restore_s": round(restore_s, 3),
    }


def ninety_days() -> FeatureSet:
    """The reference features and a count over 90 days for each entity, so that everything is retained that long."""
    reference = reference_features()
    keys = {"payer": "account", "payee": "payee_account", "device": "device_id", "address": "ip"}
    longer = [Entity(name, key=key).count("90d") for name, key in keys.items()]
    return FeatureSet("reference-90d", *reference.features, *longer)


def simulated_days(days: int, customers: int = 350_000, per_day: int = 36_000) -> Iterator[Rows]:
    """Rows of the simulated bank, a day at a time."""
    from bench.workload import bank_rows

    return bank_rows(days, customers, per_day)


def _scratch() -> str | None:
    """Where snapshots are written: TARIM_BENCH_DIR, so that a chosen disk can be measured, or the usual place."""
    return os.environ.get("TARIM_BENCH_DIR")


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
