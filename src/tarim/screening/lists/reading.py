"""Files of entries, CSV and Excel, strictly: every refused row says where and which rule, never the value.

The first row names the columns, in English or Chinese:

    value        值         the identifier; or, from an export of ours, `token` (16 hexadecimal digits)
    customer     客户       on a list of customers' own entries; or `customer_token`
    operation    操作       add or remove (新增, 移除); add if left out
    source       来源       who says so; the import's own source if left out
    reason       原因       why; the import's own reason if left out
    valid_from   生效       a day (its beginning in China) or RFC 3339 with a zone; no bound if left out
    valid_to     失效       up to but without this instant

Rows are counted as a spreadsheet does: the header is row 1.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, BinaryIO, Final
from xml.etree.ElementTree import ParseError

from tarim.base.errors import FieldError, InputError, TooLarge
from tarim.screening.lists.domain import (
    REASON_CHARACTERS_MAX,
    SOURCE_CHARACTERS_MAX,
    ListDefinition,
    canonical,
    checked_text,
    masked,
    validity,
)

CSV_BYTES_MAX: Final = 2 << 30
XLSX_BYTES_MAX: Final = 64 << 20
XLSX_UNPACKED_BYTES_MAX: Final = 1 << 30
ROWS_MAX: Final = 10_000_000
LINE_CHARACTERS_MAX: Final = 4_096

COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "value": "value",
        "值": "value",
        "token": "token",
        "customer": "customer",
        "客户": "customer",
        "customer_token": "customer_token",
        "operation": "operation",
        "操作": "operation",
        "source": "source",
        "来源": "source",
        "reason": "reason",
        "原因": "reason",
        "valid_from": "valid_from",
        "生效": "valid_from",
        "valid_to": "valid_to",
        "失效": "valid_to",
        "masked": "masked",
        "added_by": "",
        "approved_by": "",
        "added_at": "",
    }
)
"""What each heading means; "" is written by an export and not read."""

_OPERATIONS: Final = MappingProxyType({"": True, "add": True, "新增": True, "remove": False, "移除": False})
_TOKEN: Final = re.compile(r"[0-9a-f]{16}")
_MASKED: Final = re.compile(r"\*{4}\S{0,4}( \*{4}\S{0,4})?")


@dataclass(frozen=True, slots=True)
class RawRow:
    """Cells of a row by column name, as they were written; not to be shown."""

    row: int
    cells: Mapping[str, str]

    def __repr__(self) -> str:
        return f"<RawRow {self.row}>"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A good row.  value, customer: in canonical form, "" when token or customer_token says it.  to_s is 0 to take it off."""

    row: int
    value: str
    customer: str
    token: int
    customer_token: int
    from_s: int
    to_s: int
    source: str
    reason: str
    masked: str

    def __repr__(self) -> str:
        return f"<Wanted of row {self.row}: {self.masked}>"


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken: where, which field, which rule."""

    row: int
    field: str
    rule: str


def read_entries(file: BinaryIO, bytes_count: int, format: str) -> Iterator[RawRow]:  # noqa: A002 - the word users say
    """The rows of a `csv` or `xlsx` file.  Raises InputError (not such a file, unknown columns), TooLarge."""
    if format not in ("csv", "xlsx"):
        raise InputError("a file of entries is csv or xlsx")
    bytes_max = CSV_BYTES_MAX if format == "csv" else XLSX_BYTES_MAX
    if bytes_count > bytes_max:
        raise TooLarge(f"a {format} file of entries has at most {bytes_max:,} bytes")
    table = _csv_rows(file) if format == "csv" else _xlsx_rows(file)
    header = next(table, None)
    if header is None:
        raise InputError("the file has no header row")
    names = _header(header)
    for row, cells in enumerate(table, 2):
        if row - 1 > ROWS_MAX:
            raise TooLarge(f"a file of entries has at most {ROWS_MAX:,} rows")
        if len(cells) > len(names) and any(cells[len(names) :]):
            raise InputError(f"row {row} has {len(cells)} columns, the header has {len(names)}")
        if any(cells):
            yield RawRow(row, {name: cell for name, cell in zip(names, cells, strict=False) if name and cell})


def _header(cells: Sequence[str]) -> list[str]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    names = []
    for column, cell in enumerate(cells, 1):
        name = COLUMNS.get(cell.strip().lower())
        if name is None:
            known = ", ".join(each for each, meaning in COLUMNS.items() if meaning == each)
            raise InputError(f"row 1, column {column}: the heading is none of {known}")
        if name and name in names:
            raise InputError(f"row 1, column {column}: {name} comes twice")
        names.append(name)
    if ("value" in names) is ("token" in names):
        raise InputError("row 1: one column has to be value or token, and not both. 须有且仅有一列为 value 或 token。")
    return names


def _csv_rows(file: BinaryIO) -> Iterator[list[str]]:
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    row = 0
    try:
        for cells in csv.reader(_lines(text), strict=True):
            row += 1
            yield cells
    except UnicodeDecodeError:
        raise InputError(f"after row {row}: the file is not UTF-8 text") from None
    except csv.Error as error:
        raise InputError(f"after row {row}: {error}") from None


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LINE_CHARACTERS_MAX + 1):
        if len(line) > LINE_CHARACTERS_MAX:
            raise TooLarge(f"a line of a file of entries has at most {LINE_CHARACTERS_MAX} characters")
        yield line


def _xlsx_rows(file: BinaryIO) -> Iterator[list[str]]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(each.file_size for each in archive.infolist())
        if unpacked > XLSX_UNPACKED_BYTES_MAX:
            raise TooLarge(f"an xlsx file unpacks to at most {XLSX_UNPACKED_BYTES_MAX:,} bytes")
        file.seek(0)
        with closing(load_workbook(file, read_only=True, data_only=True)) as book:
            for row, cells in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
                yield [_cell(row, column, value) for column, value in enumerate(cells, 1)]
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, IndexError, OSError, ParseError):
        raise InputError("the file is not a whole xlsx file") from None


def _cell(row: int, column: int, value: Any) -> str:
    """A cell as text.  A number is refused: Excel drops leading zeros and keeps 15 digits, so it may not be what was typed."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else f"{value.isoformat()}+08:00"
    if isinstance(value, date):
        return value.isoformat()
    raise InputError(f"row {row}, column {column}: must be text; format the column as text, Excel changes long numbers")


def check_row(definition: ListDefinition, raw: RawRow, source: str, reason: str) -> Wanted:
    """A row in canonical form; `source` and `reason` stand in for its own.  Raises FieldError."""
    cells = raw.cells
    add = _OPERATIONS.get(cells.get("operation", "").strip().lower())
    if add is None:
        raise FieldError("operation", "must be add or remove")
    value, token = _identifier(definition.field, "value", "token", cells)
    customer, customer_token = "", 0
    if definition.per_customer:
        customer, customer_token = _identifier("customer", "customer", "customer_token", cells)
    elif "customer" in cells or "customer_token" in cells:
        raise FieldError("customer", "is only for lists of customers' own entries")
    shown = " ".join(masked(text) for text in (customer, value) if text)
    if token:
        shown = cells.get("masked", "****")
        if _MASKED.fullmatch(shown) is None:
            raise FieldError("masked", "must be as an export writes it")
    elif "masked" in cells:
        raise FieldError("masked", "is only for rows with a token")
    from_s, to_s = validity(cells.get("valid_from", ""), cells.get("valid_to", "")) if add else (0, 0)
    return Wanted(
        raw.row,
        value,
        customer,
        token,
        customer_token,
        from_s,
        to_s,
        checked_text("source", cells.get("source", source), SOURCE_CHARACTERS_MAX),
        checked_text("reason", cells.get("reason", reason), REASON_CHARACTERS_MAX),
        shown,
    )


def _identifier(field: str, column: str, token_column: str, cells: Mapping[str, str]) -> tuple[str, int]:
    """The canonical identifier, or the token that stands for it."""
    if token_column in cells:
        if column in cells:
            raise FieldError(column, f"must not stand beside {token_column}")
        text = cells[token_column].lower()
        token = token_number(text)
        if token == 0:
            raise FieldError(token_column, "must have 16 hexadecimal digits, not all zero")
        return "", token
    if column not in cells:
        raise FieldError(column, "is required")
    try:
        return canonical(field, cells[column]), 0
    except FieldError as error:
        raise FieldError(column, error.rule, error.got) from None


def token_text(token: int) -> str:
    """A token as 16 hexadecimal digits."""
    return f"{token & (1 << 64) - 1:016x}"


def token_number(text: str) -> int:
    """The token of 16 hexadecimal digits, 0 when it is none."""
    if _TOKEN.fullmatch(text) is None:
        return 0
    word = int(text, 16)
    return word - (1 << 64) if word >> 63 else word
