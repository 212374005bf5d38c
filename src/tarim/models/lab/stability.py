"""Do scores and features stay as they were?  PSI by period against the histograms kept with the run (ML-13)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS
from tarim.models.histograms import Histogram, histogram_of, psi
from tarim.models.lab.record import Stability
from tarim.models.lab.samples import Floats, Ints, Rows, Samples

MONTHS_FROM_DAYS: Final = 75
WEEKS_FROM_DAYS: Final = 21
PERIODS_MAX: Final = 36
ROWS_MIN: Final = 200
"""Of a period; fewer look shifted by chance alone."""


def stability_of(
    samples: Samples, names: tuple[str, ...], rows: Rows, scores: Floats, baseline: dict[str, Histogram]
) -> list[Stability]:
    """PSI of the score and of every feature in each period of `rows`: months, or weeks or days when rows span less.

    Periods are cut at midnight in China; those with fewer than ROWS_MIN rows are left out.
    """
    period = _periods(samples.occurred_ms[rows])
    texts, counts = np.unique(period, return_counts=True)
    found = []
    for text in texts[counts >= ROWS_MIN][-PERIODS_MAX:].tolist():
        own = rows[period == text]
        found.append(Stability("", text, len(own), _psi(scores[own], baseline[""])))
        for name in names:
            column = samples.features[own, samples.names.index(name)]
            found.append(Stability(name, text, len(own), _psi(column, baseline[name])))
    return found


def _psi(values: Floats, then: Histogram) -> float:
    return psi(then, histogram_of(values, np.array(then.edges, np.float64)))


def _periods(occurred_ms: Ints) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """The period of each instant, as text: 2026-03, or the first day of the week, or the day."""
    day = (occurred_ms + CHINA_OFFSET_MS) // DAY_MS
    days = int(day.max() - day.min()) + 1
    known, place = np.unique(day, return_inverse=True)
    dates = [datetime.fromtimestamp(0, UTC) + timedelta(days=int(each)) for each in known]
    if days >= MONTHS_FROM_DAYS:
        texts = [f"{date:%Y-%m}" for date in dates]
    elif days >= WEEKS_FROM_DAYS:
        texts = [f"{date - timedelta(days=date.weekday()):%Y-%m-%d}" for date in dates]
    else:
        texts = [f"{date:%Y-%m-%d}" for date in dates]
    return np.array(texts)[place]
