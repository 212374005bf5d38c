"""What the views answer about decisions as they arrive, and how a page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from tarim.console.levels_figures import figures_of
from tarim.console.rendering import NOTHING, count, percent
from tarim.console.services import Client, Refused
from tarim.console.words import _, either

P99: Final = 0.99
POINTS: Final = 100
MINUTE_S: Final = 60
WINDOW_TITLES: Final = {
    "1h": ("近 1 小时", "last hour"),
    "24h": ("近 24 小时", "last 24 hours"),
    "7d": ("近 7 天", "last 7 days"),
}


class Hit(msgspec.Struct):
    """A rule that took effect, or the score's band."""

    id: str
    scenario: str
    zh: str
    en: str


class Row(msgspec.Struct):
    """A decision in the feed, masked by the service."""

    seq: int
    received_at: str
    event_id: str
    source: str
    kind: str
    channel: str
    account: str
    amount_fen: int
    score: float | None
    outcome: str
    reasons: list[Hit]

    @property
    def scenarios(self) -> set[str]:
        """Of the rules that took effect."""
        return {each.scenario for each in self.reasons}

    def told(self) -> dict[str, Any]:
        """As the page's script takes it."""
        first = self.reasons[0] if self.reasons else None
        return {
            "seq": self.seq,
            "at_ms": _ms(self.received_at),
            "event_id": self.event_id,
            "source": self.source,
            "kind": self.kind,
            "channel": self.channel,
            "party": self.account or NOTHING,
            "amount_fen": self.amount_fen,
            "score": self.score,
            "outcome": self.outcome,
            "scenario": first.scenario if first else "",
            "why_zh": first.zh if first else "",
            "why_en": first.en if first else "",
            "more": max(0, len(self.reasons) - 1),
        }


class _Live(msgspec.Struct):
    decisions: list[Row]
    skipped: int
    after: int
    behind: int


@dataclass(frozen=True, slots=True)
class Feed:
    """Rows behind a position, the newest first; seq: the newest seen; skipped: how many did not fit; behind: not shown yet."""

    rows: list[Row]
    seq: int
    skipped: int
    behind: int


class Series(msgspec.Struct):
    """Decisions by step."""

    name: str
    counts: list[int]


class Span(msgspec.Struct):
    """Decisions of a span of time."""

    decided: int
    declined: int
    decline_rate: float | None
    per_second: float


class Counts(msgspec.Struct):
    """Counts of a window, and of the one before it."""

    window: str
    from_at: str
    step_s: int
    outcomes: list[Series]
    scenarios: list[Series]
    span: Span
    before: Span
    rate_s: int
    rate: Span
    rate_before: Span

    def of(self, *outcomes: str) -> list[int]:
        """Decisions by step with one of these outcomes."""
        chosen = [each.counts for each in self.outcomes if each.name in outcomes]
        return [sum(step) for step in zip(*chosen, strict=True)]


HELD: Final = ("notice", "challenge", "delay", "suspend")
"""Outcomes between passing and blocking."""


class Asked:
    """Asks the views; `Asking` of a hub."""

    async def feed(self, views: Client, after: int, outcome: str, scenario: str, limit: int) -> Feed:
        """See `Asking`."""
        try:
            found = await views.get("/v1/live", _Live, after=after, outcome=outcome, scenario=scenario, limit=limit)
        except Refused as error:
            if error.status == 404:  # no ruleset has such a scenario: nothing is of it
                return Feed([], after, 0, 0)
            raise
        return Feed(found.decisions, found.after, found.skipped, found.behind)

    async def counts(self, views: Client, window: str) -> Counts:
        """See `Asking`."""
        return await views.get("/v1/live/counts", Counts, window=window)

    async def latency_ms(self, serve: Client) -> float | None:
        """P99 of decisions since the service began; None when it says nothing of it."""
        try:
            return figures_of(await serve.text("/metrics")).histogram("tarim_decision_seconds").quantile_ms(P99)
        except (Refused, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Figure:
    """One tile.  window: in which time; tone: good or bad for us, "" for neither."""

    name: str
    label: str
    window: str
    value: str
    unit: str
    delta: str = ""
    tone: str = ""


def figures_shown(counts: Counts, cases: int | None, latency_ms: float | None, *, may_latency: bool) -> list[Figure]:
    """Five tiles; in the place of those that a person may not see, others."""
    window = window_title(counts.window)
    before = _("较前 {n} 秒").format(n=counts.rate_s)
    rate = Figure(
        "rate",
        _("实时吞吐"),
        _("近 {n} 秒").format(n=counts.rate_s),
        count(counts.rate.per_second, 1),
        _("笔/秒"),
        f"{before} {_relative(counts.rate.decided, counts.rate_before.decided)}",
    )
    decided = Figure(
        "decided",
        _("决策总数"),
        window,
        count(counts.span.decided),
        _("笔"),
        f"{_before(counts.window)} {_relative(counts.span.decided, counts.before.decided)}",
    )
    change, tone = _points(counts.span.decline_rate, counts.before.decline_rate)
    declined = Figure(
        "declined",
        _("拦截率"),
        window,
        percent(counts.span.decline_rate, 2),
        "",
        f"{_before(counts.window)} {change}",
        tone,
    )
    shown = [rate, declined, _held(counts, window)]
    if may_latency:
        told = NOTHING if latency_ms is None else f"{latency_ms:,.1f}"
        shown.insert(1, Figure("latency", _("P99 时延"), _("自启动"), told, "ms", _("请求到应答")))
    if cases is not None:
        more = "+" if cases >= CASES_COUNTED_MAX else ""
        shown.append(Figure("cases", _("待处置案件"), _("此刻"), count(cases) + more, _("件"), _("本人可见范围")))
    blocked = Figure("blocked", _("拦截笔数"), window, count(counts.span.declined), _("笔"))
    return [*shown, decided, blocked][:FIGURES_SHOWN]


CASES_COUNTED_MAX: Final = 1_000
FIGURES_SHOWN: Final = 5


def _held(counts: Counts, window: str) -> Figure:
    held = sum(counts.of(*HELD))
    share = held / counts.span.decided if counts.span.decided else None
    return Figure("held", _("挑战与挂起率"), window, percent(share, 2), "", _("{n} 笔").format(n=count(held)))


def trend_told(counts: Counts) -> dict[str, Any]:
    """The chart of the trend."""
    first = _ms(counts.from_at)
    step_ms = 1_000 * counts.step_s
    until = -1 if counts.step_s <= MINUTE_S else None  # a minute that is not over would look like a fall
    passed = counts.of("pass")[:until]
    return {
        "step_ms": step_ms,
        "at_ms": [first + index * step_ms for index in range(len(passed))],
        "passed": passed,
        "held": counts.of(*HELD)[:until],
        "blocked": counts.of("block")[:until],
    }


def bars_told(counts: Counts) -> list[dict[str, Any]]:
    """Scenarios of the window, by how many decisions."""
    found = [{"scenario": each.name, "count": sum(each.counts)} for each in counts.scenarios]
    return sorted((each for each in found if each["count"]), key=lambda each: (-each["count"], each["scenario"]))


def window_title(window: str) -> str:
    """How a window is called."""
    return either(*WINDOW_TITLES[window])


def step_title(step_s: int) -> str:
    """How long one step of a trend is."""
    return {60: _("每分钟"), 600: _("每 10 分钟"), 3_600: _("每小时")}.get(step_s, f"{step_s} s")


def _before(window: str) -> str:
    return {"1h": _("较前 1 小时"), "24h": _("较前 24 小时"), "7d": _("较前 7 天")}[window]


def _relative(now: int, before: int) -> str:
    return f"{100 * (now - before) / before:+.1f}%" if before else NOTHING


def _points(now: float | None, before: float | None) -> tuple[str, str]:
    """Change of a share in percentage points: more blocked is bad for us."""
    if now is None or before is None:
        return NOTHING, ""
    points = round(POINTS * (now - before), 2)
    unit = _("个百分点")
    return f"{points:+.2f} {unit}", "bad" if points > 0 else "good" if points < 0 else ""


def _ms(instant: str) -> int:
    return round(1_000 * datetime.fromisoformat(instant).timestamp())
