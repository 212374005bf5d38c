"""A condition as groups and rows in a form, and back: no I/O.

A node of the condition has a path, `r` for the outermost group, `r.0` for its first member; its fields in the form are named
after it: `r.0.field`, `r.0.op`, `r.0.value`.  The hidden fields `node` name all paths in the order of the page.

    tree_of(structure, names)    what the service says      -> nodes that a template draws
    tree_in(form)                what the form says         -> the same nodes
    structure_of(node)           nodes                      -> what the service reads

A node may say `not`; the service puts it around what it negates.  What a person has not filled in yet is None in the structure,
which the service points at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tarim.console.rules_shapes import Name

ROOT: Final = "r"
NODES_MAX: Final = 400
_PATH: Final = re.compile(r"r(\.[0-9]{1,3}){0,31}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
COMPARISONS: Final = (">=", ">", "<=", "<", "==", "!=")
_ASKED: Final = ("missing", "not_missing")
_LISTED: Final = ("in_list", "not_in_list", *_ASKED)
OPS: Final[Mapping[str, tuple[str, ...]]] = {
    "feature": (*COMPARISONS, "between", "not_between", "in", "not_in", *_ASKED),
    "number": (*COMPARISONS, "between", "not_between", "in", "not_in", *_ASKED),
    "code": ("==", "!=", "in", "not_in", *_ASKED),
    "set": ("has",),
    "condition": ("is_true",),
    "identifier": _LISTED,
}
"""Operators by kind of name."""
UNITS: Final[Mapping[str, tuple[str, ...]]] = {"fen": ("yuan", "fen"), "ms": ("d", "h", "m", "s", "ms"), "": ()}
VALUE_OPS: Final = (*COMPARISONS, "has")
PAIR_OPS: Final = ("between", "not_between")
MANY_OPS: Final = ("in", "not_in")
LIST_OPS: Final = ("in_list", "not_in_list")


@dataclass(frozen=True, slots=True)
class Node:
    """One group, row or expression.

    form: all, any, row, expression or always.  values: `value`, `low`, `high`, `unit`, `other`, `list` and `text` of a row or
    expression, as they were typed.  many: values of `in`.  by_name: the row compares with another name.  note: what its field
    means.
    """

    path: str
    form: str
    negated: bool = False
    items: tuple[Node, ...] = ()
    name: str = ""
    op: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    many: tuple[str, ...] = ()
    by_name: bool = False
    note: Name | None = None

    @property
    def ops(self) -> tuple[str, ...]:
        """Operators that go with its field; its own is always among them."""
        known = OPS[self.note.kind] if self.note else (*COMPARISONS, *PAIR_OPS, *_ASKED)
        if self.note is not None and self.note.name == "band":
            known = (*COMPARISONS, *MANY_OPS, *_ASKED)
        if self.note is not None and self.note.stands_alone and "is_true" not in known:
            known = ("is_true", *known)
        return known if self.op in known else (self.op, *known)

    @property
    def units(self) -> tuple[str, ...]:
        """Units that go with its field; its own is always among them."""
        known = UNITS.get(self.note.unit, ()) if self.note else ()
        own = self.values.get("unit", "")
        return known if not own or own in known else (own, *known)

    @property
    def coded(self) -> bool:
        """Whether its values are words."""
        return self.note is not None and self.note.kind in ("code", "set")


def tree_of(structure: Mapping[str, Any], names: Mapping[str, Name]) -> Node:
    """The nodes of a structure; the outermost one is a group."""
    node = _node(structure, ROOT, names)
    if node.form in ("all", "any"):
        return node
    return Node(ROOT, "all", items=(_node(structure, f"{ROOT}.0", names),))


def _node(structure: Mapping[str, Any], path: str, names: Mapping[str, Name]) -> Node:
    if "not" in structure:
        inner = _node(structure["not"], path, names)
        if not inner.negated:
            return replace(inner, negated=True)
        return Node(path, "all", negated=True, items=(_node(structure["not"], f"{path}.0", names),))
    for form in ("all", "any"):
        if form in structure:
            items = tuple(_node(each, f"{path}.{at}", names) for at, each in enumerate(structure[form]))
            return Node(path, form, items=items)
    if "always" in structure:
        return Node(path, "always", values={"value": "true" if structure["always"] else "false"})
    if "expression" in structure:
        return Node(path, "expression", values={"text": str(structure["expression"])})
    many = structure.get("values", ())
    values = {
        key: _written(structure[key])
        for key in ("value", "low", "high", "unit", "other", "list")
        if structure.get(key) is not None
    }
    name = str(structure["field"])
    return Node(
        path, "row", name=name, op=str(structure["op"]), values=values, many=tuple(_written(each) for each in many),
        by_name="other" in structure, note=names.get(name),
    )  # fmt: skip


def _written(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.15f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else repr(value)
    return str(value)


def tree_in(form: Mapping[str, str], lists: Mapping[str, Sequence[str]], names: Mapping[str, Name]) -> Node | None:
    """The nodes that a form has, None when it has no group at all."""
    paths = [path for path in lists.get("node", ())[:NODES_MAX] if _PATH.fullmatch(path)]
    below: dict[str, list[str]] = {}
    for path in dict.fromkeys(paths):
        below.setdefault(path.rpartition(".")[0], []).append(path)
    if ROOT not in paths:
        return None

    def node(path: str, depth: int) -> Node:
        def said(key: str) -> str:
            return form.get(f"{path}.{key}", "").strip()

        kind, negated = said("form"), said("not") == "1"
        if kind in ("all", "any") or depth == 0:
            members = tuple(node(each, depth + 1) for each in below.get(path, ()))
            return Node(path, kind if kind in ("all", "any") else "all", negated, members)
        if kind == "always":
            return Node(path, "always", negated, values={"value": said("value")})
        if kind == "expression":
            return Node(path, "expression", negated, values={"text": form.get(f"{path}.text", "").strip()})
        values = {key: said(key) for key in ("value", "low", "high", "unit", "other", "list") if said(key)}
        many = [each.strip() for each in lists.get(f"{path}.values", ()) if each.strip()]
        if not many and values.get("value") and said("op") in MANY_OPS:
            many = [each for each in re.split(r"[,，;；\s]+", values["value"]) if each]
        name = said("field")
        return Node(
            path, "row", negated, name=name, op=said("op"), values=values, many=tuple(many),
            by_name=said("by_name") == "1", note=names.get(name),
        )  # fmt: skip

    return node(ROOT, 0)


def structure_of(node: Node) -> dict[str, Any]:
    """What the service reads."""
    plain = _plain(node)
    return {"not": plain} if node.negated else plain


def _plain(node: Node) -> dict[str, Any]:
    match node.form:
        case "all" | "any":
            return {node.form: [structure_of(each) for each in node.items]}
        case "always":
            return {"always": node.values.get("value") != "false"}
        case "expression":
            return {"expression": node.values.get("text", "")}
    row: dict[str, Any] = {"field": node.name, "op": node.op}
    unit = {"unit": node.values["unit"]} if node.values.get("unit") and node.units else {}
    if node.op in LIST_OPS:
        return {**row, "list": node.values.get("list")}
    if node.op in MANY_OPS:
        return {**row, "values": [_value(each, node) for each in node.many], **unit}
    if node.op in PAIR_OPS:
        return {**row, **{key: _value(node.values.get(key, ""), node) for key in ("low", "high")}, **unit}
    if node.op in COMPARISONS and node.by_name:
        return {**row, "other": node.values.get("other", "")}
    if node.op in VALUE_OPS:
        return {**row, "value": _value(node.values.get("value", ""), node), **unit}
    return row


def _value(text: str, node: Node) -> str | int | float | None:
    """A number as such, a word where words go; None where nothing was filled in, or no number where one is needed."""
    if node.coded:
        return text or None
    digits = text.replace(",", "").replace("，", "").replace("_", "")
    if not _NUMBER.fullmatch(digits) or len(digits) > 40:
        return None
    return float(digits) if "." in digits else int(digits)


# --- acts on the nodes ------------------------------------------------------------------------------------------------


def changed_by(root: Node, act: str, path: str) -> Node:
    """The nodes after an act at a path, their paths made anew: row, group (add below), remove, wrap, expression; else as is."""
    if act not in ("row", "group", "remove", "expression"):
        return root
    return _renamed(_changed(root, act, path) or Node(ROOT, "all"), ROOT)


def _changed(node: Node, act: str, path: str) -> Node | None:
    if node.path == path:
        match act:
            case "remove":
                return None
            case "row":
                added = Node("", "row", name="", op=">=")
            case "group":
                added = Node("", "any" if node.form == "all" else "all", items=(Node("", "row", op=">="),))
            case _:
                added = Node("", "expression")
        return replace(node, items=(*node.items, added))
    kept = (_changed(each, act, path) for each in node.items)
    return replace(node, items=tuple(each for each in kept if each is not None))


def _renamed(node: Node, path: str) -> Node:
    items = tuple(_renamed(each, f"{path}.{at}") for at, each in enumerate(node.items))
    return replace(node, path=path, items=items)


def path_of(pointer: str) -> str:
    """The node that a JSON pointer into a structure is about."""
    numbers = [part for part in pointer.split("/") if part.isdecimal()]
    if "/values/" in pointer:
        numbers = numbers[:-1]
    return ".".join((ROOT, *numbers))


def tidied(node: Node) -> Node:
    """A row whose field was changed: an operator and a unit that go with it."""
    if node.form in ("all", "any"):
        return replace(node, items=tuple(tidied(each) for each in node.items))
    if node.form != "row" or node.note is None:
        return node
    known = OPS[node.note.kind]
    allowed = (*COMPARISONS, *known) if node.note.name == "band" else known
    if node.note.stands_alone:
        allowed = ("is_true", *allowed)
    op = node.op if node.op in allowed else allowed[0]
    units = UNITS.get(node.note.unit, ())
    values = dict(node.values)
    if units and values.get("unit") not in units:
        values["unit"] = units[0] if node.note.unit == "fen" else "h"
    elif not units:
        values.pop("unit", None)
    if node.coded and node.values.get("value") not in node.note.values and node.note.values:
        values.pop("value", None)
    return replace(node, op=op, values=values)
