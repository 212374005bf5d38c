"""Decisions by minute and by second, for trends and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.instants import MINUTE_MS, SECOND_MS
from tarim.stream import Outcome, Rows
from tarim.views.kernels import counting
from tarim.views.rulebook import SCENARIOS_MAX

MINUTES_KEPT: Final = 15 * 1_440
"""Two weeks, so that the week before the last one is known as well, and a day to spare."""
SECONDS_KEPT: Final = 256

Words = npt.NDArray[np.int64]
Masks = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Total:
    """Decisions of a span of time, and how many of them were blocked."""

    decided: int
    declined: int


@dataclass(frozen=True, slots=True)
class Trend:
    """Decisions of a span by step: counts has shape (steps, 6 + SCENARIOS_MAX), outcomes first.

    from_ms: begin of the first step; the last step holds the present minute and is not over.
    """

    from_ms: int
    step_min: int
    counts: Words


class Minutes:
    """Counts by minute for `MINUTES_KEPT` minutes and by second for `SECONDS_KEPT` seconds.  Single-threaded."""

    def __init__(self) -> None:
        self._minutes = np.full(MINUTES_KEPT, -1, np.int64)
        self._counts = np.zeros((MINUTES_KEPT, counting.OUTCOMES + SCENARIOS_MAX), np.int64)
        self._seconds = np.full(SECONDS_KEPT, -1, np.int64)
        self._by_second = np.zeros((SECONDS_KEPT, 2), np.int64)

    def take(self, rows: Rows, decisions: Words, scenario_of_rule: Words) -> Masks:
        """Count decided events, shapes (n, 32) and (n, 12); their scenarios as bits, shape (n,)."""
        masks = np.empty(len(rows), np.uint64)
        counting.count(
            rows,
            decisions,
            scenario_of_rule,
            self._minutes,
            self._counts,
            self._seconds,
            self._by_second,
            masks,
        )
        return masks

    def trend(self, now_ms: int, length_min: int, step_min: int) -> Trend:
        """The last `length_min` minutes up to the step that holds `now_ms`, in steps that divide it."""
        end = (now_ms // MINUTE_MS // step_min + 1) * step_min
        of = self._of(np.arange(end - length_min, end))
        return Trend((end - length_min) * MINUTE_MS, step_min, of.reshape(-1, step_min, of.shape[1]).sum(axis=1))

    def total(self, now_ms: int, length_min: int, back: int = 0) -> Total:
        """The last `length_min` minutes with the present one, or as many before that, `back` times."""
        end = now_ms // MINUTE_MS + 1 - back * length_min
        outcomes = self._of(np.arange(end - length_min, end))[:, : counting.OUTCOMES].sum(axis=0)
        return Total(int(outcomes.sum()), int(outcomes[Outcome.BLOCK]))

    def of_seconds(self, now_ms: int, length_s: int, back: int = 0) -> Total:
        """The last `length_s` whole seconds before the present one, or as many before that, `back` times."""
        end = now_ms // SECOND_MS - back * length_s
        seconds = np.arange(end - length_s, end)
        slots = seconds % SECONDS_KEPT
        decided, declined = self._by_second[slots[self._seconds[slots] == seconds]].sum(axis=0).tolist()
        return Total(decided, declined)

    def _of(self, minutes: Words) -> Words:
        """Counts of these minutes, shape (n, 6 + SCENARIOS_MAX); zeros where nothing is known."""
        slots = minutes % MINUTES_KEPT
        found: Words = self._counts[slots] * (self._minutes[slots] == minutes)[:, None]
        return found
