"""Holidays in the watch: a public holiday is like a Sunday, a worked Saturday like a Friday; old baselines keep their days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import msgspec
import numpy as np

from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, HOUR_MS
from tarim.bootstrap.watch_files import days_of
from tarim.models import Baseline, BaselineMaker, Days, Drift, Sample, WatchSettings, read_baseline
from tarim.models.kernels import watch as kernel
from tarim.stream import Channel, Col, Kind, empty_rows

EPOCH = date(1970, 1, 1)
SETTINGS = WatchSettings(events_min=100)
FIRST = (date(2026, 9, 7) - EPOCH).days  # a Monday
SPAN = 28
HOLIDAYS = tuple(range(FIRST + 9, FIRST + 12))  # Wednesday to Friday of the second week
WORKED = (FIRST + 12,)  # the Saturday after them
LATER = tuple(range(FIRST + SPAN + 9, FIRST + SPAN + 12))
CALENDAR = Days((*HOLIDAYS, *LATER), WORKED)


def resting(day: int) -> bool:
    """Whether people of the made-up bank rest."""
    return day in CALENDAR.off or ((day + 3) % 7 >= 5 and day not in CALENDAR.worked)


def events(days: Sequence[int], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, features and scores; on days of rest people buy more, spend more, and get up later."""
    rng = np.random.default_rng(seed)
    parts = []
    for day in days:
        count, rest = 500, resting(day)
        rows = empty_rows(count)
        hours = rng.choice(
            24, count, p=np.array([1] * (10 if rest else 7) + [6] * (14 if rest else 17)) / (94 if rest else 109)
        )
        rows[:, Col.OCCURRED_MS] = day * DAY_MS - CHINA_OFFSET_MS + hours * HOUR_MS + rng.integers(0, HOUR_MS, count)
        rows[:, Col.KIND] = rng.choice([Kind.PAYMENT, Kind.TRANSFER], count, p=[0.7, 0.3] if rest else [0.4, 0.6])
        rows[:, Col.CHANNEL] = Channel.MOBILE
        rows[:, Col.AMOUNT_FEN] = np.exp(8 + (0.6 if rest else 0) + rng.standard_normal(count)).astype(np.int64)
        features = rng.normal(1.0 if rest else 0.0, 1.0, (count, 1))
        order = np.argsort(rows[:, Col.OCCURRED_MS], kind="stable")
        parts.append((rows[order], features[order], rng.beta(1, 9, count)[order]))
    rows, features, scores = (np.concatenate(each) for each in zip(*parts, strict=True))
    rows[:, Col.SEQ] = 10**6 * days[0] + np.arange(len(rows))
    return rows, features, scores


def baseline(calendar: Days) -> Baseline:
    days = events(range(FIRST, FIRST + SPAN), seed=1)
    sample = Sample(1)
    sample.take(*days)
    begin_ms = FIRST * DAY_MS - CHINA_OFFSET_MS
    maker = BaselineMaker(sample, ("spend",), begin_ms, begin_ms + SPAN * DAY_MS, SETTINGS, calendar)
    maker.take(*days)
    return read_baseline(maker.made("features-1", "model-1", "test"))


def alarms(of: Baseline, calendar: Days) -> set[str]:
    """Columns named in two weeks with a holiday."""
    drift = Drift(of, SETTINGS, calendar)
    drift.take(*events(range(FIRST + SPAN, FIRST + SPAN + 14), seed=2), "model-1")
    return {alarm.column for alarm in drift.alarms}


def test_a_holiday_raises_no_alarm_when_the_calendar_knows_it_and_does_when_not() -> None:
    known = baseline(CALENDAR)
    assert alarms(known, CALENDAR) == set()
    assert {"hour_of_day", "kind"} <= alarms(known, Days()), "the same weeks by the weekday"
    assert (known.file.off, known.file.worked) == (list(HOLIDAYS), list(WORKED)), "the span's own days are kept with it"


def test_a_shift_on_a_holiday_is_still_named() -> None:
    known = baseline(CALENDAR)
    rows, features, scores = events(range(FIRST + SPAN + 7, FIRST + SPAN + 13), seed=3)
    later = rows[:, Col.OCCURRED_MS] >= LATER[0] * DAY_MS - CHINA_OFFSET_MS
    features[later & (np.random.default_rng(0).random(len(rows)) < 0.3), 0] = np.nan
    drift = Drift(known, SETTINGS, CALENDAR)
    drift.take(rows, features, scores, "model-1")
    (alarm,) = drift.alarms
    assert alarm.column == "spend" and alarm.raised_ms < (LATER[0] + 1) * DAY_MS - CHINA_OFFSET_MS


def test_days_are_sundays_fridays_and_mondays() -> None:
    """By hour of the week and by stratum, where the first days of a month stay what they are."""
    calendar = Days((FIRST + 2,), (FIRST + 5, FIRST + 13))

    def of(day: int) -> tuple[int, int]:
        hours = np.array([day * 24 - 8 + 5])
        return int(calendar.hour_of_week(hours)[0]), int(calendar.parts_of(hours)[0])

    assert of(FIRST + 2) == (6 * 24 + 5, 1), "a Wednesday off"
    assert of(FIRST + 5) == (4 * 24 + 5, 0), "a Saturday worked"
    assert of(FIRST + 13) == (5, 0), "a Sunday worked"
    assert of(FIRST + 1) == (24 + 5, 0) and of(FIRST + 6) == (6 * 24 + 5, 1)
    october = (date(2026, 10, 1) - EPOCH).days
    both = Days((october,), ())
    assert both.parts_of(np.array([24 * october])).tolist() == [2]
    hours = np.arange(24 * FIRST, 24 * (FIRST + 7))
    strata = np.random.default_rng(0).integers(0, 9, (len(hours), kernel.PARTS * 4))
    counted = np.zeros_like(strata)
    weekday = Days().parts_of(hours)
    for part in range(kernel.PARTS):
        counted[weekday == part, part :: kernel.PARTS] = strata[weekday == part, part :: kernel.PARTS]
    again = calendar.restrata(counted, hours)
    assert again.sum() == counted.sum() and (Days().restrata(counted, hours) == counted).all()
    parts = calendar.parts_of(hours)
    assert all(
        again[h].nonzero()[0].size == 0 or set(again[h].nonzero()[0] % kernel.PARTS) == {parts[h]}
        for h in range(len(hours))
    )


def test_the_official_calendar_is_what_the_bank_has_or_what_comes_with_the_product(tmp_path: Path) -> None:
    """Spring Festival of 2026 and the weekend worked for it; a year without a notice goes by the weekday."""
    days = days_of(tmp_path)
    festival = (date(2026, 2, 17) - EPOCH).days
    worked = (date(2026, 2, 14) - EPOCH).days
    assert festival in days.off and worked in days.worked
    assert all((EPOCH + timedelta(day)).weekday() < 5 for day in days.off)
    (tmp_path / "calendar.toml").write_text(
        '[2031]\nsource = "a notice"\n'
        'holidays = ["2031-01-01", "2031-05-01", "2031-10-01", "2031-10-02", "2031-10-03"]\nworked = []\n'
    )
    assert festival not in days_of(tmp_path).off and (date(2031, 5, 1) - EPOCH).days in days_of(tmp_path).off


def test_a_baseline_of_before_is_read_as_it_was_counted() -> None:
    """Without the two fields; its own days by the weekday."""
    known = baseline(Days())
    fields = msgspec.to_builtins(known.file)
    del fields["off"], fields["worked"]
    old = read_baseline(msgspec.json.encode(fields))
    assert (old.file.off, old.file.worked) == ([], [])
    assert (old.usual.mix == known.usual.mix).all()
