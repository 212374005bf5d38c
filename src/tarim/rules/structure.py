"""Tree ↔ structured form: nested groups and rows of plain data, for a visual editor and for JSON.

    {"all": [...]}  {"any": [...]}  {"not": ...}                            groups
    {"always": true}
    {"field": "late", "op": "is_true"}                                      a condition by itself
    {"field": "amount_fen", "op": ">=", "value": 5000, "unit": "yuan"}      also == != < <= >; a quoted name is a string
    {"field": "payer_count_1h", "op": ">", "other": "payer_count_24h"}      two names compared
    {"field": "hour", "op": "between", "low": 0, "high": 5}                 or not_between; "unit" as above
    {"field": "channel", "op": "in", "values": ["mobile", "pc"]}            or not_in; "unit" as above
    {"field": "payee_account", "op": "in_list", "list": "suspects"}         or not_in_list
    {"field": "amount_fen", "op": "missing"}                                or not_missing
    {"field": "verification", "op": "has", "value": "face"}
    {"expression": "payer_sum_amount_fen_24h > 3 * amount_fen"}             whatever does not fit a row

Both ways lose nothing: `from_structure(to_structure(tree)) == tree`, positions aside, and a structure comes back as it was,
except that a group of one becomes its member, an expression that fits a row becomes that row, and a number is given in its
largest unit.  Meaning is not looked at here, `check` does that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from tarim.base.errors import DefinitionError
from tarim.rules.domain import EXPRESSION_CHARS_MAX, EXPRESSION_DEPTH_MAX, ExpressionError
from tarim.rules.format import format_expression, in_unit, unit_for
from tarim.rules.parse import COMPARISONS, KEYWORDS, NUMBER_MAX, UNITS, parse
from tarim.rules.tree import (
    Among,
    And,
    Between,
    Compare,
    CompareOp,
    Has,
    Listed,
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

Structure = dict[str, Any]
ITEMS_MAX: Final = EXPRESSION_CHARS_MAX // 2
"""Most members of a group or values of a row: more cannot be written in one expression."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_KEYS_OF_OP: Final[Mapping[str, tuple[str, ...]]] = {
    "is_true": (),
    "missing": (),
    "not_missing": (),
    "has": ("value",),
    "in_list": ("list",),
    "not_in_list": ("list",),
    "in": ("values",),
    "not_in": ("values",),
    "between": ("low", "high"),
    "not_between": ("low", "high"),
}


class StructureError(DefinitionError):
    """A structured form is wrong at `pointer` (a JSON pointer, "" for the whole)."""

    code = "invalid-rule"

    def __init__(self, pointer: str, text_en: str, text_zh: str) -> None:
        super().__init__(f"at {pointer or '/'}: {text_en}")
        self.pointer = pointer
        self.text_en = text_en
        self.text_zh = text_zh


# --- tree → structure -------------------------------------------------------------------------------------------------


def to_structure(tree: Node) -> Structure:
    """The structured form of an expression's tree: dictionaries, lists, texts, numbers, true and false only."""
    match tree:
        case And():
            return {"all": [to_structure(operand) for operand in tree.operands]}
        case Or():
            return {"any": [to_structure(operand) for operand in tree.operands]}
        case Not():
            return {"not": to_structure(tree.operand)}
        case Truth():
            return {"always": tree.value}
        case _:
            return _row(tree) or {"expression": format_expression(tree)}


def _row(node: Node) -> Structure | None:
    """A row for one field, or None where the node has no such form."""
    match node:
        case Name():
            return {"field": node.name, "op": "is_true"}
        case Compare(left=Name() as field, right=Name() as other):
            return {"field": field.name, "op": node.op, "other": other.name}
        case Compare(left=Name() as field):
            return _with_values({"field": field.name, "op": node.op}, ("value",), (node.right,))
        case Between(operand=Name() as field):
            op = f"{_not(node.negated)}between"
            return _with_values({"field": field.name, "op": op}, ("low", "high"), (node.low, node.high))
        case Among(operand=Name() as field):
            row = _with_values({}, [str(index) for index in range(len(node.choices))], node.choices)
            if row is None:
                return None
            unit = {"unit": row.pop("unit")} if "unit" in row else {}
            return {"field": field.name, "op": f"{_not(node.negated)}in", "values": list(row.values()), **unit}
        case Missing(operand=Name() as field):
            return {"field": field.name, "op": f"{_not(node.negated)}missing"}
        case Listed(operand=Name() as field):
            return {"field": field.name, "op": f"{_not(node.negated)}in_list", "list": node.list_name.value}
        case Has(operand=Name() as field, member=Text() as member):
            return {"field": field.name, "op": "has", "value": member.value}
        case _:
            return None


def _not(negated: bool) -> str:
    return "not_" if negated else ""


def _with_values(row: Structure, keys: Sequence[str], nodes: Sequence[Node]) -> Structure | None:
    """The row with these literals under these keys, and their unit; None when they are not literals of one kind."""
    if all(isinstance(node, Text) for node in nodes):
        return {**row, **{key: cast(Text, node).value for key, node in zip(keys, nodes, strict=True)}}
    signed = [_signed(node) for node in nodes]
    numbers = [each for each in signed if each is not None]
    units = {number.unit for _, number in numbers}
    if len(numbers) < len(nodes) or len(units) != 1:
        return None
    unit = unit_for(units.pop(), [number.value for _, number in numbers])
    values = {key: _plain(sign, in_unit(number.value, unit)) for key, (sign, number) in zip(keys, numbers, strict=True)}
    return {**row, **values, **({"unit": unit} if unit else {})}


def _signed(node: Node) -> tuple[int, Number] | None:
    match node:
        case Number():
            return 1, node
        case Negative(operand=Number() as number):
            return -1, number
        case _:
            return None


def _plain(sign: int, value: Decimal) -> int | float:
    """A whole number as int, except minus zero, which only a float can be."""
    if value == value.to_integral_value() and (value or sign > 0):
        return sign * int(value)
    return sign * float(value)


# --- structure → tree -------------------------------------------------------------------------------------------------


def from_structure(structure: object) -> Node:
    """The tree of a structured form, its positions those of `format_expression(tree)`.

    Raises StructureError with the place of the first fault: an unknown key, a value of another kind, or more than an
    expression may hold (EXPRESSION_CHARS_MAX characters, EXPRESSION_DEPTH_MAX levels).
    """
    text = format_expression(_node(structure, "", 0))
    try:
        return parse(text)
    except ExpressionError as error:
        raise StructureError("", error.text_en, error.text_zh) from None


def _node(value: object, pointer: str, depth: int) -> Node:
    if depth > EXPRESSION_DEPTH_MAX:
        raise StructureError(
            pointer,
            f"nested deeper than {EXPRESSION_DEPTH_MAX}; split the rule",
            f"嵌套超过 {EXPRESSION_DEPTH_MAX} 层；请拆分规则",
        )
    if not isinstance(value, dict):
        raise StructureError(pointer, "an object is expected here", "此处应为对象")
    for key, read in _FORMS.items():
        if key in value:
            if key != "field":
                _only(value, (key,), pointer)
            return read(value, pointer, depth)
    raise StructureError(
        pointer,
        f"an object has one of the keys {', '.join(_FORMS)}",
        f"对象须含以下键之一：{'、'.join(_FORMS)}",
    )


def _only(value: Mapping[str, object], keys: Sequence[str], pointer: str) -> None:
    """Refuse any other key, and the lack of one of these."""
    for key in value:
        if key not in keys:
            raise StructureError(
                pointer,
                f"the key {str(key)[:64]!r} does not belong here; known are {', '.join(keys)}",
                f"此处不应有键 {str(key)[:64]!r}；可用的键：{'、'.join(keys)}",
            )
    for key in keys:
        if key not in value:
            raise StructureError(pointer, f"the key {key!r} is missing", f"缺少键 {key!r}")


def _items(value: object, pointer: str) -> list[object]:
    if not isinstance(value, list) or not 1 <= len(value) <= ITEMS_MAX:
        raise StructureError(
            pointer, f"a list of 1 to {ITEMS_MAX} members is expected", f"此处应为 1 到 {ITEMS_MAX} 项的列表"
        )
    return value


def _group(key: str, make: Callable[[int, tuple[Node, ...]], Node]) -> Callable[[Structure, str, int], Node]:
    def read(value: Structure, pointer: str, depth: int) -> Node:
        members = tuple(
            _node(member, f"{pointer}/{key}/{index}", depth + 1)
            for index, member in enumerate(_items(value[key], f"{pointer}/{key}"))
        )
        return members[0] if len(members) == 1 else make(0, members)

    return read


def _opposite(value: Structure, pointer: str, depth: int) -> Node:
    return Not(0, _node(value["not"], f"{pointer}/not", depth + 1))


def _always(value: Structure, pointer: str, depth: int) -> Node:
    if not isinstance(value["always"], bool):
        raise StructureError(f"{pointer}/always", "true or false is expected", "此处应为 true 或 false")
    return Truth(0, value["always"])


def _expression(value: Structure, pointer: str, depth: int) -> Node:
    text = value["expression"]
    if not isinstance(text, str):
        raise StructureError(f"{pointer}/expression", "a text is expected", "此处应为文本")
    try:
        return parse(text)
    except ExpressionError as error:
        raise StructureError(
            f"{pointer}/expression",
            f"at character {error.at + 1}: {error.text_en}",
            f"第 {error.at + 1} 个字符：{error.text_zh}",
        ) from None


def _field_row(value: Structure, pointer: str, depth: int) -> Node:
    field, op = Name(0, _name(value["field"], f"{pointer}/field")), value.get("op")
    if isinstance(op, str) and op in COMPARISONS:
        return _comparison(field, cast("CompareOp", op), value, pointer)
    if not isinstance(op, str) or op not in _KEYS_OF_OP:
        names = (*COMPARISONS, *_KEYS_OF_OP)
        raise StructureError(
            f"{pointer}/op", f"`op` is one of {', '.join(names)}", f"`op` 应为以下之一：{'、'.join(names)}"
        )
    units = ("unit",) if "unit" in value and op in ("in", "not_in", "between", "not_between") else ()
    _only(value, ("field", "op", *_KEYS_OF_OP[op], *units), pointer)
    negated = op.startswith("not_")
    match op.removeprefix("not_"):
        case "is_true":
            return field
        case "missing":
            return Missing(0, field, negated)
        case "has":
            return Has(0, field, _text(value["value"], f"{pointer}/value"))
        case "in_list":
            return Listed(0, field, _text(value["list"], f"{pointer}/list"), negated)
        case "in":
            items = _items(value["values"], f"{pointer}/values")
            choices = [_literal(item, value, pointer, f"/values/{index}") for index, item in enumerate(items)]
            return Among(0, field, tuple(choices), negated)
        case _:
            low, high = (_literal(value[key], value, pointer, f"/{key}") for key in ("low", "high"))
            return Between(0, field, low, high, negated)


def _comparison(field: Name, op: CompareOp, value: Structure, pointer: str) -> Node:
    if "other" in value:
        _only(value, ("field", "op", "other"), pointer)
        return Compare(0, op, field, Name(0, _name(value["other"], f"{pointer}/other")))
    _only(value, ("field", "op", "value", *(("unit",) if "unit" in value else ())), pointer)
    return Compare(0, op, field, _literal(value["value"], value, pointer, "/value"))


_FORMS: Final[Mapping[str, Callable[[Structure, str, int], Node]]] = {
    "all": _group("all", And),
    "any": _group("any", Or),
    "not": _opposite,
    "always": _always,
    "expression": _expression,
    "field": _field_row,
}


def _name(value: object, pointer: str) -> str:
    if not isinstance(value, str) or _NAME.fullmatch(value) is None or value in KEYWORDS:
        raise StructureError(pointer, "the name of a feature or field is expected", "此处应为特征或字段的名称")
    return value


def _text(value: object, pointer: str) -> Text:
    if not isinstance(value, str) or ('"' in value and "'" in value) or re.search(r"[\r\n]", value):
        raise StructureError(
            pointer,
            "a text without line breaks and with one kind of quote at most is expected",
            "此处应为文本，不含换行，且至多含一种引号",
        )
    return Text(0, value)


def _literal(value: object, row: Structure, pointer: str, below: str) -> Node:
    """A number in the unit of the row, or a text."""
    if isinstance(value, str):
        if "unit" in row:
            raise StructureError(f"{pointer}/unit", "a text has no unit", "文本没有单位")
        return _text(value, pointer + below)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or (isinstance(value, float) and not math.isfinite(value))
    ):
        raise StructureError(pointer + below, "a number or a text is expected", "此处应为数值或文本")
    unit, factor = _unit(row, pointer)
    if abs(value) * factor > NUMBER_MAX:
        raise StructureError(
            pointer + below, "the number is larger than 10**15 (fen, ms)", "数值大于 10**15（分、毫秒）"
        )
    number = Number(0, float(Decimal(repr(abs(value))) * factor), unit)
    return Negative(0, number) if math.copysign(1, value) < 0 else number


def _unit(row: Structure, pointer: str) -> tuple[Unit, int]:
    if "unit" not in row:
        return Unit.PLAIN, 1
    name = row["unit"]
    if not isinstance(name, str) or name not in UNITS:
        raise StructureError(
            f"{pointer}/unit", f"`unit` is one of {', '.join(UNITS)}", f"`unit` 应为以下之一：{'、'.join(UNITS)}"
        )
    return UNITS[name]
