"""Business figures in real time, and a warning when one is not what it was (RM-25).

Decisions are counted by minute of receipt.  A figure of the last `window_min` minutes is compared with the `baseline_min`
minutes before them:

    volume         events; expected: the baseline's rate
    alert share    decisions above pass; expected: the baseline's share of the window's events
    block share    decisions that block; the same

The deviation z is the signed root of the Poisson deviance of what was counted against what was expected, which stays honest
where little is expected.  A warning needs z of `z_min`, a change by the factor `times_min`, up or down, and `events_min` events
(expected ones for the volume), so quiet hours say nothing.  It is raised once, and cleared when z is below half of `z_min`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError
from tarim.base.instants import MINUTE_MS
from tarim.stream import Outcome

Ints = npt.NDArray[np.int64]

MINUTES_MAX: Final = 31 * 24 * 60
_EVENTS, _ALERTS, _BLOCKS = 0, 1, 2


class Figure(StrEnum):
    """What is watched."""

    VOLUME = "volume"
    ALERT_SHARE = "alert_share"
    BLOCK_SHARE = "block_share"


@dataclass(frozen=True, slots=True)
class IndicatorSettings:
    """When a figure is out of the ordinary."""

    window_min: int = 5
    baseline_min: int = 24 * 60
    z_min: float = 6.0
    times_min: float = 2.0
    events_min: int = 50

    def check(self) -> None:
        """Nothing for settings that make sense.  Raises DefinitionError."""
        if not 1 <= self.window_min < self.baseline_min <= MINUTES_MAX - self.window_min:
            raise DefinitionError(
                f"the baseline is longer than the window, both together at most {MINUTES_MAX} minutes"
            )
        if not self.z_min > 0 or not self.times_min >= 1 or self.events_min < 1:
            raise DefinitionError("z_min is above 0, times_min at least 1, events_min at least 1")


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure now.  value, expected: events in the window, or a share in [0, 1]; z: deviation in standard deviations."""

    figure: Figure
    value: float
    expected: float
    z: float
    abnormal: bool


class Indicators:
    """Counts by minute in a ring; `take` what was decided, `read` what it means.  One thread; no clock of its own."""

    def __init__(self, settings: IndicatorSettings) -> None:
        settings.check()
        self._settings = settings
        self._minutes = settings.window_min + settings.baseline_min
        self._counts: Ints = np.zeros((self._minutes, 3), np.int64)
        self._minute_of: Ints = np.full(self._minutes, -1, np.int64)
        self._first = -1
        self._abnormal: set[Figure] = set()

    def take(self, received_ms: Ints, outcomes: Ints) -> None:
        """Decisions as they were made: shape (n,) each.  What is older than the ring is left out."""
        minutes = received_ms // MINUTE_MS
        for minute in np.unique(minutes).tolist():
            place = minute % self._minutes
            if self._minute_of[place] > minute:
                continue
            if self._minute_of[place] < minute:
                self._counts[place] = 0
                self._minute_of[place] = minute
            chosen = outcomes[minutes == minute]
            self._counts[place] += (
                len(chosen),
                int((chosen > Outcome.PASS).sum()),
                int((chosen == Outcome.BLOCK).sum()),
            )
            self._first = minute if self._first < 0 else min(self._first, minute)

    def read(self, now_ms: int) -> list[Reading]:
        """The figures of the last whole minutes before `now_ms`; none while the baseline is not full yet."""
        settings = self._settings
        end = now_ms // MINUTE_MS  # the minute under way is not counted
        if self._first < 0 or self._first > end - self._minutes:
            return []
        window = self._sum(end - settings.window_min, end)
        base = self._sum(end - self._minutes, end - settings.window_min)
        expected = base[_EVENTS] * settings.window_min / settings.baseline_min
        readings = [self._reading(Figure.VOLUME, float(window[_EVENTS]), expected, 1.0, expected)]
        for figure, at in ((Figure.ALERT_SHARE, _ALERTS), (Figure.BLOCK_SHARE, _BLOCKS)):
            events = int(window[_EVENTS])
            usual = (base[at] + 0.5) / (
                base[_EVENTS] + 1
            )  # never quite 0: a first block is a surprise, not a division by it
            readings.append(self._reading(figure, float(window[at]), usual * events, float(max(events, 1)), events))
        return readings

    def changes(self, now_ms: int) -> list[Reading]:
        """Figures that have become abnormal, or ordinary again, since this was last asked."""
        changed = []
        for reading in self.read(now_ms):
            if reading.abnormal != (reading.figure in self._abnormal):
                changed.append(reading)
                (self._abnormal.add if reading.abnormal else self._abnormal.discard)(reading.figure)
        return changed

    @property
    def abnormal(self) -> Iterable[Figure]:
        """Figures that are out of the ordinary, as far as `changes` has told."""
        return sorted(self._abnormal)

    def _sum(self, begin: int, end: int) -> Ints:
        total: Ints = self._counts[(self._minute_of >= begin) & (self._minute_of < end)].sum(axis=0)
        return total

    def _reading(self, figure: Figure, count: float, expected: float, per: float, events: float) -> Reading:
        """The reading of a count; both are shown divided by `per`."""
        settings = self._settings
        z = _deviation(count, expected)
        if figure in self._abnormal:
            abnormal = abs(z) >= settings.z_min / 2
        else:
            far = count >= expected * settings.times_min or count * settings.times_min <= expected
            abnormal = events >= settings.events_min and abs(z) >= settings.z_min and far
        return Reading(figure, count / per, expected / per, z, bool(abnormal))


def _deviation(count: float, expected: float) -> float:
    """Signed root of the Poisson deviance; 0 when nothing was expected and nothing came."""
    if expected <= 0:
        return math.inf if count > 0 else 0.0
    part = count * math.log(count / expected) if count > 0 else 0.0
    return math.copysign(math.sqrt(max(0.0, 2 * (part - (count - expected)))), count - expected)
