"""The two files a bank may write: `calendar.toml` (notices) and `deadlines.toml` (office hours, lengths of its own)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from tarim.base.errors import DefinitionError, TooLarge
from tarim.deadlines.domain.calendar import Calendar, OfficeHours, YearNotice
from tarim.deadlines.domain.clocks import CLOCKS, HOUSE, ClockKind, ClockRule

TEXT_CHARACTERS_MAX: Final = 1 << 18
RANGE_DAYS_MAX: Final = 31
_MINUTE: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")
_YEARS: Final = range(2000, 2200)


class _Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: Annotated[str, Meta(min_length=1, max_length=200)]
    holidays: Annotated[list[Annotated[str, Meta(max_length=24)]], Meta(max_length=100)]
    worked: Annotated[list[Annotated[str, Meta(max_length=10)]], Meta(max_length=100)]


class _Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    open: str = "10:00"
    close: str = "18:00"


class _Clock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    length: int
    warn_before: list[int] | None = None


class _House(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    office: _Hours = _Hours()
    clocks: dict[str, _Clock] = {}


def read_calendar(text: str) -> Calendar:
    """The calendar of a text in the form of `notices.toml`.  Raises DefinitionError, TooLarge."""
    raw = _toml("calendar", text)
    notices = []
    for year, content in raw.items():
        if not year.isdecimal() or int(year) not in _YEARS:
            raise DefinitionError("calendar: a table's name is a year, [2026]")
        notice: _Notice = _converted(f"calendar {year}", content, _Notice)
        holidays = frozenset(day for each in notice.holidays for day in _days(year, each))
        worked = frozenset(_day(year, each) for each in notice.worked)
        notices.append(YearNotice(int(year), notice.source, holidays, worked))
    return Calendar(notices)


def read_rules(text: str) -> tuple[OfficeHours, Mapping[ClockKind, ClockRule]]:
    """Office hours, and the rules with the bank's own lengths.

    Raises DefinitionError; also where a period that is not of the house is made longer than its source allows.  TooLarge.
    """
    house: _House = _converted("deadlines", _toml("deadlines", text), _House)
    rules = dict(CLOCKS)
    for name, clock in house.clocks.items():
        rule = rules[_kind(name)]
        if clock.length > rule.length and HOUSE not in rule.source:
            raise DefinitionError(f"deadlines: {name} is {rule.length} at most ({rule.source})")
        warnings = rule.warn_before if clock.warn_before is None else tuple(clock.warn_before)
        if clock.warn_before is None:
            warnings = tuple(each for each in warnings if each < clock.length)
        rules[rule.kind] = replace(rule, length=clock.length, warn_before=warnings)
    return OfficeHours(_minute(house.office.open), _minute(house.office.close)), MappingProxyType(rules)


def _kind(name: str) -> ClockKind:
    try:
        return ClockKind(name)
    except ValueError:
        known = ", ".join(sorted(ClockKind))
        raise DefinitionError(f"deadlines: there is no clock {name[:64]!r}; there are {known}") from None


def _toml(what: str, text: str) -> dict[str, Any]:
    if len(text) > TEXT_CHARACTERS_MAX:
        raise TooLarge(f"{what}: the text has more than {TEXT_CHARACTERS_MAX:,} characters")
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DefinitionError(f"{what}: this is no TOML: {error}") from None


def _converted(what: str, raw: Any, shape: type) -> Any:
    try:
        return msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        raise DefinitionError(f"{what}: {error}") from None


def _days(year: str, text: str) -> list[date]:
    """The days of `2026-05-01` or `2026-05-01..2026-05-05`."""
    first_text, dots, last_text = text.partition("..")
    first = _day(year, first_text)
    last = _day(year, last_text) if dots else first
    count = (last - first).days + 1
    if not 1 <= count <= RANGE_DAYS_MAX:
        raise DefinitionError(f"calendar {year}: {text} is no range of 1 to {RANGE_DAYS_MAX} days")
    return [first + timedelta(days=each) for each in range(count)]


def _day(year: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DefinitionError(f"calendar {year}: {text} is no day like 2026-05-01") from None


def _minute(text: str) -> int:
    match = _MINUTE.fullmatch(text)
    if match is None:
        raise DefinitionError("deadlines: office hours are written like 10:00")
    return int(match[1]) * 60 + int(match[2])
