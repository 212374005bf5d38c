"""Writing rules over HTTP: check a text, change one rule in it, and the names a rule may use.

Nothing here is kept or put in force: a text comes and goes, and only proposing it (`governance`) makes it anybody else's
business.  A check holds the interpreter for milliseconds, so they run one at a time beside the decisions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import TypeVar

from tarim.api.governance import Texts
from tarim.api.governance_bodies import RULESET_BYTES_MAX
from tarim.api.routes import Call, Route
from tarim.api.rule_draft_bodies import (
    DraftBandBody,
    DraftBody,
    DraftEditBody,
    DraftMergeBody,
    DraftMergedBody,
    DraftProblemBody,
    DraftRuleBody,
    DraftTextBody,
    PackBody,
    PacksBody,
    RuleNameBody,
    RuleNamesBody,
    StructureFaultBody,
)
from tarim.base.errors import DefinitionError, FieldError, NotFound
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
    merge_rulesets,
    read_draft,
    remove_rule,
    scenario_pack,
    starter_pack,
)
from tarim.stream import FeatureSet, reference_features, scenario_features

_T = TypeVar("_T")


class DraftHandlers:
    """What answers about texts, one check at a time.  lists: names of the lists there are."""

    def __init__(
        self, governor: Governor, texts: Texts, features: FeatureSet, lists: Callable[[], Collection[str]]
    ) -> None:
        self._governor, self._texts, self._features, self._lists = governor, texts, features, lists
        self._words = RuleNamesBody(_names(features))
        self._rules_of = lru_cache(maxsize=4)(self._read_rules)
        self._one_at_a_time = asyncio.Semaphore(1)

    async def check(self, call: Call) -> DraftBody:
        text = call.body.text
        return await self._aside(lambda: self._looked_at(text))

    async def edit(self, call: Call) -> DraftBody:
        asked = call.body
        return await self._aside(lambda: self._edited(asked))

    async def merge(self, call: Call) -> DraftMergedBody:
        asked = call.body
        return await self._aside(lambda: self._merged(asked))

    async def names(self, call: Call) -> RuleNamesBody:
        return self._words

    async def packs(self, call: Call) -> PacksBody:
        starter = PackBody(
            "starter", "起步规则集", "starter ruleset", reference_features().name, starter_pack()
        )  # fmt: skip
        bank = PackBody("bank", "全场景规则集", "every scenario of a bank", scenario_features().name, scenario_pack())
        return PacksBody([starter, bank])

    def _looked_at(self, text: str, fault: StructureFaultBody | None = None) -> DraftBody:
        control = self._governor.state.ruleset
        return _body(
            text,
            read_draft(text, self._features.names),
            self._rules_of(control.digest) if control is not None else {},
            set(self._lists()),
            fault,
        )

    def _edited(self, asked: DraftEditBody) -> DraftBody:
        values = dict(asked.values)
        if asked.structure is not None:
            try:
                values["when"] = format_expression(from_structure(asked.structure))
            except StructureError as error:
                return self._looked_at(asked.text, StructureFaultBody(error.pointer, error.text_zh, error.text_en))
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
            return self._looked_at(asked.text)
        if len(text) > 1_000_000:
            raise FieldError("text", "must have at most 1,000,000 characters")
        return self._looked_at(text)

    def _merged(self, asked: DraftMergeBody) -> DraftMergedBody:
        control = self._governor.state.ruleset
        if control is None:
            raise NotFound("no ruleset is in force yet. 尚无在用规则集。")
        try:
            found = merge_rulesets(self._texts.text_of(asked.base), self._texts.text_of(control.digest), asked.text)
        except RulesetInvalid as error:
            raise DefinitionError(
                "the text is no TOML yet: mend it first. 文本还不是有效的 TOML，请先改正。"
            ) from error
        return DraftMergedBody(
            self._looked_at(found.text), control.digest, list(found.taken), list(found.both), list(found.beside)
        )

    async def _aside(self, work: Callable[[], _T]) -> _T:
        async with self._one_at_a_time:
            return await asyncio.get_running_loop().run_in_executor(None, work)

    def _read_rules(self, digest: str) -> dict[str, tuple[object, ...]]:
        return {rule.id: _content(rule) for rule in read_draft(self._texts.text_of(digest), self._features.names).rules}


def rule_draft_routes(
    governor: Governor, texts: Texts, features: FeatureSet, lists: Callable[[], Collection[str]]
) -> list[Route]:
    """The routes.  lists: names of the lists there are."""
    do = DraftHandlers(governor, texts, features, lists)
    return [
        Route("POST", "/v1/rulesets:check", "check_ruleset", "What a text says and what is wrong with it / 检查规则集文本",
              Scope.READ, do.check, DraftBody, DraftTextBody, body_bytes_max=RULESET_BYTES_MAX, works_out=True),
        Route("POST", "/v1/rulesets:edit", "edit_ruleset", "A text with one rule changed / 修改规则集文本中的一条规则",
              Scope.READ, do.edit, DraftBody, DraftEditBody, body_bytes_max=RULESET_BYTES_MAX, works_out=True),
        Route("POST", "/v1/rulesets:merge", "merge_ruleset", "A text with what came into force since / 并入在用规则集的改动",
              Scope.READ, do.merge, DraftMergedBody, DraftMergeBody, refusals=(404,), body_bytes_max=RULESET_BYTES_MAX,
              works_out=True),
        Route("GET", "/v1/rulesets:names", "rule_names", "The words a rule may use / 规则可用的名称", Scope.READ, do.names,
              RuleNamesBody),
        Route("GET", "/v1/rulesets:packs", "rule_packs", "Rulesets that come with the product / 随产品提供的规则包",
              Scope.READ, do.packs, PacksBody),
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


def _problem(problem: Problem) -> DraftProblemBody:
    return DraftProblemBody(
        problem.rule,
        problem.line,
        problem.column,
        problem.index,
        problem.at,
        problem.text_zh,
        problem.text_en,
        problem.suggestion,
    )
