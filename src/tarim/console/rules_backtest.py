"""Backtests of a draft: asked for, watched, broken off, and read beside what was decided live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from tarim.console import rules_reads as reads
from tarim.console.pages import Page, View, Visit
from tarim.console.rules_shapes import Job
from tarim.console.rules_words import OUTCOMES, outcomes, values
from tarim.console.services import Refused, segment
from tarim.console.words import _, either
from tarim.identity import Scope

BODY_BYTES_MAX: Final = 8 << 20
_CHINA: Final = ZoneInfo("Asia/Shanghai")
_DAYS_SHOWN: Final = 120


async def start(visit: Visit) -> View:
    """Begin one of the draft in the form, against the ruleset in force."""
    form = visit.form
    text = reads.clean(form.get("text", ""))
    rule = ""
    if form.get("only") == "rule":
        rule = form.get("rule_id", "").strip()
    asked: dict[str, Any] = {"draft": text, "labels": "then" if form.get("labels") == "then" else "now", "rule": rule}
    live = await reads.text_in_force(visit)
    if live.version:
        asked["against"] = live.text
    days = form.get("span", "")
    if days in ("7", "30", "90"):
        begin = datetime.now(_CHINA) - timedelta(days=int(days))
        asked["from"] = begin.strftime("%Y-%m-%dT%H:%M:%S")
    try:
        job = await visit.serve.post("/v1/backtests", asked, Job)
    except Refused as refused:
        if refused.unreachable or refused.status in (401, 403):
            raise
        return View("rules/backtest.html", {"error": refused, "job": None}, "rules/_backtest.html")
    return _shown(job)


async def look(visit: Visit) -> View:
    """Where one stands, or what came out."""
    return _shown(await visit.serve.get(f"/v1/backtests/{segment(visit.path['id'])}", Job))


async def cancel(visit: Visit) -> View:
    """Break one off."""
    return _shown(await visit.serve.delete(f"/v1/backtests/{segment(visit.path['id'])}", Job))


def _shown(job: Job) -> View:
    values_ = {"error": None, "job": job, **about(job)}
    return View("rules/backtest.html", values_, "rules/_backtest.html")


def about(job: Job) -> dict[str, Any]:
    """What a template shows of one."""
    fraction = job.done / job.of if job.of else None
    return {
        "fraction": fraction,
        "left": _left(job, fraction),
        "troubles": [either(each.zh, each.en) for each in job.problems],
        "measured": measures(job.result) if job.result else None,
        "outcomes": outcomes(),
        "ladder": OUTCOMES,
        "value_words": values(),
    }


def _left(job: Job, fraction: float | None) -> str:
    """How long it will take, by what it took so far."""
    if not fraction or fraction >= 1 or not job.asked_at:
        return ""
    took_s = (datetime.now(_CHINA) - datetime.fromisoformat(job.asked_at)).total_seconds()
    left_s = took_s * (1 - fraction) / fraction
    if left_s < 60:
        return _("约剩 {n} 秒").format(n=max(1, round(left_s)))
    return _("约剩 {n} 分钟").format(n=round(left_s / 60))


def measures(result: Mapping[str, Any]) -> dict[str, Any]:
    """A kept result as the page shows it: the draft's measures, the other one's, and a chart by day."""
    measured = result["measured"]
    draft = measured["drafts"][0]
    other = measured["drafts"][1] if len(measured["drafts"]) > 1 else None
    days = draft["groups"]["day"][-_DAYS_SHOWN:]
    before = {each["value"]: each for each in (other or draft)["groups"]["day"]}
    bars: list[tuple[str, list[int]]] = [(_("草稿命中"), [each["hit"] for each in days])]
    live = [before[each["value"]]["hit" if other else "live"] if each["value"] in before else 0 for each in days]
    bars.insert(0, (_("在用命中"), live))
    chart = {
        "days": [each["value"][5:] for each in days],
        "unit": _("笔"),
        "bars": bars,
        "line": _("查准率 %"),
        "precision": [_reviewed(each) for each in days] if measured["fraud"] else [],
    }
    return {
        "events": measured["events"],
        "fraud": measured["fraud"],
        "genuine": measured["genuine"],
        "live": measured["live"],
        "draft": draft,
        "other": other,
        "difference": measured["difference"],
        "known": result["known"],
        "from_ms": result["from_ms"],
        "to_ms": result["to_ms"],
        "first_day": days[0]["value"] if days else "",
        "last_day": days[-1]["value"] if days else "",
        "chart": msgspec.json.encode(chart).decode(),
        "examples": draft["rules"][0]["examples"] if len(draft["rules"]) == 1 else [],
        "overlap": draft["rules"][0]["overlap"] if len(draft["rules"]) == 1 else [],
        "rules": draft["rules"] if len(draft["rules"]) > 1 else [],
    }


def _reviewed(day: Mapping[str, Any]) -> float | None:
    """Frauds among the labelled hits of a day, in percent; None without labels."""
    labelled = day["hit_fraud"] + day["hit_genuine"]
    return round(100 * day["hit_fraud"] / labelled, 1) if labelled else None


PAGES: Final = (
    Page("POST", "/rules/backtests", "rules_backtest", frozenset({Scope.AUTHOR}), start, nav="rules",
         body_bytes_max=BODY_BYTES_MAX),
    Page("GET", "/rules/backtests/{id}", "rules_backtest_look", frozenset({Scope.READ}), look, nav="rules"),
    Page("POST", "/rules/backtests/{id}/cancel", "rules_backtest_cancel", frozenset({Scope.AUTHOR}), cancel, nav="rules",
         body_bytes_max=BODY_BYTES_MAX),
)  # fmt: skip
