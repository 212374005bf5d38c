"""What people do with models: submit, publish, challenge, go back, pause; what waits; the ledger; and the watch."""

from __future__ import annotations

import re
from typing import Any, Final

from tarim.console.models import READERS, model_page, show_models, words
from tarim.console.models_charts import bins_of
from tarim.console.models_shapes import Ledger, Model, ModelProposals, Models, Script, Shift, Switch, Watch
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.proposals import Proposal, verdict_of
from tarim.console.services import Refused, inline, segment
from tarim.console.words import _
from tarim.identity import Scope

ENGINEERS: Final = frozenset({Scope.MODELS})
OPERATORS: Final = frozenset({Scope.OPERATE})
ACTORS: Final = frozenset({Scope.MODELS, Scope.OPERATE})
APPROVERS: Final = frozenset({Scope.APPROVE})
LEDGER_SHOWN: Final = 200
ALARMS_SHOWN: Final = 50
WHOLE: Final = 10_000
"""All customers, in hundredths of a percent."""
_PERCENT: Final = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?")
_PROPOSED: Final = {"publish": "/v1/models:publish", "challenge": "/v1/models:challenge", "retire": "/v1/models:retire"}


async def submit(visit: Visit) -> View | Go:
    """Ask for the approval of a run's model."""
    body = {name: visit.form.get(name, "").strip() for name in ("run", "name", "reason")}
    try:
        made = await visit.serve.post("/v1/models", body, Proposal)
    except Refused as error:
        if error.status >= 500 or error.status == 401:
            raise
        return await show_models(visit, error)
    return Go("model_proposal", {"id": made.id}, toast=_("已提交，等待他人审批。"))


async def act(visit: Visit) -> View | Go:
    """An act on a model: proposed where it takes two persons, done at once where one may."""
    form, version = visit.form, visit.path["model"]
    wanted, reason = form.get("act", ""), form.get("reason", "").strip()
    try:
        if wanted in _PROPOSED:
            body: dict[str, Any] = {"model": version, "reason": reason}
            if wanted == "challenge":
                body["share"] = _share(form.get("share", ""))
            made = await visit.serve.post(_PROPOSED[wanted], body, Proposal)
            return Go("model_proposal", {"id": made.id}, toast=_("已提交，等待他人审批。"))
        if wanted == "stand-down":
            await visit.serve.post("/v1/models:stand-down", {"model": version, "reason": reason}, Model)
            return Go("model", {"model": version}, toast=_("挑战者已退下。"))
        if wanted in ("pause", "resume"):
            body = {"what": "pause_model", "target": version, "value": int(wanted == "pause"), "reason": reason}
            await visit.serve.post("/v1/switches:throw", body, Switch)
            toast = _("已暂停评分。") if wanted == "pause" else _("已恢复评分。")
            return Go("model", {"model": version}, toast=toast)
        raise Refused(422, "invalid", _("未选择操作"), _("请选择要办理的操作。"), "act")
    except Refused as error:
        return await model_page(visit, inline(error))


def _share(text: str) -> int:
    """Percent as people write it, in hundredths of a percent; "" is 0.  Raises Refused."""
    found = _PERCENT.fullmatch(text.strip() or "0")
    share = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else WHOLE + 1
    if share > WHOLE:
        raise Refused(422, "invalid", _("比例无效"), _("请填写 0 至 100 之间、最多两位小数的百分比。"), "share")
    return share


async def roll_back(visit: Visit) -> View | Go:
    """Back to the champion before, which two persons approved then."""
    try:
        made = await visit.serve.post("/v1/models:rollback", {"reason": visit.form.get("reason", "").strip()}, Model)
    except Refused as error:
        return await show_models(visit, inline(error))
    return Go("model", {"model": made.version}, toast=_("已回退到上一冠军模型。"))


async def rules_only(visit: Visit) -> View | Go:
    """Rules alone decide, at once; to end that takes two persons."""
    off = visit.form.get("value") == "0"
    body = {
        "what": "rules_only", "target": "*", "value": 0 if off else 1, "reason": visit.form.get("reason", "").strip(),
    }  # fmt: skip
    try:
        if off:
            await visit.serve.post("/v1/switches", body, Proposal)
        else:
            await visit.serve.post("/v1/switches:throw", body, Switch)
    except Refused as error:
        return await show_models(visit, inline(error))
    return Go("models", toast=_("已提交，等待他人审批。") if off else _("现在仅由规则决策。"))


# ---- what waits ------------------------------------------------------------------------------------------------------


async def show_proposals(visit: Visit) -> View:
    """What is proposed about models."""
    found = await visit.serve.get("/v1/model-proposals", ModelProposals)
    return View("models/proposals.html", words() | {"tab": "proposals", "proposals": found.proposals})


async def show_proposal(visit: Visit, error: Refused | None = None) -> View:
    """One proposal beside what is in force now."""
    found = await visit.serve.get("/v1/model-proposals", ModelProposals)
    proposal = next((each for each in found.proposals if each.id == visit.path["id"]), None)
    if proposal is None:
        raise Refused(404, "not_found", _("未找到"), _("没有这项待审批的模型提案；它可能已有结论，见部署台账。"))
    registry = await visit.serve.get("/v1/models", Models)
    by_version = {each.version: each for each in registry.models}
    mine = proposal.author == visit.account.login
    values = words() | {
        "tab": "proposals",
        "shown": proposal,
        "proposal": {
            "id": proposal.id, "digest": proposal.digest, "author": proposal.author, "reason": proposal.reason,
            "proposed_at": proposal.proposed_at, "state": "proposed", "decider": "", "note": "",
        },
        "model": by_version.get(proposal.version),
        "champion": by_version.get(registry.champion),
        "mine": mine,
        "may_decide": not mine and visit.may(Scope.APPROVE),
        "may_withdraw": mine and visit.may(Scope.MODELS),
        "error": error,
        "note": visit.form.get("note", ""),
    }  # fmt: skip
    return View("models/proposal.html", values)


async def decide(visit: Visit) -> View | Go:
    """Approve what has the digest that was looked at, or reject it."""
    body = verdict_of(visit.form)
    try:
        await visit.serve.post(f"/v1/proposals/{segment(visit.path['id'])}", body, Proposal)
    except Refused as error:
        return await show_proposal(visit, inline(error))
    return Go("models", toast=_("已批准，下一笔事件起生效。") if body["verdict"] == "approve" else _("已驳回。"))


async def withdraw(visit: Visit) -> View | Go:
    """Take back one's own proposal."""
    try:
        await visit.serve.delete(f"/v1/model-proposals/{segment(visit.path['id'])}", Proposal)
    except Refused as error:
        return await show_proposal(visit, inline(error))
    return Go("model_proposals", toast=_("已撤回。"))


# ---- ledger and watch ------------------------------------------------------------------------------------------------


async def show_ledger(visit: Visit) -> View:
    """Who deployed or tried what, when, with which result."""
    found = await visit.serve.get("/v1/model-ledger", Ledger, count=LEDGER_SHOWN)
    return View("models/ledger.html", words() | {"tab": "ledger", "lines": found.lines, "shown_max": LEDGER_SHOWN})


async def show_script(visit: Visit) -> View:
    """The script by which a model was deployed."""
    number = visit.path["seq"]
    found = await visit.serve.get(f"/v1/model-ledger/{segment(number)}/script", Script)
    return View("models/script.html", words() | {"tab": "ledger", "seq": number, "script": found.script})


async def show_watch(visit: Visit) -> View:
    """Shifts of scores and features, and how models do as labels mature."""
    found = await visit.serve.get("/v1/models/watch", Watch, segment=visit.query.get("segment", "all"))
    registry = await visit.serve.get("/v1/models", Models)
    known = [each for each in found.columns if each.psi is not None]
    ranked = sorted(known, key=lambda each: -(each.psi or 0) / (each.threshold or 1))
    values = words() | {
        "tab": "watch",
        "watch": found,
        "columns": ranked,
        "unknown": len(found.columns) - len(known),
        "open_alarms": [each for each in found.alarms if not each.ended_at][:ALARMS_SHOWN],
        "past_alarms": [each for each in found.alarms if each.ended_at][:ALARMS_SHOWN],
        "names": {each.version: each.name or each.service for each in registry.models},
        "bins_of": bins_of,
    }
    return View("models/watch.html", values)


async def show_retraining(visit: Visit) -> View:
    """A proposal to train again, with its evidence."""
    found = await visit.serve.get(f"/v1/models/watch/proposals/{segment(visit.path['digest'])}")
    shifts = [Shift(each["column"], each["psi"], each["threshold"]) for each in found.get("alarms", [])]
    values = {"tab": "watch", "found": found, "shifts": shifts, "digest": visit.path["digest"]}
    return View("models/retraining.html", words() | values)


PAGES: Final = (
    Page("POST", "/models", "model_submit", ENGINEERS, submit, nav="models"),
    Page("POST", "/models/{model}/acts", "model_act", ACTORS, act, nav="models"),
    Page("POST", "/model-rollback", "model_roll_back", OPERATORS, roll_back, nav="models"),
    Page(
        "POST",
        "/model-rules-only",
        "model_rules_only",
        frozenset({Scope.OPERATE, Scope.AUTHOR}),
        rules_only,
        nav="models",
    ),
    Page("GET", "/model-proposals", "model_proposals", READERS, show_proposals, nav="models"),
    Page("GET", "/model-proposals/{id}", "model_proposal", READERS, show_proposal, nav="models"),
    Page("POST", "/model-proposals/{id}", "model_decide", APPROVERS, decide, nav="models"),
    Page("POST", "/model-proposals/{id}/withdraw", "model_withdraw", frozenset({Scope.MODELS}), withdraw, nav="models"),
    Page("GET", "/model-ledger", "model_ledger", READERS, show_ledger, nav="models"),
    Page("GET", "/model-ledger/{seq}/script", "model_script", READERS, show_script, nav="models"),
    Page("GET", "/model-watch", "model_watch", READERS, show_watch, nav="models"),
    Page("GET", "/model-watch/{digest}", "model_retraining", READERS, show_retraining, nav="models"),
)
