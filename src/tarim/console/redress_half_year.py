"""Complaints of a half year, counted and signed; how to complain; the calendar clocks run by; losses with parts missing."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import datetime
from typing import Final

import msgspec

from tarim.console import redress_field_words as field_words
from tarim.console import redress_views as views
from tarim.console import redress_words as words
from tarim.console.pages import Download, Go, Page, View, Visit
from tarim.console.redress import clock_rules, common
from tarim.console.rendering import zone
from tarim.console.services import Refused, segment
from tarim.console.words import _, capital, each_language, either
from tarim.identity import Scope

_READS: Final = frozenset({Scope.REDRESS_READ})
_TWICE: Final = re.compile(r"([^A-Za-z]*[\u3400-\u9fff]) ([A-Za-z][A-Za-z ,.-]*)")
SHOWN: Final = 4
"""Half years offered, the one under way first."""


class _Kept(msgspec.Struct):
    kept: int = 0
    late: int = 0
    running: int = 0
    unknown: int = 0


class _Counts(msgspec.Struct):
    total: int
    closed: int
    withdrawn: int
    founded: int
    unfounded: int
    objected: int
    referred: int
    with_loss: int
    by_kind: dict[str, int]
    by_channel: dict[str, int]
    by_category: dict[str, int]
    by_department: dict[str, int]
    by_cause: dict[str, int]
    by_month: dict[str, int]
    clocks: dict[str, _Kept]
    mean_handling_days: float | None


class _HalfYear(msgspec.Struct):
    period: str
    counts: _Counts
    before: _Counts
    digest: str
    signed_by: str
    signed_at: str
    clock: views.Clock


class _Pages(msgspec.Struct):
    name: str
    content: bytes


class _Channel(msgspec.Struct):
    channel: str
    reached: str


class _Channels(msgspec.Struct):
    channels: list[_Channel]
    hours: str
    handled_within: str
    answered_within: str
    association_zh: str
    association_en: str
    association_contact: str
    association_hours: str


class _Incomplete(msgspec.Struct):
    id: str
    state: str
    owner: str
    missing: list[str]


class _Losses(msgspec.Struct):
    losses: list[_Incomplete]


class _Lapsed(msgspec.Struct):
    id: str
    state: str
    owner: str
    rule: str
    person: str
    since_at: str


class _LapsedRules(msgspec.Struct):
    rules: list[_Lapsed]


@each_language
def _rows() -> tuple[tuple[str, str], ...]:
    """Counts and their names."""
    return (
        ("total", either("受理", "Received")),
        ("closed", either("办结", "Closed")),
        ("founded", either("属实", "Founded")),
        ("unfounded", either("不属实", "Not founded")),
        ("withdrawn", either("撤回", "Withdrawn")),
        ("objected", either("有异议", "Objected to")),
        ("referred", either("转外部机构", "Referred outside")),
        ("with_loss", either("涉及损失", "With a loss")),
    )


@each_language
def _tables() -> tuple[tuple[str, str, str], ...]:
    """Counts and their names."""
    return (
        ("by_category", either("按事由", "By category"), "Category"),
        ("by_channel", either("按渠道", "By channel"), "Channel"),
        ("by_cause", either("按原因", "By cause"), "Cause"),
        ("by_kind", either("按类型", "By kind"), "ComplaintKind"),
        ("by_department", either("按部门", "By department"), "DEPARTMENTS"),
        ("by_month", either("按月份", "By month"), ""),
    )


def periods(now: datetime) -> list[str]:
    """The half year under way and those before it."""
    year, half = now.year, 1 if now.month <= 6 else 2
    found = []
    for _n in range(SHOWN):
        found.append(f"{year}H{half}")
        year, half = (year, 1) if half == 2 else (year - 1, 2)
    return found


def period_name(period: str) -> str:
    """`2026 年下半年`."""
    year, half = period[:4], period[5:]
    return either(
        f"{year} 年{'上' if half == '1' else '下'}半年", f"{'First' if half == '1' else 'Second'} half of {year}"
    )


async def show_half_year(visit: Visit) -> View:
    """The counts of a half year beside those of the one before."""
    return await _half_year(visit, None)


async def _half_year(visit: Visit, error: Refused | None) -> View:
    offered = periods(datetime.now(zone()))
    period = visit.path.get("period") or offered[1]
    found, rules = await asyncio.gather(
        visit.desk.get(f"/v1/complaint-statistics/{segment(period)}", _HalfYear), clock_rules(visit)
    )
    now_ms = time.time_ns() // 1_000_000
    counts, before = found.counts, found.before
    values = common(visit, None) | {
        "found": found,
        "period": period,
        "name": period_name(period),
        "offered": [(each, period_name(each)) for each in offered],
        "rows": [(name, getattr(counts, of), getattr(before, of)) for of, name in _rows()],
        "tables": [(name, _table(of, table, counts, before)) for of, name, table in _tables() if getattr(counts, of)],
        "clocks": [(_clock_name(rules, name), kept) for name, kept in counts.clocks.items()],
        "due": views.told(found.clock, rules, now_ms),
        "over": period != offered[0],
        "may_sign": visit.may(Scope.REDRESS_DECIDE),
        "error": error,
        "text": visit.form.get("text", ""),
    }
    return View("redress/half_year.html", values, status=422 if error else 200)


def _table(of: str, table: str, counts: _Counts, before: _Counts) -> list[tuple[str, int, int]]:
    now: dict[str, int] = getattr(counts, of)
    earlier: dict[str, int] = getattr(before, of)
    named = words.departments() if table == "DEPARTMENTS" else field_words.values().get(table, {})
    order = sorted(now, key=lambda each: each if of == "by_month" else f"{10**9 - now[each]:010d}{each}")
    return [(words.said(named, each), now[each], earlier.get(each, 0)) for each in order]


def _clock_name(rules: dict[str, views.Rule], name: str) -> str:
    rule = rules.get(name)
    return either(rule.title_zh, capital(rule.title_en)) if rule else name


async def fetch_half_year(visit: Visit) -> Download:
    """The same as PDF."""
    found = await visit.desk.get(f"/v1/complaint-statistics/{segment(visit.path['period'])}/document", _Pages)
    return Download(found.name, found.content, "application/pdf")


async def sign(visit: Visit) -> View | Go:
    """Answer for a half year's counts."""
    period, text = visit.path["period"], visit.form.get("text", "").strip().replace("\r\n", "\n")
    body = {"digest": visit.form.get("digest", ""), "text": text}
    try:
        await visit.desk.post(f"/v1/complaint-statistics/{segment(period)}/signature", body)
    except Refused as error:
        if error.status not in (409, 422):
            raise
        return await _half_year(visit, error)
    return Go("redress_half_year", {"period": period}, toast=_("已签署"))


def half_of(reached: str) -> str:
    """The viewer's half of a line that says the same in Chinese and then in English; any other as it is."""
    found = _TWICE.fullmatch(reached)
    return either(found[1], found[2]) if found else reached


async def show_notice(visit: Visit) -> View:
    """How customers complain, and the clocks and calendar behind what they are promised."""
    channels, clocks = await asyncio.gather(
        visit.desk.get("/v1/complaint-channels", _Channels), visit.desk.get("/v1/clock-kinds", views.Rules)
    )
    values = common(visit, None) | {
        "channels": channels,
        "clocks": clocks,
        "period_text": views.period_text,
        "source_text": views.source_text,
        "half": half_of,
        "value_of": field_words.value_of,
    }
    return View("redress/notice.html", values)


async def show_incomplete(visit: Visit) -> View:
    """Losses whose files lack parts."""
    found = await visit.desk.get("/v1/incomplete-losses", _Losses)
    lapsed, told = await _lapsed(visit)
    return View(
        "redress/incomplete.html", common(visit, None) | {"losses": found.losses, "lapsed": lapsed, "told": told}
    )


async def _lapsed(visit: Visit) -> tuple[list[_Lapsed], bool]:
    """Containments that lapsed, and whether that can be told: not before anything was judged."""
    try:
        return (await visit.desk.get("/v1/lapsed-containments", _LapsedRules)).rules, True
    except Refused as error:
        if error.status not in (404, 503):
            raise
        return [], False


PAGES: Final = (
    Page("GET", "/redress/statistics", "redress_statistics", _READS, show_half_year, nav="redress"),
    Page("GET", "/redress/statistics/{period}", "redress_half_year", _READS, show_half_year, nav="redress"),
    Page(
        "POST", "/redress/statistics/{period}", "redress_sign", frozenset({Scope.REDRESS_DECIDE}), sign, nav="redress"
    ),
    Page("GET", "/redress/statistics/{period}/pdf", "redress_half_year_pdf", _READS, fetch_half_year, nav="redress"),
    Page("GET", "/redress/notice", "redress_notice", _READS, show_notice, nav="redress"),
    Page("GET", "/redress/incomplete", "redress_incomplete", _READS, show_incomplete, nav="redress"),
)
