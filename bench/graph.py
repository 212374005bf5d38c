"""Graph features: how many events a second, what they cost the others, and whether they equal their definition.

    python -m bench.graph

The stream is the reference workload (bench/reference_events.py: forty days of a provincial bank, hubs among its payees, one
event in a hundred late, a queue a day late); one event in a thousand becomes known as fraud a week later.  The set is
`graph_features()`: 23 features, horizon 7 days, default caps.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.acceptance import FULL_S, Line, Run, at_least, none
from bench.engine import BATCH_ROWS, batches
from bench.reference_events import Shape, reference_rows
from tarim.base.instants import DAY_MS
from tarim.stream import Col, Engine, FeatureSet, Kind, Rows, empty_rows, graph_features
from tests.naive.graph import compute

PER_S_MIN: Final = 100_000
ACCOUNTS: Final = 350_000
FULL_EVENTS: Final = 2_000_000
QUICK_EVENTS: Final = 500_000
WARM_DAYS: Final = 8
TWIN_EVENTS: Final = 900
TWIN_QUICK: Final = 350
_FRAUDS: Final = 0.001
_DELAY_MS: Final = 7 * DAY_MS
_ABOUT: Final = [Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE, Col.DEVICE, Col.ADDRESS, Col.MERCHANT, Col.CITY]

Floats = npt.NDArray[np.float64]


def labelled(rows: Rows, share: float = _FRAUDS, delay_ms: int = _DELAY_MS, seed: int = 3) -> Rows:
    """The rows with a label `fraud` about a share of them, journalled when the stream's time reaches the delay."""
    rng = np.random.default_rng(seed)
    chosen = np.flatnonzero(rng.random(len(rows)) < share)
    front_ms = np.maximum.accumulate(rows[:, Col.OCCURRED_MS])
    place = np.searchsorted(front_ms, rows[chosen, Col.OCCURRED_MS] + delay_ms)
    chosen, place = chosen[place < len(rows)], place[place < len(rows)]
    labels = empty_rows(len(chosen))
    labels[:, _ABOUT] = rows[chosen][:, _ABOUT]
    labels[:, Col.KIND] = Kind.LABEL
    labels[:, Col.LABEL] = 1
    labels[:, Col.OCCURRED_MS] = labels[:, Col.RECEIVED_MS] = rows[chosen, Col.OCCURRED_MS] + delay_ms
    labels[:, Col.REFERS_MS] = rows[chosen, Col.OCCURRED_MS]
    order = np.argsort(np.concatenate([np.arange(len(rows)), place - 0.5]), kind="stable")
    together = np.concatenate([rows, labels])[order]
    position_of = np.empty(len(rows) + len(labels), np.int64)
    position_of[order] = np.arange(len(order))
    together[:, Col.SEQ] = np.arange(len(together))
    together[position_of[len(rows) :], Col.REFERS_SEQ] = position_of[chosen]
    return np.ascontiguousarray(together)


@lru_cache(maxsize=2)
def stream_of(events: int) -> Rows:
    """Events of 350,000 accounts over forty days; fewer events are the first of as many days fewer, so a week holds as many."""
    days = max(1, round(40 * events / FULL_EVENTS))
    return labelled(reference_rows(Shape(events=events, customers=ACCOUNTS, days=days)))


def pace(features: FeatureSet, rows: Rows) -> tuple[float, Engine]:
    """Events per second of processor time once the horizon is full; memory is ready, as the service keeps it."""
    engine = Engine(features)
    engine.prepare_memory(600 * len(rows) + (64 << 20))
    out = np.ones((BATCH_ROWS, len(features.names)))
    copy = rows.copy()
    full = _full_at(rows)
    started = timed = 0.0
    for low, high in batches(copy):
        if low <= full < high:
            started, timed = time.thread_time(), float(len(rows) - low)
        engine.process(copy[low:high], out[: high - low])
    return timed / (time.thread_time() - started), engine


def _full_at(rows: Rows) -> int:
    """The first row by which the stream is WARM_DAYS old."""
    front_ms = np.maximum.accumulate(rows[:, Col.OCCURRED_MS])
    return int(np.searchsorted(front_ms, front_ms[0] + WARM_DAYS * DAY_MS))


def speed(events: int) -> dict[str, Any]:
    """How fast the set is alone, and what its caps cut off."""
    rows = stream_of(events)
    features = graph_features()
    Engine(features)  # compiled before the clock starts
    per_s, engine = pace(features, rows)
    use = engine.graph_use
    assert use is not None
    memory = engine.memory()
    kept = max(each.events for each in memory.entities)
    return {
        "events": len(rows),
        "features": len(features.names),
        "per_cpu_s": round(per_s),
        "capped_share": round(use.events_capped / len(rows), 4),
        "edges_dropped": use.edges_dropped,
        "accounts": len(np.unique(rows[:, [Col.ACCOUNT, Col.PAYEE]])),
        "transfers_retained": kept,
        "bytes_per_transfer": round(memory.in_use_bytes / kept),
    }


def agreement(events: int) -> dict[str, Any]:
    """Values that differ from the naive twin on a crowded extract of the stream: few accounts, labels after an hour."""
    rows = reference_rows(Shape(events=events, customers=40, days=5, day_late_events=20))
    rows = labelled(rows, share=0.01, delay_ms=DAY_MS)
    features = graph_features()
    out = np.full((len(rows), len(features.names)), -7.0)
    Engine(features).process(rows, out)
    wanted = np.array(compute(features, rows), float)
    differing = ~((out == wanted) | (np.isnan(out) & np.isnan(wanted)))
    return {
        "events": len(rows),
        "values": out.size,
        "differing": int(differing.sum()),
        "features": [name for name, wrong in zip(features.names, differing.any(axis=0), strict=True) if wrong],
    }


def lines(run: Run) -> Iterator[Line]:
    """The bar's lines."""
    found = speed(run.pick(FULL_EVENTS, QUICK_EVENTS))
    note = (
        f"processor time, {found['features']} features, {found['events']:,} events of {found['accounts']:,} accounts; "
        f"caps cut {100 * found['capped_share']:.1f}% of events; {found['bytes_per_transfer']} bytes a transfer kept"
    )
    yield at_least("graph kernels, events a second", PER_S_MIN, found["per_cpu_s"], "", note)
    same = agreement(run.pick(TWIN_EVENTS, TWIN_QUICK))
    note = f"of {same['values']:,} values, {same['events']:,} events" + "".join(
        f"; {name}" for name in same["features"]
    )
    yield none("graph kernels, against the naive twin", "value differs", same["differing"], note)


if __name__ == "__main__":
    for line in lines(Run(quick="--quick" in sys.argv, deadline=time.monotonic() + FULL_S)):
        print(line)
