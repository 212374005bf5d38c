"""Checking and editing a text over HTTP: faults with their places, one rule changed, nothing kept."""

from __future__ import annotations

import asyncio
import hashlib
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tarim.api.routes import Call, Route
from tarim.api.rule_draft_bodies import DraftBody, DraftEditBody, DraftMergeBody, DraftTextBody, RuleNamesBody
from tarim.api.rule_drafts import rule_draft_routes
from tarim.base.errors import DefinitionError, NotFound
from tarim.identity import Caller, CallerKind, Scope
from tarim.rules import change_rule, check_ruleset, starter_pack
from tarim.stream import reference_features

LI = Caller("li", CallerKind.KEY, frozenset({Scope.READ}))
LIVE = starter_pack()
DIGEST = hashlib.sha256(LIVE.encode()).hexdigest()
OLD = change_rule(LIVE, 0, {"weight": 1})
OLD_DIGEST = hashlib.sha256(OLD.encode()).hexdigest()


class Texts:
    def text_of(self, digest: str) -> str:
        assert digest in (DIGEST, OLD_DIGEST)
        return LIVE if digest == DIGEST else OLD


def routes(in_force: bool = True) -> dict[str, Route]:
    control = SimpleNamespace(digest=DIGEST) if in_force else None
    governor: Any = SimpleNamespace(state=SimpleNamespace(ruleset=control))
    texts: Any = Texts()
    return {
        route.operation: route for route in rule_draft_routes(governor, texts, reference_features(), lambda: ["known"])
    }


def ask(operation: str, body: Any = None, in_force: bool = True) -> Any:
    return asyncio.run(routes(in_force)[operation].handler(Call(LI, {}, None, body)))


def check(text: str, in_force: bool = True) -> DraftBody:
    body: DraftBody = ask("check_ruleset", DraftTextBody(text), in_force)
    return body


def edit(**asked: Any) -> DraftBody:
    body: DraftBody = ask("edit_ruleset", msgspec.convert({"text": LIVE, **asked}, DraftEditBody))
    return body


def test_nothing_of_it_is_an_act_on_the_trail() -> None:
    """Checks come with every key that is pressed; they are read-only, and need no more than reading does."""
    found = routes()
    assert all(route.works_out for route in found.values() if route.method == "POST")
    assert {route.scope for route in found.values()} == {Scope.READ}


def test_a_good_text_is_told_rule_by_rule_against_what_is_in_force() -> None:
    told = check(LIVE)
    assert (told.version, told.problems, told.removed) == (
        check_ruleset(LIVE, reference_features().names).version,
        [],
        [],
    )
    assert {rule.change for rule in told.rules} == {"same"} and told.rules[0].structure is not None
    assert {rule.change for rule in check(LIVE, in_force=False).rules} == {"added"}
    msgspec.json.encode(told)


def test_a_fault_has_its_place_and_a_suggestion() -> None:
    told = check(LIVE.replace("payer_is_new_payee_30d", "payer_is_nwe_payee_30d", 1))
    (fault,) = told.problems
    when = told.rules[fault.index].when
    assert when[fault.at :].startswith("payer_is_nwe_payee_30d") and fault.suggestion == "payer_is_new_payee_30d"
    assert told.version == "" and told.rules[0].change == "changed"


def test_one_rule_is_changed_by_text_or_by_groups_and_rows() -> None:
    structure = {
        "any": [{"field": "late", "op": "is_true"}, {"field": "amount_fen", "op": ">", "value": 3, "unit": "yuan"}]
    }
    told = edit(act="change", rule=1, values={"weight": 1}, structure=structure)
    assert (told.rules[1].when, told.rules[1].weight) == ("late or amount_fen > 3 yuan", 1)
    assert told.rules[1].structure == structure and told.rules[1].change == "changed"
    removed = edit(act="remove", rule=1)
    assert removed.removed == [check(LIVE).rules[1].id] and len(removed.rules) == len(told.rules) - 1
    added = edit(act="add", values={"id": "mine", "when": 'account in list "x" or account in list "known"'})
    assert added.rules[-1].change == "added" and added.problems
    assert edit(act="format").text


def test_groups_and_rows_that_are_no_condition_are_pointed_at_and_change_nothing() -> None:
    row = {"field": "amount_fen", "op": ">", "value": None}
    told = edit(act="change", rule=0, structure={"all": [row, {"field": "late", "op": "is_true"}]})
    assert told.fault is not None and told.fault.pointer == "/all/0/value" and told.text == LIVE


def test_lists_that_do_not_exist_are_named() -> None:
    text = LIVE.replace("when = ", 'when = \'account in list "nowhere" or account in list "known"\' # ', 1)
    told = check(text)
    assert (told.lists, told.unknown_lists) == (["known", "nowhere"], ["nowhere"])


def test_a_text_that_is_no_toml_says_where() -> None:
    told = check('name = "x"\n[[rule\n')
    assert (told.rules, told.problems[0].line) == ([], 2)
    with pytest.raises(DefinitionError, match="no rule 99"):
        edit(act="remove", rule=98)


def test_names_say_what_they_mean() -> None:
    body: RuleNamesBody = ask("rule_names")
    named = {each.name: each for each in body.names}
    assert named["payer_count_10m"].zh == "付款账户 10 分钟内的笔数"
    assert named["payer_is_new_payee_30d"].stands_alone and not named["amount_fen"].stands_alone
    assert "mobile" in named["channel"].values and named["amount_fen"].unit == "fen"


def test_the_packs_are_told_with_the_features_they_need() -> None:
    told = {pack.name: pack for pack in ask("rule_packs").packs}
    assert told["starter"].text == LIVE and told["starter"].features == reference_features().name
    assert not check(told["starter"].text).problems and check(told["bank"].text).problems


def test_what_came_into_force_since_is_taken_over() -> None:
    """A draft of an older version has the newer one's change, is measured against the newer one, and keeps its own."""
    mine = change_rule(OLD, 2, {"outcome": "notice"})
    merged = ask("merge_ruleset", DraftMergeBody(mine, OLD_DIGEST))
    rules = merged.draft.rules
    assert merged.base == DIGEST and merged.taken == [rules[0].id] and not merged.both and not merged.beside
    assert [rule.change for rule in rules[:3]] == ["same", "same", "changed"] and rules[2].outcome == "notice"
    both = ask("merge_ruleset", DraftMergeBody(change_rule(OLD, 0, {"weight": 2}), OLD_DIGEST))
    assert both.both == [rules[0].id] and not both.taken
    with pytest.raises(DefinitionError, match="TOML"):
        ask("merge_ruleset", DraftMergeBody("[[rule", OLD_DIGEST))
    with pytest.raises(NotFound):
        ask("merge_ruleset", DraftMergeBody(mine, OLD_DIGEST), in_force=False)
