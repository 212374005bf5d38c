"""When a period ends, walked: days one by one with the calendar of another project, hours quarter by quarter.

Everything here is naive: aware datetimes of Asia/Shanghai, no arithmetic of instants shared with the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
QUARTER = timedelta(minutes=15)
OPEN, CLOSE = time(10), time(18)
Span = tuple[datetime, datetime | None]


def paused(at: datetime, pauses: Sequence[Span]) -> bool:
    """Whether the clock stands still at a moment."""
    return any(begin <= at and (end is None or at < end) for begin, end in pauses)


def opening(at: datetime) -> datetime:
    """The moment itself while the office is open, else when it opens next."""
    while not (OPEN <= at.time() < CLOSE and chinese_calendar.is_workday(at.date())):
        at += QUARTER
    return at


def end_of_days(start: datetime, length: int, pauses: Sequence[Span], *, working: bool) -> datetime | None:
    """The end of a period of days; None when a pause lasts."""
    day: date = start.date()
    counted = 0
    while True:
        day += timedelta(days=1)
        if working and not chinese_calendar.is_workday(day):
            continue
        tick = (
            datetime.combine(day, CLOSE, SHANGHAI)
            if working
            else datetime.combine(day + timedelta(days=1), time(), SHANGHAI)
        )
        if any(end is None and begin <= tick for begin, end in pauses):
            return None
        counted += not paused(tick, pauses)
        if counted == length:
            return tick


def end_of_hours(start: datetime, hours: int, pauses: Sequence[Span], *, working: bool) -> datetime | None:
    """The end of a period of hours; start and pauses lie on quarters of an hour."""
    at, quarters = start, 0
    while True:
        if any(end is None and begin <= at for begin, end in pauses):
            return None
        open_now = not working or (OPEN <= at.time() < CLOSE and chinese_calendar.is_workday(at.date()))
        quarters += open_now and not paused(at, pauses)
        at += QUARTER
        if quarters == hours * 4:
            return at


def end_of_months(start: datetime, months: int) -> datetime:
    """Midnight after the day of the same number so many months later, or after the month's last day."""
    wanted = start.day
    first = start.date().replace(day=1)
    for _ in range(months):
        first = (first + timedelta(days=32)).replace(day=1)
    day = first
    while day.day < wanted and (day + timedelta(days=1)).month == first.month:
        day += timedelta(days=1)
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI)
