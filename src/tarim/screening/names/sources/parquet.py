"""The two lists as Parquet tables: the columns of the published files under their usual names."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tarim.base.errors import InputError
from tarim.screening.names.domain import BirthSpan, Kind, ListedName, ListEntry, Quality
from tarim.screening.names.sources import ofac, un

_SDN: Final = (
    *("ent_num", "sdn_name", "sdn_type", "program", "title", "call_sign"),
    *("vess_type", "tonnage", "grt", "vess_flag", "vess_owner", "remarks"),
)
_ALT: Final = ("ent_num", "alt_num", "alt_type", "alt_name", "alt_remarks")
_ADD: Final = ("ent_num", "add_num", "address", "city_state_zip", "country", "add_remarks")
_UN: Final = (
    *("dataid", "kind", "name", "name_original_script"),
    *("aliases", "un_list_type", "nationality", "dates_of_birth"),
)


def ofac_entries(sdn: bytes, alt: bytes, add: bytes) -> tuple[ListEntry, ...]:
    """The entries of three tables with the columns of sdn.csv, alt.csv and add.csv.  Raises InputError."""
    return ofac.entries_of_rows(_rows(sdn, _SDN), _rows(alt, _ALT), _rows(add, _ADD))


def un_entries(content: bytes) -> tuple[ListEntry, ...]:
    """The entries of a table of the UN list.  Raises InputError.

    Its aliases carry no quality: one of a single word counts as weak for a person, any other as strong.
    """
    return tuple(_un_entry(*row) for row in _rows(content, _UN))


def _un_entry(*row: Any) -> ListEntry:
    number, kind, name, original, aliases, programme, nationality, births = row
    names = [ListedName(text) for text in (name, original) if text]
    party = Kind.PERSON if kind == "individual" else Kind.ENTITY
    for text in (text for cell in aliases for text in un.alias_texts(cell)):
        weak = party is Kind.PERSON and len(text.split()) == 1
        names.append(ListedName(text, Quality.WEAK if weak else Quality.STRONG))
    return un.un_entry(
        number,
        programme or "",
        party,
        names,
        [BirthSpan.parse(text) for text in births if text],
        nationality,
    )


def _rows(content: bytes, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    try:
        table = pq.read_table(io.BytesIO(content), columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"not a Parquet table: {type(error).__name__}") from None
    missing = set(columns) - set(table.column_names)
    if missing:
        raise InputError(f"the table lacks the columns {', '.join(sorted(missing))}")
    yield from zip(*(table.column(name).to_pylist() for name in columns), strict=True)
