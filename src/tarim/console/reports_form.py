"""The form of a suspicious transaction report, part by part, made of its table of fields.

    parts_of(content, faults)                  the parts, with how many faults each has
    rows_of(part, content, faults, codes)      what a page shows of one part
    values_of(part, content, form, lists)      places whose values were changed

A report is shown masked.  A masked value is shown beside an empty field: left empty, it stays as it is.  Free text in which
something is masked is edited in full only, or names would be lost to asterisks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from tarim.console.words import _, capital, either
from tarim.reporting import Field, Nested, Report, Subject, Transaction, placed

MASK: Final = "*"
_UNTOLD: Final = frozenset({"plain-text", "plain-paragraphs", "not-future", "length"})
"""Rules that need no word before they are broken."""
_LONG: Final = frozenset({"conduct", "analysis"})
_PART: Final = re.compile(r"report|subjects\[([0-9]{1,2})\]|transactions\[([0-9]{1,4})\]")
_SHAPES: Final[Mapping[str, type]] = {"report": Report, "subjects": Subject, "transactions": Transaction}


_FIRST: Final = {
    "identity": "name",
    "representative": "name",
    "controller": "name",
    "agent": "name",
    "document": "kind",
    "account": "kind",
    "counterparty": "name",
}
"""First fields of structures that a rule may be about as a whole."""


class Fault(msgspec.Struct):
    """A field that breaks a rule."""

    path: str
    element: str
    field_zh: str
    field_en: str
    rule: str
    zh: str
    en: str

    @property
    def text(self) -> str:
        """The rule in the viewer's language."""
        return either(self.zh, capital(self.en))

    @property
    def name(self) -> str:
        """The field in the viewer's language."""
        return either(self.field_zh, capital(self.field_en))

    @property
    def place(self) -> str:
        """The field to go to: of a fault of a whole structure its first one."""
        last = self.path.rpartition(".")[2]
        return f"{self.path}.{_FIRST[last]}" if last in _FIRST else self.path

    @property
    def part(self) -> str:
        """The part of the form it is in."""
        return part_of(self.path)


class Table(msgspec.Struct):
    """A code table: Chinese and English by code."""

    mark: str
    words: dict[str, tuple[str, str]]


class Reference(msgspec.Struct):
    """Code tables by name."""

    codes: dict[str, Table]


@dataclass(frozen=True, slots=True)
class Part:
    """A page of the form.  name: report, subjects[0], transactions[3]."""

    name: str
    title: str
    faults: int


@dataclass(frozen=True, slots=True)
class Row:
    """A field.  path: its place; form: line, text, code, codes, lines.  masked: what stands there, told in part only.

    locked: cannot be edited while it is masked.  now: what somebody else has saved, where `value` was typed and is not saved.
    """

    path: str
    element: str
    label: str
    form: str
    value: str
    values: list[str]
    masked: str
    locked: bool
    required: bool
    choices: list[tuple[str, str]]
    hint: str
    fault: str
    now: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that stand together."""

    title: str
    rows: list[Row]


def part_of(path: str) -> str:
    """The part of the form in which a place is."""
    head = path.split(".")[0]
    return head if _PART.fullmatch(head) and head != "report" else "report"


def known_part(name: str, content: Mapping[str, Any]) -> str:
    """The part asked for, `report` for one that is not there."""
    match = _PART.fullmatch(name)
    if match is None or name == "report":
        return "report"
    kind, _sep, rest = name.partition("[")
    return name if int(rest[:-1]) < len(content[kind]) else "report"


def parts_of(content: Mapping[str, Any], faults: Sequence[Fault]) -> list[Part]:
    """The report, its subjects, and those of its transactions that have faults; all transactions are in a list of their own."""
    counts: dict[str, int] = {}
    for fault in faults:
        counts[fault.part] = counts.get(fault.part, 0) + 1
    parts = [Part("report", _("报告基本信息"), counts.get("report", 0))]
    for n in range(len(content["subjects"])):
        name = f"subjects[{n}]"
        parts.append(Part(name, either(f"可疑主体 {n + 1}", f"Subject {n + 1}"), counts.get(name, 0)))
    return parts


def rows_of(
    part: str, content: Mapping[str, Any], faults: Sequence[Fault], codes: Mapping[str, Table], *, full: bool
) -> list[Group]:
    """The groups of fields of a part, with what is there and what is wrong with it."""
    found = {fault.place: fault.text for fault in faults}
    value = _at(content, part)
    shape = _SHAPES[part.partition("[")[0]]
    prefix = "" if part == "report" else part
    groups: dict[str, list[Row]] = {}
    for title, path, element, item, inner in _walk(shape, value, prefix, ()):
        row = _row(path, element, item, inner, codes, found, full=full)
        groups.setdefault(title, []).append(row)
    return [Group(title, rows) for title, rows in groups.items()]


def values_of(part: str, content: Mapping[str, Any], lists: Mapping[str, list[str]], *, full: bool) -> dict[str, Any]:
    """New values by place.  Fields that were not sent, and empty ones beside a masked value, stay as they are."""
    value = _at(content, part)
    shape = _SHAPES[part.partition("[")[0]]
    prefix = "" if part == "report" else part
    changed: dict[str, Any] = {}
    for _title, path, _element, item, inner in _walk(shape, value, prefix, ()):
        if path not in lists:
            continue
        typed = "\n".join(lists[path]).replace("\r\n", "\n")
        if item.listed_max:
            lines = [line.strip() for line in typed.split("\n") if line.strip()]
            if (full or not _masks(inner) or lines) and lines != list(inner):
                changed[path] = lines
        elif (full or MASK not in inner or typed) and typed != inner:
            changed[path] = typed
    return changed


def _walk(
    shape: type, value: Mapping[str, Any], prefix: str, elements: tuple[str, ...], title: str = ""
) -> list[tuple[str, str, str, Field, Any]]:
    """(group, place, element, field, value) of every single field under a structure, lists of structures left out."""
    found: list[tuple[str, str, str, Field, Any]] = []
    for item, element, inner_elements in placed(shape, elements):
        path = f"{prefix}.{item.attribute}" if prefix else item.attribute
        if isinstance(item, Nested):
            if not item.listed_max:
                inside = (
                    title
                    if shape is not Report and item.of.__name__ == "Document" and title
                    else either(item.zh, capital(item.en))
                )
                found += _walk(item.of, value[item.attribute], path, inner_elements, inside)
        else:
            found.append((title or _("基本信息"), path, element, item, value[item.attribute]))
    return found


def _row(
    path: str, element: str, item: Field, value: Any, codes: Mapping[str, Table], faults: Mapping[str, str], *, full: bool
) -> Row:  # fmt: skip
    table = next((rule.id[5:] for rule in item.rules if rule.id.startswith("code-") and rule.id[5:] in codes), "")
    masks = not full and _masks(value)
    long = item.attribute in _LONG
    form = ("codes" if table else "lines") if item.listed_max else "code" if table else "text" if long else "line"
    listed = list(value) if item.listed_max else []
    single = "" if item.listed_max else str(value)
    fault = faults.get(path) or next((text for at, text in faults.items() if at.startswith(f"{path}[")), "")
    return Row(
        path=path,
        element=element,
        label=either(item.zh, capital(item.en)),
        form=form,
        value="\n".join(listed) if listed and not masks else "" if masks and not long else single,
        values=listed,
        masked=(either("、", ", ").join(listed) or single) if masks else "",
        locked=masks and long,
        required=item.required,
        choices=_choices(codes[table]) if table else [],
        hint=either("；", "; ").join(_hints(item)),
        fault=fault,
    )


def _hints(item: Field) -> list[str]:
    return [
        either(rule.zh, rule.en) for rule in item.rules if not rule.id.startswith("code-") and rule.id not in _UNTOLD
    ]


def _choices(table: Table) -> list[tuple[str, str]]:
    return [(code, f"{code} {either(*pair)}") for code, pair in table.words.items()]


def _masks(value: Any) -> bool:
    return any(MASK in str(each) for each in (value if isinstance(value, list | tuple) else [value]))


def _at(content: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    if part == "report":
        return content
    kind, _sep, rest = part.partition("[")
    found: Mapping[str, Any] = content[kind][int(rest[:-1])]
    return found
