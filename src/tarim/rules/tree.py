"""The tree of an expression as written: what the parser makes and the checker reads.

Nothing is resolved here: a `Name` may be a feature, a field or a mistake.  `at` is the offset of a node's telling character
in the expression's text, for messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Unit(Enum):
    """What a number measures.  A plain number, such as a literal, fits beside anything; the others do not mix."""

    PLAIN = "a plain number"
    COUNT = "a count, code or ratio"
    FEN = "an amount in fen"
    MS = "a length of time in milliseconds"


MathOp = Literal["+", "-", "*", "/"]
CompareOp = Literal["==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Number:
    """A literal, already in fen or milliseconds when it was written with a unit."""

    at: int
    value: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted code, such as "mobile"."""

    at: int
    value: str


@dataclass(frozen=True, slots=True)
class Truth:
    """`true` or `false`."""

    at: int
    value: bool


@dataclass(frozen=True, slots=True)
class Name:
    """A feature, a field of the event, or a mistake."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Negative:
    """`- operand`."""

    at: int
    operand: Node


@dataclass(frozen=True, slots=True)
class Math:
    """`left op right` for numbers."""

    at: int
    op: MathOp
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Compare:
    """`left op right`."""

    at: int
    op: CompareOp
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Among:
    """`operand [not] in (choices)`."""

    at: int
    operand: Node
    choices: tuple[Node, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """`operand [not] in list "name"`."""

    at: int
    operand: Node
    list_name: Text
    negated: bool


@dataclass(frozen=True, slots=True)
class Between:
    """`operand [not] between low and high`, both ends included."""

    at: int
    operand: Node
    low: Node
    high: Node
    negated: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """`operand is [not] missing`."""

    at: int
    operand: Node
    negated: bool


@dataclass(frozen=True, slots=True)
class Has:
    """`operand has "member"` for a set field."""

    at: int
    operand: Node
    member: Node


@dataclass(frozen=True, slots=True)
class Not:
    """`not operand`."""

    at: int
    operand: Node


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more operands."""

    at: int
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two or more operands."""

    at: int
    operands: tuple[Node, ...]


Node = (
    Number | Text | Truth | Name | Negative | Math | Compare | Among | Listed | Between | Missing | Has | Not | And | Or
)
