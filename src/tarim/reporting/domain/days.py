"""Days and periods of reports: calendar days in China, ISO weeks from Monday, calendar months.

A day is a number, 20260228.  A period runs from the first to the last day, both included.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from tarim.base.errors import DefinitionError
from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, HOUR_MS

PERIOD_DAYS_MAX: Final = 366
SETTLED_MS: Final = 2 * HOUR_MS
"""A period is reported by schedule so long after its end: late senders and the desk have caught up."""
_EPOCH: Final = date(1970, 1, 1)


class PeriodKind(StrEnum):
    """How long a report's period is."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    ON_DEMAND = "on-demand"


@dataclass(frozen=True, slots=True)
class Period:
    """From a day to a day, both included."""

    kind: PeriodKind
    from_day: int
    to_day: int

    def __post_init__(self) -> None:
        first, last = date_of(self.from_day), date_of(self.to_day)
        if not first <= last < first + timedelta(PERIOD_DAYS_MAX):
            raise DefinitionError(f"a report's period has 1 to {PERIOD_DAYS_MAX} days, the first not after the last")

    @property
    def from_ms(self) -> int:
        """Its first instant."""
        return start_ms(self.from_day)

    @property
    def end_ms(self) -> int:
        """The first instant after it."""
        return start_ms(self.to_day) + DAY_MS

    @property
    def id(self) -> str:
        """`daily-20260228`; `on-demand-20260101-20260228`."""
        days = str(self.from_day) if self.kind is PeriodKind.DAILY else f"{self.from_day}-{self.to_day}"
        return f"{self.kind.value}-{days}"

    def days(self) -> list[int]:
        """Every day of it."""
        first, last = date_of(self.from_day), date_of(self.to_day)
        return [number_of(first + timedelta(place)) for place in range((last - first).days + 1)]

    def before(self) -> Period:
        """The period of the same length before it; the month before a month."""
        last = date_of(self.from_day) - timedelta(1)
        if self.kind is PeriodKind.MONTHLY:
            return Period(self.kind, number_of(last.replace(day=1)), number_of(last))
        first = last - (date_of(self.to_day) - date_of(self.from_day))
        return Period(self.kind, number_of(first), number_of(last))


def day_of(at_ms: int) -> int:
    """The day of an instant, in China."""
    return number_of(_EPOCH + timedelta((at_ms + CHINA_OFFSET_MS) // DAY_MS))


def start_ms(day: int) -> int:
    """The instant at which a day begins in China."""
    return (date_of(day) - _EPOCH).days * DAY_MS - CHINA_OFFSET_MS


def date_of(day: int) -> date:
    """The date of a number.  Raises DefinitionError."""
    try:
        return date(day // 10_000, day // 100 % 100, day % 100)
    except ValueError:
        raise DefinitionError(f"{day} is no day: it is like 20260228") from None


def number_of(day: date) -> int:
    """The number of a date."""
    return day.year * 10_000 + day.month * 100 + day.day


def period_of(kind: PeriodKind, day: int) -> Period:
    """The day, week or month that a day lies in."""
    at = date_of(day)
    if kind is PeriodKind.WEEKLY:
        monday = at - timedelta(at.weekday())
        return Period(kind, number_of(monday), number_of(monday + timedelta(6)))
    if kind is PeriodKind.MONTHLY:
        last = (at.replace(day=28) + timedelta(4)).replace(day=1) - timedelta(1)
        return Period(kind, number_of(at.replace(day=1)), number_of(last))
    return Period(kind, day, day)


def due(now_ms: int, filed: frozenset[str]) -> list[Period]:
    """Scheduled periods that are over and settled and not filed: the last day, week and month."""
    yesterday = day_of(now_ms - SETTLED_MS - DAY_MS)
    found = [period_of(PeriodKind.DAILY, yesterday)]
    for kind in (PeriodKind.WEEKLY, PeriodKind.MONTHLY):
        period = period_of(kind, yesterday)
        found.append(period if period.to_day == yesterday else period.before())
    return [period for period in found if period.id not in filed]


def local_datetime(at_ms: int) -> datetime:
    """China's local time, without a zone."""
    return datetime.fromtimestamp((at_ms + CHINA_OFFSET_MS) / 1_000, UTC).replace(tzinfo=None)


def local_text(at_ms: int) -> str:
    """China's local time, to the second; "" for never."""
    return f"{local_datetime(at_ms):%Y-%m-%d %H:%M:%S}" if at_ms else ""
