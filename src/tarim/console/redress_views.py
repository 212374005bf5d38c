"""Files of redress as pages show them: what the desk answers, and the words and figures made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from tarim.base.instants import DAY_MS, HOUR_MS, MINUTE_MS, instant_ms
from tarim.console import redress_words as words
from tarim.console.words import capital, either


class Clock(msgspec.Struct):
    """A clock of a file."""

    kind: str
    title_zh: str
    title_en: str
    source: str
    started_at: str
    due_at: str
    standing: str
    missing_year: int = 0


class Line(msgspec.Struct):
    """A file in a list."""

    id: str
    state: str
    branch: str
    department: str
    owner: str
    came_at: str
    waits_for_second: bool
    clocks: list[Clock]


class Lines(msgspec.Struct):
    """A page of them."""

    files: list[Line]
    next: str


class Step(msgspec.Struct):
    """A step of a file's history."""

    n: int
    event: str
    before: str
    after: str
    owner: str
    person: str
    at: str


class Shown(msgspec.Struct):
    """A file, texts masked."""

    id: str
    kind: str
    state: str
    branch: str
    department: str
    owner: str
    came_at: str
    waits_for: str
    digest: str
    clocks: list[Clock]
    possible: list[str]
    content: dict[str, Any]
    history: list[Step]


class Rule(msgspec.Struct):
    """A kind of clock."""

    kind: str
    title_zh: str
    title_en: str
    length: int
    unit: str
    starts: str
    warn_before: list[int]
    source: str


class Rules(msgspec.Struct):
    """Every kind of clock, the years whose holidays are known, and what is missing."""

    clocks: list[Rule]
    years: dict[str, str]
    warning: str


@dataclass(frozen=True, slots=True)
class Told:
    """A clock in words.  level: for its colour; left: how long it still runs, or ran over, "" when it stands still."""

    title: str
    word: str
    level: str
    due_at: str
    left: str
    rule: str
    source: str
    missing_year: int


_LEVELS: Final = {
    "running": "low", "warned": "medium", "paused": "closed", "overdue": "critical", "met": "closed", "missed": "high",
}  # fmt: skip
_URGENCY: Final = ("overdue", "warned", "running", "paused", "missed", "met")


def told(clock: Clock, rules: Mapping[str, Rule], now_ms: int) -> Told:
    """A clock in the viewer's words."""
    rule = rules.get(clock.kind)
    return Told(
        title=either(clock.title_zh, capital(clock.title_en)),
        word=words.said(words.standings(), clock.standing),
        level=_LEVELS.get(clock.standing, "closed"),
        due_at=clock.due_at,
        left=_left(clock, now_ms),
        rule=period_text(rule) if rule else "",
        source=source_text(clock.source),
        missing_year=clock.missing_year,
    )


def urgent(clocks: Sequence[Clock]) -> Clock | None:
    """The one of a file's clocks that matters most; None for none."""
    return min(clocks, key=lambda each: (_URGENCY.index(each.standing), each.due_at or "9"), default=None)


def period_text(rule: Rule) -> str:
    """`自收到起 7 个工作日内`."""
    unit, start = words.said(words.units(), rule.unit), words.said(words.starts(), rule.starts)
    return either(f"{start} {rule.length} {unit}内", f"within {rule.length} {unit} {start}")


def source_text(source: str) -> str:
    """What a period rests on: requirement ids, laws, or a rule of the house."""
    for name, told in (
        ("house rule", either("行内规定", "house rule")),
        ("PBC Order 2016 No. 3", either("中国人民银行令〔2016〕第3号", "PBC Order 2016 No. 3")),
        ("Civil Procedure Law art. 128", either("民事诉讼法第一百二十八条", "Civil Procedure Law art. 128")),
    ):
        source = source.replace(name, told)
    return source


def _left(clock: Clock, now_ms: int) -> str:
    if not clock.due_at or clock.standing in ("met", "missed", "paused"):
        return ""
    gap_ms = instant_ms(datetime.fromisoformat(clock.due_at)) - now_ms
    length = length_text(abs(gap_ms))
    return either(f"还剩 {length}", f"{length} left") if gap_ms >= 0 else either(f"超期 {length}", f"{length} over")


def length_text(length_ms: int) -> str:
    """`3 天 4 小时`; minutes within a day."""
    days, hours = length_ms // DAY_MS, length_ms % DAY_MS // HOUR_MS
    if days:
        return either(f"{days} 天 {hours} 小时", f"{days} d {hours} h")
    minutes = length_ms % HOUR_MS // MINUTE_MS
    return either(f"{hours} 小时 {minutes} 分", f"{hours} h {minutes} min")
