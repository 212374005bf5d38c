"""The checked tree: every name resolved, every type known, every literal a number.

Numbers are float64 and missing is NaN.  Two kinds of node: a `Quantity` gives a number, a `Condition` gives true or false.
Meaning (the interpreter in tests/naive and the compiled kernel both follow it):

- a comparison with a missing side is false, `!=` and the negated forms of `in` and `between` included;
- `not`, `and`, `or` are two-valued: `not (x > 1)` is true when x is missing;
- division by zero gives missing;
- the score is missing without a model, and its band below the first one as well;
- an absent identifier is in no list, and `not in list` is false of it as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from tarim.rules.domain import Probe
from tarim.rules.tree import CompareOp, MathOp


@dataclass(frozen=True, slots=True)
class Constant:
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Feature:
    """Column `index` of the features."""

    index: int


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the event row; the value `absent` (if any) means missing."""

    column: int
    absent: int | None


@dataclass(frozen=True, slots=True)
class LocalHour:
    """Hour of the day in China, 0 to 23."""


@dataclass(frozen=True, slots=True)
class LocalWeekday:
    """Day of the week in China, 0 = Monday to 6 = Sunday."""


@dataclass(frozen=True, slots=True)
class Score:
    """The model's score, 0 to 1."""


@dataclass(frozen=True, slots=True)
class ScoreBand:
    """Index of the band the score lies in: the last one that starts at or below it; `starts` ascend.  Missing below all."""

    starts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """Minus `operand`."""

    operand: Quantity


@dataclass(frozen=True, slots=True)
class Combined:
    """`left op right`."""

    op: MathOp
    left: Quantity
    right: Quantity


@dataclass(frozen=True, slots=True)
class Always:
    """A condition known in advance."""

    value: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """`left op right`, false when a side is missing."""

    op: CompareOp
    left: Quantity
    right: Quantity


@dataclass(frozen=True, slots=True)
class OneOf:
    """Whether `operand` equals one of `choices`; `negated`: none of them, and nothing is missing."""

    operand: Quantity
    choices: tuple[Quantity, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Within:
    """Whether `low <= operand <= high`; `negated`: outside, and nothing is missing."""

    operand: Quantity
    low: Quantity
    high: Quantity
    negated: bool


@dataclass(frozen=True, slots=True)
class IsMissing:
    """Whether `operand` is missing; `negated`: known."""

    operand: Quantity
    negated: bool


@dataclass(frozen=True, slots=True)
class Bit:
    """Whether a word of the event row has any bit of `mask`."""

    column: int
    mask: int


@dataclass(frozen=True, slots=True)
class Member:
    """Whether the identifier in a word of the event row is an entry of a list; `negated`: it is known and no entry."""

    column: int
    list_name: str
    negated: bool


@dataclass(frozen=True, slots=True)
class Opposite:
    """Not `operand`."""

    operand: Condition


@dataclass(frozen=True, slots=True)
class All:
    """Every operand holds."""

    operands: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Some operand holds."""

    operands: tuple[Condition, ...]


Quantity = Constant | Feature | Word | LocalHour | LocalWeekday | Score | ScoreBand | Negated | Combined
Condition = Always | Relation | OneOf | Within | IsMissing | Bit | Member | Opposite | All | Any


@dataclass(frozen=True, slots=True)
class CheckedExpression:
    """A condition, the names it reads and the lists it asks, both in order of first use."""

    condition: Condition
    reads: tuple[str, ...]
    probes: tuple[Probe, ...] = ()
