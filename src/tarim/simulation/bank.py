"""The bank's days, one after another, in the order in which the monitor sees the events.

A day depends on the settings, the seed and the days before it, never on how many days are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, HOUR_MS, instant_ms
from tarim.simulation.blocks import NUMBERS_PER_DAY, Block, block_of, concatenate, length_of, take
from tarim.simulation.crime import RING_DAYS_MAX, rings_of_day
from tarim.simulation.envelope import API, CRIME_NAMES, LABEL, PATTERNS, scribe_of
from tarim.simulation.life import ordinary_day
from tarim.simulation.mixing import stream_of
from tarim.simulation.population import Population, population_of
from tarim.simulation.rows import rows_of
from tarim.simulation.settings import SimulationSettings
from tarim.simulation.typologies import SERVICE_SHARE, cases_of_day, complete, services_of_day
from tarim.stream import Rows

LIFE_STREAM: Final = 2
ARRIVAL_STREAM: Final = 4
REVIEW_STREAM: Final = 5


@dataclass(frozen=True, slots=True)
class SimulatedDay:
    """What arrived on one local day: `events` in order of arrival, `truth` on the criminal ones among them."""

    day: int
    date: date
    events: pa.Table
    truth: pa.Table


def _day_start_ms(start: date, day: int) -> int:
    midnight = datetime(start.year, start.month, start.day) + timedelta(days=day)
    return instant_ms(midnight.replace(tzinfo=UTC)) - CHINA_OFFSET_MS


class _Bank:
    """The days so far, as far as later days need them: rings under way, events and labels still to arrive."""

    def __init__(self, settings: SimulationSettings) -> None:
        self.settings = settings
        population = population_of(settings.seed, settings.customers)
        self.all_scenarios = settings.scenarios == "all"
        self.population: Population = population.with_dormant_customers() if self.all_scenarios else population
        self._rings = block_of(0)
        self._arriving = block_of(0)
        self._labels = block_of(0)
        for day in range(-RING_DAYS_MAX, 0):
            self._begin_rings(day)

    def _begin_rings(self, day: int) -> None:
        settings = self.settings
        start_ms = _day_start_ms(settings.start, day)
        if self.all_scenarios:
            today = settings.start + timedelta(days=day)
            begun = cases_of_day(self.population, settings, today, day, start_ms)
        else:
            begun = rings_of_day(self.population, settings.crime, day, start_ms, settings.events_per_day)
        self._rings = concatenate([self._rings, begun])

    def _happening(self, day: int, today: date, start_ms: int) -> Block:
        """The day's events by time, numbered."""
        settings = self.settings
        self._begin_rings(day)
        due = self._rings["occurred_ms"] < start_ms + DAY_MS
        crimes = take(self._rings, due & (self._rings["occurred_ms"] >= start_ms))
        self._rings = take(self._rings, ~due)
        rng = stream_of(settings.seed, LIFE_STREAM, day)
        other_share = settings.crime.share
        if self.all_scenarios:
            other_share += settings.pattern_share + SERVICE_SHARE
        ordinary = ordinary_day(
            rng, self.population, today, day, start_ms, events_mean=settings.events_per_day * (1.0 - other_share)
        )
        happened = concatenate([ordinary, crimes])
        if self.all_scenarios:
            services = services_of_day(rng, self.population, day, start_ms, settings.events_per_day)
            happened = complete(self.population, concatenate([happened, services]))
        happened = take(happened, np.argsort(happened["occurred_ms"], kind="stable"))
        assert length_of(happened) < NUMBERS_PER_DAY
        happened["number"] = day * np.int64(NUMBERS_PER_DAY) + np.arange(length_of(happened))
        return happened

    def _dispatch(self, happened: Block, day: int) -> None:
        """Set when each event arrives."""
        settings = self.settings
        count = length_of(happened)
        arrival = happened["occurred_ms"].copy()
        rng = stream_of(settings.seed, ARRIVAL_STREAM, day)
        if settings.out_of_order_share > 0.0:
            late = rng.random(count) < settings.out_of_order_share
            arrival[late] += rng.integers(1, settings.out_of_order_ms_max + 1, int(late.sum()))
        batch = settings.late_batch
        if batch is not None and batch.day == day:
            size = min(batch.events, count)
            first = int(rng.integers(0, count - size + 1))
            arrival[first : first + size] = _day_start_ms(settings.start, day + batch.days_late) + 3 * HOUR_MS
        happened["arrival_ms"] = arrival

    def _await_labels(self, happened: Block, day: int) -> None:
        """Remember what will be found out about the day's events."""
        settings = self.settings
        rng = stream_of(settings.seed, REVIEW_STREAM, day)
        reviewed = (happened["crime"] == 0) & (rng.random(length_of(happened)) < settings.genuine_label_share)
        delay = (np.clip(np.exp(0.7 + 0.5 * rng.standard_normal(length_of(happened))), 0.5, 10.0) * DAY_MS).astype(
            np.int64
        )
        known = np.where(reviewed, happened["occurred_ms"] + delay, happened["label_ms"])
        chosen = np.flatnonzero(known > 0)
        about = take(happened, chosen)
        self._labels = concatenate(
            [
                self._labels,
                block_of(
                    len(chosen),
                    occurred_ms=known[chosen],
                    arrival_ms=np.maximum(known[chosen], about["arrival_ms"]),
                    kind=LABEL,
                    channel=API,
                    customer=about["customer"],
                    account=about["account"],
                    merchant=about["merchant"],
                    refers=about["number"],
                    refers_kind=about["kind"],
                    label=np.where(about["crime"] > 0, 1, 0),
                ),
            ]
        )

    def live(self, day: int) -> Block:
        """What arrives on the next day, in order of arrival; days must be lived in order."""
        today = self.settings.start + timedelta(days=day)
        start_ms = _day_start_ms(self.settings.start, day)
        happened = self._happening(day, today, start_ms)
        self._dispatch(happened, day)
        waiting = [self._arriving, happened]
        if self.settings.label_events:
            self._await_labels(happened, day)
            due = self._labels["arrival_ms"] < start_ms + DAY_MS
            labels = take(self._labels, due)
            labels = take(labels, np.argsort(labels["arrival_ms"], kind="stable"))
            # Labels are numbered from the end of the day's numbers, so that they change no other event's id.
            labels["number"] = (day + 1) * np.int64(NUMBERS_PER_DAY) - 1 - np.arange(length_of(labels))
            self._labels = take(self._labels, ~due)
            waiting.append(labels)
        arriving = concatenate(waiting)
        arriving = take(arriving, np.argsort(arriving["arrival_ms"], kind="stable"))
        today_count = int(np.searchsorted(arriving["arrival_ms"], start_ms + DAY_MS))
        self._arriving = take(arriving, slice(today_count, None))
        return take(arriving, slice(today_count))


def simulate_days(settings: SimulationSettings) -> Iterator[SimulatedDay]:
    """The days in order, each built when it is asked for; memory holds one day and what is still under way."""
    bank = _Bank(settings)
    scribe = scribe_of(bank.population, settings.start, with_extras=bank.all_scenarios)
    for day in range(settings.days):
        arrived = bank.live(day)
        today = settings.start + timedelta(days=day)
        yield SimulatedDay(day, today, scribe.events(arrived, day), scribe.truth(arrived))


def simulate(settings: SimulationSettings) -> Iterator[pa.Table]:
    """One table of events a day, in order of arrival, columns as in EVENT_SCHEMA."""
    for day in simulate_days(settings):
        yield day.events


def simulate_rows(settings: SimulationSettings) -> Iterator[Rows]:
    """The same events as the engine's rows, a day at a time, without intake: for measuring and for tests.

    Tokens are mixes of indexes, one to one within their space, not keyed hashes of the texts: these rows say the same
    as the tables, but cannot be joined with events that came through intake.  SEQ counts from 0.
    """
    bank = _Bank(settings)
    position = 0
    for day in range(settings.days):
        rows = rows_of(bank.population, bank.live(day), position, with_extras=bank.all_scenarios)
        position += len(rows)
        yield rows


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """One day's rows with the truth about each, arrays of shape (n,).

    crime: code of the crime, 0 none, else 1 + its place in CRIME_NAMES.  pattern: 0 none, else 1 + its place in PATTERNS.
    ring: number of the case or pattern, -1 none.
    """

    rows: Rows
    crime: npt.NDArray[np.int8]
    pattern: npt.NDArray[np.int8]
    ring: npt.NDArray[np.int64]


def simulate_labelled_rows(settings: SimulationSettings) -> Iterator[LabelledRows]:
    """As `simulate_rows`, with the truth beside each row."""
    bank = _Bank(settings)
    position = 0
    for day in range(settings.days):
        block = bank.live(day)
        rows = rows_of(bank.population, block, position, with_extras=bank.all_scenarios)
        position += len(rows)
        yield LabelledRows(rows, block["crime"], block["pattern"], block["ring"])


assert max(len(CRIME_NAMES), len(PATTERNS)) <= 127
