"""The structured form: each kind of row, both ways, and how each mistake is answered."""

from __future__ import annotations

import json

import pytest

from bench.random_rules import RandomRules
from bench.rules import without_positions
from tarim.rules import StructureError, format_expression, from_structure, to_structure
from tarim.rules.parse import parse

ROWS = [
    ("late", {"field": "late", "op": "is_true"}),
    ("true", {"always": True}),
    ("not late", {"not": {"field": "late", "op": "is_true"}}),
    ("a > 5", {"field": "a", "op": ">", "value": 5}),
    ("a != -2.5", {"field": "a", "op": "!=", "value": -2.5}),
    ("a == -0", {"field": "a", "op": "==", "value": -0.0}),
    ("a >= 49_999.99 yuan", {"field": "a", "op": ">=", "value": 49999.99, "unit": "yuan"}),
    ("a < 7 fen", {"field": "a", "op": "<", "value": 7, "unit": "fen"}),
    ("a < 36h", {"field": "a", "op": "<", "value": 36, "unit": "h"}),
    ('channel == "pc"', {"field": "channel", "op": "==", "value": "pc"}),
    ("a > b", {"field": "a", "op": ">", "other": "b"}),
    ("a between 1 and -2", {"field": "a", "op": "between", "low": 1, "high": -2}),
    ("a not between 1h and 1d", {"field": "a", "op": "not_between", "low": 1, "high": 24, "unit": "h"}),
    ("a in (1, 2.5)", {"field": "a", "op": "in", "values": [1, 2.5]}),
    ("a in (5 fen, 2 yuan)", {"field": "a", "op": "in", "values": [0.05, 2], "unit": "yuan"}),
    ('k not in ("x", "y")', {"field": "k", "op": "not_in", "values": ["x", "y"]}),
    ("a is missing", {"field": "a", "op": "missing"}),
    ("a is not missing", {"field": "a", "op": "not_missing"}),
    ('v has "face"', {"field": "v", "op": "has", "value": "face"}),
    ('ip in list "l"', {"field": "ip", "op": "in_list", "list": "l"}),
    ('ip not in list "l"', {"field": "ip", "op": "not_in_list", "list": "l"}),
    ("5 < a", {"expression": "5 < a"}),
    ("a in (1, 2 yuan)", {"expression": "a in (1, 2 yuan)"}),
    ("a in (b, 1)", {"expression": "a in (b, 1)"}),
    ("a + 1 > 2", {"expression": "a + 1 > 2"}),
    (
        "late and (a > 1 or not b > 2)",
        {
            "all": [
                {"field": "late", "op": "is_true"},
                {"any": [{"field": "a", "op": ">", "value": 1}, {"not": {"field": "b", "op": ">", "value": 2}}]},
            ]
        },
    ),
]


@pytest.mark.parametrize(("text", "structure"), ROWS)
def test_each_form_goes_both_ways(text, structure):
    assert json.dumps(to_structure(parse(text))) == json.dumps(structure)
    assert without_positions(from_structure(structure)) == without_positions(parse(text))


def test_random_trees_go_both_ways():
    maker = RandomRules(12)
    for _ in range(300):
        tree = maker.condition(2)
        structure = json.loads(json.dumps(to_structure(tree)))
        built = from_structure(structure)
        assert without_positions(built) == without_positions(tree)
        assert to_structure(built) == structure


def test_what_an_editor_may_write_otherwise_becomes_canonical():
    row = {"field": "a", "op": ">", "value": 100, "unit": "分"}
    assert to_structure(from_structure({"all": [row]})) == {"field": "a", "op": ">", "value": 1, "unit": "yuan"}
    assert to_structure(from_structure({"expression": "late"})) == {"field": "late", "op": "is_true"}


def test_positions_are_those_of_the_canonical_text():
    tree = from_structure({"all": [{"field": "a", "op": ">", "value": 1}, {"field": "b", "op": "is_true"}]})
    assert tree == parse(format_expression(tree))


@pytest.mark.parametrize(
    ("structure", "pointer", "says"),
    [
        (5, "", "an object is expected"),
        ({}, "", "one of the keys all, any"),
        ({"al": []}, "", "one of the keys all, any"),
        ({"all": []}, "/all", "a list of 1 to"),
        ({"all": {}}, "/all", "a list of 1 to"),
        ({"all": [{"always": True}], "any": []}, "", "'any' does not belong here"),
        ({"all": [{"always": True}, {"any": [{"not": 3}]}]}, "/all/1/any/0/not", "an object is expected"),
        ({"always": 1}, "/always", "true or false"),
        ({"expression": 1}, "/expression", "a text is expected"),
        ({"any": [{"expression": "a >"}]}, "/any/0/expression", "at character 4: the expression ends"),
        ({"field": "a"}, "/op", "`op` is one of"),
        ({"field": "a", "op": "=>", "value": 1}, "/op", "`op` is one of"),
        ({"field": "a", "op": ["=="], "value": 1}, "/op", "`op` is one of"),
        ({"field": "a b", "op": "missing"}, "/field", "name of a feature"),
        ({"field": "and", "op": "missing"}, "/field", "name of a feature"),
        ({"field": 3, "op": "missing"}, "/field", "name of a feature"),
        ({"field": "a", "op": ">"}, "", "'value' is missing"),
        ({"field": "a", "op": ">", "value": None}, "/value", "a number or a text"),
        ({"field": "a", "op": ">", "value": True}, "/value", "a number or a text"),
        ({"field": "a", "op": ">", "value": float("nan")}, "/value", "a number or a text"),
        ({"field": "a", "op": ">", "value": float("inf")}, "/value", "a number or a text"),
        ({"field": "a", "op": ">", "value": 10**400}, "/value", "larger than"),
        ({"field": "a", "op": ">", "value": 10**15, "unit": "d"}, "/value", "larger than"),
        ({"field": "a", "op": ">", "value": 1, "unit": "euro"}, "/unit", "`unit` is one of"),
        ({"field": "a", "op": "==", "value": "x", "unit": "h"}, "/unit", "a text has no unit"),
        ({"field": "a", "op": "==", "value": "x\ny"}, "/value", "without line breaks"),
        ({"field": "a", "op": "==", "value": "'\""}, "/value", "one kind of quote"),
        ({"field": "a", "op": "==", "other": "b c"}, "/other", "name of a feature"),
        ({"field": "a", "op": "==", "other": "b", "value": 1}, "", "'value' does not belong"),
        ({"field": "a", "op": "missing", "value": 1}, "", "'value' does not belong"),
        ({"field": "a", "op": "has", "value": 1}, "/value", "a text"),
        ({"field": "a", "op": "in", "values": 1}, "/values", "a list of 1 to"),
        ({"field": "a", "op": "in", "values": [1, []]}, "/values/1", "a number or a text"),
        ({"field": "a", "op": "between", "low": 1}, "", "'high' is missing"),
        ({"field": "a", "op": "in_list", "list": 5}, "/list", "a text"),
        ({"field": "a", "op": "in", "values": ["x" * 300] * 10}, "", "at most 2000"),
    ],
)
def test_each_mistake_is_named_with_its_place(structure, pointer, says):
    with pytest.raises(StructureError) as caught:
        from_structure(structure)
    assert caught.value.pointer == pointer
    assert says in caught.value.text_en
    assert caught.value.text_zh != caught.value.text_en


def test_depth_is_bounded():
    structure = {"always": True}
    for _ in range(5000):
        structure = {"not": structure}
    with pytest.raises(StructureError, match="deeper than 32"):
        from_structure(structure)
