"""Another outcome in the place of one decision: proposed by one person, decided by another; the recorded decision stays."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tarim.console import rules_reads as reads
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.proposals import Proposal
from tarim.console.rules_words import OUTCOMES, outcomes
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope


class Override(msgspec.Struct):
    """A person's outcome in the place of a decision's."""

    outcome: str
    reason: str
    author: str
    approver: str
    at: str


class Decision(msgspec.Struct):
    """A decision as it was answered."""

    event_id: str
    source: str
    outcome: str


async def show_overrides(visit: Visit) -> View:
    """One decision, looked up by source and event, with its override; and those that wait."""
    return await _shown(visit, visit.query.get("event_id", "").strip(), visit.query.get("source", "").strip())


async def _shown(visit: Visit, event_id: str, source: str, error: Refused | None = None) -> View:
    decision: Decision | None = None
    override: Override | None = None
    if event_id and source:
        try:
            decision = await visit.serve.get(f"/v1/decisions/{segment(event_id)}", Decision, source=source)
            override = await visit.serve.get("/v1/overrides", Override, event_id=event_id, source=source)
        except Refused as refused:
            if refused.status not in (404, 422):
                raise
            if decision is None:
                error = error or Refused(404, "not_found", _("没有这笔决策"), _("请核对来源与事件编号。"))
    waiting = await reads.proposals(visit)
    values: dict[str, Any] = {
        "decision": decision,
        "override": override,
        "event_id": event_id,
        "source": source,
        "waiting": [each for each in waiting.proposals if each.what == "override"],
        "outcomes": outcomes(),
        "ladder": OUTCOMES,
        "error": error,
        "may_author": visit.may(Scope.AUTHOR),
    }
    return View("rules/overrides.html", values)


async def propose(visit: Visit) -> View | Go:
    """Propose another outcome."""
    form = visit.form
    event_id, source = form.get("event_id", "").strip(), form.get("source", "").strip()
    body = {
        "event_id": event_id,
        "source": source,
        "outcome": form.get("outcome", ""),
        "reason": form.get("why", "").strip(),
    }
    try:
        made = await visit.serve.post("/v1/overrides", body, Proposal)
    except Refused as refused:
        if refused.unreachable or refused.status in (401, 403):
            raise
        return await _shown(visit, event_id, source, refused)
    return Go("rules_proposal", {"id": made.id}, toast=_("已提交，等待另一人审批。"))


PAGES: Final = (
    Page("GET", "/rules/overrides", "rules_overrides", frozenset({Scope.READ}), show_overrides, nav="rules"),
    Page("POST", "/rules/overrides", "rules_override", frozenset({Scope.AUTHOR}), propose, nav="rules"),
)
