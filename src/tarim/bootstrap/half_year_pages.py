"""A half year of complaints as pages: the counts of redress, set by reporting (CM-08)."""

from __future__ import annotations

from tarim.deadlines import ClockKind, Schedule
from tarim.redress import HALF_YEAR_ROWS, HALF_YEAR_TABLES, HalfYearView, Statistics, name_in
from tarim.reporting import CountedSheet, CountedTable, counted_pages

_DIGITS = 16


def half_year_pages(view: HalfYearView, schedule: Schedule, bank: str, at_ms: int) -> bytes:
    """The PDF of a half year.  bank: its name.  at_ms: when it was signed, or now.  Raises as `counted_pages`."""
    now, before = view.counts, view.before
    return counted_pages(
        CountedSheet(
            title_zh="投诉半年统计报告" if view.signed_by else "投诉半年统计报告（草稿）",
            title_en="Complaints of half a year" + ("" if view.signed_by else " (draft)"),
            bank=bank,
            number=f"{view.period}　SHA-256 {view.digest[:_DIGITS]}",
            period=_named(now.period),
            before=_named(before.period),
            overall=CountedTable(
                "总体情况",
                "Overview",
                [(zh, en, _text(getattr(now, name)), _text(getattr(before, name))) for name, zh, en in HALF_YEAR_ROWS],
            ),
            clocks=[(*_clock(schedule, kind), *_kept(now, kind)) for kind in now.clocks],
            tables=[CountedTable(zh, en, _rows(now, before, name, words)) for name, zh, en, words in HALF_YEAR_TABLES],
            signed=[
                ("签署人", "by", view.signed_by),
                ("签署时间", "at", view.signed_at),
                ("应于此前签署", "due", view.clock.due_at),
                ("统计摘要", "digest of the counts", view.digest[:_DIGITS]),
            ],
            note=(
                "单位：件，平均处理天数为天。投诉计入收到日所在半年。发现的问题与改进措施随签署加密保存于档案，查看须说明理由并留痕。",
                "Counts are of complaints, but the mean, which is of days. A complaint counts in the half year in which it "
                "came in. What was found and will be done lies sealed in the signed file; who reads it says why, on the trail.",
            ),
        ),
        at_ms,
    )


def _named(period: str) -> tuple[str, str]:
    year, first = period[:4], period.endswith("1")
    return f"{year}年{'上' if first else '下'}半年", f"{'first' if first else 'second'} half of {year}"


def _text(value: float | None) -> str:
    if value is None:
        return "—"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _clock(schedule: Schedule, kind: str) -> tuple[str, str]:
    rule = schedule.rules.get(ClockKind(kind))
    return (rule.title_zh, rule.title_en) if rule is not None else (kind, "")


def _kept(now: Statistics, kind: str) -> tuple[str, str, str, str]:
    found = now.clocks[kind]
    return _text(found.kept), _text(found.late), _text(found.running), _text(found.unknown)


def _rows(now: Statistics, before: Statistics, name: str, words: str) -> list[tuple[str, str, str, str]]:
    """Every word that either half year counts, so that what ceased is seen as well; months are of one half year only."""
    counts: dict[str, int] = getattr(now, name)
    earlier: dict[str, int] = getattr(before, name) if words else {}
    listed = sorted({*counts, *earlier})
    return [
        (*name_in(words, each), _text(counts.get(each, 0)), _text(earlier.get(each, 0) if words else None))
        for each in listed
    ]
