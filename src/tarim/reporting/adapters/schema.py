"""The schema of the suspicious transaction report, made of the table of fields.

python -m tarim.reporting.adapters.schema        writes bstr.xsd into this folder; a test keeps it current
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from tarim.reporting.adapters.message import NAMESPACE, SCHEMA
from tarim.reporting.domain.fields import Field, Nested, placed
from tarim.reporting.domain.rules import PLACEHOLDER, PLAIN
from tarim.reporting.domain.suspicious import Report

_NOTE: Final = (
    "Schema of Tarim's suspicious transaction report. Element names and nesting follow the central bank's message for banks "
    "(BSTR) as public repositories show it; the official schema was not at hand, and lengths and patterns are Tarim's own. "
    "@N stands where there is no value. Code tables, check digits and rules over several fields are checked before."
)


def make_schema() -> str:
    """The schema's text."""
    types: dict[str, str] = {}
    body = _sequence(Report, (), types, 3)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"',
        f'           xmlns="{NAMESPACE}"',
        f'           targetNamespace="{NAMESPACE}" elementFormDefault="qualified">',
        f" <xs:annotation><xs:documentation>{_NOTE}</xs:documentation></xs:annotation>",
        *_nothing(),
        *(line for name, definition in types.items() for line in _named(name, definition)),
        ' <xs:element name="BSTR">',
        "  <xs:complexType>",
        *body,
        '   <xs:attribute name="number" use="required">',
        '    <xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="STR-[0-9]{4}-[0-9]{6}"/>'
        "</xs:restriction></xs:simpleType>",
        "   </xs:attribute>",
        "  </xs:complexType>",
        " </xs:element>",
        "</xs:schema>",
    ]
    return "\n".join(lines) + "\n"


def _nothing() -> list[str]:
    facet = f'<xs:enumeration value="{PLACEHOLDER}"/>'
    return [f' <xs:simpleType name="nothing"><xs:restriction base="xs:string">{facet}</xs:restriction></xs:simpleType>']


def _named(name: str, definition: str) -> list[str]:
    return [f' <xs:simpleType name="{name}">{definition}</xs:simpleType>']


def _type_of(item: Field, types: dict[str, str]) -> str:
    """The name of the simple type of a field: its facets, and `@N` where it may be empty."""
    facets = ""
    for rule in item.rules:
        facets += f"<xs:pattern value={quoteattr(rule.pattern)}/>" if rule.pattern else ""
        facets += f'<xs:maxLength value="{rule.length_max}"/>' if rule.length_max else ""
    least = max((rule.length_min for rule in item.rules), default=0) or 1
    filled = f'<xs:restriction base="xs:string"><xs:minLength value="{least}"/>{facets}</xs:restriction>'
    definition = (
        filled
        if item.required
        else f'<xs:union memberTypes="nothing"><xs:simpleType>{filled}</xs:simpleType></xs:union>'
    )
    parts = [f"{rule.id}{rule.length_max or rule.length_min or ''}" for rule in item.rules if rule is not PLAIN]
    name = ".".join([*(parts or ["text"]), *([] if item.required else ["or-nothing"])])
    assert types.setdefault(name, definition) == definition, name
    return name


def _sequence(shape: type, elements: tuple[str, ...], types: dict[str, str], depth: int) -> list[str]:
    pad = " " * depth
    return [f"{pad}<xs:sequence>", *_particles(shape, elements, types, depth + 1), f"{pad}</xs:sequence>"]


def _particles(shape: type, elements: tuple[str, ...], types: dict[str, str], depth: int) -> list[str]:
    lines: list[str] = []
    for group, members in groupby(placed(shape, elements), lambda each: each[0].group):
        inner = depth + 3 if group else depth
        found: list[str] = []
        for item, element, inner_elements in members:
            if isinstance(item, Nested) and not element:
                found += _particles(item.of, inner_elements, types, inner)
            elif isinstance(item, Nested) and not item.listed_max:
                found += _element(element, _sequence(item.of, inner_elements, types, inner + 2), inner)
            elif item.listed_max:
                found += _list(item, element, types, inner)
            else:
                assert isinstance(item, Field)
                told = escape(f"{item.zh} {item.en}")
                found += [f'{" " * inner}<xs:element name="{element}" type="{_type_of(item, types)}"/><!-- {told} -->']
        pad = " " * (depth + 2)
        lines += _element(group, [f"{pad}<xs:sequence>", *found, f"{pad}</xs:sequence>"], depth) if group else found
    return lines


def _element(element: str, content: list[str], depth: int, more: str = "") -> list[str]:
    pad = " " * depth
    head = [f'{pad}<xs:element name="{element}"{more}>', f"{pad} <xs:complexType>"]
    return [*head, *content, f"{pad} </xs:complexType>", f"{pad}</xs:element>"]


def _list(item: Field | Nested, element: str, types: dict[str, str], depth: int) -> list[str]:
    pad = " " * (depth + 2)
    number = '<xs:attribute name="seqno" type="xs:positiveInteger" use="required"/>'
    if isinstance(item, Nested):
        content = [*_sequence(item.of, (), types, depth + 5), f"{pad}   {number}"]
    else:
        base = _type_of(item, types)
        content = [f'{pad}   <xs:simpleContent><xs:extension base="{base}">{number}</xs:extension></xs:simpleContent>']
    each = _element(element, content, depth + 3, f' maxOccurs="{item.listed_max}"')
    return _element(f"{element}s", [f"{pad}<xs:sequence>", *each, f"{pad}</xs:sequence>"], depth)


if __name__ == "__main__":
    (Path(__file__).parent / SCHEMA).write_text(make_schema(), encoding="utf-8")
