"""Rulesets as they came into force, two of them side by side, and the way back to the one before."""

from __future__ import annotations

from typing import Final

import msgspec

from tarim.console import rules_reads as reads
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.rules_diff import side_by_side
from tarim.console.rules_shapes import History, InForce
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope


class Diff(msgspec.Struct):
    """What a ruleset changes, by rules."""

    added: list[str]
    removed: list[str]
    changed: list[str]


async def show_history(visit: Visit) -> View:
    """All that is remembered, the newest first."""
    return await _history(visit)


async def _history(visit: Visit, error: Refused | None = None) -> View:
    history = await visit.serve.get("/v1/rulesets", History)
    present = history.rulesets[0] if history.rulesets else None
    before = next((each for each in history.rulesets if present and each.version != present.version), None)
    change = None
    if present and before:
        change = await visit.serve.get(
            f"/v1/rulesets/{segment(before.version)}/diff", Diff, against=present.version
        )  # fmt: skip
    values = {
        "rulesets": history.rulesets,
        "present": present,
        "before": before,
        "change": change,
        "error": error,
        "may_operate": visit.may(Scope.OPERATE),
    }
    return View("rules/history.html", values)


async def compare(visit: Visit) -> View:
    """Two versions side by side: `old` left, `new` right; without `old` the one in force."""
    new = visit.query.get("new", "")
    old = visit.query.get("old", "")
    if not old:
        found = await reads.in_force(visit)
        old = found.version if found else ""
    if not new or not old:
        raise Refused(404, "not_found", _("缺少版本"), _("请从版本历史中选择要比较的两个版本。"))
    left, right = await reads.text_of(visit, old), await reads.text_of(visit, new)
    change = await visit.serve.get(f"/v1/rulesets/{segment(new)}/diff", Diff, against=old)
    whole = visit.query.get("whole") == "1"
    values = {
        "old": old,
        "new": new,
        "change": change,
        "lines": side_by_side(left.text, right.text, whole=whole),
        "whole": whole,
    }
    return View("rules/compare.html", values)


async def roll_back(visit: Visit) -> View | Go:
    """To the ruleset before, which two persons approved then."""
    try:
        body = {"reason": visit.form.get("why", "").strip()}
        made = await visit.serve.post("/v1/rulesets:rollback", body, InForce)
    except Refused as refused:
        if refused.unreachable or refused.status in (401, 403):
            raise
        return await _history(visit, refused)
    return Go("rules_history", toast=_("已回退到 {name}，从下一笔交易起生效。").format(name=made.name))


PAGES: Final = (
    Page("GET", "/rules/history", "rules_history", frozenset({Scope.READ}), show_history, nav="rules"),
    Page("GET", "/rules/compare", "rules_compare", frozenset({Scope.READ}), compare, nav="rules"),
    Page("POST", "/rules/rollback", "rules_roll_back", frozenset({Scope.OPERATE}), roll_back, nav="rules"),
)
