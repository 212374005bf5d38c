"""What somebody else published is taken over into a draft, rule by rule, and what both changed is named."""

from __future__ import annotations

import tomllib

import pytest

from tarim.base.errors import DefinitionError
from tarim.rules import RulesetInvalid, add_rule, change_rule, merge_rulesets, remove_rule, starter_pack

BASE = starter_pack()


def index_of(text: str, name: str) -> int:
    return [rule["id"] for rule in tomllib.loads(text)["rule"]].index(name)


def changed(text: str, name: str, **values: object) -> str:
    return change_rule(text, index_of(text, name), values)  # type: ignore[arg-type]


NEW = {"id": "fresh", "when": "amount_fen >= 1_000 yuan", "outcome": "notice", "weight": 5, "scenario": "mule",
       "reason": "新", "reason_en": "new"}  # fmt: skip


def test_nothing_published_changes_nothing() -> None:
    draft = changed(BASE, "drained_in_a_day", weight=7)
    assert merge_rulesets(BASE, BASE, draft).text == draft


def test_what_the_other_one_changed_added_and_removed_is_taken_over() -> None:
    """And what the draft changed elsewhere stays, comments and all."""
    draft = "# my own words\n" + changed(BASE, "drained_in_a_day", weight=7)
    published = add_rule(changed(BASE, "large_to_new_payee", weight=9, channels=["mobile"]), NEW)
    published = remove_rule(published, index_of(published, "rapid_fire"))
    found = merge_rulesets(BASE, published, draft)
    assert set(found.taken) == {"large_to_new_payee", "fresh", "rapid_fire"}
    assert found.both == () and found.beside == ()
    assert found.text.startswith("# my own words\n")
    assert merge_rulesets(BASE, published, found.text).taken == (), "there is nothing left to take"
    rules = {rule["id"]: rule for rule in tomllib.loads(found.text)["rule"]}
    assert rules["drained_in_a_day"]["weight"] == 7 and rules["large_to_new_payee"]["channels"] == ["mobile"]
    assert rules["fresh"] == NEW and "rapid_fire" not in rules


def test_a_rule_that_both_changed_stays_the_drafts_and_is_named() -> None:
    for draft in (changed(BASE, "drained_in_a_day", weight=7), remove_rule(BASE, index_of(BASE, "drained_in_a_day"))):
        found = merge_rulesets(BASE, changed(BASE, "drained_in_a_day", weight=9), draft)
        assert (found.text, found.taken, found.both) == (draft, (), ("drained_in_a_day",))
    same = changed(BASE, "drained_in_a_day", weight=9)
    assert merge_rulesets(BASE, same, same).both == (), "the same change is no quarrel"


def test_a_key_that_was_taken_out_is_taken_out() -> None:
    base = changed(BASE, "drained_in_a_day", channels=["mobile"])
    found = merge_rulesets(base, BASE, changed(base, "large_to_new_payee", weight=3))
    assert found.taken == ("drained_in_a_day",)
    assert found.text == changed(BASE, "large_to_new_payee", weight=3)


def test_what_stands_beside_the_rules_is_named_and_not_taken() -> None:
    published = BASE.replace('name = "', 'name = "other ', 1)
    found = merge_rulesets(BASE, published, changed(BASE, "drained_in_a_day", weight=7))
    assert found.beside == ("name",) and found.taken == ()


def test_what_is_no_ruleset_is_refused() -> None:
    with pytest.raises(RulesetInvalid):
        merge_rulesets(BASE, BASE, "[[rule")
    with pytest.raises(DefinitionError):
        merge_rulesets(BASE, BASE, "[[rule]]\nwhen = 'true'\n")
    with pytest.raises(DefinitionError):
        merge_rulesets(BASE, BASE, "rule = 3\n")


def test_the_last_rule_goes_and_new_ones_come_behind_what_is_left() -> None:
    last = tomllib.loads(BASE)["rule"][-1]["id"]
    published = add_rule(add_rule(remove_rule(BASE, index_of(BASE, last)), NEW), NEW | {"id": "fresher"})
    found = merge_rulesets(BASE, published, changed(BASE, "drained_in_a_day", when="amount_fen >= 1 fen"))
    rules = [rule["id"] for rule in tomllib.loads(found.text)["rule"]]
    assert last not in rules and rules[-2:] == ["fresh", "fresher"]
