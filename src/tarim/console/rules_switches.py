"""Switches: pause a rule, stop a kind of business, shadow, roll-out, sparing one customer; by one person or by two."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tarim.console import rules_reads as reads
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.proposals import Proposal
from tarim.console.rules_shapes import Draft, Switch
from tarim.console.rules_words import KINDS, kinds, switch_words
from tarim.console.services import Refused
from tarim.console.words import _
from tarim.identity import Scope

WHOLE: Final = 10_000
"""Hundredths of a percent."""
_CHINA: Final = ZoneInfo("Asia/Shanghai")
_ALONE: Final = (("pause", 0), ("pause", 1), ("stop", 1))
"""Switches of rules and business that one person may throw; the service holds to it, this only leads to the right one."""


async def show_switches(visit: Visit) -> View:
    """Those that are set, and the forms to set others."""
    return await _shown(visit)


async def _shown(visit: Visit, error: Refused | None = None) -> View:
    found = await reads.switches(visit)
    hits = await reads.hits(visit)
    text = await reads.text_in_force(visit)
    draft: Draft = await reads.checked(visit, text.text)
    values = {
        "switches": [each for each in found.switches if each.what not in ("pause_model", "rules_only")],
        "stopped": {each.target for each in found.switches if each.what == "stop"},
        "rules": draft.rules,
        "hits": hits,
        "kinds": {kind: text for kind, text in kinds().items() if kind in KINDS},
        "kind_words": kinds(),
        "switch_words": switch_words(),
        "error": error,
        "said": dict(visit.form),
        "may_author": visit.may(Scope.AUTHOR),
        "may_operate": visit.may(Scope.OPERATE),
        "tomorrow": (datetime.now(_CHINA) + timedelta(days=30)).date().isoformat(),
    }
    return View("rules/switches.html", values)


def asked_in(form: Mapping[str, str]) -> dict[str, Any]:
    """The switch a form asks for.  Raises Refused for a part or a day that is none."""
    what = form.get("what", "")
    asked: dict[str, Any] = {
        "what": what,
        "target": form.get("target", "").strip(),
        "value": 0 if form.get("value") == "0" else 1,
        "reason": form.get("why", "").strip(),
    }
    if what == "rollout":
        text = form.get("percent", "").strip().rstrip("%")
        try:
            asked["value"] = round(float(text) * 100)
        except (ValueError, OverflowError):
            asked["value"] = -1
        if not 0 <= asked["value"] <= WHOLE:
            raise Refused(422, "input", _("灰度比例不合规"), _("请填写 0 到 100 之间的百分数。"))
    if what == "suppress":
        asked["customer"] = form.get("customer", "").strip()
        try:
            day = datetime.fromisoformat(form.get("until", "").strip()).replace(tzinfo=_CHINA)
        except ValueError:
            raise Refused(422, "input", _("期限不合规"), _("请选择豁免的截止日期。")) from None
        asked["until_ms"] = int((day + timedelta(days=1)).timestamp() * 1_000)
    return asked


async def ask(visit: Visit) -> View | Go:
    """Throw a switch that one person may throw; propose any other."""
    try:
        asked = asked_in(visit.form)
        if (asked["what"], asked["value"]) in _ALONE and visit.may(Scope.OPERATE):
            await visit.serve.post("/v1/switches:throw", asked, Switch)
            return Go("rules_switches", toast=_("已执行，从下一笔交易起生效。"))
        made = await visit.serve.post("/v1/switches", asked, Proposal)
    except Refused as refused:
        if refused.unreachable or refused.status == 401:
            raise
        return await _shown(visit, refused)
    return Go("rules_proposal", {"id": made.id}, toast=_("已提交，等待另一人审批。"))


PAGES: Final = (
    Page("GET", "/rules/switches", "rules_switches", frozenset({Scope.READ}), show_switches, nav="rules"),
    Page("POST", "/rules/switches", "rules_switch", frozenset({Scope.AUTHOR, Scope.OPERATE}), ask, nav="rules"),
)
