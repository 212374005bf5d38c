"""A risk report as an Excel workbook: the same figures, as numbers, on sheets that can be worked with."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final

from tarim.reporting.adapters.charts import daily_chart, ranking_chart
from tarim.reporting.adapters.pages import png
from tarim.reporting.adapters.risk_pages import TITLES, period_text
from tarim.reporting.domain.days import PeriodKind, date_of, local_text
from tarim.reporting.domain.figures import OUTCOMES, Figures, Line
from tarim.reporting.ports import Letterhead

_HEAD: Final = "1F3A5F"
_WHOLE, _MONEY, _SHARE, _DATE = "#,##0", "#,##0.00", "0.0%", "yyyy-mm-dd"
_LINES: Final = (
    "中文 Chinese",
    "英文 English",
    "笔数 decisions",
    "金额（元） yuan",
    "暂停与拒绝 stopped",
    "拦截金额（元） yuan stopped",
)
_DAYS: Final = (
    "日期 day",
    "交易笔数 events",
    *(f"{zh} {en}" for _, zh, en in OUTCOMES),
    "预警金额（元） yuan",
    "拦截金额（元） yuan stopped",
    "确认欺诈 fraud",
    "确认正常 genuine",
)


def risk_workbook(figures: Figures, kind: PeriodKind, letterhead: Letterhead, person: str, at_ms: int) -> bytes:
    """The workbook.  Raises Unavailable without a Chinese font (charts are pictures)."""
    from openpyxl import Workbook

    book = Workbook()
    _summary(book, figures, kind, letterhead, person, at_ms)
    _table(
        book,
        "每日 Daily",
        _DAYS,
        [_day(day) for day in figures.days],
        [_DATE, *[_WHOLE] * 6, _MONEY, _MONEY, _WHOLE, _WHOLE],
    )
    for title, lines in (
        ("处置 Outcomes", figures.outcomes),
        ("场景 Scenarios", figures.scenarios),
        ("渠道 Channels", figures.channels),
    ):
        _table(book, title, _LINES, [_line(line) for line in lines], ["@", "@", _WHOLE, _MONEY, _WHOLE, _MONEY])
    _charts(book, figures)
    book.properties.creator = letterhead.name or "Tarim"
    book.properties.title = f"{TITLES[kind][0]} {figures.id}"
    written = BytesIO()
    book.save(written)
    return written.getvalue()


def _summary(book: Any, figures: Figures, kind: PeriodKind, letterhead: Letterhead, person: str, at_ms: int) -> None:
    from openpyxl.styles import Font

    sheet = book.active
    sheet.title = "总体 Summary"
    sheet["A1"] = f"{letterhead.name} {TITLES[kind][0]}".strip()
    sheet["A1"].font = Font(size=16, bold=True, color=_HEAD)
    sheet["A2"] = f"{TITLES[kind][1]}　{period_text(figures)}"
    cases = figures.cases
    rows: list[tuple[str, str, Any, str]] = [
        ("交易笔数", "events judged", figures.events, _WHOLE),
        ("预警笔数", "decisions above pass", figures.decisions, _WHOLE),
        ("预警率", "share of events", figures.alert_share, _SHARE),
        ("预警金额（元）", "yuan", figures.amount_fen / 100, _MONEY),
        ("暂停与拒绝", "suspended and blocked", figures.stopped, _WHOLE),
        ("拦截金额（元）", "yuan stopped", figures.stopped_fen / 100, _MONEY),
        ("上期预警笔数", "decisions of the period before", figures.before_decisions, _WHOLE),
        ("上期暂停与拒绝", "stopped of the period before", figures.before_stopped, _WHOLE),
        ("上期拦截金额（元）", "yuan stopped of the period before", figures.before_stopped_fen / 100, _MONEY),
        ("外币预警笔数", "decisions in other currencies", figures.other_currencies, _WHOLE),
        ("确认欺诈", "labels of fraud", figures.fraud, _WHOLE),
        ("确认正常", "labels of genuine payments", figures.genuine, _WHOLE),
        ("新增案件", "cases opened", cases.opened, _WHOLE),
        ("结案", "cases closed", cases.closed, _WHOLE),
        ("上报可疑", "cases reported", cases.reported, _WHOLE),
        ("未结案件", "cases open now", cases.open_now, _WHOLE),
        ("逾期未复核", "cases overdue now", cases.overdue_now, _WHOLE),
        ("核对至流水位置", "journal position reconciled to", figures.as_of_seq, _WHOLE),
        ("核对结果", "reconciliation", "一致 agrees", "@"),
        ("生成人", "made by", person, "@"),
        ("生成时间", "made at", local_text(at_ms), "@"),
        ("报告编号", "report", figures.id, "@"),
    ]
    for place, (zh, en, value, form) in enumerate(rows, 4):
        sheet.cell(place, 1, zh).font = Font(bold=True)
        sheet.cell(place, 2, en).font = Font(color="5D6B80")
        sheet.cell(place, 3, value).number_format = form
    for column, width in (("A", 24), ("B", 34), ("C", 26)):
        sheet.column_dimensions[column].width = width


def _table(book: Any, title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]], forms: Sequence[str]) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(title)
    sheet.append(list(heads))
    for row in rows:
        sheet.append(list(row))
    for place, cell in enumerate(sheet[1], 1):
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", fgColor=_HEAD)
        cell.alignment = Alignment(wrap_text=True, vertical="center")
        sheet.column_dimensions[get_column_letter(place)].width = 20 if forms[place - 1] in (_MONEY, "@") else 13
    for each in sheet.iter_rows(min_row=2):
        for cell, form in zip(each, forms, strict=True):
            cell.number_format = form
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions


def _charts(book: Any, figures: Figures) -> None:
    from openpyxl.drawing.image import Image

    sheet = book.create_sheet("图表 Charts")
    pictures = [("A1", daily_chart(figures))]
    if figures.scenarios:
        pictures.append(("A22", ranking_chart(figures.scenarios)))
    for place, svg in pictures:
        picture = Image(BytesIO(png(svg)))
        picture.width, picture.height = picture.width * 0.6, picture.height * 0.6
        sheet.add_image(picture, place)


def _line(line: Line) -> tuple[Any, ...]:
    return (line.zh, line.en, line.decisions, line.amount_fen / 100, line.stopped, line.stopped_fen / 100)


def _day(day: Any) -> tuple[Any, ...]:
    return (
        date_of(day.day), day.events, *day.by_outcome, day.amount_fen / 100, day.stopped_fen / 100, day.fraud, day.genuine,
    )  # fmt: skip
