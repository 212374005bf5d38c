"""One decision: message, features, rules, score with its parts, versions, hold, other outcome, made again from the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

from tarim.console.case_words import CHANNELS, EVENT_KINDS, SCENARIOS, STATES, said
from tarim.console.decision_views import Cases, Decision, Explanation, Hold, Rebuild, parts_told
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.rules_words import outcomes
from tarim.console.services import Client, Refused, segment
from tarim.console.words import _
from tarim.identity import Scope

READS: Final = frozenset({Scope.READ})
PARTS_SHOWN: Final = 12
REASON_CHARACTERS_MAX: Final = 500
T = TypeVar("T")


async def show_decision(visit: Visit) -> View:
    """Everything that is known of it; parts that a service does not give are left out, and the page says which."""
    return await _shown(visit)


async def _shown(visit: Visit, wrong: Refused | None = None, given: Mapping[str, str] | None = None) -> View:
    source, event_id = visit.path["source"], visit.path["event_id"]
    decision = await visit.views.get(f"/v1/decisions/{segment(event_id)}/view", Decision, source=source)
    explanation, hold, case = await asyncio.gather(
        _explanation(visit, decision), _hold(visit, decision), _case(visit, decision)
    )
    values: dict[str, Any] = {
        "decision": decision,
        "explanation": explanation,
        "parts": parts_told(explanation, PARTS_SHOWN) if explanation else None,
        "hold": hold,
        "case": case,
        "wrong": wrong,
        "given": given or {},
        "may_hold": visit.may(Scope.OPERATE),
        "may_override": visit.may(Scope.AUTHOR),
        "may_rebuild": visit.may(Scope.EXPLAIN),
        "me": visit.account.login,
        "outcomes": outcomes(),
        "scenarios": said(SCENARIOS),
        "kinds": said(EVENT_KINDS),
        "channels": said(CHANNELS),
        "states": said(STATES),
        "holds": _hold_states(),
        "causes": _hold_causes(),
        "here": {"source": source, "event_id": event_id},
    }
    return View("decisions/decision.html", values, status=wrong.status if wrong else 200)


async def decide_hold(visit: Visit) -> View | Go:
    """Release or refuse the payment: a release takes a second person, and the service sees to that."""
    verdict = "release" if visit.form.get("verdict") == "release" else "refuse"
    body = {"verdict": verdict, "reason": visit.form.get("reason", "").strip()[:REASON_CHARACTERS_MAX]}
    try:
        hold = await visit.serve.post(_of_event(visit, "/v1/holds/", ""), body, Hold)
    except Refused as error:
        return await _again(visit, error, body)
    toast = _("已拒付该笔付款") if verdict == "refuse" else _("已释放该笔付款")
    return Go("decision", _names(visit), toast=_("已提出释放，等待另一人同意") if hold.open else toast)


async def propose_override(visit: Visit) -> View | Go:
    """Propose another outcome; another person decides."""
    body = {
        "event_id": visit.path["event_id"],
        "source": visit.path["source"],
        "outcome": visit.form.get("outcome", ""),
        "reason": visit.form.get("reason", "").strip()[:REASON_CHARACTERS_MAX],
    }
    try:
        await visit.serve.post("/v1/overrides", body)
    except Refused as error:
        return await _again(visit, error, body)
    return Go("decision", _names(visit), toast=_("改判已提交，等待他人审批"))


async def rebuild(visit: Visit) -> View | Go:
    """Make it again from the journal."""
    try:
        job = await visit.views.post(_of_event(visit, "/v1/decisions/", ":rebuild"), None, Rebuild)
    except Refused as error:
        if visit.fragment and error.status == 409:
            return View("decisions/_rebuild.html", {"job": None, "busy": error.detail}, "decisions/_rebuild.html")
        return await _again(visit, error, {})
    return _job(visit, job) if visit.fragment else Go("rebuild", {"id": job.id})


async def show_rebuild(visit: Visit) -> View:
    """How making one again goes, and what came out."""
    return _job(visit, await visit.views.get(f"/v1/rebuilds/{segment(visit.path['id'])}", Rebuild))


def _job(visit: Visit, job: Rebuild) -> View:
    values = {"job": job, "busy": "", "outcomes": outcomes()}
    return View("decisions/rebuild.html", values, "decisions/_rebuild.html")


async def _again(visit: Visit, error: Refused, given: Mapping[str, str]) -> View:
    """The page once more with why it was not taken; what is no matter of the form goes its own way."""
    if error.unreachable or error.status in (401, 404):
        raise error
    return await _shown(visit, error, given)


async def _explanation(visit: Visit, decision: Decision) -> Explanation | None:
    if decision.score is None or not visit.may(Scope.EXPLAIN):
        return None
    return await _found(visit.serve, f"/v1/explanations/{segment(decision.event_id)}", Explanation, decision.source)


async def _hold(visit: Visit, decision: Decision) -> Hold | None:
    if decision.hold is None:
        return None
    return await _found(visit.serve, f"/v1/holds/{segment(decision.event_id)}", Hold, decision.source)


async def _case(visit: Visit, decision: Decision) -> Any:
    if not visit.may(Scope.CASES_READ) or decision.outcome == "pass":
        return None
    try:
        found = await visit.desk.get("/v1/cases:of-decision", Cases, seq=decision.seq)
    except Refused as error:
        if error.unreachable or error.status >= 500:
            return None
        raise
    return found.cases[0] if found.cases else None


async def _found(client: Client, path: str, shape: type[T], source: str) -> T | None:
    """None for what is not there, or from a service that does not answer."""
    try:
        return await client.get(path, shape, source=source)
    except Refused as error:
        if error.status in (404, 409) or error.unreachable or error.status >= 500:
            return None
        raise


def _of_event(visit: Visit, before: str, after: str) -> str:
    return f"{before}{segment(visit.path['event_id'])}{after}?source={quote(visit.path['source'], safe='')}"


def _names(visit: Visit) -> dict[str, str]:
    return {"source": visit.path["source"], "event_id": visit.path["event_id"]}


def _hold_states() -> dict[str, str]:
    return {
        "waiting": _("等待中"),
        "escalated": _("已到期，等待人工"),
        "released": _("已释放"),
        "refused": _("已拒付"),
    }


def _hold_causes() -> dict[str, str]:
    """What happened to a hold last."""
    return {
        "opened": _("开始挂起"),
        "verified": _("客户已验证"),
        "attempt_failed": _("客户验证失败一次"),
        "confirmed": _("客户确认"),
        "denied": _("客户否认"),
        "reversed": _("付款已撤回"),
        "time_released": _("到期自动释放"),
        "time_refused": _("到期自动拒付"),
        "time_escalated": _("到期转人工"),
        "release_proposed": _("有人提出释放"),
        "released_by_person": _("人工释放"),
        "refused_by_person": _("人工拒付"),
        "overridden_to_release": _("改判释放"),
        "overridden_to_refuse": _("改判拒付"),
    }


_ONE: Final = "/decisions/{source}/{event_id:path}"
PAGES: Final = (
    Page("GET", _ONE, "decision", READS, show_decision, nav="live"),
    Page("POST", _ONE + ":hold", "decide_hold", frozenset({Scope.OPERATE}), decide_hold, nav="live"),
    Page("POST", _ONE + ":override", "propose_override", frozenset({Scope.AUTHOR}), propose_override, nav="live"),
    Page("POST", _ONE + ":rebuild", "begin_rebuild", frozenset({Scope.EXPLAIN}), rebuild, nav="live"),
    Page("GET", "/rebuilds/{id}", "rebuild", frozenset({Scope.EXPLAIN}), show_rebuild, nav="live"),
)
