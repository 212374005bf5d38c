"""The watch of models: planted shifts named within a day, quiet days without an alarm; and limits of asking.

python -m bench.watch

A simulated bank lives 31 days until its windows are full, 28 days of baseline, and 30 quiet days.  Each shift is planted from
midnight on into the first of them, and the first two days are lived again.  Nothing was chosen by looking at the seeds of this
file.  Nothing is pinned; times are processor time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.acceptance import Line, Run, at_least, at_most, none
from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, HOUR_MS, instant_ms
from tarim.decisions import ProbeSettings, ProbeWatch
from tarim.identity import Frequency
from tarim.models import Baseline, BaselineMaker, Days, Drift, Sample, WatchSettings, model_from_bytes, read_baseline
from tarim.simulation import SimulationSettings, simulate_rows
from tarim.stream import Channel, Col, Engine, empty_rows, reference_features

SEEDS: Final = (50_001, 50_002, 50_003)
FILL_DAYS, BASELINE_DAYS, QUIET_DAYS = 31, 28, 30
START_MS: Final = instant_ms(datetime(2026, 1, 5, tzinfo=UTC)) - CHINA_OFFSET_MS
QUIET_MS: Final = START_MS + (FILL_DAYS + BASELINE_DAYS) * DAY_MS
SETTINGS: Final = WatchSettings()
NO_HOLIDAYS: Final = Days()
"""The simulated bank works by the weekday."""
MODEL: Final = {
    "format": "tarim-logistic-1",
    "transform": "signed_log",
    "features": ["payer_count_1h", "payer_sum_amount_fen_24h", "payer_is_new_payee_30d", "device_distinct_payer_24h"],
    "means": [1.0, 8.0, 0.5, 0.7],
    "scales": [1.0, 4.0, 0.5, 0.4],
    "weights": [0.8, 0.6, 0.5, 0.4],
    "intercept": -4.0,
}
FOLD_NS_MAX: Final = 3_000
LOOK_NS_MAX: Final = 3_000
_BATCH: Final = 64

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Rng = np.random.Generator


def scaled(rows: Rows, rng: Rng) -> Rows:
    """Amounts of the telephone's channel are twice what they were."""
    chosen = (rows[:, Col.CHANNEL] == Channel.MOBILE) & (rows[:, Col.AMOUNT_FEN] > 0)
    rows[chosen, Col.AMOUNT_FEN] *= 2
    return rows


def deviceless(rows: Rows, rng: Rng) -> Rows:
    """A fifth of the telephones no longer say which device they are."""
    rows[rng.random(len(rows)) < 0.2, Col.DEVICE] = 0
    return rows


def new_devices(rows: Rows, rng: Rng) -> Rows:
    """Three of ten events come from a device never seen."""
    chosen = (rows[:, Col.DEVICE] != 0) & (rng.random(len(rows)) < 0.3)
    rows[chosen, Col.DEVICE] = rng.integers(1, 2**62, int(chosen.sum()))
    return rows


def elsewhere(rows: Rows, rng: Rng) -> Rows:
    """A sixth of the events happens in one city."""
    cities, counts = np.unique(rows[:, Col.CITY], return_counts=True)
    rows[rng.random(len(rows)) < 1 / 6, Col.CITY] = cities[np.argsort(counts)[len(cities) // 2]]
    return rows


def at_night(rows: Rows, rng: Rng) -> Rows:
    """A tenth of what people do moves into the five hours after midnight."""
    chosen = (rows[:, Col.CHANNEL] != Channel.API) & (rng.random(len(rows)) < 0.1)
    midnight = (rows[:, Col.OCCURRED_MS] + CHINA_OFFSET_MS) // DAY_MS * DAY_MS - CHINA_OFFSET_MS
    rows[chosen, Col.OCCURRED_MS] = (midnight + rng.integers(0, 5 * HOUR_MS, len(rows)))[chosen]
    seqs = rows[:, Col.SEQ].copy()
    rows = np.ascontiguousarray(rows[np.argsort(rows[:, Col.OCCURRED_MS], kind="stable")])
    rows[:, Col.SEQ] = seqs
    return rows


def unchanged(rows: Rows, rng: Rng) -> Rows:
    """As it was."""
    return rows


def feed_gone(features: Floats, scores: Floats, names: tuple[str, ...], rng: Rng) -> Floats:
    """A fifth of one feature's values is missing."""
    features[rng.random(len(features)) < 0.2, names.index("payer_zscore_amount_fen_30d")] = np.nan
    return scores


def score_raised(features: Floats, scores: Floats, names: tuple[str, ...], rng: Rng) -> Floats:
    """The model says half a unit more on the scale of log odds."""
    raised: Floats = 1.0 / (1.0 + (1.0 - scores) / scores * np.exp(-0.5))
    return raised


def as_judged(features: Floats, scores: Floats, names: tuple[str, ...], rng: Rng) -> Floats:
    """As it was."""
    return scores


@dataclass(frozen=True)
class Shift:
    """What is planted, into events before the engine or into what it gave, and the column that has to be named."""

    name: str
    column: str
    rows: Callable[[Rows, Rng], Rows] = unchanged
    judged: Callable[[Floats, Floats, tuple[str, ...], Rng], Floats] = as_judged


SHIFTS: Final = (
    Shift("amounts of one channel doubled", "amount_fen[mobile]", scaled),
    Shift("a fifth of a feature missing", "payer_zscore_amount_fen_30d", judged=feed_gone),
    Shift("a fifth of the devices missing", "device_id_given", deviceless),
    Shift("three tenths new devices", "payer_distinct_device_7d", new_devices),
    Shift("a sixth from another city", "city", elsewhere),
    Shift("a tenth moved into the night", "hour_of_day", at_night),
    Shift("scores higher by half a unit", "score", judged=score_raised),
)


class Bank:
    """A simulated bank up to its quiet days: the engine's snapshot, the baseline, and the days that follow."""

    def __init__(self, seed: int, events_per_day: int, customers: int, folder: Path) -> None:
        self.features = reference_features()
        self.names = self.features.names
        self.model = model_from_bytes(json.dumps(MODEL).encode(), self.names)
        self.snapshot = folder / f"{seed}.engine"
        engine = Engine(self.features)
        settings = SimulationSettings(
            customers=customers,
            events_per_day=events_per_day,
            days=FILL_DAYS + BASELINE_DAYS + QUIET_DAYS,
            seed=seed,
        )
        sample, days = Sample(len(self.names)), []
        self.quiet: list[Rows] = []
        for day, rows in enumerate(simulate_rows(settings)):
            if day >= FILL_DAYS + BASELINE_DAYS:
                self.quiet.append(rows)
                continue
            judged = self.judged(engine, rows)
            if day >= FILL_DAYS:
                sample.take(*judged)
                days.append(judged)
        engine.snapshot(self.snapshot)
        maker = BaselineMaker(sample, self.names, QUIET_MS - BASELINE_DAYS * DAY_MS, QUIET_MS, SETTINGS, NO_HOLIDAYS)
        for judged in days:
            maker.take(*judged)
        self.baseline: Baseline = read_baseline(maker.made(self.features.version, self.model.version, "bench"))
        self.before = days[-1]

    def judged(self, engine: Engine, rows: Rows) -> tuple[Rows, Floats, Floats]:
        """Rows with features and scores."""
        features, scores = np.empty((len(rows), len(self.names))), np.empty(len(rows))
        engine.process(rows, features)
        self.model.score(features, scores)
        return rows, features, scores

    def watched(self, shift: Shift, days: int, seed: int) -> Drift:
        """The watch after so many days from the baseline's end on, with a shift planted."""
        rng = np.random.default_rng(seed)
        engine = Engine.restore(self.snapshot, self.features)
        drift = Drift(self.baseline, SETTINGS, NO_HOLIDAYS)
        drift.take(*self.before, self.model.version)
        for rows in self.quiet[:days]:
            given, features, scores = self.judged(engine, shift.rows(rows.copy(), rng))
            drift.take(given, features, shift.judged(features, scores, self.names, rng), self.model.version)
        return drift


def shifts(run: Run) -> dict[str, Any]:
    """For each shift when it was named (hours after its beginning, by bank); and the alarms of quiet days.

    The first bank is the one that counts, in full the simulated bank's usual size (36,000 events a day); smaller ones follow.
    """
    sizes = [(SEEDS[0], 3_000, 3_000)] if run.quick else [(SEEDS[0], 36_000, 350_000)]
    sizes += [(seed, 3_000, 3_000) for seed in SEEDS[1:]] if not run.quick else []
    hours: dict[str, list[float]] = {shift.name: [] for shift in SHIFTS}
    first: dict[str, list[str]] = {shift.name: [] for shift in SHIFTS}
    quiet: list[str] = []
    bank = None
    with tempfile.TemporaryDirectory() as folder:
        for seed, events_per_day, customers in sizes:
            bank = Bank(seed, events_per_day, customers, Path(folder))
            calm = bank.watched(Shift("nothing", ""), QUIET_DAYS, seed)
            quiet += [f"{alarm.column} (seed {seed})" for alarm in calm.alarms]
            for shift in SHIFTS:
                drift = bank.watched(shift, 2, seed)
                raised = {alarm.column: (alarm.raised_ms - QUIET_MS) / HOUR_MS for alarm in reversed(drift.alarms)}
                hours[shift.name].append(raised.get(shift.column, np.inf))
                largest = [alarm.column for alarm in drift.open_alarms]
                first[shift.name].append(
                    f"{len(drift.alarms)} named, largest {largest[0]}" if largest else "none named"
                )
    assert bank is not None
    return {"hours": hours, "first": first, "quiet": quiet, "banks": len(sizes), "cost": fold_cost(bank)}


def fold_cost(bank: Bank) -> dict[str, float]:
    """Nanoseconds of processor time an event, in batches of _BATCH and singly."""
    rows, features, scores = bank.before
    cost = {}
    for size in (_BATCH, 1):
        drift = Drift(bank.baseline, SETTINGS, NO_HOLIDAYS)
        count = min(len(rows), 200 * size)
        begin = time.process_time_ns()
        for start in range(0, count, size):
            part = slice(start, start + size)
            drift.take(rows[part], features[part], scores[part], bank.model.version)
        cost[str(size)] = (time.process_time_ns() - begin) / count
    return cost


def probing(run: Run) -> dict[str, Any]:
    """What is refused of a burst, a sweep, a grid and of ordinary days, under the default limits; and the cost."""
    settings = ProbeSettings()
    frequency = Frequency(settings.events_per_s_max, settings.burst_events_max, settings.events_per_day_max)
    burst = sum(frequency.admit("key", 0.0, 0.0) > 0 for _ in range(settings.burst_events_max + 1_000))
    now_ms = QUIET_MS
    refused = {}
    for name, grid in (("sweep", False), ("grid", True)):
        watch = ProbeWatch(settings)
        rows = empty_rows(2_000)
        rows[:, [Col.CUSTOMER, Col.DEVICE, Col.PAYEE]] = 7
        steps = np.arange(len(rows))
        rows[:, Col.AMOUNT_FEN] = 1_000 + (steps % 45 if grid else steps)
        rows[:, Col.PAYEE] += steps // 45 if grid else 0
        refused[name] = sum(len(watch.look(rows[i : i + 1], np.array([3]), now_ms + i)) for i in range(len(rows)))
    watch, ordinary, events, spent = ProbeWatch(settings), 0, 0, 0
    per_day, days = run.pick(36_000, 4_000), run.pick(7, 2)
    for bank in (
        SimulationSettings(20_000, per_day, days, seed=SEEDS[0], scenarios="core"),
        SimulationSettings(20_000, per_day, days, seed=SEEDS[1], scenarios="all"),
    ):
        for rows in simulate_rows(bank):
            for start in range(0, len(rows), _BATCH):
                part = rows[start : start + _BATCH]
                begin = time.process_time_ns()
                ordinary += len(watch.look(part, np.full(len(part), 3), int(part[0, Col.RECEIVED_MS])))
                spent += time.process_time_ns() - begin
            events += len(rows)
    begin, count = time.process_time_ns(), 20_000
    calm = Frequency(settings.events_per_s_max, settings.burst_events_max, 1_000_000)
    for k in range(count):
        calm.admit("key", k * 1e-3, k * 1e-3)
    admit_ns = (time.process_time_ns() - begin) / count
    return {
        "burst": burst, "ordinary": ordinary, "events": events, "look_ns": spent / events, "admit_ns": admit_ns, **refused
    }  # fmt: skip


def lines(run: Run) -> Iterator[Line]:
    """The bars."""
    found = shifts(run)
    for shift in SHIFTS:
        hours = found["hours"][shift.name]
        note = f"{shift.column}; {found['first'][shift.name][0]}"
        if hours[1:]:
            note += "; banks of 3,000 a day " + ", ".join(f"{each:.0f}" for each in hours[1:])
        yield at_most(f"drift, {shift.name}", 24, hours[0], " h", note)
    alarms = found["quiet"]
    days = found["banks"] * QUIET_DAYS
    yield none(
        "drift, quiet days",
        "alarm",
        len(alarms),
        f"{days} days; " + ", ".join(alarms[:3]) if alarms else f"{days} days",
    )
    cost = found["cost"]
    yield at_most("drift, cost an event", FOLD_NS_MAX, cost[str(_BATCH)], " ns", f"singly {cost['1']:,.0f}; CPU")
    probed = probing(run)
    yield at_least("probing, burst: refused", 1_000, probed["burst"], "", "of 1,000 beyond the bucket")
    yield at_least("probing, sweep: refused of 2,000", 1_900, probed["sweep"])
    yield at_least("probing, grid: refused of 2,000", 1_200, probed["grid"])
    yield none("probing, ordinary traffic", "event refused", probed["ordinary"], f"of {probed['events']:,}")
    note = f"and {probed['admit_ns']:,.0f} for the key's frequency; CPU"
    yield at_most("probing, cost an event", LOOK_NS_MAX, probed["look_ns"], " ns", note)


if __name__ == "__main__":
    quick = os.environ.get("QUICK", "") not in ("", "0")
    for line in lines(Run(quick, time.monotonic() + 900)):
        print(f"{'PASS' if line.passed else 'MISS'}  {line.name:<44}  {line.target:<20}  {line.figure}", flush=True)
    sys.exit(0)
