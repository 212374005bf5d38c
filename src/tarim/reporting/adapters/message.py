"""A suspicious transaction report as XML, and its validation against the schema that the package ships.

Elements and nesting come from the table of fields.  Where there is no value stands `@N`, lists are numbered by `seqno`.  A
library that knows nothing of our table does the validating.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any, Final

from tarim.base.errors import Damaged, TooLarge
from tarim.reporting.domain.fields import Field, Nested, placed
from tarim.reporting.domain.rules import PLACEHOLDER
from tarim.reporting.domain.suspicious import Report

NAMESPACE: Final = "urn:tarim:suspicious-transaction-report:1"
XML_BYTES_MAX: Final = 64 << 20
SCHEMA: Final = "bstr.xsd"


def message_of(report: Report, number: str) -> bytes:
    """The XML of a report that has no faults, UTF-8, the same bytes every time.  number: ours, `STR-2026-000001`.

    Raises TooLarge.
    """
    root = ET.Element("BSTR", {"xmlns": NAMESPACE, "number": number})
    _write(root, report, ())
    ET.indent(root, " ")
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True, short_empty_elements=False)
    if len(content) > XML_BYTES_MAX:
        raise TooLarge(f"a report has at most {XML_BYTES_MAX:,} bytes as XML")
    return content


def check_message(content: bytes) -> None:
    """Nothing for XML that the schema allows.  Raises Damaged naming the place, never the value, and TooLarge."""
    import xmlschema

    if len(content) > XML_BYTES_MAX:
        raise TooLarge(f"a report has at most {XML_BYTES_MAX:,} bytes as XML")
    try:
        error = next(_schema().iter_errors(content.decode("utf-8")), None)
    except (xmlschema.XMLSchemaException, ET.ParseError, UnicodeDecodeError):
        raise Damaged("the report is not well-formed XML") from None
    if error is not None:
        raise Damaged(f"the report breaks its schema at {error.path}")


def schema_text() -> str:
    """The schema that the package ships."""
    return (files(__package__) / SCHEMA).read_text(encoding="utf-8")


@cache
def _schema() -> Any:
    import xmlschema

    return xmlschema.XMLSchema(schema_text(), defuse="always", allow="none")


def _write(parent: ET.Element, value: Any, elements: tuple[str, ...]) -> None:
    for group, members in groupby(placed(type(value), elements), lambda each: each[0].group):
        around = ET.SubElement(parent, group) if group else parent
        for item, element, inner_elements in members:
            inner = getattr(value, item.attribute)
            if item.listed_max:
                _write_list(ET.SubElement(around, f"{element}s"), item, element, inner)
            elif isinstance(item, Nested):
                _write(ET.SubElement(around, element) if element else around, inner, inner_elements)
            else:
                ET.SubElement(around, element).text = inner or PLACEHOLDER


def _write_list(parent: ET.Element, item: Field | Nested, element: str, listed: tuple[Any, ...]) -> None:
    for index, one in enumerate(listed or (PLACEHOLDER,), 1):
        child = ET.SubElement(parent, element, {"seqno": str(index)})
        if isinstance(item, Nested):
            _write(child, one, ())
        else:
            child.text = one
