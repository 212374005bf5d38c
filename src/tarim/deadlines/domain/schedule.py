"""When a period ends.

A period of days is a number of *ticks*: a working day ticks when the office closes, a calendar day at the midnight that
ends it.  The day of the start does not count (Civil Code art. 201), so the first tick is that of a later day.  The period
ends at its n-th tick; a tick at which the clock is paused does not count.  So a pause of an hour at noon gains nothing,
and one that lasts over the evening gains a day.

A period of hours is a length of running time: by day and night, or while the office is open, pauses left out.

"w units left" is where the period shortened by w would end; that is when a warning comes.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from tarim.base.errors import DefinitionError, NotFound
from tarim.base.instants import HOUR_MS
from tarim.deadlines.domain.calendar import DAY_MINUTES, Calendar, OfficeHours, day_of, instant_on
from tarim.deadlines.domain.clocks import CLOCKS, ClockKind, ClockRule, Unit
from tarim.deadlines.domain.deadline import PAUSES_MAX, Deadline, Pause

LOOK_AHEAD_DAYS: Final = 60
_MONTHS: Final = 12


class Schedule:
    """The calendar, the office's hours and the kinds' rules: everything a deadline depends on but its own start."""

    __slots__ = ("calendar", "hours", "rules")

    def __init__(
        self,
        calendar: Calendar,
        hours: OfficeHours | None = None,
        rules: Mapping[ClockKind, ClockRule] = CLOCKS,
    ) -> None:
        self.calendar = calendar
        self.hours = hours or OfficeHours()
        self.rules = rules

    def deadline(self, kind: ClockKind, received_ms: int, pauses: Iterable[Pause] = ()) -> Deadline:
        """The clock of a kind whose start event was at `received_ms`.

        Raises YearMissing, NotFound for a kind without a rule, DefinitionError for pauses where there can be none or too many.
        """
        rule = self.rules.get(kind)
        if rule is None:
            raise NotFound(f"there is no rule for clocks of the kind {kind.value}")
        given = tuple(sorted(pauses, key=lambda pause: pause.from_ms))
        if given and not rule.pausable:
            raise DefinitionError(f"a clock of the kind {kind.value} cannot be paused")
        if len(given) > PAUSES_MAX:
            raise DefinitionError(f"a clock has at most {PAUSES_MAX} pauses")
        started_ms = self.opening(received_ms) if rule.office_hours_only else received_ms
        due_ms = self._end(rule.unit, rule.length, started_ms, given)
        warnings = tuple(self._end(rule.unit, rule.length - before, started_ms, given) for before in rule.warn_before)
        return Deadline(rule, started_ms, due_ms, warnings, given)

    def opening(self, at_ms: int) -> int:
        """The instant itself while the office is open, else when it opens next.  Raises YearMissing."""
        for day in self.calendar.working_days(day_of(at_ms)):
            opens_ms, closes_ms = self._office(day)
            if at_ms < closes_ms:
                return max(at_ms, opens_ms)
        raise AssertionError("working days never end")

    def is_open(self, at_ms: int) -> bool:
        """Whether the office is open.  Raises YearMissing."""
        opens_ms, closes_ms = self._office(day_of(at_ms))
        return opens_ms <= at_ms < closes_ms and self.calendar.is_worked(day_of(at_ms))

    def warning(self, now_ms: int) -> str:
        """What the operator has to be told: that the next year's notice is wanted; "" when nothing is."""
        year = self.calendar.missing_year(now_ms, LOOK_AHEAD_DAYS)
        if year is None:
            return ""
        return (
            f"holidays of {year} are missing: add the State Council's notice to calendar.toml. "
            f"缺少{year}年节假日安排，请补充国务院办公厅通知。"
        )

    # --------------------------------------------------------------------------------------------------------------- ends

    def _end(self, unit: Unit, length: int, started_ms: int, pauses: Sequence[Pause]) -> int | None:
        match unit:
            case Unit.MONTHS:
                return _months_later(started_ms, length)
            case Unit.HOURS:
                return _consumed(iter([(started_ms, None)]), length * HOUR_MS, pauses)
            case Unit.WORKING_HOURS:
                return _consumed(self._open_spans(started_ms), length * HOUR_MS, pauses)
            case Unit.WORKING_DAYS:
                days = self.calendar.working_days(day_of(started_ms) + 1)
                return _counted((instant_on(day, self.hours.close_minute) for day in days), length, pauses)
            case Unit.CALENDAR_DAYS:
                return _counted(_midnights(day_of(started_ms) + 1), length, pauses)

    def _open_spans(self, from_ms: int) -> Iterator[tuple[int, int]]:
        """Spans in which the office is open, from an instant on."""
        for day in self.calendar.working_days(day_of(from_ms)):
            opens_ms, closes_ms = self._office(day)
            if from_ms < closes_ms:
                yield max(opens_ms, from_ms), closes_ms

    def _office(self, day: int) -> tuple[int, int]:
        return instant_on(day, self.hours.open_minute), instant_on(day, self.hours.close_minute)


def _counted(ticks: Iterator[int], length: int, pauses: Sequence[Pause]) -> int | None:
    """The tick that makes the count full; None when a pause without end comes before it."""
    endless_ms = min((pause.from_ms for pause in pauses if pause.to_ms is None), default=None)
    left = length
    for tick_ms in ticks:
        if endless_ms is not None and tick_ms >= endless_ms:
            return None
        if not any(pause.holds(tick_ms) for pause in pauses):
            left -= 1
            if left == 0:
                return tick_ms
    raise AssertionError("ticks never end")


def _consumed(spans: Iterator[tuple[int, int | None]], length_ms: int, pauses: Sequence[Pause]) -> int | None:
    """Where so much running time has passed; None when a pause without end comes before it.  pauses: by their begin."""
    left_ms = length_ms
    for begin_ms, end_ms in spans:
        at_ms = begin_ms
        for pause in pauses:
            if end_ms is not None and pause.from_ms >= end_ms:
                break
            if pause.from_ms > at_ms:
                if pause.from_ms - at_ms >= left_ms:
                    return at_ms + left_ms
                left_ms -= pause.from_ms - at_ms
            if pause.to_ms is None:
                return None
            at_ms = max(at_ms, pause.to_ms)
        if end_ms is None or end_ms - at_ms >= left_ms:
            return at_ms + left_ms
        left_ms -= max(0, end_ms - at_ms)
    raise AssertionError("spans never end")


def _midnights(day: int) -> Iterator[int]:
    while True:
        yield instant_on(day, DAY_MINUTES)
        day += 1


def _months_later(started_ms: int, months: int) -> int:
    """Midnight after the day of the same number so many months later, or after that month's last day."""
    start = date.fromordinal(day_of(started_ms))
    years, month = divmod(start.month - 1 + months, _MONTHS)
    year, month = start.year + years, month + 1
    day = date(year, month, min(start.day, monthrange(year, month)[1]))
    return instant_on(day.toordinal(), DAY_MINUTES)
