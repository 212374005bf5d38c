"""Do scores and features stay as they were?  PSI by period against the histograms kept with the run (ML-13)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS
from tarim.models.histograms import Histogram, histogram_of, psi
from tarim.models.lab.record import Stability
from tarim.models.lab.samples import Floats, Ints, Rows, Samples

MONTHS_FROM_DAYS: Final = 75
WEEKS_FROM_DAYS: Final = 21
MONTH_DAYS_MIN: Final = 20
PERIODS_MAX: Final = 36
ROWS_MIN: Final = 200
"""Of a period; fewer look shifted by chance alone."""


def stability_of(
    samples: Samples, names: tuple[str, ...], rows: Rows, scores: Floats, baseline: dict[str, Histogram]
) -> list[Stability]:
    """PSI of the score and of every feature in each period of `rows`: months, or weeks from the first day on, or days, when
    rows span less.

    Days are those of China.  Left out are periods with fewer than ROWS_MIN rows, months with fewer than MONTH_DAYS_MIN days,
    and weeks that lack a day: a week without its Sunday looks shifted and is not.
    """
    period = _periods(samples.occurred_ms[rows])
    texts, counts = np.unique(period[period != ""], return_counts=True)
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


def _periods(occurred_ms: Ints) -> npt.NDArray[np.str_]:
    """The period of each instant as text, 2026-03 or its first day; empty for those of an incomplete one."""
    day = (occurred_ms + CHINA_OFFSET_MS) // DAY_MS
    known, place = np.unique(day, return_inverse=True)
    span = int(known[-1] - known[0]) + 1
    dates = [datetime.fromtimestamp(0, UTC) + timedelta(days=int(each)) for each in known]
    if span >= MONTHS_FROM_DAYS:
        texts, least = [f"{date:%Y-%m}" for date in dates], MONTH_DAYS_MIN
    elif span >= WEEKS_FROM_DAYS:
        starts = [date - timedelta(days=int(each - known[0]) % 7) for date, each in zip(dates, known, strict=True)]
        texts, least = [f"{date:%Y-%m-%d}" for date in starts], 7
    else:
        texts, least = [f"{date:%Y-%m-%d}" for date in dates], 1
    days = Counter(texts)
    return np.array([text if days[text] >= least else "" for text in texts])[place]
