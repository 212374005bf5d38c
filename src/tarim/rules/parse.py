"""Text → tree: a recursive-descent parser of rule expressions, bounded in length and depth.

    expression  = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = "not" negation | comparison
    comparison  = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum
                      | ["not"] "in" "(" sum { "," sum } ")"
                      | ["not"] "in" "list" string
                      | ["not"] "between" sum "and" sum
                      | "is" ["not"] "missing"
                      | "has" sum ]
    sum         = product { ("+" | "-") product }
    product     = factor { ("*" | "/") factor }
    factor      = "-" factor | number [unit] | string | name | "true" | "false" | "(" expression ")"
    number      = digit { ["_"] digit } ["." digit { ["_"] digit }]
    unit        = "yuan" | "元" | "fen" | "分" | "ms" | "s" | "m" | "h" | "d"
    string      = '"' { character } '"' | "'" { character } "'"
    name        = (letter | "_") { letter | digit | "_" }

Numbers may carry underscores and a unit: yuan (元) and fen (分) give fen, ms, s, m, h and d give milliseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, cast

from tarim.rules.domain import EXPRESSION_CHARS_MAX, EXPRESSION_DEPTH_MAX, ExpressionError
from tarim.rules.tree import (
    Among,
    And,
    Between,
    Compare,
    CompareOp,
    Has,
    Listed,
    Math,
    MathOp,
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

UNITS: Final = {
    "yuan": (Unit.FEN, 100),
    "元": (Unit.FEN, 100),
    "fen": (Unit.FEN, 1),
    "分": (Unit.FEN, 1),
    "ms": (Unit.MS, 1),
    "s": (Unit.MS, 1_000),
    "m": (Unit.MS, 60_000),
    "h": (Unit.MS, 3_600_000),
    "d": (Unit.MS, 86_400_000),
}
NUMBER_MAX: Final = Decimal(10**15)
"""Largest literal, in fen or milliseconds where it has a unit: whole numbers up to here are exact in float64."""
NUMBER_CHARS_MAX: Final = 40
KEYWORDS: Final = frozenset({"or", "and", "not", "in", "between", "is", "missing", "has", "true", "false"})
COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_TOKEN: Final = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>[0-9](?:_?[0-9])*(?:\.[0-9](?:_?[0-9])*)?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*|[元分])"
    r'|(?P<string>"[^"\r\n]*"|\'[^\'\r\n]*\')'
    r"|(?P<sign>==|!=|<=|>=|[<>+\-*/(),])"
)
_HINTS: Final = {
    "=": ("a single `=` is not a comparison; write `==`", "单个 `=` 不是比较，请写 `==`"),
    "&": ("write `and` instead of `&`", "请用 `and` 代替 `&`"),
    "|": ("write `or` instead of `|`", "请用 `or` 代替 `|`"),
    "!": ("write `not` or `!=`", "请写 `not` 或 `!=`"),
    '"': ("this text has no closing quote on its line", "文本缺少结束引号"),
    "'": ("this text has no closing quote on its line", "文本缺少结束引号"),
    "“": ('use straight quotes `"`', '请使用英文引号 `"`'),
    "”": ('use straight quotes `"`', '请使用英文引号 `"`'),
    "（": ("use the ASCII parenthesis `(`", "请使用英文括号 `(`"),
    "）": ("use the ASCII parenthesis `)`", "请使用英文括号 `)`"),
    "，": ("use the ASCII comma `,`", "请使用英文逗号 `,`"),
    "、": ("use the ASCII comma `,`", "请使用英文逗号 `,`"),
    "≥": ("write `>=`", "请写 `>=`"),
    "≤": ("write `<=`", "请写 `<=`"),
    "≠": ("write `!=`", "请写 `!=`"),
    "＞": ("use the ASCII sign `>`", "请使用英文符号 `>`"),
    "＜": ("use the ASCII sign `<`", "请使用英文符号 `<`"),
    "＝": ("write `==`", "请写 `==`"),
    "%": ("write a share as a number, 0.05 for 5%", "百分比请写成小数，5% 写作 0.05"),
    "万": ("write the amount out, `50_000 yuan`", "请写出完整金额，例如 `50_000 元`"),
}

TokenKind = Literal["number", "word", "string", "sign", "end"]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: TokenKind
    text: str
    at: int


def parse(text: str) -> Node:
    """The tree of one expression.  Raises ExpressionError at the offending character."""
    if len(text) > EXPRESSION_CHARS_MAX:
        raise ExpressionError(
            EXPRESSION_CHARS_MAX,
            f"the expression has {len(text)} characters, at most {EXPRESSION_CHARS_MAX} are allowed; split the rule",
            f"表达式有 {len(text)} 个字符，最多 {EXPRESSION_CHARS_MAX} 个；请拆分规则",
        )
    parser = _Parser(_tokens(text))
    tree = parser.expression(0)
    rest = parser.peek()
    if rest.kind != "end":
        raise ExpressionError(
            rest.at,
            f"{rest.text!r} does not belong here; join conditions with `and` or `or`",
            f"此处不应出现 {rest.text!r}；请用 `and` 或 `or` 连接条件",
        )
    if _depth(tree) > EXPRESSION_DEPTH_MAX:
        raise _too_deep(tree.at)
    return tree


def _tokens(text: str) -> list[_Token]:
    tokens = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            english, chinese = _HINTS.get(
                text[at], (f"the character {text[at]!r} has no meaning here", f"字符 {text[at]!r} 在此没有意义")
            )
            raise ExpressionError(at, english, chinese)
        if match.lastgroup != "space":
            tokens.append(_Token(cast("TokenKind", match.lastgroup), match[0], at))
        at = match.end()
    tokens.append(_Token("end", "", len(text)))
    return tokens


def _too_deep(at: int) -> ExpressionError:
    return ExpressionError(
        at,
        f"nested or chained deeper than {EXPRESSION_DEPTH_MAX}; split the rule",
        f"嵌套或连算超过 {EXPRESSION_DEPTH_MAX} 层；请拆分规则",
    )


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case And() | Or():
            return node.operands
        case Math() | Compare():
            return (node.left, node.right)
        case Among():
            return (node.operand, *node.choices)
        case Between():
            return (node.operand, node.low, node.high)
        case Has():
            return (node.operand, node.member)
        case Not() | Negative() | Missing() | Listed():
            return (node.operand,)
        case Number() | Text() | Truth() | Name():
            return ()


def _depth(tree: Node) -> int:
    """Levels of a tree, counted without recursion: a long chain of `+` is a deep tree."""
    level, depth = [tree], 0
    while level:
        depth += 1
        level = [child for node in level for child in _children(node)]
    return depth


class _Parser:
    """A position in the tokens.  Each method reads one part of the grammar and returns its tree."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += token.kind != "end"
        return token

    def _at(self, *texts: str) -> bool:
        token = self.peek()
        return token.kind in ("word", "sign") and token.text in texts

    def _expect(self, text: str, english: str, chinese: str) -> None:
        if not self._at(text):
            raise ExpressionError(self.peek().at, english, chinese)
        self._take()

    def expression(self, depth: int) -> Node:
        if depth > EXPRESSION_DEPTH_MAX:
            raise _too_deep(self.peek().at)
        operands = [self._conjunction(depth)]
        at = self.peek().at
        while self._at("or"):
            self._take()
            operands.append(self._conjunction(depth))
        return operands[0] if len(operands) == 1 else Or(at, tuple(operands))

    def _conjunction(self, depth: int) -> Node:
        operands = [self._negation(depth)]
        at = self.peek().at
        while self._at("and"):
            self._take()
            operands.append(self._negation(depth))
        return operands[0] if len(operands) == 1 else And(at, tuple(operands))

    def _negation(self, depth: int) -> Node:
        if depth > EXPRESSION_DEPTH_MAX:
            raise _too_deep(self.peek().at)
        if self._at("not"):
            at = self._take().at
            return Not(at, self._negation(depth + 1))
        return self._comparison(depth)

    def _comparison(self, depth: int) -> Node:
        left = self._sum(depth)
        token = self.peek()
        if token.kind == "sign" and token.text in COMPARISONS:
            self._take()
            tree: Node = Compare(token.at, cast("CompareOp", token.text), left, self._sum(depth))
        elif token.kind == "word" and token.text in ("in", "between", "is", "has", "not"):
            tree = self._worded(left, depth)
        else:
            return left
        after = self.peek()
        if after.kind == "sign" and after.text in COMPARISONS:
            raise ExpressionError(
                after.at,
                "comparisons are not chained; write `a < b and b < c`, or `b between a and c`",
                "比较不能连写；请写 `a < b and b < c` 或 `b between a and c`",
            )
        return tree

    def _worded(self, left: Node, depth: int) -> Node:
        at = self.peek().at
        negated = self._at("not")
        if negated:
            self._take()
        if self._at("in"):
            self._take()
            if self._at("list"):
                self._take()
                return Listed(at, left, self._list_name(), negated)
            return Among(at, left, self._choices(depth), negated)
        if self._at("between"):
            self._take()
            low = self._sum(depth)
            self._expect("and", "`between` needs `between low and high`", "`between` 的写法是 `between 下限 and 上限`")
            return Between(at, left, low, self._sum(depth), negated)
        if negated:
            raise ExpressionError(
                self.peek().at,
                "after a value, `not` goes with `in` or `between`",
                "值之后的 `not` 只能与 `in` 或 `between` 连用",
            )
        if self._at("has"):
            self._take()
            return Has(at, left, self._sum(depth))
        self._take()
        negated = self._at("not")
        if negated:
            self._take()
        self._expect(
            "missing", "`is` goes with `missing`; to compare write `==`", "`is` 只能与 `missing` 连用；比较请写 `==`"
        )
        return Missing(at, left, negated)

    def _list_name(self) -> Text:
        token = self._take()
        if token.kind != "string":
            raise ExpressionError(
                token.at,
                'the name of a list stands in quotes: `payee_account in list "suspect_accounts"`',
                '名单名称须加引号：`payee_account in list "suspect_accounts"`',
            )
        return Text(token.at, token.text[1:-1])

    def _choices(self, depth: int) -> tuple[Node, ...]:
        self._expect(
            "(",
            '`in` needs values in parentheses, `in (1, 2)`, or `in list "name"`',
            '`in` 之后是括号中的取值 `in (1, 2)`，或 `in list "名单"`',
        )
        choices = [self._sum(depth)]
        while self._at(","):
            self._take()
            choices.append(self._sum(depth))
        self._expect(")", "the list of `in` has no closing `)`", "`in` 的列表缺少 `)`")
        return tuple(choices)

    def _sum(self, depth: int) -> Node:
        tree = self._product(depth)
        while self._at("+", "-"):
            token = self._take()
            tree = Math(token.at, cast("MathOp", token.text), tree, self._product(depth))
        return tree

    def _product(self, depth: int) -> Node:
        tree = self._factor(depth)
        while self._at("*", "/"):
            token = self._take()
            tree = Math(token.at, cast("MathOp", token.text), tree, self._factor(depth))
        return tree

    def _factor(self, depth: int) -> Node:
        if depth > EXPRESSION_DEPTH_MAX:
            raise _too_deep(self.peek().at)
        token = self._take()
        match token.kind:
            case "number":
                return self._number(token)
            case "string":
                return Text(token.at, token.text[1:-1])
            case "sign" if token.text == "-":
                return Negative(token.at, self._factor(depth + 1))
            case "sign" if token.text == "(":
                inside = self.expression(depth + 1)
                self._expect(")", "this needs a closing `)`", "缺少 `)`")
                return inside
            case "word" if token.text in ("true", "false"):
                return Truth(token.at, token.text == "true")
            case "word" if token.text not in KEYWORDS:
                return Name(token.at, token.text)
            case "end":
                raise ExpressionError(
                    token.at, "the expression ends where a value is expected", "表达式在此结束，但还缺少一个值"
                )
            case _:
                raise ExpressionError(
                    token.at, f"a value is expected here, not {token.text!r}", f"此处应为一个值，而不是 {token.text!r}"
                )

    def _number(self, token: _Token) -> Number:
        if len(token.text) > NUMBER_CHARS_MAX:
            raise ExpressionError(
                token.at,
                f"the number has more than {NUMBER_CHARS_MAX} characters",
                f"数值超过 {NUMBER_CHARS_MAX} 个字符",
            )
        value = Decimal(token.text.replace("_", ""))
        unit_token = self.peek()
        unit, factor = Unit.PLAIN, 1
        if unit_token.kind == "word" and unit_token.text not in KEYWORDS:
            unit, factor = self._unit(unit_token)
        if value * factor > NUMBER_MAX:
            raise ExpressionError(token.at, "the number is larger than 10**15 (fen, ms)", "数值大于 10**15（分、毫秒）")
        return Number(token.at, float(value * factor), unit)

    def _unit(self, unit_token: _Token) -> tuple[Unit, int]:
        if unit_token.text not in UNITS:
            raise ExpressionError(
                unit_token.at,
                f"{unit_token.text!r} is no unit; the units are yuan, fen, ms, s, m, h, d",
                f"{unit_token.text!r} 不是单位；可用单位：yuan（元）、fen（分）、ms、s、m、h、d",
            )
        return UNITS[self._take().text]
