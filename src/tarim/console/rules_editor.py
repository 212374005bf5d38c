"""The editor: one rule of a draft as text and as groups and rows, each following the other, checked while one writes.

The draft is the page's: its whole text is a field of the form, and comes back changed.  The desk keeps it for its person with
every act that changed it (`rules_drafts`); nobody else sees it before it is proposed.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import msgspec

from tarim.console import rules_drafts
from tarim.console import rules_reads as reads
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.proposals import Proposal
from tarim.console.rules_drafts import Keeping, MergedDraft, keep
from tarim.console.rules_form import Node, changed_by, path_of, structure_of, tidied, tree_in, tree_of
from tarim.console.rules_shapes import Draft, DraftRule, Fault, InForce, Name
from tarim.console.rules_words import CHANNELS, OUTCOMES, channels, name_kinds, operators, outcomes, units, values
from tarim.console.services import Refused
from tarim.console.words import _, either
from tarim.identity import Scope

BODY_BYTES_MAX: Final = 8 << 20
_NEW: Final[Mapping[str, Any]] = {
    "when": "amount_fen >= 50_000 yuan",
    "outcome": "challenge",
    "weight": 50,
    "scenario": "telecom_fraud",
}
_ON_NODES: Final = ("visual", "field", "row", "group", "remove", "expression")
_PARTS: Final[Mapping[str, frozenset[str]]] = {
    "text": frozenset({"head", "when", "visual"}),
    "when": frozenset({"text", "visual", "picker"}),
    "fields": frozenset({"text", "picker"}),
    "visual": frozenset({"text", "when", "picker"}),
    "title": frozenset(),
}
"""Which parts of the page an act has changed; every other act: all."""
BASE_MOVED: Final = "base-moved"
"""What the service answers when another ruleset came into force since the draft was begun."""
_ALL: Final = frozenset({"head", "when", "visual", "text", "picker"})


async def show_editor(visit: Visit) -> View:
    """The ruleset in force, or another one, as a draft."""
    query = visit.query
    present = await reads.in_force(visit)
    late = None
    if query.get("draft"):
        whole = await rules_drafts.opened(visit, query["draft"])
        text, keeping = whole.text, Keeping.of(whole)
        late = present if present and keeping.base and present.version != keeping.base else None
    else:
        text = await _first_text(visit, present)
        keeping = Keeping.begun(visit, text, present.version if present else "")
    draft = await reads.checked(visit, text)
    wanted = query.get("rule", "")
    at = next((rule.index for rule in draft.rules if rule.id == wanted), 0)
    if query.get("new"):
        draft = await _added(visit, draft, {})
        at = len(draft.rules) - 1
    others = [] if query.get("draft") else await rules_drafts.kept_by(visit)
    return await _shown(visit, draft, at, None, _ALL, keeping, strips={"late": late, "others": others})


async def _first_text(visit: Visit, present: InForce | None) -> str:
    """What a new draft begins from: a pack, a version that was in force, or the one that is."""
    if visit.query.get("pack"):
        return (await reads.text_of_pack(visit, visit.query["pack"])).text
    version = visit.query.get("version") or (present.version if present else "")
    return (await reads.text_of(visit, version) if version else reads.EMPTY).text


async def edit(visit: Visit) -> View:
    """One act on the draft, named by the button or the field."""
    form = visit.form
    act, _colon, path = form.get("act", "visual").partition(":")
    text, at = reads.clean(form.get("text", "")), _number(form.get("at", "0"))
    words = await reads.names(visit)
    tree = tree_in(form, visit.lists, words)
    values: dict[str, Any] = {}
    structure: dict[str, Any] | None = None
    keeping = Keeping.in_form(visit)
    strips: dict[str, Any] = {}
    if act == "when":
        values["when"] = reads.clean(form.get("when", ""))
    if act in ("fields", "when", *_ON_NODES) and "rule_id" in form:
        values |= _fields(visit)
    if act in _ON_NODES and tree is not None:
        tree = tidied(tree) if act == "field" else changed_by(tree, act, path)
        structure = structure_of(tree)
    match act:
        case "select":
            draft, at = await reads.checked(visit, text), _number(path or form.get("rule", "0"))
        case "text" | "title":
            draft = await reads.checked(visit, text)
        case "new" | "copy":
            draft = await reads.checked(visit, text)
            draft = await _added(visit, draft, _fields(visit) | {"when": form.get("when", "")} if act == "copy" else {})
            at = len(draft.rules) - 1
        case "delete":
            draft = await _edited(visit, text, "remove", at)
        case "keep":
            draft, keeping = await reads.checked(visit, text), keeping.anew()
        case "merge":
            draft, keeping, strips = await _merged(visit, text, keeping)
        case "format":
            draft = await _edited(visit, text, "format", 0)
        case _:
            draft = await _edited(visit, text, "change", at, values, structure)
    keeping = await keep(visit, keeping, draft)
    nodes = tree if act in _ON_NODES else None
    return await _shown(visit, draft, at, nodes, _PARTS.get(act, _ALL), keeping, words, strips)


async def _merged(visit: Visit, text: str, keeping: Keeping) -> tuple[Draft, Keeping, dict[str, Any]]:
    """The draft with what came into force since, begun from that now; as it is, with the reason, where that cannot be."""
    try:
        found: MergedDraft = await rules_drafts.merged(visit, text, keeping)
    except Refused as refused:
        if refused.unreachable or refused.status in (401, 403):
            raise
        late = await rules_drafts.overtaken(visit, keeping)
        return await reads.checked(visit, text), keeping, {"error": refused, "late": late}
    return found.draft, replace(keeping, base=found.base), {"merged": found}


async def propose(visit: Visit) -> View | Go:
    """Propose the draft as it stands."""
    text = reads.clean(visit.form.get("text", ""))
    keeping = Keeping.in_form(visit)
    body = {"text": text, "reason": visit.form.get("why", "").strip(), "base": keeping.base}
    try:
        made = await visit.serve.post("/v1/rulesets", body, Proposal)
    except Refused as refused:
        if refused.unreachable or refused.status in (401, 403):
            raise
        draft = await reads.checked(visit, text)
        late = await rules_drafts.overtaken(visit, keeping) if refused.code == BASE_MOVED else None
        strips = {"error": None if late else refused, "late": late}
        return await _shown(visit, draft, _number(visit.form.get("at", "0")), None, frozenset(), keeping, strips=strips)
    if keeping.at:
        with suppress(Refused):  # it stands proposed; a draft that is left over is discarded by hand
            await rules_drafts.drop(visit, keeping.id)
    return Go("rules_proposal", {"id": made.id}, toast=_("已提交，等待另一人审批。"))


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else 0


def _fields(visit: Visit) -> dict[str, Any]:
    """What follows from the rule, as the form says it."""
    form = visit.form
    weight = form.get("weight", "").strip()
    chosen = [each for each in visit.lists.get("channels", []) if each in CHANNELS]
    return {
        "id": form.get("rule_id", "").strip(),
        **{key: form.get(key, "").strip() for key in ("outcome", "scenario", "reason", "reason_en")},
        "weight": int(weight) if weight.isdecimal() and len(weight) < 10 else weight,
        "channels": chosen or None,
    }


async def _edited(
    visit: Visit,
    text: str,
    act: str,
    at: int,
    values: Mapping[str, Any] | None = None,
    structure: Mapping[str, Any] | None = None,
) -> Draft:
    """The draft after a change; as it is, with the reason as a problem, where it cannot be changed so."""
    body = {"text": text or "\n", "act": act, "rule": at, "values": dict(values or {}), "structure": structure}
    try:
        return await visit.serve.post("/v1/rulesets:edit", body, Draft)
    except Refused as refused:
        if refused.status != 422:
            raise
        draft = await reads.checked(visit, text)
        return msgspec.structs.replace(draft, problems=[*draft.problems, Fault(refused.detail, refused.detail)])


async def _added(visit: Visit, draft: Draft, copied: Mapping[str, Any]) -> Draft:
    known = {rule.id for rule in draft.rules}
    base = str(copied.get("id", "")) or "new_rule"
    fresh = next(name for name in (f"{base[:58]}_{number}" for number in range(2, 10_000)) if name not in known)
    name = base if base not in known else fresh
    written = {"reason": _("新规则"), "reason_en": "new rule"}
    new = {**_NEW, **written, **copied, "id": name}
    return await _edited(visit, draft.text, "add", 0, {key: value for key, value in new.items() if value is not None})


async def _shown(
    visit: Visit,
    draft: Draft,
    at: int,
    tree: Node | None,
    parts: frozenset[str],
    keeping: Keeping,
    words: Mapping[str, Name] | None = None,
    strips: Mapping[str, Any] | None = None,
) -> View:
    words = words if words is not None else await reads.names(visit)
    at = min(at, len(draft.rules) - 1)
    rule = draft.rules[at] if at >= 0 else None
    stale = rule is not None and rule.structure is None and tree is None
    if tree is None and rule is not None and rule.structure is not None:
        tree = tree_of(rule.structure, words)
    if stale and parts != _ALL:
        parts = parts - {"visual"}
    faults = {}
    if draft.fault is not None:
        faults[path_of(draft.fault.pointer)] = either(draft.fault.zh, draft.fault.en)
    view = {
        "draft": draft,
        "rule": rule,
        "at": max(at, 0),
        "tree": tree,
        "stale": stale,
        "faults": faults,
        "marks": _marks(draft, rule, faults),
        "parts": parts,
        "names": words,
        "lists": await reads.list_names(visit),
        "outcomes": outcomes(),
        "ladder": OUTCOMES,
        "channels": channels(),
        "operators": operators(),
        "units": units(),
        "words": values(),
        "name_kinds": name_kinds(),
        "keeping": keeping,
        "strips": {"error": None, "late": None, "merged": None, "others": [], **(strips or {})},
        "say": bool(strips),
        "may_propose": visit.may(Scope.AUTHOR),
        "scenarios": sorted({each.scenario for each in draft.rules if each.scenario}),
    }
    return View("rules/editor.html", view, "rules/_parts.html")


def _marks(draft: Draft, rule: DraftRule | None, faults: Mapping[str, str]) -> str:
    """Where the editors underline, as JSON: of the condition by character, of the text by line and column, of rows by path."""
    here = [fault for fault in draft.problems if rule is not None and fault.index == rule.index]
    told = {
        "when": [{"at": each.at, "text": either(each.zh, each.en), "fix": each.suggestion} for each in here],
        "text": [
            {"line": each.line, "column": each.column, "text": either(each.zh, each.en), "fix": each.suggestion}
            for each in draft.problems
            if each.line
        ],
        "rows": dict(faults),
    }
    return msgspec.json.encode(told).decode()


PAGES: Final = (
    Page("GET", "/rules/editor", "rules_editor", frozenset({Scope.READ}), show_editor, nav="rules"),
    Page("POST", "/rules/editor", "rules_edit", frozenset({Scope.READ}), edit, nav="rules", body_bytes_max=BODY_BYTES_MAX),
    *rules_drafts.PAGES,
    Page("POST", "/rules/proposals", "rules_propose", frozenset({Scope.AUTHOR}), propose, nav="rules",
         body_bytes_max=BODY_BYTES_MAX),
)  # fmt: skip
