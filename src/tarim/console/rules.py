"""Rules in force: the list with hits and precision, one rule, and the rulesets that come with the product."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from tarim.console import (
    rules_backtest,
    rules_editor,
    rules_history,
    rules_overrides,
    rules_proposals,
    rules_reviews,
    rules_switches,
    rules_treatment,
)
from tarim.console import rules_reads as reads
from tarim.console.pages import Page, View, Visit
from tarim.console.rules_form import tree_of
from tarim.console.rules_shapes import Draft, DraftRule, Hits, Packs, RuleHits, Span, Switches
from tarim.console.rules_words import (
    OUTCOMES,
    channels,
    operators,
    outcomes,
    scenario_name,
    switch_words,
    units,
    values,
)
from tarim.console.services import Refused
from tarim.console.words import _
from tarim.identity import Scope

READ: Final = frozenset({Scope.READ})
STATES: Final = ("live", "paused", "shadow", "partial", "spared")
_NO_HITS: Final = RuleHits("", Span(), Span(), Span())


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a rule counts.  share: hundredths of a percent of the customers; spared: customers it is suppressed for."""

    paused: bool
    shadow: bool
    share: int
    spared: int

    @property
    def word(self) -> str:
        """One of STATES."""
        if self.paused:
            return "paused"
        if self.shadow:
            return "shadow"
        return "partial" if self.share < 10_000 else "spared" if self.spared else "live"


def standing(rule_id: str, switches: Switches) -> Standing:
    """How far a rule counts by the switches that are set."""
    of_rule = [each for each in switches.switches if each.target == rule_id]
    kinds = {each.what for each in of_rule}
    share = next((each.value for each in of_rule if each.what == "rollout"), 10_000)
    spared = sum(each.what == "suppress" and each.target in (rule_id, "*") for each in switches.switches)
    return Standing("pause" in kinds, "shadow" in kinds, share, spared)


def states() -> dict[str, str]:
    """Words of STATES."""
    return {
        "live": _("生效中"),
        "paused": _("已暂停"),
        "shadow": _("影子运行"),
        "partial": _("灰度"),
        "spared": _("部分客户豁免"),
    }


def _matches(rule: DraftRule, wanted: dict[str, str], state: str) -> bool:
    text = wanted["q"].lower()
    told = " ".join((rule.id, rule.reason, rule.reason_en, rule.when)).lower()
    return (
        (not text or text in told)
        and wanted["scenario"] in ("", rule.scenario)
        and wanted["outcome"] in ("", rule.outcome)
        and wanted["state"] in ("", state)
    )


async def show_rules(visit: Visit) -> View:
    """The list."""
    wanted = {name: visit.query.get(name, "") for name in ("q", "scenario", "outcome", "state", "sort")}
    found, switches, hits, waiting = await asyncio.gather(
        reads.in_force(visit), reads.switches(visit), reads.hits(visit), reads.proposals(visit)
    )
    text = await reads.text_of(visit, found.version) if found else reads.EMPTY
    draft = await reads.checked(visit, text.text)
    of_rule = {each.id: each for each in hits.rules} if hits else {}
    rows = []
    for rule in draft.rules:
        stands = standing(rule.id, switches)
        if _matches(rule, wanted, stands.word):
            rows.append((rule, stands, of_rule.get(rule.id, _NO_HITS)))
    sort = wanted["sort"]
    if sort in ("day", "week"):
        rows.sort(key=lambda row: -getattr(row[2], sort).hits)
    elif sort == "precision":
        rows.sort(key=lambda row: -(row[2].month.precision if row[2].month.precision is not None else -1.0))
    elif sort == "weight":
        rows.sort(key=lambda row: -row[0].weight)
    values_ = {
        "in_force": found,
        "draft": draft,
        "rows": rows,
        "hits": hits,
        "wanted": wanted,
        "switches": switches,
        "waiting": [each for each in waiting.proposals if each.what in ("ruleset", "switch", "override", "treatment")],
        "scenarios": sorted({rule.scenario for rule in draft.rules}),
        "scenario_name": scenario_name,
        "states": states(),
        "outcomes": outcomes(),
        "ladder": OUTCOMES,
        "channels": channels(),
        "switch_words": switch_words(),
        "may_author": visit.may(Scope.AUTHOR),
        "may_operate": visit.may(Scope.OPERATE),
        "totals": _totals(draft, switches, hits),
    }
    return View("rules/list.html", values_, "rules/_list.html")


def _totals(draft: Draft, switches: Switches, hits: Hits | None) -> dict[str, Any]:
    week = [each.week for each in hits.rules] if hits else []
    fraud, genuine = (
        sum(each.month.fraud for each in hits.rules) if hits else 0,
        (sum(each.month.genuine for each in hits.rules) if hits else 0),
    )
    return {
        "rules": len(draft.rules),
        "held": sum(standing(rule.id, switches).word in ("paused", "shadow") for rule in draft.rules),
        "day": sum(each.day.hits for each in hits.rules) if hits else None,
        "week": sum(each.hits for each in week) if hits else None,
        "precision": fraud / (fraud + genuine) if fraud + genuine else None,
        "quiet": sum(each.id not in {one.id for one in hits.rules if one.week.hits} for each in draft.rules)
        if hits
        else None,
    }


async def show_rule(visit: Visit) -> View:
    """One rule in force."""
    wanted = visit.path["rule"]
    found, switches, hits, words, waiting = await asyncio.gather(
        reads.in_force(visit), reads.switches(visit), reads.hits(visit), reads.names(visit), reads.proposals(visit)
    )
    text = await reads.text_of(visit, found.version) if found else reads.EMPTY
    draft = await reads.checked(visit, text.text)
    rule = next((each for each in draft.rules if each.id == wanted), None)
    if rule is None:
        raise Refused(404, "not_found", _("没有这条规则"), _("在用规则集中没有编号为 {id} 的规则。").format(id=wanted))
    counted = next((each for each in hits.rules if each.id == rule.id), _NO_HITS) if hits else None
    values_ = {
        "rule": rule,
        "in_force": found,
        "stands": standing(rule.id, switches),
        "set": [each for each in switches.switches if each.target in (rule.id, "*")],
        "hits": hits,
        "counted": counted,
        "chart": _chart(hits, counted) if hits and counted else "",
        "tree": tree_of(rule.structure, words) if rule.structure else None,
        "reads": [words[name] for name in dict.fromkeys(_names_in(rule.when)) if name in words],
        "waiting": waiting,
        "states": states(),
        "scenario_name": scenario_name,
        "outcomes": outcomes(),
        "channels": channels(),
        "operators": operators(),
        "units": units(),
        "words": values(),
        "switch_words": switch_words(),
        "may_author": visit.may(Scope.AUTHOR),
        "may_operate": visit.may(Scope.OPERATE),
        "tomorrow": (date.today() + timedelta(days=30)).isoformat(),
        "error": None,
    }
    return View("rules/rule.html", values_)


def _names_in(when: str) -> list[str]:
    import re

    return re.findall(r"[A-Za-z_]\w*", re.sub(r"\"[^\"]*\"|'[^']*'", "", when))


def _chart(hits: Hits, counted: RuleHits) -> str:
    first = date.fromisoformat(hits.first_day)
    days = [(first + timedelta(days=at)).strftime("%m-%d") for at in range(len(counted.days))]
    told = {"days": days, "unit": _("笔"), "bars": [(_("命中"), counted.days)], "precision": []}
    return msgspec.json.encode(told).decode()


async def show_packs(visit: Visit) -> View:
    """The rulesets that come with the product."""
    packs = await visit.serve.get("/v1/rulesets:packs", Packs)
    told = []
    for pack in packs.packs:
        draft = await reads.checked(visit, pack.text)
        scenarios: dict[str, list[DraftRule]] = {}
        for rule in draft.rules:
            scenarios.setdefault(rule.scenario, []).append(rule)
        told.append((pack, draft, scenarios))
    found = await reads.text_in_force(visit)
    live = await reads.checked(visit, found.text)
    values_ = {
        "packs": told,
        "live": live,
        "scenario_name": scenario_name,
        "outcomes": outcomes(),
        "may_author": visit.may(Scope.AUTHOR),
    }
    return View("rules/packs.html", values_)


PAGES: Final = (
    Page("GET", "/rules", "rules", READ, show_rules, nav="rules"),
    Page("GET", "/rules/rule/{rule}", "rules_rule", READ, show_rule, nav="rules"),
    Page("GET", "/rules/packs", "rules_packs", READ, show_packs, nav="rules"),
    *rules_editor.PAGES,
    *rules_backtest.PAGES,
    *rules_history.PAGES,
    *rules_proposals.PAGES,
    *rules_switches.PAGES,
    *rules_reviews.PAGES,
    *rules_overrides.PAGES,
    *rules_treatment.PAGES,
)
