"""The canonical text of expressions and rulesets: what it looks like, and that nothing is lost on the way."""

from __future__ import annotations

import json
import tomllib

import pytest

from bench.random_rules import RandomRules
from bench.rules import without_positions
from tarim.base.errors import DefinitionError
from tarim.rules import RulesetInvalid, check_ruleset, format_expression, format_ruleset, starter_pack
from tarim.rules.parse import parse
from tarim.stream import reference_features

NAMES = reference_features().names
RULE = '''# kept
name = "mine" # kept too

[[rule]]    # and this
id = "busy"
when = {} # why
outcome = "notice"
weight = 1
scenario = "s"
reason = "when = 'x'"
reason_en = """
when = 'y'
[[rule]]
"""

[[policy.bands]]
at_least = 0.5
outcome = "notice"
reason = "分"
reason_en = "score"
'''


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a>=1 and(b or c)and not(d>3)", "a >= 1 and (b or c) and not d > 3"),
        ("((a)) or ((b and c))", "a or b and c"),
        ("(a or b) or c", "(a or b) or c"),
        ("not (not a)", "not not a"),
        ("not (a and b)", "not (a and b)"),
        ("1-(2-3)-4*(5+6)/(7/8)>0", "1 - (2 - 3) - 4 * (5 + 6) / (7 / 8) > 0"),
        ("-(a+b)*--3>-1", "-(a + b) * --3 > -1"),
        ("x in(1,2)or y not in('p')", 'x in (1, 2) or y not in ("p")'),
        ("x in list'p'", 'x in list "p"'),
        ("""x == 'say "p"'""", """x == 'say "p"'"""),
        ("x not between(1)and(2)", "x not between 1 and 2"),
        ("a is   not\tmissing", "a is not missing"),
        ("v has'face'", 'v has "face"'),
        ("a>5000元 and b>500_000 fen", "a > 5_000 yuan and b > 5_000 yuan"),
        ("a > 4999999 fen and b > 99 fen and c > 0.5 fen", "a > 49_999.99 yuan and b > 99 fen and c > 0.5 fen"),
        ("a < 60m and b < 90m and c < 48h", "a < 1h and b < 90m and c < 2d"),
        ("a < 1.5s and b < 0.5ms and c < 0h", "a < 1500ms and b < 0.5ms and c < 0ms"),
        ("a == 110_000 and b == 1000000 and c == 0.10", "a == 110000 and b == 1_000_000 and c == 0.1"),
    ],
)
def test_the_canonical_text(text, canonical):
    assert format_expression(parse(text)) == canonical
    assert format_expression(parse(canonical)) == canonical


def test_random_trees_come_back_from_their_text():
    maker = RandomRules(11)
    for _ in range(300):
        tree = maker.condition(3)
        text = format_expression(tree)
        if len(text) > 2000:
            continue
        read = parse(text)
        assert without_positions(read) == without_positions(tree)
        assert format_expression(read) == text


@pytest.mark.parametrize(
    "written",
    ["'a>1'", '"a>1"', "'''a>1'''", '"""\na>1"""', '"a\\u003e1"', '"""a >\\\n   1"""', "'''\na\n> 1\n'''"],
)
def test_a_condition_is_replaced_where_it_stands(written):
    """However TOML has it quoted; comments and texts that look like rules stay."""
    assert format_ruleset(RULE.format(written)) == RULE.format("'a > 1'")


def test_a_long_condition_stands_on_several_lines():
    terms = [f"payer_count_10m >= {number}" for number in range(10)]
    formatted = format_ruleset(RULE.format(f"'{' and '.join(terms)}'"))
    assert "when = '''\n" + "\nand ".join(terms) + "\n''' # why\n" in formatted
    assert format_ruleset(formatted) == formatted


def test_quotes_and_line_ends_survive():
    text = RULE.format(json.dumps("""a == 'p' or b == 'say "q"'"""))
    formatted = format_ruleset(text)
    assert tomllib.loads(formatted)["rule"][0]["when"] == """a == "p" or b == 'say "q"'"""
    windows = RULE.format("'" + " and ".join(["payer_count_10m>1"] * 8) + "'").replace("\n", "\r\n")
    formatted = format_ruleset(windows)
    assert formatted.count("\r\n") == formatted.count("\n")
    assert format_ruleset(formatted) == formatted


def test_the_starter_pack_means_the_same_when_formatted():
    formatted = format_ruleset(starter_pack())
    assert format_ruleset(formatted) == formatted
    before, after = check_ruleset(starter_pack(), NAMES), check_ruleset(formatted, NAMES)
    assert before.expressions == after.expressions
    comments = [line for line in starter_pack().splitlines() if line.startswith("#")]
    assert comments == [line for line in formatted.splitlines() if line.startswith("#")]


def test_a_condition_that_does_not_parse_is_pointed_at():
    with pytest.raises(RulesetInvalid) as caught:
        format_ruleset(RULE.format("'a >'"))
    (problem,) = caught.value.problems
    assert (problem.rule, problem.line, problem.column) == ("busy", 6, 12)


@pytest.mark.parametrize(
    "text", ["rule = [{id = 'a', when = 'b>1'}]", "[[rule]]\n'when' = 'b>1'", "[[ 'rule' ]]\nwhen = 'b>1'"]
)
def test_a_layout_that_cannot_be_kept_is_refused(text):
    with pytest.raises(DefinitionError, match=r"cannot be replaced in place"):
        format_ruleset(text)


def test_a_condition_that_would_grow_too_long_stays():
    """Spaces would take it beyond what may be read back."""
    when = "+".join(["1"] * 20) + ">0 and " + " and ".join(["a>1"] * 240)
    assert len(when) < 2000 < len(format_expression(parse(when)))
    assert format_ruleset(RULE.format(f"'{when}'")) == RULE.format(f"'{when}'")
