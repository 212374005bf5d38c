"""A list of the bank's own: CSV, UTF-8, with the header

    id,name,quality,kind,birth,country,programme

One row a name; further rows of the same id are its aliases.  Only `id` and `name` must be there.  quality: primary, strong or
weak (the first row of an id is primary, others strong, unless they say so).  kind: person, entity, vessel or aircraft.  birth,
country: several apart by `;`, as in `1970-05;1971` and `CN;HK`; of the first row of an id.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from tarim.base.errors import FieldError, InputError
from tarim.screening.names.domain import BirthSpan, Kind, ListedName, ListEntry, Quality

SOURCE: Final = "OWN"
COLUMNS: Final = ("id", "name", "quality", "kind", "birth", "country", "programme")
_REQUIRED: Final = frozenset({"id", "name"})
_ID_CHARACTERS_MAX: Final = 64


def entries_of_csv(content: bytes) -> tuple[ListEntry, ...]:
    """The entries of the file.  Raises InputError that names the line, and never repeats what stands there."""
    rows: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for line, row in _rows(content):
        entry_id = row["id"]
        if not 1 <= len(entry_id) <= _ID_CHARACTERS_MAX or not entry_id.isprintable():
            raise InputError(f"line {line}: id has 1 to {_ID_CHARACTERS_MAX} printable characters")
        rows.setdefault(entry_id, []).append((line, row))
    return tuple(_entry(entry_id, of_entry) for entry_id, of_entry in rows.items())


def _rows(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip() for name in next(reader, [])]
        if not _REQUIRED <= set(header) <= set(COLUMNS) or len(set(header)) != len(header):
            raise InputError(f"the first line must name columns of {', '.join(COLUMNS)}, id and name among them")
        for cells in reader:
            if len(cells) != len(header):
                raise InputError(f"line {reader.line_num}: has {len(cells)} columns, the first line {len(header)}")
            yield (
                reader.line_num,
                dict.fromkeys(COLUMNS, "") | dict(zip(header, (cell.strip() for cell in cells), strict=True)),
            )
    except UnicodeDecodeError:
        raise InputError("the file is not UTF-8") from None
    except csv.Error as error:
        raise InputError(f"the file is no CSV: {error}") from None


def _entry(entry_id: str, rows: list[tuple[int, dict[str, str]]]) -> ListEntry:
    names = tuple(
        _name(line, row, Quality.STRONG if index else Quality.PRIMARY) for index, (line, row) in enumerate(rows)
    )
    line, first = rows[0]
    try:
        births = tuple(BirthSpan.parse(text) for text in first["birth"].split(";") if text.strip())
        countries = tuple(sorted({code.strip().upper() for code in first["country"].split(";") if code.strip()}))
        if any(len(code) != 2 or not code.isalpha() or not code.isascii() for code in countries):
            raise FieldError("country", "must be codes of two letters, for example CN;HK")
        if first["kind"] and first["kind"] not in Kind._value2member_map_:
            raise FieldError("kind", f"is one of {', '.join(Kind)}")
        kind = Kind(first["kind"]) if first["kind"] else Kind.PERSON
        return ListEntry(entry_id, SOURCE, first["programme"], kind, names, births, countries)
    except InputError as error:
        raise InputError(f"line {line}: {error.detail}") from None


def _name(line: int, row: dict[str, str], usual: Quality) -> ListedName:
    try:
        if row["quality"] and row["quality"] not in Quality._value2member_map_:
            raise FieldError("quality", f"is one of {', '.join(Quality)}")
        return ListedName(row["name"], Quality(row["quality"]) if row["quality"] else usual)
    except InputError as error:
        raise InputError(f"line {line}: {error.detail}") from None
