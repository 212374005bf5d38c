"""Tree → text: the one way an expression is written, and a ruleset with every `when` written that way.

Parentheses stand only where the tree needs them.  An amount is in yuan from one yuan on when it is whole fen, else in fen; a
length of time is in the largest unit that leaves it whole.  `parse(format_expression(tree)) == tree`, positions aside.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, Literal

from tarim.base.errors import DefinitionError
from tarim.rules.domain import EXPRESSION_CHARS_MAX, ExpressionError, Problem, RulesetInvalid
from tarim.rules.parse import UNITS, parse
from tarim.rules.positions import Positions
from tarim.rules.ruleset import read_toml
from tarim.rules.tree import (
    Among,
    And,
    Between,
    Compare,
    Has,
    Listed,
    Math,
    Missing,
    Name,
    Negative,
    Node,
    Not,
    Number,
    Or,
    Text,
    Truth,
    Unit,
)

LINE_CHARS_MAX: Final = 100
"""A condition longer than this stands on several lines in a ruleset."""

_NOT_LITERAL: Final = re.compile(r"['\x00-\x1f\x7f]")
"""What a literal string of TOML cannot hold on one line."""

UnitName = Literal["", "fen", "yuan", "ms", "s", "m", "h", "d"]
_TIME_UNITS: Final[tuple[UnitName, ...]] = ("d", "h", "m", "s", "ms")
# How tightly a form binds; an operand that binds less than its place asks for stands in parentheses.
_OR, _AND, _NOT, _RELATION, _SUM, _PRODUCT, _FACTOR = range(7)


def format_expression(tree: Node) -> str:
    """The canonical text of an expression, on one line.

    A text near EXPRESSION_CHARS_MAX that was written without spaces may become longer than that.
    """
    return _format(tree, _OR)


def _format(node: Node, place: int) -> str:
    text, binding = _written(node)
    return text if binding >= place else f"({text})"


def _written(node: Node) -> tuple[str, int]:
    match node:
        case Or():
            return " or ".join(_format(operand, _AND) for operand in node.operands), _OR
        case And():
            return " and ".join(_format(operand, _NOT) for operand in node.operands), _AND
        case Not():
            return f"not {_format(node.operand, _NOT)}", _NOT
        case Compare():
            return f"{_format(node.left, _SUM)} {node.op} {_format(node.right, _SUM)}", _RELATION
        case Among():
            choices = ", ".join(_format(choice, _SUM) for choice in node.choices)
            return f"{_format(node.operand, _SUM)} {_not(node.negated)}in ({choices})", _RELATION
        case Listed():
            return f"{_format(node.operand, _SUM)} {_not(node.negated)}in list {_quoted(node.list_name)}", _RELATION
        case Between():
            low, high = _format(node.low, _SUM), _format(node.high, _SUM)
            return f"{_format(node.operand, _SUM)} {_not(node.negated)}between {low} and {high}", _RELATION
        case Missing():
            return f"{_format(node.operand, _SUM)} is {_not(node.negated)}missing", _RELATION
        case Has():
            return f"{_format(node.operand, _SUM)} has {_format(node.member, _SUM)}", _RELATION
        case Math(op="+" | "-"):
            return f"{_format(node.left, _SUM)} {node.op} {_format(node.right, _PRODUCT)}", _SUM
        case Math():
            return f"{_format(node.left, _PRODUCT)} {node.op} {_format(node.right, _FACTOR)}", _PRODUCT
        case Negative():
            return f"-{_format(node.operand, _FACTOR)}", _FACTOR
        case Number():
            return _number(node), _FACTOR
        case Text():
            return _quoted(node), _FACTOR
        case Truth():
            return ("true" if node.value else "false"), _FACTOR
        case Name():
            return node.name, _FACTOR


def _not(negated: bool) -> str:
    return "not " if negated else ""


def _quoted(node: Text) -> str:
    mark = "'" if '"' in node.value else '"'
    return f"{mark}{node.value}{mark}"


# --- numbers ----------------------------------------------------------------------------------------------------------


def unit_for(unit: Unit, values: Sequence[float]) -> UnitName:
    """The unit to write these numbers in, all in fen, milliseconds or plain as `unit` says."""
    if unit is Unit.PLAIN:
        return ""
    if unit is Unit.FEN:
        whole = all(value.is_integer() for value in values)
        return "yuan" if whole and any(value >= 100 for value in values) else "fen"
    if not any(values):
        return "ms"
    return next((name for name in _TIME_UNITS if not any(math.fmod(value, UNITS[name][1]) for value in values)), "ms")


def in_unit(value: float, name: UnitName) -> Decimal:
    """A number of fen, milliseconds or plain, exactly, in the unit `name`."""
    exact = Decimal(repr(value))
    return exact / UNITS[name][1] if name else exact


def _number(node: Number) -> str:
    name = unit_for(node.unit, [node.value])
    value = in_unit(node.value, name)
    digits = f"{value:f}"
    whole, point, fraction = digits.partition(".")
    fraction = fraction.rstrip("0")
    if name in ("yuan", "fen") or len(whole) > 6:
        whole = f"{int(whole):_}"
    number = whole + (point + fraction if fraction else "")
    return f"{number} {name}" if name in ("yuan", "fen") else f"{number}{name}"


# --- rulesets ---------------------------------------------------------------------------------------------------------


def format_ruleset(text: str) -> str:
    """A ruleset's text with every `when` in its canonical form; comments, order and all else stay as they are.

    A condition of more than LINE_CHARS_MAX characters is broken before each outermost `and` or `or`.  Raises RulesetInvalid
    where the text is not TOML or a condition does not parse, DefinitionError when a `when` is written in a way that cannot be
    replaced in place (an inline table, a quoted key).  Meaning is not checked: unknown names pass.
    A condition that would become longer than EXPRESSION_CHARS_MAX stays as it is.
    """
    document = read_toml(text)
    positions = Positions(text)
    pieces: list[str] = []
    problems: list[Problem] = []
    done = 0
    for index, rule in enumerate(_rules_of(document)):
        when = rule.get("when")
        if not isinstance(when, str):
            continue
        try:
            written = _toml(parse(when))
        except ExpressionError as error:
            place = positions.expression(index, when, error.at)
            known = str(rule.get("id", ""))[:64]
            problems.append(Problem(known, *place, error.text_en, error.text_zh, error.suggestion, index, error.at))
            continue
        found = positions.value(index)
        if found is None:
            raise _cannot_replace(rule)
        start, end = found
        if "\r\n" in text:
            written = written.replace("\n", "\r\n")
        pieces += [text[done:start], written or text[start:end]]
        done = end
    if problems:
        raise RulesetInvalid(problems)
    formatted = "".join([*pieces, text[done:]])
    _require_same(document, formatted)
    return formatted


def _rules_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    rules = document.get("rule", [])
    return [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []


def _require_same(before: dict[str, Any], formatted: str) -> None:
    """Hold the formatted text to its promise: the same document, each condition the same tree."""
    try:
        after = read_toml(formatted)
        for document in (before, after):
            for rule in _rules_of(document):
                if isinstance(rule.get("when"), str):
                    rule["when"] = format_expression(parse(rule["when"]))
    except (RulesetInvalid, ExpressionError):
        after = {}
    if repr(before) != repr(after):  # not the documents themselves: a number may be nan
        raise DefinitionError("a `when` cannot be replaced in place; write each rule as a table [[rule]]")


def _cannot_replace(rule: dict[str, Any]) -> DefinitionError:
    return DefinitionError(
        f"the `when` of rule {str(rule.get('id', ''))[:64]!r} cannot be replaced in place; write `when = '...'` on a line "
        "of its own below [[rule]]"
    )


def _toml(tree: Node) -> str:
    """The expression as a TOML string, on several lines when it is long; "" when it would be longer than allowed."""
    line = format_expression(tree)
    if len(line) >= EXPRESSION_CHARS_MAX:
        return ""
    if _NOT_LITERAL.search(line):
        return json.dumps(line, ensure_ascii=False).replace("\x7f", "\\u007f")
    if len(line) <= LINE_CHARS_MAX or not isinstance(tree, And | Or):
        return f"'{line}'"
    word, place = ("and", _NOT) if isinstance(tree, And) else ("or", _AND)
    lines = f"\n{word} ".join(_format(operand, place) for operand in tree.operands)
    return f"'''\n{lines}\n'''"
