"""The population stability index of counted bins against what is usual, and the noise in it.

    PSI = sum over bins of (actual - expected) * ln(actual / expected)         shares, not counts

of a score; the same sum over a feature's bins is its characteristic stability index (CSI).  The usual rule of thumb (below 0.1
stable, above 0.25 shifted) says nothing about chance.  Without a shift PSI / (1/n + 1/m) is about chi-squared with bins - 1
degrees of freedom, for n and m independent events (B. Yurdakul, *Statistical Properties of Population Stability Index*,
Western Michigan University, 2018).  Events of one customer are not independent and days differ, so the spread is measured on
the days of the baseline and the chi-squared value only serves as a floor: see `docs/explanation/drift.md`.

What is expected of 24 hours follows their own mix of events:

    expected[column, bin] = sum over strata of events[stratum] * rate[stratum, column, bin]

A stratum is a group of kind and channel on a working day, on a weekend or holiday (`days`), or in the first five days of a
month, when rents and instalments are due.  So a salary day, with many deposits, is expected to
look like many deposits.  The columns of the mix itself (kind, channel, hour of the day) are expected to be as in the same hours
of the week.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Mixed = npt.NDArray[np.bool_]

WINDOW_HOURS: Final = 24
_PSEUDO: Final = 0.5
"""Added to every bin, so that an empty one is no division by zero."""
_LENT_EVENTS: Final = 100.0
"""A stratum is as sure as its own events and so many lent by its group on all days; an hour of the week likewise."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual.

    rates: (strata, columns, bins), how many of a stratum's events fall into a bin of a column.  events: (strata,), on how many
    that rests.  mix: (WEEK_HOURS, columns of the mix, bins), events of an hour.
    """

    rates: Floats
    events: Floats
    mix: Floats
    mixed: Mixed

    @classmethod
    def of(cls, counts: Counts, events: Counts, mix: Counts, hours_seen: Counts, mixed: Mixed) -> Usual:
        """counts: (groups, PARTS, columns, bins).  events: (groups, PARTS).  mix: (WEEK_HOURS, mixed columns, bins).

        hours_seen: (WEEK_HOURS,), how often each hour of the week was there.
        """
        whole, whole_events = counts.sum(axis=(0, 1)), max(int(events.sum()), 1)
        everywhere = whole / whole_events
        group, group_events = counts.sum(axis=1), events.sum(axis=1)
        lender = (group + everywhere) / (group_events + 1.0)[:, None, None]
        # A group that was never seen is expected to be like everything; one that was is almost all its own.
        lender = np.where((group_events > 0)[:, None, None], group / np.maximum(group_events, 1)[:, None, None], lender)
        rates = (counts + _LENT_EVENTS * lender[:, None]) / (events + _LENT_EVENTS)[:, :, None, None]
        strata = counts.shape[0] * counts.shape[1]
        own = np.maximum(events, np.minimum(group_events[:, None], _LENT_EVENTS)).astype(np.float64)
        of_day = np.tile(mix.reshape(7, 24, *mix.shape[1:]).sum(axis=0), (7, 1, 1))
        days = np.tile(hours_seen.reshape(7, 24).sum(axis=0), 7)
        lent = of_day / np.maximum(days, 1)[:, None, None]
        hourly = (mix + lent) / (hours_seen + 1.0)[:, None, None]
        return cls(rates.reshape(strata, *rates.shape[2:]), own.reshape(strata), hourly, mixed)


@dataclass(frozen=True, slots=True)
class Compared:
    """A window against what is usual, by column.  noise: 1/n + 1/m, infinite without events; expected: counts by bin."""

    psi: Floats
    noise: Floats
    actual: Counts
    expected: Floats


def compare(actual: Counts, strata: Counts, cells: Counts, usual: Usual) -> Compared:
    """PSI by column of a window: counts (columns, bins), events by stratum (strata,), and the hours of a week it is like."""
    total = actual.sum(axis=-1).astype(np.float64)
    expected = np.tensordot(strata, usual.rates, axes=1)
    weights = strata / max(float(strata.sum()), 1.0)
    one_over_m = float((weights**2 / np.maximum(usual.events, 1.0)).sum())
    mix = usual.mix[cells].sum(axis=0)
    expected[usual.mixed] = mix
    # Columns that not every event is counted in (an amount of one channel) rest on fewer events.
    with np.errstate(divide="ignore", invalid="ignore"):
        expected *= (total / expected.sum(axis=-1))[:, None]
        noise = 1.0 / total + one_over_m * np.maximum(strata.sum() / total, 1.0)
    expected = np.nan_to_num(expected)
    bins = actual.shape[-1]
    a = (actual + _PSEUDO) / (total[:, None] + _PSEUDO * bins)
    e = (expected + _PSEUDO) / (total[:, None] + _PSEUDO * bins)
    return Compared(((a - e) * np.log(a / e)).sum(axis=-1), noise, actual, expected)
