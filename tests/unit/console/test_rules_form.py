"""Groups and rows in a form: what the service says comes back as it was, and acts change what they name."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tarim.console.rules_form import Node, changed_by, path_of, structure_of, tidied, tree_in, tree_of
from tarim.console.rules_shapes import Name
from tarim.rules import explain_names, parse_expression, read_draft, scenario_pack, starter_pack, to_structure
from tarim.stream import scenario_features

FEATURES = scenario_features().names
NAMES = {
    note.name: Name(note.name, note.kind, note.unit, list(note.values), note.stands_alone, note.text_zh, note.text_en)
    for note in explain_names(FEATURES)
}


def as_form(node: Node) -> tuple[dict[str, str], dict[str, list[str]]]:
    """What a browser sends of the nodes as a template draws them."""
    form: dict[str, str] = {}
    lists: dict[str, list[str]] = {"node": []}

    def fill(each: Node) -> None:
        lists["node"].append(each.path)
        form[f"{each.path}.form"] = each.form
        form[f"{each.path}.not"] = "1" if each.negated else ""
        if each.form == "row":
            form.update({f"{each.path}.field": each.name, f"{each.path}.op": each.op})
            form[f"{each.path}.by_name"] = "1" if each.by_name else ""
            lists[f"{each.path}.values"] = list(each.many)
        form.update({f"{each.path}.{key}": value for key, value in each.values.items()})
        for item in each.items:
            fill(item)

    fill(node)
    return form, lists


def through_the_form(structure: dict[str, Any]) -> dict[str, Any]:
    read = tree_in(*as_form(tree_of(structure, NAMES)), NAMES)
    assert read is not None
    return structure_of(read)


WRITTEN = [
    "late",
    "not late or not (backfill and late)",
    "not not late",
    "amount_fen between 10 yuan and 20.5 yuan and hour not in (0, 1, 2)",
    'channel in ("mobile", "pc") and currency == "CNY" and verification has "face"',
    'payee_account in list "suspects" and device_id not in list "x" and ip is missing',
    "payer_count_1h > payer_count_24h and payer_since_last < 90s and score >= 0.75",
    "payer_sum_amount_fen_24h > 3 * amount_fen or true",
    "extra_0 == -1.5 and amount_fen is not missing",
    'band >= "high" and payer_is_new_payee_30d',
]


@pytest.mark.parametrize("written", WRITTEN)
def test_a_condition_comes_back_from_the_form(written: str) -> None:
    structure = to_structure(parse_expression(written))
    whole = structure if "all" in structure or "any" in structure else {"all": [structure]}
    back = through_the_form(structure)
    assert back in (structure, whole, {"not": {"all": [structure["not"]]}} if "not" in structure else whole)


def test_every_rule_of_the_packs_comes_back() -> None:
    rules = itertools.chain.from_iterable(
        read_draft(text, FEATURES).rules for text in (starter_pack(), scenario_pack())
    )
    for rule in rules:
        assert rule.structure is not None
        back = through_the_form(rule.structure)
        assert back in (rule.structure, {"all": [rule.structure]}), rule.id


def test_rows_and_groups_are_added_and_removed_where_they_are_meant() -> None:
    tree = tree_of(to_structure(parse_expression("late and (backfill or hour > 3)")), NAMES)
    grown = changed_by(tree, "row", "r.1")
    assert [each.path for each in grown.items[1].items] == ["r.1.0", "r.1.1", "r.1.2"]
    nested = changed_by(tree, "group", "r")
    assert nested.items[2].form == "any" and nested.items[2].items[0].path == "r.2.0"
    left = changed_by(tree, "remove", "r.0")
    assert structure_of(left)["all"][0]["any"][1]["field"] == "hour" and left.items[0].path == "r.0"
    assert changed_by(tree, "remove", "r").items == ()
    assert changed_by(tree, "other", "r") == tree


def test_what_is_not_filled_in_is_none_and_is_pointed_at() -> None:
    row = Node("r.0", "row", name="amount_fen", op=">=", values={"value": "a lot"}, note=NAMES["amount_fen"])
    assert structure_of(row)["value"] is None
    assert path_of("/all/0/not/any/12/value") == "r.0.12"
    assert path_of("/any/1/values/3") == "r.1"
    assert path_of("") == "r"


def test_numbers_may_be_written_with_separators() -> None:
    row = Node(
        "r.0", "row", name="amount_fen", op=">=", values={"value": "5,000.50", "unit": "yuan"}, note=NAMES["amount_fen"]
    )
    assert structure_of(row) == {"field": "amount_fen", "op": ">=", "value": 5000.5, "unit": "yuan"}


def test_another_field_gets_an_operator_and_a_unit_that_go_with_it() -> None:
    row = Node("r.0", "row", name="channel", op=">=", values={"value": "3", "unit": "yuan"}, note=NAMES["channel"])
    tidy = tidied(Node("r", "all", items=(row,))).items[0]
    assert tidy.op == "==" and not tidy.values
    money = tidied(Node("r.0", "row", name="amount_fen", op="has", note=NAMES["amount_fen"]))
    assert (money.op, money.values["unit"]) == (">=", "yuan")


def test_a_form_of_somebody_elses_making_is_read_within_bounds() -> None:
    assert tree_in({}, {}, NAMES) is None
    lists = {"node": ["r", "r.0", "../x", "r.9999", *[f"r.{at}" for at in range(900)]]}
    tree = tree_in({"r.0.form": "row"}, lists, NAMES)
    assert tree is not None and len(tree.items) < 400
