"""Tree → checked tree: names resolved, types and units agreed, purposes respected; each error says how to mend it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Final

from tarim.base.errors import DefinitionError
from tarim.privacy import FIELDS, Purpose, require_purpose
from tarim.rules import checked
from tarim.rules.checked import CheckedExpression, Condition, Quantity
from tarim.rules.domain import Band, ExpressionError, Probe
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
from tarim.rules.vocabulary import (
    BAND,
    EVENT_NAMES,
    CodeField,
    EventName,
    FlagField,
    NumberField,
    SetField,
    TokenField,
    bands_field,
    is_yes_or_no,
    packed_currency,
    unit_of_feature,
)
from tarim.stream import Col

_UNIT_ZH: Final = {
    Unit.PLAIN: "普通数值",
    Unit.COUNT: "次数、代码或比率",
    Unit.FEN: "金额（分）",
    Unit.MS: "时长（毫秒）",
}
_WEIGHT: Final = (Unit.COUNT, Unit.PLAIN, Unit.MS, Unit.FEN)
"""A product measures what its heavier factor does."""
_FLAGS_COLUMN: Final = int(Col.FLAGS)
_LIST_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def check(
    tree: Node, feature_names: Sequence[str], purpose: Purpose = Purpose.RISK, bands: Sequence[Band] = ()
) -> CheckedExpression:
    """The checked form of a parsed expression that reads only fields serving `purpose`.  Raises ExpressionError.

    bands: of the score, as the expression's ruleset has them.
    """
    return check_with_index(tree, {name: index for index, name in enumerate(feature_names)}, purpose, bands)


def check_with_index(
    tree: Node, index_of: Mapping[str, int], purpose: Purpose = Purpose.RISK, bands: Sequence[Band] = ()
) -> CheckedExpression:
    """As `check`, for a caller that checks many expressions and already has each feature's column."""
    checker = _Checker(index_of, purpose, bands)
    condition = checker.condition(tree)
    return CheckedExpression(condition, tuple(checker.reads), tuple(checker.probes))


def _error(at: int, english: str, chinese: str, suggestion: str = "") -> ExpressionError:
    return ExpressionError(at, english, chinese, suggestion)


class _Checker:
    def __init__(self, index_of: Mapping[str, int], purpose: Purpose, bands: Sequence[Band]) -> None:
        self._index_of = index_of
        self._band = bands_field(bands)
        self._purpose = purpose
        self.reads: dict[str, None] = {}
        self.probes: dict[Probe, None] = {}

    # --- conditions -------------------------------------------------------------------------------------------------

    def condition(self, node: Node) -> Condition:
        """The condition a node stands for."""
        match node:
            case And():
                return checked.All(tuple(self.condition(operand) for operand in node.operands))
            case Or():
                return checked.Any(tuple(self.condition(operand) for operand in node.operands))
            case Not():
                return checked.Opposite(self.condition(node.operand))
            case Truth():
                return checked.Always(node.value)
            case Compare():
                return self._compare(node)
            case Among():
                operand, *choices = self._alike(node.at, node.operand, *node.choices)
                return checked.OneOf(operand, tuple(choices), node.negated)
            case Between():
                self._ordered(node.at, node.operand)
                operand, low, high = self._alike(node.at, node.operand, node.low, node.high)
                return checked.Within(operand, low, high, node.negated)
            case Listed():
                return self._listed(node)
            case Missing():
                return self._missing(node)
            case Has():
                return self._has(node)
            case Name():
                return self._named_condition(node)
            case Number() | Text() | Negative() | Math():
                raise _error(
                    node.at,
                    "a condition is expected here, not a value; compare it, for example `... > 0`",
                    "此处应为条件而不是数值；请加上比较，例如 `... > 0`",
                )

    def _named_condition(self, node: Name) -> Condition:
        if node.name in self._index_of and is_yes_or_no(node.name):
            return checked.Relation(">", self._feature(node), checked.Constant(0.5))
        known = self._event_name(node) if node.name not in self._index_of else None
        if isinstance(known, FlagField):
            return checked.Bit(_FLAGS_COLUMN, known.mask)
        raise _error(
            node.at,
            f"{node.name!r} is a value, not a condition; compare it, for example `{node.name} > 0`",
            f"{node.name!r} 是数值而不是条件；请加上比较，例如 `{node.name} > 0`",
        )

    def _compare(self, node: Compare) -> Condition:
        if node.op not in ("==", "!="):
            self._ordered(node.at, node.left)
            self._ordered(node.at, node.right)
        left, right = self._alike(node.at, node.left, node.right)
        return checked.Relation(node.op, left, right)

    def _missing(self, node: Missing) -> Condition:
        if isinstance(node.operand, Name):
            known = None if node.operand.name in self._index_of else self._event_name(node.operand)
            if isinstance(known, CodeField):
                return checked.IsMissing(known.quantity, node.negated)
            if isinstance(known, TokenField):
                return checked.IsMissing(checked.Word(known.column, 0), node.negated)
        return checked.IsMissing(self.quantity(node.operand)[0], node.negated)

    def _listed(self, node: Listed) -> Condition:
        operand = node.operand
        known = self._event_name(operand) if isinstance(operand, Name) and operand.name not in self._index_of else None
        if not isinstance(known, TokenField):
            names = ", ".join(name for name, each in EVENT_NAMES.items() if isinstance(each, TokenField))
            raise _error(
                operand.at,
                f"lists hold identifiers; before `in list` stands one of {names}",
                f"名单中是身份标识；`in list` 之前应为 {names} 之一",
            )
        if _LIST_NAME.fullmatch(node.list_name.value) is None:
            raise _error(
                node.list_name.at,
                "a list's name has small letters, digits and _, starts with a letter, at most 64",
                "名单名称由小写字母、数字和下划线组成，以字母开头，最多 64 个字符",
            )
        probe = Probe(known.column, node.list_name.value)
        self.probes[probe] = None
        return checked.Member(probe.column, probe.list_name, node.negated)

    def _has(self, node: Has) -> Condition:
        known = self._event_name(node.operand) if isinstance(node.operand, Name) else None
        if not isinstance(known, SetField):
            raise _error(
                node.at,
                '`has` goes with a set: `verification has "face"`',
                '`has` 只能用于集合：`verification has "face"`',
            )
        if not isinstance(node.member, Text):
            raise _error(node.member.at, "a quoted name is expected after `has`", "`has` 之后应为带引号的名称")
        choices = {name: mask for name, mask in known.members.items() if mask}
        return checked.Bit(known.column, self._code(node.member, choices, known.field))

    # --- values -----------------------------------------------------------------------------------------------------

    def quantity(self, node: Node) -> tuple[Quantity, Unit]:
        """The number a node stands for, and what it measures."""
        match node:
            case Number():
                return checked.Constant(node.value), node.unit
            case Negative():
                operand, unit = self.quantity(node.operand)
                if isinstance(operand, checked.Constant):
                    return checked.Constant(-operand.value), unit
                return checked.Negated(operand), unit
            case Math():
                return self._math(node)
            case Name() if node.name in self._index_of:
                return self._feature(node), unit_of_feature(node.name)
            case Name():
                return self._field_number(node)
            case Text():
                raise _error(
                    node.at,
                    'a text is compared with a code field only, for example `channel == "mobile"`',
                    '文本只能与代码字段比较，例如 `channel == "mobile"`',
                )
            case _:
                raise _error(
                    node.at,
                    "a value is expected here, not a condition; a condition stands alone or with and, or, not",
                    "此处应为数值而不是条件；条件单独使用或与 and、or、not 连用",
                )

    def _field_number(self, node: Name) -> tuple[Quantity, Unit]:
        known = self._event_name(node)
        match known:
            case NumberField():
                return known.quantity, known.unit
            case CodeField():
                raise _error(
                    node.at,
                    f"{node.name!r} is a code; compare it with a quoted name by ==, != or in",
                    f"{node.name!r} 是代码字段；请用 ==、!= 或 in 与带引号的名称比较",
                )
            case SetField():
                raise _error(
                    node.at,
                    f'{node.name!r} is a set; write `{node.name} has "..."`',
                    f'{node.name!r} 是集合；请写 `{node.name} has "..."`',
                )
            case FlagField():
                raise _error(
                    node.at,
                    f"{node.name!r} is a condition; write `{node.name}` or `not {node.name}`",
                    f"{node.name!r} 是条件；请写 `{node.name}` 或 `not {node.name}`",
                )
            case TokenField():
                raise _error(
                    node.at,
                    f'{node.name!r} identifies someone; ask `{node.name} in list "..."` or `{node.name} is missing`',
                    f'{node.name!r} 是身份标识；请写 `{node.name} in list "..."` 或 `{node.name} is missing`',
                )

    def _math(self, node: Math) -> tuple[Quantity, Unit]:
        (left, left_unit), (right, right_unit) = self.quantity(node.left), self.quantity(node.right)
        units = {left_unit, right_unit} - {Unit.PLAIN}
        if node.op in "+-":
            self._agree(node.at, units)
            unit = units.pop() if units else Unit.PLAIN
        elif node.op == "*":
            if not {left_unit, right_unit} & {Unit.PLAIN, Unit.COUNT}:
                raise _error(
                    node.at,
                    f"{left_unit.value} times {right_unit.value} measures nothing; multiply by a plain number",
                    f"{_UNIT_ZH[left_unit]}与{_UNIT_ZH[right_unit]}相乘没有意义；请乘以普通数值",
                )
            unit = max(left_unit, right_unit, key=_WEIGHT.index)
        elif right_unit in (Unit.PLAIN, Unit.COUNT):
            unit = max(left_unit, right_unit, key=_WEIGHT.index)
        else:
            unit = Unit.COUNT if left_unit is right_unit else Unit.PLAIN
        return checked.Combined(node.op, left, right), unit

    def _feature(self, node: Name) -> Quantity:
        self.reads[node.name] = None
        return checked.Feature(self._index_of[node.name])

    # --- agreement of the sides of a comparison ---------------------------------------------------------------------

    def _alike(self, at: int, *nodes: Node) -> list[Quantity]:
        """The nodes as numbers that may be compared: quantities of one unit, or one code field and its names."""
        fields = [found for node in nodes if isinstance(node, Name) and (found := self._codes_of(node)) is not None]
        if fields:
            return [self._code_side(node, fields[0]) for node in nodes]
        sides = [self.quantity(node) for node in nodes]
        self._agree(at, {unit for _, unit in sides} - {Unit.PLAIN})
        return [quantity for quantity, _ in sides]

    def _codes_of(self, node: Name) -> CodeField | None:
        known = None if node.name in self._index_of else self._event_name(node)
        return known if isinstance(known, CodeField) else None

    def _code_side(self, node: Node, field: CodeField) -> Quantity:
        if isinstance(node, Text):
            return checked.Constant(float(self._code(node, field.codes, field.field or BAND)))
        own = self._codes_of(node) if isinstance(node, Name) else None
        if own is not None and own.field == field.field:
            return own.quantity
        raise _error(
            node.at,
            f"{field.field or BAND!r} is compared with a quoted name only",
            f"{field.field or BAND!r} 只能与带引号的名称比较",
        )

    def _code(self, node: Text, codes: Mapping[str, int] | None, field: str) -> int:
        if codes is None:
            if _CURRENCY.fullmatch(node.value) is None:
                raise _error(
                    node.at, 'a currency is three capital letters, for example "CNY"', '币种是三个大写字母，例如 "CNY"'
                )
            return packed_currency(node.value)
        if node.value in codes:
            return codes[node.value]
        suggestion, english, chinese = _suggestion(node.value, codes)
        names = ", ".join(codes)
        raise _error(
            node.at,
            f"{field!r} has no value {node.value!r}{english}; it has {names}",
            f"{field!r} 没有取值 {node.value!r}{chinese}；可用取值：{names}",
            f'"{suggestion}"' if suggestion else "",
        )

    def _ordered(self, at: int, node: Node) -> None:
        codes = self._codes_of(node) if isinstance(node, Name) else None
        if isinstance(node, Name) and codes is not None and not codes.ordered:
            raise _error(
                at,
                f"{node.name!r} is a code and has no order; use ==, != or in",
                f"{node.name!r} 是代码，没有大小；请用 ==、!= 或 in",
            )

    def _agree(self, at: int, units: set[Unit]) -> None:
        if len(units) > 1:
            first, second = sorted(units, key=_WEIGHT.index, reverse=True)[:2]
            raise _error(
                at,
                f"{first.value} does not go with {second.value}; check the units (yuan, fen, ms, s, m, h, d)",
                f"{_UNIT_ZH[first]}不能与{_UNIT_ZH[second]}相比较或加减；请检查单位（yuan、fen、ms、s、m、h、d）",
            )

    # --- names ------------------------------------------------------------------------------------------------------

    def _event_name(self, node: Name) -> EventName:
        known = self._band if node.name == BAND else EVENT_NAMES.get(node.name)
        if known is self._band and not self._band.codes:
            raise _error(
                node.at,
                "no score band of this ruleset has a name; give [[policy.bands]] a `name`",
                "本规则集的评分带均未命名；请在 [[policy.bands]] 中给出 `name`",
            )
        if known is None:
            raise self._unknown(node)
        if known.field:
            try:
                require_purpose(known.field, self._purpose)
            except DefinitionError as refusal:
                raise _error(
                    node.at, refusal.detail, f"字段 {known.field!r} 不得用于此目的（{self._purpose.name}）"
                ) from None
        self.reads[node.name] = None
        return known

    def _unknown(self, node: Name) -> ExpressionError:
        field = FIELDS.get(node.name)
        if node.name == "occurred_at":
            return _error(
                node.at, "the instant itself is no rule's business; use hour or weekday", "请用 hour 或 weekday"
            )
        if field is not None:
            return _error(
                node.at,
                f"{node.name!r} is kept beside the event and nothing is computed on it; use a fact or a feature",
                f"{node.name!r} 仅随事件保存，不参与计算；请使用事实字段或特征",
            )
        suggestion, english, chinese = _suggestion(node.name, (*self._index_of, *EVENT_NAMES))
        return _error(
            node.at,
            f"unknown name {node.name!r}{english or '; the names are the features of the feature set and the event fields'}",
            f"未知名称 {node.name!r}{chinese or '；可用名称为特征集中的特征和事件字段'}",
            suggestion,
        )


def _suggestion(word: str, known: Mapping[str, int] | Sequence[str]) -> tuple[str, str, str]:
    """The closest known word, and how it is offered in English and Chinese; nothing when none is close."""
    close = difflib.get_close_matches(word[:64], list(known), n=1, cutoff=0.6)
    return (close[0], f"; did you mean {close[0]!r}?", f"；是否指 {close[0]!r}？") if close else ("", "", "")
