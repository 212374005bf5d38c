"""实时决策 Live decisions: figures, trend, scenarios and the feed; a stream of events that keeps them up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from time import monotonic
from typing import Any, Final

import msgspec

from tarim.console import saved_views
from tarim.console.case_words import CHANNELS, EVENT_KINDS, SCENARIOS, said
from tarim.console.live_hub import CHECK_S, ROWS_ASKED, TICK_S, Hubs, Kind, Viewer, Wanted
from tarim.console.live_views import (
    Asked,
    Counts,
    Feed,
    bars_told,
    figures_shown,
    step_title,
    trend_told,
    window_title,
)
from tarim.console.pages import Account, Answer, Go, Page, View, Visit, json_answer
from tarim.console.rules_words import OUTCOMES, outcomes
from tarim.console.services import Refused
from tarim.console.words import _, either, speak
from tarim.identity import Scope

READS: Final = frozenset({Scope.READ})
ROWS_FIRST: Final = 40
WINDOWS: Final = ("1h", "24h", "7d")
_CHARACTERS_MAX: Final = 64
_asked: Final = Asked()
_hubs: Final = Hubs(_asked)
_encode: Final = msgspec.json.Encoder().encode


class _Open(msgspec.Struct):
    count: int


async def show_live(visit: Visit) -> View | Go:
    """The page with what is known now; its script goes on from there."""
    saved = await saved_views.opened(visit, "live")
    if isinstance(saved, Go):
        return saved
    wanted = wanted_of(visit)
    told = await _now(visit, wanted)
    values = {
        "wanted": wanted,
        "saved": saved,
        "figures": told["figures"],
        "rows": told["rows"][::-1],
        "told": {name: told[name] for name in ("trend", "bars")},
        "words": _words(),
        "window": window_title(wanted.window),
        "step": told["step"],
        "windows": [(name, window_title(name)) for name in WINDOWS],
        "outcomes": outcomes(),
        "scenarios": said(SCENARIOS),
        "channels": said(CHANNELS),
        "query": {name: value for name, value in asdict(wanted).items() if value and (name, value) != ("window", "1h")},
    }
    return View("live/live.html", values)


async def now(visit: Visit) -> Answer:
    """The same as data, for viewers without a stream.  full: there is no stream to be had at present."""
    told = await _now(visit, wanted_of(visit))
    del told["step"]
    figures = {each.name: each for each in told["figures"]}
    return json_answer({"told": told | {"figures": figures}, "full": _full(visit)})


async def stream(visit: Visit) -> Answer:
    """Server-sent events until the viewer leaves, or the session is over."""
    if _full(visit):
        return Answer(b"", "text/plain", 503, {"retry-after": "5"})
    headers = {"x-accel-buffering": "no", "cache-control": "no-store"}
    return Answer(_events(visit, wanted_of(visit)), "text/event-stream", 200, headers)


async def _events(visit: Visit, wanted: Wanted) -> AsyncIterator[bytes]:
    speak(visit.language)
    viewer = Viewer(visit.serve, visit.views, wanted)
    hub = _hubs.of(visit.views.service, kind_of(visit))
    cases, cases_s = await _cases_now(visit), monotonic()
    seq, counted, lost = -1, None, None
    yield b"retry: 3000\n\n"
    with hub.joined(viewer):
        while not visit.views.service.leaving:
            if viewer.refused or (monotonic() - viewer.checked_s >= CHECK_S and not await _still(visit, viewer)):
                yield _event("over", {})
                return
            if monotonic() - cases_s >= CHECK_S:
                cases, cases_s = await _cases_now(visit), monotonic()
            if (lost is None or bool(hub.trouble) != lost) and (hub.trouble or hub.counts):
                lost = bool(hub.trouble)
                yield _event("lost" if lost else "found", {})
            rows = hub.rows(seq, wanted)
            if rows:
                seq = rows[-1].seq
                yield _event("rows", [row.told() for row in rows])
            counts = hub.counts.get(wanted.window)
            if counts is not None and not hub.trouble:
                shown = figures_shown(counts, cases, hub.latency_ms, may_latency=visit.may(Scope.METRICS))
                yield _event("figures", {each.name: each for each in shown})
                if counts is not counted:
                    counted = counts
                    yield _event("trend", trend_told(counts)) + _event("bars", bars_told(counts))
            elif not rows:
                yield b": here\n\n"
            await hub.changed(2 * TICK_S)


async def _still(visit: Visit, viewer: Viewer) -> bool:
    """Whether the session is still what it was when the stream opened; a desk that does not answer is asked again."""
    viewer.checked_s = monotonic()
    try:
        account = await visit.desk.get("/v1/account", Account)
    except Refused as error:
        return error.unreachable or error.status >= 500
    return set(account.scopes) == set(visit.account.scopes) and not account.pending


async def _now(visit: Visit, wanted: Wanted) -> dict[str, Any]:
    feed, counts, cases, latency_ms = await asyncio.gather(
        _asked.feed(visit.views, -1, *wanted.narrow, ROWS_ASKED),
        _asked.counts(visit.views, wanted.window),
        _cases(visit),
        _latency(visit),
    )
    return _told(feed, counts, wanted) | {
        "figures": figures_shown(counts, cases, latency_ms, may_latency=visit.may(Scope.METRICS)),
        "step": step_title(counts.step_s),
    }


def _told(feed: Feed, counts: Counts, wanted: Wanted) -> dict[str, Any]:
    rows = [row.told() for row in feed.rows if wanted.takes(row)][:ROWS_FIRST]
    return {"rows": rows[::-1], "trend": trend_told(counts), "bars": bars_told(counts)}


async def _cases(visit: Visit) -> int | None:
    """Open cases that the person may see; None for who may see none, or when the desk does not answer."""
    if not visit.may(Scope.CASES_READ):
        return None
    try:
        return (await visit.desk.get("/v1/cases", _Open, limit=1)).count
    except Refused as error:
        if error.unreachable or error.status >= 500:
            return None
        raise


async def _cases_now(visit: Visit) -> int | None:
    """The same within a stream: of a session that is over the next look at it will tell."""
    try:
        return await _cases(visit)
    except Refused:
        return None


async def _latency(visit: Visit) -> float | None:
    return await _asked.latency_ms(visit.serve) if visit.may(Scope.METRICS) else None


def _full(visit: Visit) -> bool:
    service = visit.views.service
    return _hubs.watched(service) >= service.settings.streams_max


def kind_of(visit: Visit) -> Kind:
    """What this viewer's answers depend on."""
    return Kind(visit.may(Scope.SCORE), visit.may(Scope.METRICS))


def wanted_of(visit: Visit) -> Wanted:
    """What the address asks for; what is no value counts as all."""
    given = {name: value[:_CHARACTERS_MAX] for name, value in visit.query.items()}
    return Wanted(
        given["window"] if given.get("window") in WINDOWS else "1h",
        given["outcome"] if given.get("outcome") in OUTCOMES else "",
        given["scenario"] if given.get("scenario") in SCENARIOS else "",
        given["channel"] if given.get("channel") in CHANNELS else "",
    )


def _words() -> dict[str, Any]:
    return {
        "language": either("zh", "en"),
        "outcomes": outcomes(),
        "scenarios": said(SCENARIOS),
        "kinds": said(EVENT_KINDS),
        "channels": said(CHANNELS),
        "passed": _("通过（左轴）"),
        "heldRight": _("挑战与挂起（右轴）"),
        "blocked": _("拦截（右轴）"),
        "count": _("笔"),
        "pause": _("暂停"),
        "resume": _("继续"),
        "live": _("实时"),
        "lost": _("连接中断"),
        "paused": _("已暂停"),
        "over": _("悬停暂停"),
        "waiting": _("新到 {n} 笔，点此显示"),
        "more": _("等 {n} 条"),
    }


def _event(name: str, value: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _encode(value))


PAGES: Final = (
    Page("GET", "/live", "live", READS, show_live, nav="live"),
    Page("GET", "/live/now", "live_now", READS, now, background=True),
    Page("GET", "/live/stream", "live_stream", READS, stream, background=True),
)
