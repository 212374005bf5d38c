"""Complaints of half a year, counted (CM-08, IC-15): a draft that a person signs with what was found and will be done.

A complaint belongs to the half year in which it came in, local time.  Punctuality is that of every
round's clocks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, Generic

import msgspec
from msgspec import Meta

from tarim.base.errors import DefinitionError
from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, instant_ms
from tarim.deadlines import ClockKind, Schedule, Standing, YearMissing
from tarim.identity import Scope
from tarim.redress.domain.complaint import COMPLAINT, Complaint
from tarim.redress.domain.complaint import State as ComplaintState
from tarim.redress.domain.files import (
    ClockUse,
    Event,
    File,
    Hand,
    Home,
    Kind,
    Sealed,
    W,
    events_by_tag,
    fields_of_new,
)
from tarim.redress.domain.words import NAMES

_PERIOD: Final = re.compile(r"(20[0-9]{2})H([12])")
_JULY: Final = 7
DRAFT_CHARACTERS_MAX: Final = 64 << 10

Period = Annotated[str, Meta(pattern="^20[0-9]{2}H[12]$")]


class Punctuality(msgspec.Struct, frozen=True):
    """How many clocks of a kind were kept.  late: missed, or overdue by now; unknown: a year's calendar is missing."""

    kept: int = 0
    late: int = 0
    running: int = 0
    unknown: int = 0


class Statistics(msgspec.Struct, frozen=True):
    """Counts of one half year.  mean_handling_days: calendar days from coming in to settled, None where none was."""

    period: str
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
    clocks: dict[str, Punctuality]
    mean_handling_days: float | None


def bounds_ms(period: str) -> tuple[int, int]:
    """First instant of a half year like `2026H1`, and of the next.  Raises DefinitionError."""
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise DefinitionError("a half year is written like 2026H1")
    year, second = int(match[1]), match[2] == "2"
    begin = datetime(year, _JULY if second else 1, 1, tzinfo=UTC)
    end = datetime(year + second, 1 if second else _JULY, 1, tzinfo=UTC)
    return instant_ms(begin) - CHINA_OFFSET_MS, instant_ms(end) - CHINA_OFFSET_MS


def statistics(period: str, complaints: Iterable[Complaint], schedule: Schedule, now_ms: int) -> Statistics:
    """The counts.  complaints: those that came in within the period."""
    listed = list(complaints)
    clocks: dict[str, Counter[str]] = {}
    for complaint in listed:
        for use in COMPLAINT.clocks(complaint):
            clocks.setdefault(use.kind.value, Counter())[_kept(use, schedule, now_ms)] += 1
    handled = [
        (each.rounds[0].settled_ms - each.rounds[0].from_ms) / DAY_MS for each in listed if each.rounds[0].settled_ms
    ]
    return Statistics(
        period=period,
        total=len(listed),
        closed=sum(each.state == ComplaintState.CLOSED for each in listed),
        withdrawn=sum(each.state == ComplaintState.WITHDRAWN for each in listed),
        founded=sum(each.founded is True for each in listed),
        unfounded=sum(each.founded is False for each in listed),
        objected=sum(len(each.rounds) > 1 for each in listed),
        referred=sum(bool(each.referrals) for each in listed),
        with_loss=sum(bool(each.loss) for each in listed),
        by_kind=_counted(each.kind.value for each in listed),
        by_channel=_counted(each.channel.value for each in listed),
        by_category=_counted(each.category.value for each in listed),
        by_department=_counted(each.department for each in listed),
        by_cause=_counted(each.cause.value for each in listed if each.cause),
        by_month=_counted(_month(each.received_ms) for each in listed),
        clocks={kind: Punctuality(**count) for kind, count in sorted(clocks.items())},
        mean_handling_days=round(sum(handled) / len(handled), 2) if handled else None,
    )


def draft(now: Statistics, before: Statistics) -> str:
    """The report's text in both languages, as Markdown; a person adds what was found and what will be done."""
    lines = [
        f"# 投诉半年统计 Complaints {now.period}",
        "",
        f"| | {now.period} | {before.period} |",
        "| --- | --- | --- |",
    ]
    for name, zh, en in HALF_YEAR_ROWS:
        lines.append(f"| {zh} {en} | {getattr(now, name)} | {getattr(before, name)} |")
    for kind, found in now.clocks.items():
        lines.append(
            f"| {kind}: 按期 kept / 逾期 late / 进行中 running | {found.kept} / {found.late} / {found.running} | |"
        )
    for name, zh, en, _ in HALF_YEAR_TABLES:
        counts: dict[str, int] = getattr(now, name)
        earlier: dict[str, int] = getattr(before, name)
        lines += ["", f"## {zh} {en}", "", f"| | {now.period} | {before.period} |", "| --- | --- | --- |"]
        lines += [f"| {key} | {count} | {earlier.get(key, 0)} |" for key, count in counts.items()]
    return "\n".join(lines) + "\n"


HALF_YEAR_ROWS: Final = (
    ("total", "受理", "received"),
    ("closed", "办结", "closed"),
    ("withdrawn", "撤回", "withdrawn"),
    ("founded", "属实", "founded"),
    ("unfounded", "不属实", "not founded"),
    ("objected", "有异议", "objected to"),
    ("referred", "转外部机构", "referred outside"),
    ("with_loss", "涉及损失", "with a loss"),
    ("mean_handling_days", "平均处理天数", "mean days of handling"),
)
HALF_YEAR_TABLES: Final = (
    ("by_kind", "按类型", "by kind", "ComplaintKind"),
    ("by_channel", "按渠道", "by channel", "Channel"),
    ("by_category", "按事由", "by category", "Category"),
    ("by_cause", "按原因", "by cause", "Cause"),
    ("by_department", "按部门", "by department", "department"),
    ("by_month", "按月份", "by month", ""),
)
"""(counts of `Statistics`, Chinese, English, table of words in `NAMES`)."""


def name_in(table: str, word: str) -> tuple[str, str]:
    """What a word is called, Chinese and English; a word that is in no table stays as it is."""
    return NAMES.get(table, {}).get(word, (word, ""))


def previous(period: str) -> str:
    """The half year before."""
    bounds_ms(period)
    year, half = int(period[:4]), period[5]
    return f"{year}H1" if half == "2" else f"{year - 1}H2"


def _kept(use: ClockUse, schedule: Schedule, now_ms: int) -> str:
    try:
        standing = schedule.deadline(use.kind, use.from_ms, use.pauses).standing(now_ms, use.done_ms)
    except YearMissing:
        return "unknown"
    if standing is Standing.MET:
        return "kept"
    return "late" if standing in (Standing.MISSED, Standing.OVERDUE) else "running"


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _month(at_ms: int) -> str:
    return datetime.fromtimestamp((at_ms + CHINA_OFFSET_MS) / 1000, UTC).strftime("%Y-%m")


# ------------------------------------------------------------------------------------------------------ the signed version


class State(StrEnum):
    """A half year is signed once."""

    SIGNED = "signed"


class Sign(Event, Generic[W], frozen=True, tag="sign"):
    """Somebody answers for the counts.  draft: the report's text; text: problems found and what will be done."""

    free = ("text",)
    scope = Scope.REDRESS_DECIDE
    period: Period
    draft: Annotated[str, Meta(max_length=DRAFT_CHARACTERS_MAX)]
    counts: Statistics
    text: W


class HalfYear(File, frozen=True, kw_only=True):
    """One signed half year."""

    period: str
    draft: str
    counts: Statistics
    text: Sealed


def _opens(file_id: str, event: Sign[Sealed], home: Home, hand: Hand) -> HalfYear:
    if hand.at_ms < bounds_ms(event.period)[1]:
        raise DefinitionError(f"{event.period} is not over yet. 该半年期尚未结束。")
    return HalfYear(
        **fields_of_new(file_id, State.SIGNED, home, hand),
        period=event.period,
        draft=event.draft,
        counts=event.counts,
        text=event.text,
    )


def _folds(file: HalfYear, event: Event, hand: Hand) -> HalfYear:
    return file


def _clocks(file: HalfYear) -> list[ClockUse]:
    return [ClockUse(ClockKind.HALF_YEAR_STATISTICS, bounds_ms(file.period)[1] - 1, file.opened_ms)]


HALF_YEAR: Final = Kind(
    name="half-year",
    prefix="STAT",
    file=HalfYear,
    opening=Sign,
    events=events_by_tag(),
    states=State,
    rows={},
    first=State.SIGNED,
    ends=frozenset(),
    opens=_opens,
    folds=_folds,
    clocks=_clocks,
)
