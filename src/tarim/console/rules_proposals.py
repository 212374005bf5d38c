"""What waits for a second person: its difference, its backtest, and the decision on it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from tarim.console import rules_reads as reads
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.proposals import Proposal, verdict_of
from tarim.console.rules_backtest import about
from tarim.console.rules_diff import side_by_side
from tarim.console.rules_history import Diff
from tarim.console.rules_shapes import Job, KeptBacktests, ProposalView, Treatment
from tarim.console.rules_words import channels, kinds, outcomes, proposal_words, scenario_name, switch_words
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope

OURS: Final = ("ruleset", "switch", "override", "treatment")
"""Proposals about models and names have pages of their own."""


async def show_proposals(visit: Visit) -> View:
    """Those that wait, and those decided last."""
    waiting = await reads.proposals(visit)
    decided = await reads.proposals(visit, "decided")
    values = {
        "waiting": [each for each in waiting.proposals if each.what in OURS],
        "decided": [each for each in decided.proposals if each.what in OURS][:50],
        "proposal_words": proposal_words(),
    }
    return View("rules/proposals.html", values)


async def show_proposal(visit: Visit) -> View:
    """One of them."""
    return await _shown(visit, visit.path["id"])


async def _shown(visit: Visit, number: str, error: Refused | None = None) -> View:
    try:
        found = await visit.serve.get(f"/v1/proposals/{segment(number)}", ProposalView)
    except Refused as refused:
        if refused.status != 404:
            raise
        decided = await reads.proposals(visit, "decided")
        over = next((each for each in decided.proposals if each.id == number), None)
        if over is None:
            raise
        return View("rules/decided.html", {"proposal": over, "proposal_words": proposal_words(), "error": error})
    proposal = found.proposal
    own = proposal.author == visit.account.login
    values: dict[str, Any] = {
        "view": found,
        "proposal": proposal,
        "own": own,
        "may_approve": visit.may(Scope.APPROVE) and not own,
        "may_author": visit.may(Scope.AUTHOR),
        "error": error,
        "outcomes": outcomes(),
        "switch_words": switch_words(),
        "proposal_words": proposal_words(),
        "kinds": kinds(),
        "channels": channels(),
        "scenario_name": scenario_name,
        "lines": [],
        "change": None,
        "draft": None,
        "job": None,
        "counted": None,
        "hits": None,
        "overtaken": None,
    }
    if found.ruleset is not None:
        values |= await _ruleset(visit, found.ruleset.version)
        since = await reads.in_force(visit)
        if since is not None and datetime.fromisoformat(since.at) > datetime.fromisoformat(proposal.proposed_at):
            values["overtaken"] = since
    elif proposal.what == "treatment":
        wanted = await visit.serve.get("/v1/treatment", Treatment, proposal=proposal.id)
        present = await visit.serve.get("/v1/treatment", Treatment)
        values["lines"] = side_by_side(present.text, wanted.text)
    elif found.switch is not None:
        hits = await reads.hits(visit)
        values["hits"] = hits
        values["counted"] = (
            next((each for each in hits.rules if each.id == found.switch.target), None) if hits else None
        )
    return View("rules/proposal.html", values)


async def _ruleset(visit: Visit, version: str) -> dict[str, Any]:
    text = await reads.text_of(visit, version)
    present = await reads.text_in_force(visit)
    values: dict[str, Any] = {
        "lines": side_by_side(present.text, text.text),
        "draft": await reads.checked(visit, text.text),
    }
    if present.version:
        values["change"] = await visit.serve.get(
            f"/v1/rulesets/{segment(version)}/diff", Diff, against=present.version
        )  # fmt: skip
    kept = await visit.serve.get("/v1/backtests", KeptBacktests, version=version)
    if kept.backtests:
        job = await visit.serve.get(f"/v1/backtests/{kept.backtests[0].digest}", Job)
        values |= {"job": job, "tested_at": kept.backtests[0].at, **about(job)}
    return values


async def decide(visit: Visit) -> View | Go:
    """Approve what was looked at, or reject it with why."""
    number = visit.path["id"]
    try:
        made = await visit.serve.post(f"/v1/proposals/{segment(number)}", verdict_of(visit.form), Proposal)
    except Refused as refused:
        if refused.unreachable or refused.status == 401:
            raise
        return await _shown(visit, number, refused)
    said = _("已批准，从下一笔交易起生效。") if made.state == "approved" else _("已驳回，提交人会看到原因。")
    return Go("rules_proposals", toast=said)


async def withdraw(visit: Visit) -> View | Go:
    """Take back one's own."""
    number = visit.path["id"]
    try:
        await visit.serve.delete(f"/v1/proposals/{segment(number)}", Proposal)
    except Refused as refused:
        if refused.unreachable or refused.status == 401:
            raise
        return await _shown(visit, number, refused)
    return Go("rules_proposals", toast=_("已撤回。"))


PAGES: Final = (
    Page("GET", "/rules/proposals", "rules_proposals", frozenset({Scope.READ}), show_proposals, nav="rules"),
    Page("GET", "/rules/proposals/{id}", "rules_proposal", frozenset({Scope.READ}), show_proposal, nav="rules"),
    Page("POST", "/rules/proposals/{id}", "rules_decide", frozenset({Scope.APPROVE}), decide, nav="rules"),
    Page("POST", "/rules/proposals/{id}/withdraw", "rules_withdraw", frozenset({Scope.AUTHOR}), withdraw, nav="rules"),
)
