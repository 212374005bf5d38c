"""What follows from an outcome: how long a payment waits, who may decide before that; changed by two persons."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, Final

from tarim.console import rules_reads as reads
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.proposals import Proposal
from tarim.console.rules_shapes import Treatment
from tarim.console.rules_words import outcomes
from tarim.console.services import Refused
from tarim.console.words import _
from tarim.identity import Scope

BODY_BYTES_MAX: Final = 1 << 20


async def show_treatment(visit: Visit) -> View:
    """The one in force, as a table and as the text to change."""
    return await _shown(visit, "")


async def _shown(visit: Visit, draft: str, error: Refused | None = None) -> View:
    present = await visit.serve.get("/v1/treatment", Treatment)
    told = _told(present.text)
    values: dict[str, Any] = {
        "present": present,
        "draft": draft or present.text,
        "holds": told.get("holds", {}),
        "rights": told.get("rights", []),
        "bands": told.get("verification", {}).get("bands", []),
        "limits": told.get("verification", {}).get("limits", []),
        "outcomes": outcomes(),
        "ends": {"release": _("到期放行"), "refuse": _("到期拒绝"), "escalate": _("到期交人工")},
        "error": error,
        "may_author": visit.may(Scope.AUTHOR),
    }
    return View("rules/treatment.html", values)


def _told(text: str) -> Mapping[str, Any]:
    """The document of a treatment that the service took."""
    return tomllib.loads(text)


async def propose(visit: Visit) -> View | Go:
    """Propose another one."""
    text = reads.clean(visit.form.get("text", ""))
    try:
        body = {"text": text, "reason": visit.form.get("why", "").strip()}
        made = await visit.serve.post("/v1/treatment", body, Proposal)
    except Refused as refused:
        if refused.unreachable or refused.status in (401, 403):
            raise
        return await _shown(visit, text, refused)
    return Go("rules_proposal", {"id": made.id}, toast=_("已提交，等待另一人审批。"))


PAGES: Final = (
    Page("GET", "/rules/treatment", "rules_treatment", frozenset({Scope.READ}), show_treatment, nav="rules"),
    Page("POST", "/rules/treatment", "rules_propose_treatment", frozenset({Scope.AUTHOR}), propose, nav="rules",
         body_bytes_max=BODY_BYTES_MAX),
)  # fmt: skip
