"""Random clocks over three years, and where they differ from the walk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from tarim.base.instants import instant_ms
from tarim.deadlines import CLOCKS, Calendar, ClockKind, ClockRule, Pause, Schedule, Unit, load_schedule
from tests.naive import deadlines as naive

FIRST = datetime(2024, 1, 1, tzinfo=naive.SHANGHAI)
QUARTERS = 4 * 24 * (365 * 2 + 366 - 150)
"""Starts leave room for the longest period before the last year ends."""


def differences(count: int, seed: int, calendar: Calendar | None = None) -> Iterator[str]:
    """One line for each of `count` random clocks whose end or warning is not the walk's.

    calendar: the product's own unless another is given.
    """
    random = Random(seed)
    calendar = calendar or load_schedule().calendar
    for number in range(count):
        rule = _rule(random)
        schedule = Schedule(calendar, rules={rule.kind: rule})
        start = FIRST + random.randrange(QUARTERS) * naive.QUARTER
        pauses = _pauses(random, start) if rule.pausable else []
        deadline = schedule.deadline(rule.kind, instant_ms(start), _as_pauses(pauses))
        if rule.office_hours_only:
            start = naive.opening(start)
        wanted = [_walk(rule, rule.length - less, start, pauses) for less in (0, *rule.warn_before)]
        found = [deadline.due_ms, *deadline.warnings_ms]
        if wanted != found or deadline.started_ms != instant_ms(start):
            yield f"case {number}: {rule.length} {rule.unit.value} from {start}, {len(pauses)} pauses: {found} for {wanted}"


def _rule(random: Random) -> ClockRule:
    """A rule of the table as it is, or with another unit, length and warnings."""
    rule = CLOCKS[random.choice(list(ClockKind))]
    if rule.length <= 15 and random.random() < 0.3:
        return rule
    unit = random.choice(list(Unit))
    length = random.randint(1, {Unit.MONTHS: 4, Unit.WORKING_HOURS: 16, Unit.HOURS: 60}.get(unit, 30))
    warn_before = tuple(sorted({random.randint(1, length) for _ in range(2)} - {length}, reverse=True))
    pausable = unit is not Unit.MONTHS and random.random() < 0.7
    return replace(
        rule,
        unit=unit,
        length=length,
        warn_before=warn_before,
        pausable=pausable,
        office_hours_only=random.random() < 0.3,
    )


def _pauses(random: Random, start: datetime) -> list[naive.Span]:
    """Up to three pauses, overlapping or not, some before the start, one in ten without end."""
    pauses: list[naive.Span] = []
    for _ in range(random.randrange(4)):
        begin = start + random.randrange(-96, 96 * 10) * naive.QUARTER
        length = random.choice((0, 1, 8, 40, 96, 96 * 4)) * naive.QUARTER
        pauses.append((begin, None if random.random() < 0.1 else begin + length))
    return pauses


def _as_pauses(pauses: list[naive.Span]) -> list[Pause]:
    return [Pause(instant_ms(begin), None if end is None else instant_ms(end), "waits") for begin, end in pauses]


def _walk(rule: ClockRule, length: int, start: datetime, pauses: list[naive.Span]) -> int | None:
    match rule.unit:
        case Unit.MONTHS:
            end: datetime | None = naive.end_of_months(start, length)
        case Unit.HOURS | Unit.WORKING_HOURS:
            end = naive.end_of_hours(start, length, pauses, working=rule.unit is Unit.WORKING_HOURS)
        case _:
            end = naive.end_of_days(start, length, pauses, working=rule.unit is Unit.WORKING_DAYS)
    return None if end is None else (end - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
