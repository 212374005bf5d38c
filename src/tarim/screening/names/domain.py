"""What a sanctions list says: parties with their names, dates of birth and countries."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from tarim.base.errors import DefinitionError, FieldError

ENTRIES_MAX: Final = 200_000
NAMES_PER_ENTRY_MAX: Final = 300
TEXT_CHARACTERS_MAX: Final = 512

_BIRTH: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")


class Kind(StrEnum):
    """What is listed."""

    PERSON = "person"
    ENTITY = "entity"
    VESSEL = "vessel"
    AIRCRAFT = "aircraft"


class Quality(StrEnum):
    """How much a name identifies: a weak alias (a nickname, an acronym) alone says little."""

    PRIMARY = "primary"
    STRONG = "strong"
    WEAK = "weak"


@dataclass(frozen=True, slots=True)
class ListedName:
    """One name of a party as the list writes it, in any script."""

    text: str
    quality: Quality = Quality.PRIMARY

    def __post_init__(self) -> None:
        if not self.text.strip() or len(self.text) > TEXT_CHARACTERS_MAX:
            raise FieldError("name", f"has 1 to {TEXT_CHARACTERS_MAX} characters", f"{len(self.text)} characters")


@dataclass(frozen=True, slots=True)
class BirthSpan:
    """The days on which somebody may have been born, both ends included; one day when it is known exactly."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise FieldError("birth", "ends before it begins")

    @classmethod
    def parse(cls, text: str) -> BirthSpan:
        """The span of `1970`, `1970-05` or `1970-05-21`.  Raises FieldError, which does not repeat the value."""
        match = _BIRTH.fullmatch(text.strip())
        try:
            if match is None:
                raise ValueError
            year, month, day = int(match[1]), match[2], match[3]
            if day:
                exact = date(year, int(month), int(day))
                return cls(exact, exact)
            if month:
                following = date(year + int(month) // 12, int(month) % 12 + 1, 1)
                return cls(date(year, int(month), 1), following - timedelta(days=1))
            return cls(date(year, 1, 1), date(year, 12, 31))
        except ValueError:
            raise FieldError("birth", "must be a date written 1970, 1970-05 or 1970-05-21") from None

    @classmethod
    def parse_pair(cls, first: str, last: str) -> BirthSpan:
        """The span of its two days, ISO 8601.  Raises ValueError, FieldError."""
        return cls(date.fromisoformat(first), date.fromisoformat(last))

    @property
    def exact(self) -> bool:
        """Whether one day is known."""
        return self.first == self.last

    def days_apart(self, other: BirthSpan) -> int:
        """Days between the two spans; 0 when they overlap."""
        return max(0, (self.first - other.last).days, (other.first - self.last).days)


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One party of a list.

    id: stable in its source ("OFAC-306").  programme: why it is listed.  births: every date given.  countries: ISO 3166-1
    alpha-2 codes of nationality, citizenship, flag and address, in alphabetical order.
    """

    id: str
    source: str
    programme: str
    kind: Kind
    names: tuple[ListedName, ...]
    births: tuple[BirthSpan, ...] = ()
    countries: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.names or len(self.names) > NAMES_PER_ENTRY_MAX:
            raise DefinitionError(f"entry {self.id}: an entry has 1 to {NAMES_PER_ENTRY_MAX} names")


@dataclass(frozen=True, slots=True)
class NameList:
    """A list as it was read.  digest: SHA-256 of the source's bytes, hex.  dated: the source's own date, or ""."""

    name: str
    digest: str
    entries: tuple[ListEntry, ...] = field(repr=False)
    dated: str = ""

    def __post_init__(self) -> None:
        if len(self.entries) > ENTRIES_MAX:
            raise DefinitionError(f"list {self.name} has more than {ENTRIES_MAX} entries")
        if len({entry.id for entry in self.entries}) != len(self.entries):
            raise DefinitionError(f"list {self.name} has two entries of one id")


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """Whom to screen: a name and what else is known.  countries: ISO 3166-1 alpha-2 codes."""

    name: str
    birth: BirthSpan | None = None
    countries: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > TEXT_CHARACTERS_MAX:
            raise FieldError("name", f"has 1 to {TEXT_CHARACTERS_MAX} characters", f"{len(self.name)} characters")
        if any(not _COUNTRY.fullmatch(country) for country in self.countries):
            raise FieldError("country", "must be a code of two capital letters, for example CN")
