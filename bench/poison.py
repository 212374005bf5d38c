"""Poison in training data: planted label flips, bait points and a bad source are found, clean data is left alone.

python -m bench.poison [--trials N] [--first SEED]

A trial is a week of a simulated bank of its own (about 17,700 events, all typologies, look-alikes among the genuine), its 46
reference features, the truth as labels, and eight sources of uneven size to which customers belong.  It is checked four times:
as it is, and with one poison.

    flips   1 % of all labels turned, at random
    baits   30 near copies (1 % noise on amounts and times) of one event of a customer with a past, on other customers' rows:
            half of the trials copies of a fraud with a large amount labelled genuine, half copies of a genuine event labelled
            fraud
    source  5 % of the labels of one source (at least 4 % of the rows) turned, at random

Thresholds were chosen on seeds 900 to 939, which are never among those reported (10,000 upwards).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Final

import numpy as np
import numpy.typing as npt

from bench.acceptance import Line, Run, at_least
from tarim.base.instants import DAY_MS
from tarim.models.datasets import Checked, CheckReport, check_rows, near_copies
from tarim.simulation import CrimeSettings, SimulationSettings, simulate_labelled_rows
from tarim.stream import Channel, Col, Engine, Kind, Rows, reference_features

TRIALS_FULL: Final = 100
TRIALS_QUICK: Final = 1
FIRST_SEED: Final = 10_000
SHARE_FOUND: Final = 0.95
FLIPPED: Final = 0.01
BAITS: Final = 30
BAIT_NOISE: Final = 0.01
SOURCE_FLIPPED: Final = 0.05
SOURCE_LEAST: Final = 0.04
PROCESSES: Final = 2
SOURCES: Final = (0.40, 0.20, 0.12, 0.10, 0.07, 0.05, 0.04, 0.02)
_COUNTS: Final = ("_count_", "_distinct_", "_is_new_")

Words = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Trial:
    """What the check said of one bank, clean and with each poison."""

    seed: int
    reports: dict[str, CheckReport]

    def found(self, poison: str) -> bool:
        """Whether a planted poison was reported as what it is."""
        return any(each.check == poison for each in self.reports[poison].alarms)

    @property
    def quiet(self) -> bool:
        """Whether the clean set raised no alarm of any kind."""
        return not self.reports["clean"].alarms


def bank(seed: int, customers: int = 3_000, per_day: int = 2_500, days: int = 7) -> Checked:
    """Rows of a simulated bank with their features and the truth."""
    settings = SimulationSettings(
        customers=customers,
        events_per_day=per_day,
        days=days,
        seed=seed,
        crime=CrimeSettings(share=0.01),
        scenarios="all",
    )
    features = reference_features()
    engine = Engine(features)
    parts: list[tuple[Rows, npt.NDArray[np.float64], Words]] = []
    for day in simulate_labelled_rows(settings):
        rows = np.ascontiguousarray(day.rows)
        values = np.empty((len(rows), len(features.names)))
        engine.process(rows, values)
        parts.append((rows, values, (day.crime > 0).astype(np.int64)))
    rows, values, labels = (np.concatenate([part[at] for part in parts]) for at in range(3))
    rng = np.random.default_rng(seed)
    _, customer = np.unique(rows[:, Col.CUSTOMER], return_inverse=True)
    of_customer = rng.choice(len(SOURCES), int(customer.max()) + 1, p=np.array(SOURCES) / sum(SOURCES))
    names = np.array([f"agency-{place}" for place in range(len(SOURCES))], np.object_)
    kinds = np.array(["unknown", *(kind.name.lower() for kind in Kind)], np.object_)
    channels = np.array([channel.name.lower() for channel in Channel], np.object_)
    occurred_ms = np.ascontiguousarray(rows[:, Col.OCCURRED_MS])
    return Checked(
        names=features.names,
        features=values,
        labels=labels,
        weight=np.ones(len(rows)),
        occurred_ms=occurred_ms,
        known_ms=occurred_ms + 7 * DAY_MS,
        customer=np.ascontiguousarray(rows[:, Col.CUSTOMER]),
        seq=np.ascontiguousarray(rows[:, Col.SEQ]),
        role=np.zeros(len(rows), np.int64),
        segments={
            "source": names[of_customer[customer]],
            "kind": kinds[rows[:, Col.KIND]],
            "channel": channels[rows[:, Col.CHANNEL]],
        },
    )


def flipped(clean: Checked, rng: np.random.Generator) -> Checked:
    """With 1 % of all labels turned."""
    labels = clean.labels.copy()
    turned = rng.choice(len(labels), round(FLIPPED * len(labels)), replace=False)
    labels[turned] ^= 1
    return replace(clean, labels=labels)


def baited(clean: Checked, rng: np.random.Generator, hide: bool) -> Checked:
    """With near copies of one event among other customers: of a fraud labelled genuine (hide), or the reverse."""
    deviation = clean.features[:, clean.names.index("payer_std_amount_fen_7d")]
    amount = clean.features[:, clean.names.index("payer_max_amount_fen_1m")]
    past = (deviation > 0) & (amount > 0) & (clean.labels == (1 if hide else 0))
    if hide:  # what nobody would have noticed anyway need not be hidden
        past &= amount >= np.median(amount[past])
    source = int(rng.choice(np.flatnonzero(past)))
    places = np.sort(rng.choice(len(clean), BAITS, replace=False))
    rows = np.repeat(clean.features[[source]], BAITS, axis=0)
    whole = np.array([any(each in name for each in _COUNTS) for name in clean.names])
    rows = np.where(whole, rows, rows * (1 + BAIT_NOISE * rng.standard_normal(rows.shape)))
    at = places + 1
    return replace(
        clean,
        features=np.insert(clean.features, at, rows, axis=0),
        labels=np.insert(clean.labels, at, 0 if hide else 1),
        weight=np.ones(len(clean) + BAITS),
        occurred_ms=np.insert(clean.occurred_ms, at, clean.occurred_ms[places]),
        known_ms=np.insert(clean.known_ms, at, clean.known_ms[places]),
        customer=np.insert(clean.customer, at, clean.customer[places]),
        seq=np.arange(len(clean) + BAITS),
        role=np.zeros(len(clean) + BAITS, np.int64),
        segments={name: np.insert(values, at, values[places]) for name, values in clean.segments.items()},
    )


def misled(clean: Checked, rng: np.random.Generator) -> Checked:
    """With 5 % of the labels of one source turned."""
    values, counts = np.unique(clean.segments["source"].astype(str), return_counts=True)
    bad = rng.choice(values[counts >= SOURCE_LEAST * len(clean)])
    rows = np.flatnonzero(clean.segments["source"] == bad)
    labels = clean.labels.copy()
    labels[rng.choice(rows, round(SOURCE_FLIPPED * len(rows)), replace=False)] ^= 1
    return replace(clean, labels=labels)


def trial(seed: int) -> Trial:
    """One bank, checked four times."""
    clean = bank(seed)
    rng = np.random.default_rng([seed, 1])
    sets = {
        "clean": clean,
        "flips": flipped(clean, rng),
        "baits": baited(clean, rng, hide=seed % 2 == 0),
        "sources": misled(clean, rng),
    }
    copies = near_copies(clean.features, seed)  # turned labels are on the same rows, which have to be compared once
    shared = {name: copies for name, each in sets.items() if each.features is clean.features}
    reports = {name: check_rows(each, seed=seed, threads=1, copies=shared.get(name)) for name, each in sets.items()}
    return Trial(seed, reports)


def trials_of(seeds: range) -> Iterator[Trial]:
    """A trial for each seed, in order; several in two processes."""
    if len(seeds) < 2 * PROCESSES:
        yield from map(trial, seeds)
        return
    with get_context("spawn").Pool(PROCESSES) as pool:
        yield from pool.imap(trial, seeds)


def lines(run: Run) -> Iterator[Line]:
    """The bar: of 100 trials (one in QUICK), how many found each poison, and left the clean set alone."""
    seeds = range(FIRST_SEED, FIRST_SEED + run.pick(TRIALS_FULL, TRIALS_QUICK))
    trials = list(trials_of(seeds))
    note = f"{len(trials)} simulated banks, seeds from {FIRST_SEED:,}"
    for poison, name in (("flips", "1 % of labels turned"), ("baits", "bait points"), ("sources", "bad source")):
        share = sum(each.found(poison) for each in trials) / len(trials)
        yield at_least(f"poison: {name} found", SHARE_FOUND, share, note=note)
    yield at_least("poison: clean data left alone", SHARE_FOUND, sum(t.quiet for t in trials) / len(trials), note=note)


def main() -> int:
    """Print trial by trial, then the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=TRIALS_FULL)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    options = parser.parse_args()
    sums: Counter[str] = Counter()
    for done in trials_of(range(options.first, options.first + options.trials)):
        outcome = {poison: done.found(poison) for poison in ("flips", "baits", "sources")} | {"quiet": done.quiet}
        sums.update({name: int(value) for name, value in outcome.items()})
        alarms = {name: sorted({each.check for each in report.alarms}) for name, report in done.reports.items()}
        clean = done.reports["clean"]
        print(
            done.seed,
            outcome,
            alarms,
            clean.frauds,
            f"{clean.auc:.3f}",
            [each.text_en for each in clean.alarms],
            flush=True,
        )
    print(f"{options.trials} trials: {dict(sums)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
