"""Counts of one period beside those of the one before, as pages that a person signs and files (CM-08)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tarim.reporting.adapters.pages import pdf

Fact = tuple[str, str, str]
"""Chinese, English, value."""


@dataclass(frozen=True, slots=True)
class CountedTable:
    """One table.  rows: (Chinese, English, count of this period, of the one before)."""

    title_zh: str
    title_en: str
    rows: Sequence[tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True)
class CountedSheet:
    """What the pages say.  number: of the file, or the draft's digest.  note: (Chinese, English), under everything."""

    title_zh: str
    title_en: str
    bank: str
    number: str
    period: tuple[str, str]
    before: tuple[str, str]
    overall: CountedTable
    clocks: Sequence[tuple[str, str, str, str, str, str]]
    """(Chinese, English, kept, late, running, without a calendar)."""
    tables: Sequence[CountedTable]
    signed: Sequence[Fact]
    note: tuple[str, str]


_CLOCK_COLUMNS: Final = (
    ("时限", "clock", "", "left"),
    ("按期", "kept", "20mm", "right"),
    ("逾期", "late", "20mm", "right"),
    ("进行中", "running", "20mm", "right"),
    ("缺少日历", "no calendar", "22mm", "right"),
)


def counted_pages(sheet: CountedSheet, at_ms: int) -> bytes:
    """The PDF/A.  at_ms: the time written into the file; same sheet and time, same bytes.  Raises as `pages.pdf`."""
    columns = (
        ("项目", "what", "", "left"),
        (*sheet.period, "38mm", "right"),
        (*sheet.before, "38mm", "right"),
    )
    data = {
        "title-zh": sheet.title_zh,
        "title-en": sheet.title_en,
        "bank": sheet.bank,
        "number": sheet.number,
        "period": " ".join(sheet.period),
        "columns": columns,
        "clock-columns": _CLOCK_COLUMNS,
        "overall": _table(sheet.overall),
        "clocks": [(f"{zh} {en}".strip(), *counts) for zh, en, *counts in sheet.clocks],
        "tables": [_table(each) for each in sheet.tables if each.rows],
        "signed": list(sheet.signed),
        "note": sheet.note,
    }
    return pdf("counted.typ", data, at_ms)


def _table(table: CountedTable) -> dict[str, object]:
    rows = [(f"{zh} {en}".strip(), now, before) for zh, en, now, before in table.rows]
    return {"title": (table.title_zh, table.title_en), "rows": rows}
