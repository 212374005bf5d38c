"""The watch itself: a fold over events in journal order, and an alarm for each column that has shifted.

State: counts of the last 48 hours, by hour, column and bin; for each column for how many hours in a row it was beyond its
threshold; the alarms.  An hour is judged when the first event of a later hour comes: the 24 hours up to it are compared with
the baseline.  Time is the events' own, so a replay gives what was seen live, wherever batches are cut.  What comes later than a
day after it happened is left out, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from tarim.base.errors import Damaged
from tarim.base.instants import HOUR_MS
from tarim.models.kernels import watch as kernel
from tarim.models.watch.baseline import Baseline
from tarim.models.watch.columns import Floats, Ints
from tarim.models.watch.days import Days
from tarim.models.watch.psi import WINDOW_HOURS, Compared, compare
from tarim.models.watch.settings import WatchSettings
from tarim.stream import Col, Kind, Rows

SLOTS: Final = 48
ALARMS_KEPT: Final = 1_000
_FORMAT: Final = 1
_NONE: Final = np.zeros(0)


class Alarm(msgspec.Struct, frozen=True):
    """A column has shifted.  raised_ms: end of the hour at which it was said; ended_ms: when it was over, 0 while it lasts.

    psi, threshold: of the 24 hours before.  actual, expected: shares by bin, the first of them what is missing.
    """

    column: str
    raised_ms: int
    psi: float
    threshold: float
    actual: list[float]
    expected: list[float]
    ended_ms: int = 0


class Standing(msgspec.Struct, frozen=True):
    """How one column stands: its PSI of the last 24 whole hours (NaN: too few events) and the value that makes an alarm."""

    column: str
    psi: float
    threshold: float
    events: int
    missing_share: float
    alarmed: bool


class _Kept(msgspec.Struct):
    """The state as it is kept; arrays as bytes."""

    format: int
    baseline: str
    head: bytes
    counts: bytes
    strata: bytes
    beyond: bytes
    below: bytes
    since_seq: int
    missed: int
    alarms: list[Alarm]


class Drift:
    """Watches against one baseline.  One thread; no clock of its own.

    since_seq: position of the first event it has seen.  missed: events it was not shown although it stood before them (after a
    restart that could not go back far enough).
    """

    def __init__(self, baseline: Baseline, settings: WatchSettings, days: Days) -> None:
        """days: those that are not what their weekday says."""
        settings.check()
        self.baseline = baseline
        self._days = days
        self._settings = settings
        columns = len(baseline.columns)
        self._counts: Ints = np.zeros((SLOTS, columns, kernel.BINS), np.int64)
        self._strata: Ints = np.zeros((SLOTS, len(baseline.usual.events)), np.int64)
        self._head: Ints = np.zeros(kernel.HEAD_WORDS, np.int64)
        self._head[kernel.OPEN_HOUR] = -1
        self._beyond: Ints = np.zeros(columns, np.int64)
        self._below: Ints = np.zeros(columns, np.int64)
        self._open: dict[int, int] = {}  # column -> place in `alarms`
        self.alarms: list[Alarm] = []
        self.since_seq = -1
        self.missed = 0

    @property
    def next_seq(self) -> int:
        """Position after the last event it has seen, 0 before the first."""
        return int(self._head[kernel.NEXT_SEQ])

    @property
    def taken(self) -> int:
        """Events counted."""
        return int(self._head[kernel.TAKEN])

    @property
    def too_late(self) -> int:
        """Events left out because they came more than a day late."""
        return int(self._head[kernel.TOO_LATE])

    def take(self, rows: Rows, features: Floats, scores: Floats, model: str) -> None:
        """Events in journal order, after they were decided: rows (n, 32), features (n, F), scores (n,), NaN for none.

        model: version that gave the scores; those of another one than the baseline's are not compared.  Events before
        `next_seq` were seen already and are passed over.
        """
        if not len(rows):
            return
        start = int(np.searchsorted(rows[:, Col.SEQ], self.next_seq))
        if self.since_seq < 0 and start < len(rows):
            self.since_seq = int(rows[start, Col.SEQ])
        scores = scores if model == self.baseline.file.model else _NONE
        layout = self.baseline.layout
        while start < len(rows):
            start = kernel.fold(
                rows, features, scores, start, layout.reads, layout.places, layout.edges, layout.codes, layout.sizes,
                layout.groups, layout.batch, self._counts, self._strata, self._head,
            )  # fmt: skip
            if start < len(rows):
                self._advance(int(rows[start, Col.OCCURRED_MS]) // HOUR_MS)

    def _advance(self, hour: int) -> None:
        """Close the open hour, and those without events up to `hour`, which becomes the open one."""
        opened = int(self._head[kernel.OPEN_HOUR])
        if opened < 0 or hour - opened >= SLOTS:
            self._counts[:] = 0
            self._strata[:] = 0
            self._beyond[:] = self._below[:] = 0
            self._head[kernel.FIRST_HOUR] = hour if opened >= 0 else hour + 1  # the very first hour may be half a one
        else:
            for closing in range(opened, hour):
                self._judge(closing)
                self._counts[(closing + 1) % SLOTS] = 0
                self._strata[(closing + 1) % SLOTS] = 0
        self._head[kernel.OPEN_HOUR] = hour

    # ---- judging ---------------------------------------------------------------------------------------------------

    def _window(self, last_hour: int) -> tuple[Compared, Floats]:
        hours = np.arange(last_hour - WINDOW_HOURS + 1, last_hour + 1)
        slots = hours % SLOTS
        strata = self._days.restrata(self._strata[slots], hours).sum(axis=0)
        actual, cells = self._counts[slots].sum(axis=0), self._days.hour_of_week(hours)
        compared = compare(actual, strata, cells, self.baseline.usual)
        thresholds = np.maximum(self.baseline.thresholds(compared), self._settings.psi_min)
        return compared, thresholds

    def _judge(self, hour: int) -> None:
        if hour - int(self._head[kernel.FIRST_HOUR]) < WINDOW_HOURS - 1:
            return
        compared, thresholds = self._window(hour)
        enough = compared.actual.sum(axis=-1) >= self._settings.events_min
        beyond = enough & (compared.psi > thresholds)
        below = ~beyond & (compared.psi < thresholds / 2) | ~enough
        self._beyond = np.where(beyond, self._beyond + 1, 0)
        self._below = np.where(below, self._below + 1, 0)
        at_ms = (hour + 1) * HOUR_MS
        persist_h = self._settings.persist_h
        for column in np.flatnonzero(self._beyond >= persist_h).tolist():
            if column not in self._open:
                self._raise(column, at_ms, compared, float(thresholds[column]))
        for column in [column for column in self._open if self._below[column] >= persist_h]:
            place = self._open.pop(column)
            self.alarms[place] = msgspec.structs.replace(self.alarms[place], ended_ms=at_ms)

    def _raise(self, column: int, at_ms: int, compared: Compared, threshold: float) -> None:
        total = max(float(compared.actual[column].sum()), 1.0)
        if len(self.alarms) >= ALARMS_KEPT:
            self._forget()
        self._open[column] = len(self.alarms)
        self.alarms.append(
            Alarm(
                self.baseline.columns[column].name,
                at_ms,
                float(compared.psi[column]),
                threshold,
                np.round(compared.actual[column] / total, 6).tolist(),
                np.round(compared.expected[column] / total, 6).tolist(),
            )
        )

    def _forget(self) -> None:
        """Drop the older half of the alarms that are over."""
        over = [place for place, alarm in enumerate(self.alarms) if alarm.ended_ms]
        dropped = set(over[: len(over) // 2 + 1])
        kept = [place for place in range(len(self.alarms)) if place not in dropped]
        moved = {place: index for index, place in enumerate(kept)}
        self.alarms = [self.alarms[place] for place in kept]
        self._open = {column: moved[place] for column, place in self._open.items()}

    # ---- reading ---------------------------------------------------------------------------------------------------

    @property
    def open_alarms(self) -> list[Alarm]:
        """Alarms that last, the largest shift in proportion to its threshold first."""
        return sorted(
            (self.alarms[place] for place in self._open.values()), key=lambda each: -each.psi / each.threshold
        )

    @property
    def until_ms(self) -> int:
        """End of the last whole hour, 0 before there is one."""
        return max(0, int(self._head[kernel.OPEN_HOUR])) * HOUR_MS

    def standings(self) -> list[Standing]:
        """How each column stands in the last 24 whole hours; empty before the first event."""
        opened = int(self._head[kernel.OPEN_HOUR])
        if opened < 0:
            return []
        compared, thresholds = self._window(opened - 1)
        events = compared.actual.sum(axis=-1)
        return [
            Standing(
                column.name,
                float(compared.psi[k]) if events[k] >= self._settings.events_min else float("nan"),
                float(thresholds[k]),
                int(events[k]),
                float(compared.actual[k, 0] / events[k]) if events[k] else float("nan"),
                k in self._open,
            )
            for k, column in enumerate(self.baseline.columns)
        ]

    # ---- keeping ---------------------------------------------------------------------------------------------------

    def encoded(self) -> bytes:
        """The state, MessagePack."""
        return msgspec.msgpack.encode(
            _Kept(
                _FORMAT,
                self.baseline.digest,
                self._head.tobytes(),
                self._counts.tobytes(),
                self._strata.tobytes(),
                self._beyond.tobytes(),
                self._below.tobytes(),
                self.since_seq,
                self.missed,
                self.alarms,
            )
        )

    @classmethod
    def decoded(cls, content: bytes, baseline: Baseline, settings: WatchSettings, days: Days) -> Drift:
        """The watch that `encoded` wrote.  Raises Damaged, also when it was of another baseline."""
        watch = cls(baseline, settings, days)
        try:
            kept = msgspec.msgpack.decode(content, type=_Kept)
            if kept.format != _FORMAT or kept.baseline != baseline.digest:
                raise Damaged("the watch was kept for another baseline")
            arrays: Sequence[tuple[Any, bytes]] = (
                (watch._head, kept.head),
                (watch._counts, kept.counts),
                (watch._strata, kept.strata),
                (watch._beyond, kept.beyond),
                (watch._below, kept.below),
            )
            for array, data in arrays:
                array[...] = np.frombuffer(data, np.int64).reshape(array.shape)
        except (msgspec.MsgspecError, ValueError):
            raise Damaged("the kept watch cannot be read") from None
        watch.since_seq, watch.missed, watch.alarms = kept.since_seq, kept.missed, kept.alarms
        places = {column.name: k for k, column in enumerate(baseline.columns)}
        watch._open = {places[alarm.column]: at for at, alarm in enumerate(kept.alarms) if not alarm.ended_ms}
        return watch


def events_only(rows: Rows) -> Ints:
    """Indices of rows that are events, not labels."""
    found: Ints = np.flatnonzero(rows[:, Col.KIND] != Kind.LABEL)
    return found
