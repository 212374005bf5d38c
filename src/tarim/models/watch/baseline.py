"""The baseline: what is usual at each hour of the week, and from which value on a shift is more than the days' own variation.

For every window of 24 hours in the baseline its PSI is computed against the *other* hours of the baseline (its own are taken
out).  Cube roots of a chi-squared variable are nearly normal (Wilson and Hilferty, 1931); those of the windows have mean m and
spread s.  A day like them exceeds (m + t s sqrt(1 + 1/D))^3 with the probability that Student's t has beyond t (a prediction
interval for one more observation, D days of baseline).  The probability allowed is shared out over all columns and all hours
(Bonferroni), so it holds for all looks together, whatever their dependence.  The same is done for PSI / noise, which carries
over to days with fewer events; the larger threshold counts.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import msgspec
import numpy as np

from tarim.base.canonical import canonical_json
from tarim.base.errors import Damaged, InputError
from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, HOUR_MS
from tarim.models.kernels import watch as kernel
from tarim.models.watch.columns import Column, Floats, Ints, Layout, columns_of, groups_of
from tarim.models.watch.days import WEEK_HOURS, Days
from tarim.models.watch.psi import WINDOW_HOURS, Compared, Usual, compare
from tarim.models.watch.settings import WatchSettings
from tarim.stream import Col, Kind, Rows

DAYS_MIN: Final = 14
DAYS_MAX: Final = 92
SAMPLE_EVENTS_MAX: Final = 1 << 17
BYTES_MAX: Final = 256 << 20
_FORMAT: Final = 1
_STEP_HOURS: Final = 6
_HOURS_A_CENTURY: Final = 100 * 365.25 * 24


class BaselineFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A baseline as it is kept, canonical JSON.

    model: version whose scores were counted, "" for none.  from_ms, to_ms: the span, whole days in China, `to_ms` outside.
    groups: pairs of kind and channel (kind * 8 + channel) with a group of their own.  batch: the channel of batches, -1 for
    none.  counts, events, mix: as `Usual.of` takes them, flat.  psi, ratio: (mean, spread) of the cube roots of PSI and of
    PSI / noise, by column.  t: the quantile of Student's t for the probability that a column may exceed its threshold by
    chance; z: that of the normal distribution.
    """

    format: int
    features: str
    model: str
    from_ms: int
    to_ms: int
    taken: int
    columns: list[Column]
    groups: list[int]
    batch: int
    counts: list[int]
    events: list[int]
    mix: list[int]
    psi: list[tuple[float, float]]
    ratio: list[tuple[float, float]]
    t: float
    z: float
    false_alarms_per_century: int
    source: str
    off: list[int] = []
    worked: list[int] = []


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline ready for use; `digest` is the SHA-256 of its bytes."""

    file: BaselineFile
    digest: str
    layout: Layout
    usual: Usual

    @property
    def columns(self) -> Sequence[Column]:
        """What is watched."""
        return self.file.columns

    @property
    def days(self) -> int:
        """Days it was made of."""
        return (self.file.to_ms - self.file.from_ms) // DAY_MS

    def thresholds(self, compared: Compared) -> Floats:
        """The PSI that a quiet window does not exceed, by column; infinite without events."""
        file = self.file
        far = file.t * math.sqrt(1.0 + 1.0 / self.days)
        (psi_mean, psi_spread), (mean, spread) = np.array(file.psi).T, np.array(file.ratio).T
        sampling = _chi_squared(np.maximum((compared.expected >= 0.5).sum(axis=-1) - 1, 1), file.z)
        ratio = np.maximum((mean + far * spread) ** 3, sampling)
        found: Floats = np.maximum((psi_mean + far * psi_spread) ** 3, ratio * compared.noise)
        return found


def _chi_squared(freedom: Ints, z: float) -> Floats:
    """Upper quantile of chi-squared at the normal quantile z (Wilson and Hilferty, 1931)."""
    part = 2.0 / (9.0 * freedom)
    found: Floats = freedom * (1.0 - part + z * np.sqrt(part)) ** 3
    return found


def read_baseline(content: bytes) -> Baseline:
    """The baseline in a file's content.  Raises Damaged."""
    try:
        file = msgspec.json.decode(content, type=BaselineFile)
        columns = len(file.columns)
        layout = Layout.of(file.columns, file.groups, file.batch)
        counts = np.array(file.counts, np.int64).reshape(-1, kernel.PARTS, columns, kernel.BINS)
        events = np.array(file.events, np.int64).reshape(len(counts), kernel.PARTS)
        mix = np.array(file.mix, np.int64).reshape(WEEK_HOURS, int(layout.mixed.sum()), kernel.BINS)
        if file.format != _FORMAT or not columns == len(file.psi) == len(file.ratio):
            raise ValueError
    except (msgspec.MsgspecError, ValueError, IndexError):
        raise Damaged(f"this is not a baseline of format {_FORMAT}") from None
    days = Days(tuple(file.off), tuple(file.worked))
    usual = Usual.of(counts, events, mix, _seen(_hours(file.from_ms, file.to_ms), days), layout.mixed)
    return Baseline(file, hashlib.sha256(content).hexdigest(), layout, usual)


def _hours(from_ms: int, to_ms: int) -> Ints:
    return np.arange(from_ms // HOUR_MS, to_ms // HOUR_MS)


def _seen(hours: Ints, days: Days) -> Ints:
    """How often each hour of the week is among the hours."""
    found: Ints = np.bincount(days.hour_of_week(hours), minlength=WEEK_HOURS)
    return found


class Sample:
    """Every so-many-th event of a stream, at most SAMPLE_EVENTS_MAX, for cutting bins; where batches end changes nothing."""

    def __init__(self, features_count: int) -> None:
        none = (np.zeros((0, len(Col)), np.int64), np.zeros((0, features_count)), np.zeros(0))
        self._parts: list[tuple[Rows, Floats, Floats]] = [none]
        self._seen = self._kept = 0
        self._stride = 1

    def take(self, rows: Rows, features: Floats, scores: Floats) -> None:
        """More events; labels are passed over."""
        events = np.flatnonzero(rows[:, Col.KIND] != Kind.LABEL)
        numbers = self._seen + np.arange(len(events))
        self._seen += len(events)
        chosen = events[numbers % self._stride == 0]
        self._parts.append((rows[chosen], features[chosen], scores[chosen]))
        self._kept += len(chosen)
        while self._kept > SAMPLE_EVENTS_MAX:
            self._stride *= 2
            all_rows, all_features, all_scores = self.arrays()
            self._parts = [(all_rows[::2], all_features[::2], all_scores[::2])]
            self._kept = len(self._parts[0][0])

    def arrays(self) -> tuple[Rows, Floats, Floats]:
        """Rows, features and scores of the sample."""
        rows, features, scores = zip(*self._parts, strict=True)
        return np.concatenate(rows), np.concatenate(features), np.concatenate(scores)


class BaselineMaker:
    """Counts the events of a span of whole days; from_ms, to_ms: midnights in China, to_ms outside.

    sample: of the same events, for cutting bins.  names: of the features.  calendar: days that are not what their weekday says.

    Raises InputError for a span that is too short or too long, and for an empty sample.
    """

    def __init__(
        self,
        sample: Sample,
        names: Sequence[str],
        from_ms: int,
        to_ms: int,
        settings: WatchSettings,
        calendar: Days,
    ) -> None:
        days = (to_ms - from_ms) // DAY_MS
        if not DAYS_MIN <= days <= DAYS_MAX:
            raise InputError(f"a baseline spans {DAYS_MIN} to {DAYS_MAX} days, not {days}")
        if (from_ms + CHINA_OFFSET_MS) % DAY_MS or (to_ms - from_ms) % DAY_MS:
            raise InputError("a baseline begins and ends at midnight in China")
        rows, features, scores = sample.arrays()
        self._settings = settings
        first_day = (from_ms + CHINA_OFFSET_MS) // DAY_MS
        self._calendar = calendar.between(first_day, first_day + days - 1)
        self._columns = columns_of(rows, features, scores, names, settings.batch)
        self._pairs = groups_of(rows)
        self._layout = Layout.of(self._columns, self._pairs, settings.batch)
        self._from_ms, self._to_ms = from_ms, to_ms
        columns, bins, groups = len(self._columns), kernel.BINS, len(self._pairs) + 1
        self._tally = np.zeros((24 * days // _STEP_HOURS, groups, columns, bins), np.int32)
        self._hourly = np.zeros((24 * days, columns, bins), np.int64)
        self._strata = np.zeros((24 * days, kernel.PARTS * groups), np.int64)
        self._head = np.zeros(kernel.HEAD_WORDS, np.int64)
        self._head[kernel.OPEN_HOUR] = to_ms // HOUR_MS - 1

    def take(self, rows: Rows, features: Floats, scores: Floats) -> None:
        """More events; those that did not happen in the span are passed over.  scores: NaN for none."""
        occurred = rows[:, Col.OCCURRED_MS]
        inside = (occurred >= self._from_ms) & (occurred < self._to_ms)
        if not inside.all():
            rows, features, scores = rows[inside], features[inside], scores[inside]
        of = self._layout
        columns = (of.reads, of.places, of.edges, of.codes, of.sizes, of.groups, of.batch)
        kernel.fold(rows, features, scores, 0, *columns, self._hourly, self._strata, self._head)
        kernel.tally(rows, features, scores, self._from_ms // HOUR_MS, _STEP_HOURS, *columns, self._tally)

    def made(self, features: str, model: str, source: str) -> bytes:
        """The baseline as it is kept.  features, model: versions; source: what the events were, in words.

        Raises InputError when there are hardly any events.
        """
        from scipy.stats import t as student

        taken = int(self._head[kernel.TAKEN])
        hours = _hours(self._from_ms, self._to_ms)
        days = len(hours) // 24
        settings = self._settings
        if taken < days * settings.events_min:
            raise InputError(f"a baseline needs {settings.events_min} events a day; here are {taken:,} in {days} days")
        slots = hours % len(hours)
        mix_hours, strata_hours = (
            self._hourly[slots][:, self._layout.mixed],
            self._calendar.restrata(self._strata[slots], hours),
        )
        quarters = self._tally.astype(np.int64)
        parts = self._calendar.parts_of(hours[::_STEP_HOURS])
        counts = np.stack([quarters[parts == part].sum(axis=0) for part in range(kernel.PARTS)], axis=1)
        events = strata_hours.sum(axis=0).reshape(-1, kernel.PARTS)
        mix = np.zeros((WEEK_HOURS, *mix_hours.shape[1:]), np.int64)
        np.add.at(mix, self._calendar.hour_of_week(hours), mix_hours)
        psi, ratio = self._variation(hours, quarters, strata_hours, mix_hours, counts, events, mix)
        allowed = settings.false_alarms_per_century / _HOURS_A_CENTURY / len(self._columns)
        return canonical_json(
            BaselineFile(
                _FORMAT,
                features,
                model,
                self._from_ms,
                self._to_ms,
                taken,
                list(self._columns),
                list(self._pairs),
                settings.batch,
                counts.ravel().tolist(),
                events.ravel().tolist(),
                mix.ravel().tolist(),
                psi,
                ratio,
                float(student.isf(allowed, days - 1)),
                NormalDist().inv_cdf(1 - allowed),
                settings.false_alarms_per_century,
                source,
                list(self._calendar.off),
                list(self._calendar.worked),
            )
        )

    def _variation(
        self, hours: Ints, quarters: Ints, strata: Ints, mix_hours: Ints, counts: Ints, events: Ints, mix: Ints
    ) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """(mean, spread) of the cube roots of PSI and of PSI / noise over the windows of the baseline, by column."""
        seen, mixed, found = _seen(hours, self._calendar), self._layout.mixed, []
        parts = self._calendar.parts_of(hours[::_STEP_HOURS])
        for start in range(0, len(hours) - WINDOW_HOURS + 1, _STEP_HOURS):
            part = slice(start, start + WINDOW_HOURS)
            cells = self._calendar.hour_of_week(hours[part])
            other_counts, other_mix, other_seen = counts.copy(), mix.copy(), seen.copy()
            for quarter in range(start // _STEP_HOURS, (start + WINDOW_HOURS) // _STEP_HOURS):
                other_counts[:, parts[quarter]] -= quarters[quarter]
            own = strata[part].sum(axis=0)
            other_mix[cells] -= mix_hours[part]  # 24 hours in a row are 24 different hours of the week
            other_seen[cells] -= 1
            others = Usual.of(other_counts, events - own.reshape(-1, kernel.PARTS), other_mix, other_seen, mixed)
            first = start // _STEP_HOURS
            actual = quarters[first : first + WINDOW_HOURS // _STEP_HOURS].sum(axis=(0, 1))
            compared = compare(actual, own, cells, others)
            with np.errstate(invalid="ignore"):
                found.append(np.cbrt((compared.psi, compared.psi / compared.noise)))
        roots = np.where(np.isfinite(found), found, np.nan)  # (windows, 2, columns)
        roots[:, np.isfinite(roots).sum(axis=0) < DAYS_MIN] = 1.0  # hardly ever seen: a PSI of 1 and more is an alarm
        means, spreads = np.nanmean(roots, axis=0), np.nanstd(roots, axis=0, ddof=1)
        psi, ratio = (list(zip(means[k].tolist(), spreads[k].tolist(), strict=True)) for k in (0, 1))
        return psi, ratio
