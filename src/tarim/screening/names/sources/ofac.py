"""The list of the US Treasury's Office of Foreign Assets Control: sdn.csv, alt.csv, add.csv, without header, `-0-` for nothing.

Columns as in the office's description of the files:

    sdn.csv  number, name, type, programme, title, call sign, vessel type, tonnage, gross tonnage, flag, owner, remarks
    alt.csv  number, number of the alias, kind (aka, fka, nka), name, remarks
    add.csv  number, number of the address, address, city, country, remarks

Dates of birth, nationalities and weak aliases stand in the remarks as text: `DOB 05 Jan 1971; nationality Iran; a.k.a. 'X'.`
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final

from tarim.base.errors import InputError
from tarim.screening.names.countries import country_code
from tarim.screening.names.domain import NAMES_PER_ENTRY_MAX, BirthSpan, Kind, ListedName, ListEntry, Quality

SOURCE: Final = "OFAC"
NULL: Final = "-0-"
SDN_COLUMNS: Final = 12
ALT_COLUMNS: Final = 5
ADD_COLUMNS: Final = 6

_KINDS: Final = {"individual": Kind.PERSON, "vessel": Kind.VESSEL, "aircraft": Kind.AIRCRAFT}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ALIAS: Final = re.compile(r"a\.k\.a\. '(.+)'")
_DATE: Final = re.compile(r"(?:(?:([0-9]{1,2}) )?([A-Z][a-z]{2}) )?([0-9]{4})")
CIRCA_YEARS: Final = 2

Row = Sequence[str | None]


def entries_of_csv(sdn: bytes, alt: bytes, add: bytes) -> tuple[ListEntry, ...]:
    """The entries of the three files.  Raises InputError that names file and line."""
    return entries_of_rows(
        _rows(sdn, "sdn.csv", SDN_COLUMNS), _rows(alt, "alt.csv", ALT_COLUMNS), _rows(add, "add.csv", ADD_COLUMNS)
    )


def entries_of_rows(sdn: Iterable[Row], alt: Iterable[Row], add: Iterable[Row]) -> tuple[ListEntry, ...]:
    """The entries of rows in the order of columns above; None stands for nothing."""
    aliases: dict[str, list[str]] = defaultdict(list)
    for row in alt:
        if row[3]:
            aliases[str(row[0])].append(row[3])
    countries: dict[str, set[str]] = defaultdict(set)
    for row in add:
        countries[str(row[0])].add(country_code(row[4] or ""))
    return tuple(_entry(row, aliases[str(row[0])], countries[str(row[0])]) for row in sdn if row[1])


def _entry(row: Row, aliases: Iterable[str], countries: set[str]) -> ListEntry:
    remarks = (row[11] or "").rstrip(". ")
    parts = [re.sub(r"^alt\. ", "", part.strip()) for part in remarks.split(";")]
    weak = [match[1].strip("'") for part in parts if (match := _ALIAS.fullmatch(part.rstrip(".")))]
    found = set(countries) | {country_code(row[9] or "")}
    for part in parts:
        for word in ("nationality ", "citizen "):
            if part.startswith(word):
                found.add(country_code(part[len(word) :]))
    births = [span for part in parts if part.startswith("DOB ") for span in _birth(part[4:])]
    names = {row[1] or "": Quality.PRIMARY}
    for text, quality in [(text, Quality.STRONG) for text in aliases] + [(text, Quality.WEAK) for text in weak]:
        names.setdefault(text, quality)
    return ListEntry(
        id=f"{SOURCE}-{row[0]}",
        source=SOURCE,
        programme="; ".join((row[3] or "").replace("] [", ";").replace(";", "; ").split("; ")).replace("  ", " "),
        kind=_KINDS.get((row[2] or "").strip(), Kind.ENTITY),
        names=tuple(ListedName(text, quality) for text, quality in list(names.items())[:NAMES_PER_ENTRY_MAX] if text),
        births=tuple(dict.fromkeys(births)),
        countries=tuple(sorted(found - {""})),
    )


def _birth(text: str) -> Iterator[BirthSpan]:
    """The span of `05 Jan 1971`, `Jan 1971`, `1971`, `circa 1971`, `1968 to 1969`; nothing for anything else."""
    around = text.startswith("circa ")
    ends = re.split(r" to |(?<=[0-9]{4})-(?=[0-9]{4})", text.removeprefix("circa "))
    matches = [_DATE.fullmatch(end.strip()) for end in ends]
    if len(ends) > 2 or None in matches:
        return
    spans = [_span(match) for match in matches if match]
    if any(span is None for span in spans):
        return
    first, last = min(s.first for s in spans if s), max(s.last for s in spans if s)
    if around:
        first, last = date(first.year - CIRCA_YEARS, 1, 1), date(last.year + CIRCA_YEARS, 12, 31)
    yield BirthSpan(first, last)


def _span(match: re.Match[str]) -> BirthSpan | None:
    day, month, year = match[1], match[2], match[3]
    if month and month not in _MONTHS:
        return None
    text = year + (f"-{_MONTHS.index(month) + 1:02d}" if month else "") + (f"-{int(day):02d}" if day else "")
    try:
        return BirthSpan.parse(text)
    except InputError:  # 31 Feb of a source is no date; the name counts all the same
        return None


def _rows(content: bytes, file: str, columns: int) -> Iterator[Row]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # older editions of the files
    reader = csv.reader(io.StringIO(text.replace("\x1a", ""), newline=""), strict=True)
    try:
        for row in reader:
            if not row or row == [""]:
                continue
            if len(row) != columns:
                raise InputError(f"{file}, line {reader.line_num}: {len(row)} columns, {columns} expected")
            cells = [cell.strip() for cell in row]
            if not cells[0].isdigit():
                raise InputError(f"{file}, line {reader.line_num}: the first column must be the party's number")
            yield [None if cell in (NULL, "") else cell for cell in cells]
    except csv.Error as error:
        raise InputError(f"{file}, line {reader.line_num}: {error}") from None
