"""Doubtful rows are sent the way of messages; the good ones of both ways are kept, in order, with their notes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from tarim.base.errors import FieldError
from tarim.base.instants import instant_text
from tarim.intake.assemble import FREE_NOTES, SEAL_BIT, Assembler, Parts
from tarim.intake.columns.work import Ints, Work, ints, is_text, milliseconds
from tarim.intake.domain import Notes, Refusal
from tarim.intake.message import convert_message
from tarim.privacy import FIELDS, SEALED_TEXTS
from tarim.stream import Col, Rows

_INT_TEXT: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_NOTE_FACTORS: Final = np.array(
    [0x9E3779B97F4A7C15 * (2 * bit + 1) & (1 << 64) - 1 for bit in range(len(FIELDS))], np.uint64
)
"""Odd numbers, one for each kind of note."""
_YEAR_1900_MS: Final = -2_208_988_800_000
_YEAR_9999_MS: Final = 253_402_300_799_999
_WHOLE_FIELDS: Final = frozenset({"amount_fen", "extra_0", "extra_1", "extra_2", "extra_3"})
_TRUTH_FIELDS: Final = frozenset({"history_authorised", "location_permitted"})


@dataclass(slots=True, repr=False)
class TableParts:
    """The good rows of a table, in order, not sealed yet.

    rows: shape (n, ROW_WORDS).  places: shape (n,), the row each came from.  texts: for each sealable field that is
    present, its raw values (an Arrow string array of n values, null where absent).  text_hashes: shape (n, 2), keyed
    hashes of SEALED_TEXTS, 0 where absent.
    slow: parts of the rows that went the message's way, by place in the good rows; their entries in `texts` are void.
    """

    rows: Rows
    places: Ints
    event_ids: list[str]
    sources: list[str]
    notes: list[Notes | None]
    texts: dict[str, pa.Array]
    text_hashes: Ints
    slow: dict[int, Parts]
    refusals: list[Refusal]


def finish(work: Work, assembler: Assembler, received: Ints, sources: list[str], flags: int) -> TableParts:
    """Send the doubtful rows the message's way, and keep the good ones of both ways in order."""
    refusals: list[Refusal] = []
    by_row: dict[int, Parts] = {}
    good = ~work.doubtful
    names = [name for name in FIELDS if name in work.columns]
    for place in np.flatnonzero(work.doubtful).tolist():
        try:
            values = {name: _cell(work, name, place) for name in names}
            values = {name: value for name, value in values.items() if value is not None}
            if sources[place]:
                values.setdefault("source", sources[place])
            parts = assembler.parts(convert_message(values), int(received[place]), flags)
        except FieldError as error:
            refusals.append(Refusal(place, error.field, error.rule, error.got, error.code))
            continue
        by_row[place] = parts
        good[place] = True
        work.rows[place] = np.frombuffer(parts.row, np.int64)
    places = np.flatnonzero(good)
    notes = _notes(work, assembler)
    event_ids: list[str] = _strings(work.columns["event_id"])
    for place, parts in by_row.items():
        event_ids[place] = parts.event_id
        sources[place] = parts.source
        notes[place] = parts.notes
    texts = {name: work.texts[name] for name in work.texts if name in SEAL_BIT}
    hashes = np.zeros((len(work.rows), len(SEALED_TEXTS)), np.int64)
    for at, name in enumerate(SEALED_TEXTS):
        if name in work.hashes:
            hashes[:, at] = work.hashes[name]
    for place, parts in by_row.items():
        hashes[place] = parts.text_hashes
    rows = work.rows
    slow = by_row
    if refusals:
        chosen = places.tolist()
        rows = rows[places]
        event_ids = [event_ids[place] for place in chosen]
        sources = [sources[place] for place in chosen]
        notes = [notes[place] for place in chosen]
        taken = pa.array(places)
        texts = {name: column.take(taken) for name, column in texts.items()}
        hashes = hashes[places]
        slow = {int(np.searchsorted(places, place)): parts for place, parts in by_row.items()}
    return TableParts(rows, places, event_ids, sources, notes, texts, hashes, slow, refusals)


def _strings(column: pa.Array) -> list[str]:
    return column.to_pylist() if is_text(column) else [""] * len(column)


def _cell(work: Work, name: str, place: int) -> Any:
    """One value as a message would have it."""
    column = work.columns[name]
    if not column[place].is_valid:
        return None
    if pa.types.is_timestamp(column.type):
        at_ms = int(np.clip(ints(milliseconds(column.slice(place, 1)))[0], _YEAR_1900_MS, _YEAR_9999_MS))
        written = instant_text(at_ms)
        return written if column.type.tz is not None else written.removesuffix("Z")
    value = column[place].as_py()
    if isinstance(value, str):
        if name in _WHOLE_FIELDS and _INT_TEXT.fullmatch(value):
            return int(value)
        if name in _TRUTH_FIELDS and value in ("true", "false"):
            return value == "true"
        if name == "verification":
            return value.split("|")
    return value


def _notes(work: Work, assembler: Assembler) -> list[Notes | None]:
    """The notes of each row; events that say the same share one value.

    The same: texts of the same keyed hashes, and references of the same event key.
    """
    count = len(work.rows)
    named = [name for name in (*FREE_NOTES, "legal_basis", "refers_to") if name in work.texts]
    named = [name for name in FIELDS if name in named]
    notes: list[Notes | None] = [assembler.plain_notes] * count
    if not named:
        return notes
    default = assembler.limits.legal_basis_default
    mixed = np.zeros(count, np.uint64)
    for bit, name in enumerate(named):
        hashed = work.hashes[name] if name in work.hashes else work.rows[:, Col.REFERS_KEY]
        mixed += hashed.view(np.uint64) * _NOTE_FACTORS[bit]
    _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    places = pa.array(first)
    columns = [work.texts[name].take(places).to_pylist() for name in named]
    different: list[Notes | None] = []
    for values in zip(*columns, strict=True):
        said = {name: value for name, value in zip(named, values, strict=True) if value is not None}
        if said:
            said.setdefault("legal_basis", default)
        different.append(said or assembler.plain_notes)
    return [different[number] for number in which.tolist()]
