"""Which days are worked in China, and from when to when.

Monday to Friday, but for the holidays of the State Council's yearly notice, and with the Saturdays and Sundays it has
worked in exchange.  A year without its notice is not guessed: `YearMissing` says which one is wanted.  China has one zone
and no summer time, so a day is 86,400,000 ms from local midnight to local midnight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from tarim.base.errors import DefinitionError, Unavailable
from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, MINUTE_MS

DAY_MINUTES: Final = 24 * 60
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_SATURDAY: Final = 5
_LAST_MONTH: Final = 12
_ALWAYS_HOLIDAYS: Final = ((1, 1), (5, 1), (10, 1), (10, 2), (10, 3))
"""Month and day of holidays that lie on the same date each year (Regulation on Public Holidays, State Council)."""


class YearMissing(Unavailable):
    """The calendar holds no notice of `year`, and a period runs into it."""

    code = "calendar-year-missing"

    def __init__(self, year: int) -> None:
        super().__init__(
            f"the calendar has no holidays for {year}: add the State Council's notice of that year to calendar.toml"
        )
        self.year = year


@dataclass(frozen=True, slots=True)
class YearNotice:
    """What one year's notice says.

    source: the notice's title, number and date.  holidays, worked: days of this year, or of the December before it.
    """

    year: int
    source: str
    holidays: frozenset[date]
    worked: frozenset[date]

    def __post_init__(self) -> None:
        """Raises DefinitionError for what no notice says."""
        if not self.source.strip():
            raise DefinitionError(f"calendar {self.year}: source must name the notice")
        for day in sorted(self.holidays | self.worked):
            if day.year != self.year and (day.year, day.month) != (self.year - 1, _LAST_MONTH):
                raise DefinitionError(f"calendar {self.year}: {day} lies in another year")
        for day in sorted(self.worked):
            if day in self.holidays:
                raise DefinitionError(f"calendar {self.year}: {day} is both a holiday and worked")
            if day.weekday() < _SATURDAY:
                raise DefinitionError(f"calendar {self.year}: {day} is no weekend day, it is worked anyway")
        for month, of_month in _ALWAYS_HOLIDAYS:
            if date(self.year, month, of_month) not in self.holidays:
                raise DefinitionError(f"calendar {self.year}: {date(self.year, month, of_month)} has to be a holiday")


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """Minutes after local midnight at which an office opens and closes; 10:00 to 18:00 as declared (CM-02)."""

    open_minute: int = 600
    close_minute: int = 1_080

    def __post_init__(self) -> None:
        if not 0 <= self.open_minute < self.close_minute <= DAY_MINUTES:
            raise DefinitionError("office hours: an office opens before it closes, within one day")


class Calendar:
    """Days as the notices have them.  Days are counted as `date.toordinal` does; immutable."""

    __slots__ = ("_holidays", "_worked", "notices")

    def __init__(self, notices: Iterable[YearNotice]) -> None:
        by_year: dict[int, YearNotice] = {}
        for notice in notices:
            if by_year.setdefault(notice.year, notice) is not notice:
                raise DefinitionError(f"calendar: {notice.year} is there twice")
        if not by_year:
            raise DefinitionError("calendar: there is no notice of any year")
        years = sorted(by_year)
        for year in range(years[0], years[-1]):
            if year not in by_year:
                raise DefinitionError(f"calendar: {year} is missing between {years[0]} and {years[-1]}")
        self.notices: Mapping[int, YearNotice] = MappingProxyType({year: by_year[year] for year in years})
        self._holidays = frozenset(day.toordinal() for each in by_year.values() for day in each.holidays)
        self._worked = frozenset(day.toordinal() for each in by_year.values() for day in each.worked)

    def is_worked(self, day: int) -> bool:
        """Whether a day is a working day.  Raises YearMissing."""
        year = date.fromordinal(day).year
        if year not in self.notices:
            raise YearMissing(year)
        return day in self._worked or ((day - 1) % 7 < _SATURDAY and day not in self._holidays)

    def working_days(self, first: int) -> Iterator[int]:
        """Working days from `first` on.  Raises YearMissing when it comes to a year without its notice."""
        day = first
        while True:
            if self.is_worked(day):
                yield day
            day += 1

    def missing_year(self, at_ms: int, ahead_days: int) -> int | None:
        """The first year without a notice that begins within so many days after an instant; None when all are there."""
        for year in range(date.fromordinal(day_of(at_ms)).year, date.fromordinal(day_of(at_ms) + ahead_days).year + 1):
            if year not in self.notices:
                return year
        return None


def day_of(at_ms: int) -> int:
    """The local day on which an instant lies."""
    return (at_ms + CHINA_OFFSET_MS) // DAY_MS + _EPOCH_DAY


def instant_on(day: int, minute: int) -> int:
    """The instant so many minutes after local midnight of a day; 1,440 is the midnight that ends it."""
    return (day - _EPOCH_DAY) * DAY_MS - CHINA_OFFSET_MS + minute * MINUTE_MS
