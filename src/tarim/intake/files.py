"""Files of events: CSV, Parquet, JSON lines and ISO 20022 XML, as record batches in envelope columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tarim.base.errors import FieldError, InputError, NotFound, TooLarge
from tarim.intake import domain as rules
from tarim.intake.columns.plain import FEW_VALUES
from tarim.intake.domain import IntakeLimits, RefusedAt, UnsupportedFile
from tarim.intake.iso20022 import read_iso20022
from tarim.intake.mapping import Mapping
from tarim.intake.message import Message, decode_message
from tarim.privacy import FIELDS

FORMATS: Final = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xml": "iso20022",
}
"""Format by the end of the file's name."""

BATCH_ROWS: Final = 65_536
_LIST_ROWS: Final = 8_192
_CSV_BLOCK_BYTES: Final = 4 << 20
_HEADER_COLUMNS_MAX: Final = 1_000
_ROW_TROUBLE: Final = re.compile(r"(?:Row #([0-9]+): )?Expected ([0-9]+) columns, got ([0-9]+)")
_INT64_FIELDS: Final = ("amount_fen", "extra_0", "extra_1", "extra_2", "extra_3")
_TRUTH_FIELDS: Final = ("history_authorised", "location_permitted")


def read_file(
    path: Path,
    format: str | None = None,  # noqa: A002 - the word users say
    mapping: Mapping | None = None,
    *,
    limits: IntakeLimits | None = None,
    zone: str = "+08:00",
) -> Iterator[pa.RecordBatch]:
    """The events of a file as record batches in envelope columns, at most 65,536 rows each, in file order.

    format: csv, parquet, jsonl or iso20022; by the file's name if left out.  mapping: for tables with other columns.
    zone: of ISO 20022 instants that state none.  Values are not checked here: `Intake.table` does that.

    Raises NotFound, UnsupportedFile (not that kind of file, damaged, or cut off), TooLarge, FieldError (about a column),
    RefusedAt (a line of JSON lines, counted from 0).  A file that is found damaged half-way has given its first batches
    already; feeding it again after repair repeats no event, since event_ids are known.
    """
    limits = limits or IntakeLimits()
    kind = format or FORMATS.get(path.suffix.lower(), "")
    if kind not in FORMATS.values():
        raise UnsupportedFile(f"{path.name}: the format must be one of {', '.join(sorted(set(FORMATS.values())))}")
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise NotFound(f"{path} is not a file")
    except OSError:
        raise NotFound(f"{path} does not exist or cannot be read") from None
    if size > limits.file_bytes_max:
        raise TooLarge(f"a file has at most {limits.file_bytes_max} bytes, this one has {size}")
    readers = {"csv": _read_csv, "parquet": _read_parquet, "jsonl": _read_lines}
    batches = _read_xml(path, limits, zone) if kind == "iso20022" else readers[kind](path, limits)
    for batch in batches:
        if batch.num_rows:
            yield batch if mapping is None else mapping.apply(batch)


# ----------------------------------------------------------------------------------------------------------------- CSV


def _read_csv(path: Path, limits: IntakeLimits) -> Iterator[pa.RecordBatch]:
    """Every column as text; an empty cell is absent, an empty cell in quotation marks is an empty text."""
    names = _header(path, limits)
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        check_utf8=True,
    )
    read = pa.csv.ReadOptions(block_size=_CSV_BLOCK_BYTES, use_threads=False)
    parse = pa.csv.ParseOptions(newlines_in_values=False)
    try:
        with pa.csv.open_csv(path, read, parse, convert) as reader:
            for batch in reader:
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield batch.slice(start, BATCH_ROWS)
    except pa.ArrowInvalid as error:
        raise UnsupportedFile(f"{path.name}: {_csv_trouble(str(error))}") from None


def _csv_trouble(text: str) -> str:
    """What is wrong with a CSV file, without the row that Arrow quotes."""
    found = _ROW_TROUBLE.search(text)
    if found is not None:
        where = f"row {found[1]}" if found[1] else "a row"
        return f"{where} has {found[3]} columns, the header has {found[2]}"
    if "UTF8" in text or "UTF-8" in text:
        return "a value is not UTF-8"
    if "straddl" in text or "block" in text:
        return f"a row is longer than {_CSV_BLOCK_BYTES} bytes"
    return "it is not CSV"


def _header(path: Path, limits: IntakeLimits) -> list[str]:
    with path.open("rb") as file:
        line = file.readline(limits.line_bytes_max + 1)
    if len(line) > limits.line_bytes_max:
        raise UnsupportedFile(f"{path.name}: the first line is longer than {limits.line_bytes_max} bytes")
    try:
        names = next(csv.reader([line.decode("utf-8-sig")], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        raise UnsupportedFile(f"{path.name}: the first line is not a CSV header in UTF-8") from None
    if not names or len(names) > _HEADER_COLUMNS_MAX:
        raise UnsupportedFile(f"{path.name}: a CSV header has 1 to {_HEADER_COLUMNS_MAX} columns")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FieldError(twice if twice in FIELDS else "header", rules.NOT_TWICE, "a second column")
    return names


# ------------------------------------------------------------------------------------------------------------- Parquet


def _read_parquet(path: Path, limits: IntakeLimits) -> Iterator[pa.RecordBatch]:
    try:
        schema = pa.parquet.read_schema(path)
        few = [name for name in FEW_VALUES if name in schema.names and pa.types.is_string(schema.field(name).type)]
        with pa.parquet.ParquetFile(path, page_checksum_verification=True, read_dictionary=few) as file:
            yield from file.iter_batches(batch_size=BATCH_ROWS, use_threads=False)
    except (pa.ArrowException, OSError, ValueError, MemoryError):  # Arrow's text may quote what it read
        raise UnsupportedFile(
            f"{path.name} is not a whole Parquet file: it is damaged, cut off, or of another kind"
        ) from None


# ---------------------------------------------------------------------------------------------------------- JSON lines


def _read_lines(path: Path, limits: IntakeLimits) -> Iterator[pa.RecordBatch]:
    rows: list[Message] = []
    with path.open("rb") as file:
        place = 0
        while line := file.readline(limits.message_bytes_max + 2):
            try:
                rows.append(_line_message(line, limits))
            except InputError as error:
                if rows:
                    yield _of_messages(rows)
                raise RefusedAt(place, error) from None
            place += 1
            if len(rows) == _LIST_ROWS:
                yield _of_messages(rows)
                rows = []
    if rows:
        yield _of_messages(rows)


def _line_message(line: bytes, limits: IntakeLimits) -> Message:
    message = decode_message(line.rstrip(b"\r\n"), limits)
    for name in _INT64_FIELDS:
        value = getattr(message, name)
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise FieldError(name, rules.AMOUNT if name == "amount_fen" else rules.EXTRA, "a number out of range")
    return message


def _of_messages(messages: Sequence[Message]) -> pa.RecordBatch:
    """The messages as a table: numbers and truths typed, everything else as text."""
    arrays, names = [], []
    for name in FIELDS:
        values = [getattr(message, name) for message in messages]
        absent = [value is msgspec.UNSET for value in values]
        if all(absent) and name not in ("event_id", "source", "kind", "occurred_at", "customer"):
            continue
        cells = [None if value is msgspec.UNSET else value for value in values]
        arrays.append(_array(name, cells))
        names.append(name)
    return pa.RecordBatch.from_arrays(arrays, names)


def _array(name: str, cells: list[Any]) -> pa.Array:
    if name in _INT64_FIELDS:
        return pa.array(cells, pa.int64())
    if name in _TRUTH_FIELDS:
        return pa.array(cells, pa.bool_())
    if name == "verification":
        return pa.array(cells, pa.list_(pa.string()))
    return pa.array([_cell_text(name, cell) for cell in cells], pa.string())


def _cell_text(name: str, cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, float):
        return f"{cell:.7f}"  # degrees, to the precision they are kept in
    return f"{cell:04d}" if name == "merchant_category" else str(cell)


# ----------------------------------------------------------------------------------------------------------- ISO 20022


def _read_xml(path: Path, limits: IntakeLimits, zone: str) -> Iterator[pa.RecordBatch]:
    rows: list[dict[str, str | int]] = []
    for row in read_iso20022(path, limits, zone):
        rows.append(row)
        if len(rows) == _LIST_ROWS:
            yield _of_rows(rows)
            rows = []
    if rows:
        yield _of_rows(rows)


def _of_rows(rows: Sequence[dict[str, str | int]]) -> pa.RecordBatch:
    """The transactions as a table of texts."""
    names = [name for name in FIELDS if name in ("customer", "occurred_at") or any(name in row for row in rows)]
    columns = [[row.get(name) for row in rows] for name in names]
    arrays = [pa.array([None if cell is None else str(cell) for cell in cells], pa.string()) for cells in columns]
    return pa.RecordBatch.from_arrays(arrays, names)
