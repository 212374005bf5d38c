"""Writing rules over HTTP: check a text, change one rule in it, and the names a rule may use.

Nothing here is kept or put in force: a text comes and goes, and only proposing it (`governance`) makes it anybody else's
business.  A check holds the interpreter for milliseconds, so they run one at a time beside the decisions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tarim.api.governance import RULESET_BYTES_MAX, Texts
from tarim.api.routes import Call, Route
from tarim.base.errors import FieldError
from tarim.decisions import Governor
from tarim.identity import Scope
from tarim.models import meaning
from tarim.rules import (
    Draft,
    DraftRule,
    Problem,
    RulesetInvalid,
    StructureError,
    add_rule,
    change_rule,
    explain_names,
    format_expression,
    format_ruleset,
    from_structure,
    read_draft,
    remove_rule,
    scenario_pack,
    starter_pack,
)
from tarim.stream import FeatureSet, reference_features, scenario_features

RulesetText = Annotated[str, Meta(min_length=1, max_length=1_000_000)]
RuleValue = Annotated[str, Meta(max_length=10_000)] | int | Annotated[list[str], Meta(max_length=16)] | None


class DraftTextBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text to look at."""

    text: RulesetText


class DraftEditBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text and one change of it.

    act: change keys of the rule at place `rule` (null takes one out), add a rule with these values, remove one, or write every
    condition in its canonical form.  structure: the rule's condition as groups and rows, in the place of `when`.
    """

    text: RulesetText
    act: Literal["change", "add", "remove", "format"]
    rule: Annotated[int, Meta(ge=0, le=10_000)] = 0
    values: Annotated[dict[str, RuleValue], Meta(max_length=16)] = {}
    structure: dict[str, Any] | None = None


class ProblemBody(msgspec.Struct, frozen=True):
    """A fault.

    index: the rule's place, `at`: the character of its condition, both from 0, -1 where it is not about a condition.  line,
    column: in the whole text, from 1, 0 where it is about all of it.  suggestion: the word to write there instead.
    """

    rule: str
    line: int
    column: int
    index: int
    at: int
    zh: str
    en: str
    suggestion: str


class DraftRuleBody(msgspec.Struct, frozen=True):
    """A rule as far as it can be read.  structure: its condition as groups and rows, null where it does not parse.

    change: `added` or `changed` against the ruleset in force, `same`.
    """

    index: int
    line: int
    id: str
    when: str
    outcome: str
    weight: int
    scenario: str
    reason: str
    reason_en: str
    channels: list[str]
    structure: dict[str, Any] | None
    change: str


class DraftBandBody(msgspec.Struct, frozen=True):
    """From this score on (0 to 1), up to the next band, the outcome follows."""

    at_least: float
    outcome: str
    weight: int
    reason: str
    reason_en: str
    name: str


class StructureFaultBody(msgspec.Struct, frozen=True):
    """Groups and rows that are no condition.  pointer: a JSON pointer to the place."""

    pointer: str
    zh: str
    en: str


class DraftBody(msgspec.Struct, frozen=True):
    """A text looked at.

    version: its digest, "" while there are problems.  removed: rules in force that it does not have.  lists: those its rules
    ask; unknown_lists: those of them that do not exist.  fault: why `structure` was not taken; then the text is as it came.
    """

    text: str
    version: str
    name: str
    problems: list[ProblemBody]
    rules: list[DraftRuleBody]
    removed: list[str]
    bands: list[DraftBandBody]
    lists: list[str]
    unknown_lists: list[str]
    fault: StructureFaultBody | None = None


class RuleNameBody(msgspec.Struct, frozen=True):
    """A word a rule may use.

    kind: number, code, set, condition, identifier or feature.  unit: fen, ms or "".  values: of a code or set.  stands_alone:
    it is a condition by itself.  zh, en: what it means, a feature's window included.
    """

    name: str
    kind: str
    unit: str
    values: list[str]
    stands_alone: bool
    zh: str
    en: str


class RuleNamesBody(msgspec.Struct, frozen=True):
    """The event's own words, then the features of the set in force."""

    names: list[RuleNameBody]


class PackBody(msgspec.Struct, frozen=True):
    """A ruleset that comes with the product.  features: the feature set it is written for."""

    name: str
    zh: str
    en: str
    features: str
    text: str


class PacksBody(msgspec.Struct, frozen=True):
    """All of them."""

    packs: list[PackBody]


def rule_draft_routes(
    governor: Governor, texts: Texts, features: FeatureSet, lists: Callable[[], Collection[str]]
) -> list[Route]:
    """The routes.  lists: names of the lists there are."""
    one_at_a_time = asyncio.Semaphore(1)

    @lru_cache(maxsize=4)
    def rules_in_force(digest: str) -> dict[str, tuple[object, ...]]:
        return {rule.id: _content(rule) for rule in read_draft(texts.text_of(digest), features.names).rules}

    def looked_at(text: str, fault: StructureFaultBody | None = None) -> DraftBody:
        control = governor.state.ruleset
        return _body(
            text,
            read_draft(text, features.names),
            rules_in_force(control.digest) if control is not None else {},
            set(lists()),
            fault,
        )

    def edited(asked: DraftEditBody) -> DraftBody:
        values = dict(asked.values)
        if asked.structure is not None:
            try:
                values["when"] = format_expression(from_structure(asked.structure))
            except StructureError as error:
                return looked_at(asked.text, StructureFaultBody(error.pointer, error.text_zh, error.text_en))
        try:
            match asked.act:
                case "change":
                    text = change_rule(asked.text, asked.rule, values)
                case "add":
                    text = add_rule(asked.text, {key: value for key, value in values.items() if value is not None})
                case "remove":
                    text = remove_rule(asked.text, asked.rule)
                case "format":
                    text = format_ruleset(asked.text)
        except RulesetInvalid:
            return looked_at(asked.text)
        if len(text) > 1_000_000:
            raise FieldError("text", "must have at most 1,000,000 characters")
        return looked_at(text)

    async def aside(work: Callable[[], DraftBody]) -> DraftBody:
        async with one_at_a_time:
            return await asyncio.get_running_loop().run_in_executor(None, work)

    async def check(call: Call) -> DraftBody:
        text = call.body.text
        return await aside(lambda: looked_at(text))

    async def edit(call: Call) -> DraftBody:
        asked = call.body
        return await aside(lambda: edited(asked))

    words = RuleNamesBody(_names(features))

    async def names(call: Call) -> RuleNamesBody:
        return words

    async def packs(call: Call) -> PacksBody:
        starter = PackBody(
            "starter", "起步规则集", "starter ruleset", reference_features().name, starter_pack()
        )  # fmt: skip
        bank = PackBody("bank", "全场景规则集", "every scenario of a bank", scenario_features().name, scenario_pack())
        return PacksBody([starter, bank])

    return [
        Route("POST", "/v1/rulesets:check", "check_ruleset", "What a text says and what is wrong with it / 检查规则集文本",
              Scope.READ, check, DraftBody, DraftTextBody, body_bytes_max=RULESET_BYTES_MAX, works_out=True),
        Route("POST", "/v1/rulesets:edit", "edit_ruleset", "A text with one rule changed / 修改规则集文本中的一条规则",
              Scope.READ, edit, DraftBody, DraftEditBody, body_bytes_max=RULESET_BYTES_MAX, works_out=True),
        Route("GET", "/v1/rulesets:names", "rule_names", "The words a rule may use / 规则可用的名称", Scope.READ, names,
              RuleNamesBody),
        Route("GET", "/v1/rulesets:packs", "rule_packs", "Rulesets that come with the product / 随产品提供的规则包", Scope.READ,
              packs, PacksBody),
    ]  # fmt: skip


def _names(features: FeatureSet) -> list[RuleNameBody]:
    meanings = {feature.name: meaning(feature) for feature in features.features}
    found = []
    for note in explain_names(features.names):
        said = meanings.get(note.name)
        zh, en = (said.zh, said.en) if said is not None else (note.text_zh, note.text_en)
        found.append(RuleNameBody(note.name, note.kind, note.unit, list(note.values), note.stands_alone, zh, en))
    return found


def _content(rule: DraftRule) -> tuple[object, ...]:
    return (
        rule.when, rule.outcome, rule.weight, rule.scenario, rule.reason_zh, rule.reason_en, rule.channels
    )  # fmt: skip


def _body(
    text: str,
    draft: Draft,
    in_force: Mapping[str, tuple[object, ...]],
    known_lists: Collection[str],
    fault: StructureFaultBody | None,
) -> DraftBody:
    def change(rule: DraftRule) -> str:
        if rule.id not in in_force:
            return "added"
        return "same" if in_force[rule.id] == _content(rule) else "changed"

    here = {rule.id for rule in draft.rules}
    return DraftBody(
        text,
        draft.version,
        draft.name,
        [_problem(each) for each in draft.problems],
        [
            DraftRuleBody(
                rule.index,
                rule.line,
                rule.id,
                rule.when,
                rule.outcome,
                rule.weight,
                rule.scenario,
                rule.reason_zh,
                rule.reason_en,
                list(rule.channels),
                rule.structure,
                change(rule),
            )
            for rule in draft.rules
        ],
        [rule_id for rule_id in in_force if rule_id not in here],
        [
            DraftBandBody(
                band.at_least, band.outcome.name.lower(), band.weight, band.reason_zh, band.reason_en, band.name
            )
            for band in draft.bands
        ],
        list(draft.lists),
        [name for name in draft.lists if name not in known_lists],
        fault,
    )


def _problem(problem: Problem) -> ProblemBody:
    return ProblemBody(
        problem.rule,
        problem.line,
        problem.column,
        problem.index,
        problem.at,
        problem.text_zh,
        problem.text_en,
        problem.suggestion,
    )
