"""The consolidated list of the United Nations Security Council, XML as published.

An INDIVIDUAL's name is FIRST_NAME to FOURTH_NAME, an ENTITY's is FIRST_NAME; an alias of quality Low is weak.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final
from xml.etree.ElementTree import Element

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from tarim.base.errors import InputError
from tarim.screening.names.countries import country_code
from tarim.screening.names.domain import NAMES_PER_ENTRY_MAX, BirthSpan, Kind, ListedName, ListEntry, Quality

SOURCE: Final = "UN"
ROOT: Final = "CONSOLIDATED_LIST"
_NAME_PARTS: Final = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
_GOOD: Final = ("Good", "a.k.a.", "")


def entries_of_xml(content: bytes) -> tuple[tuple[ListEntry, ...], str]:
    """The entries and the date on which the list was generated.  Raises InputError."""
    try:
        root = defusedxml.ElementTree.fromstring(content, forbid_dtd=True)
    except (defusedxml.ElementTree.ParseError, DefusedXmlException) as error:
        raise InputError(f"the list is not well-formed XML, or XML that is not allowed: {error}") from None
    if root.tag != ROOT:
        raise InputError(f"the root element is not {ROOT}")
    found = [_individual(element) for element in root.iterfind("INDIVIDUALS/INDIVIDUAL")]
    found += [_entity(element) for element in root.iterfind("ENTITIES/ENTITY")]
    if not found:
        raise InputError(f"{ROOT} holds neither INDIVIDUAL nor ENTITY")
    return tuple(found), root.get("dateGenerated", "")[:10]


def un_entry(
    number: str,
    programme: str,
    kind: Kind,
    names: Iterable[ListedName],
    births: Iterable[BirthSpan],
    countries: Iterable[str],
) -> ListEntry:
    """An entry of this source; a name given twice counts once, with the quality it has first."""
    unique: dict[str, ListedName] = {}
    for name in names:
        unique.setdefault(name.text, name)
    if not unique:
        raise InputError(f"entry {number} has no name")
    return ListEntry(
        id=f"{SOURCE}-{number}",
        source=SOURCE,
        programme=programme,
        kind=kind,
        names=tuple(unique.values())[:NAMES_PER_ENTRY_MAX],
        births=tuple(dict.fromkeys(births)),
        countries=tuple(sorted({country_code(country) for country in countries} - {""})),
    )


def alias_texts(text: str) -> Iterator[str]:
    """An alias cell may hold several names, divided by semicolons."""
    yield from (part.strip() for part in text.split(";") if part.strip())


def _individual(element: Element) -> ListEntry:
    primary = " ".join(part for part in (_text(element, name) for name in _NAME_PARTS) if part)
    births = [span for item in element.iterfind("INDIVIDUAL_DATE_OF_BIRTH") for span in _births(item)]
    countries = [value.text or "" for value in element.iterfind("NATIONALITY/VALUE")]
    countries += [_text(item, "COUNTRY") for item in element.iterfind("INDIVIDUAL_ADDRESS")]
    return un_entry(
        _text(element, "DATAID"),
        _text(element, "UN_LIST_TYPE"),
        Kind.PERSON,
        _names(element, primary, "INDIVIDUAL_ALIAS"),
        births,
        countries,
    )


def _entity(element: Element) -> ListEntry:
    countries = [_text(item, "COUNTRY") for item in element.iterfind("ENTITY_ADDRESS")]
    names = _names(element, _text(element, "FIRST_NAME"), "ENTITY_ALIAS")
    return un_entry(_text(element, "DATAID"), _text(element, "UN_LIST_TYPE"), Kind.ENTITY, names, (), countries)


def _names(element: Element, primary: str, alias_tag: str) -> Iterator[ListedName]:
    for text in (primary, _text(element, "NAME_ORIGINAL_SCRIPT")):
        if text:
            yield ListedName(text)
    for alias in element.iterfind(alias_tag):
        quality = Quality.STRONG if _text(alias, "QUALITY") in _GOOD else Quality.WEAK
        for text in alias_texts(_text(alias, "ALIAS_NAME")):
            yield ListedName(text, quality)


def _births(element: Element) -> Iterator[BirthSpan]:
    exact, year = _text(element, "DATE"), _text(element, "YEAR")
    first, last = _text(element, "FROM_YEAR"), _text(element, "TO_YEAR")
    try:
        if exact or year:
            yield BirthSpan.parse(exact[:10] or year)
        elif first and last:
            yield BirthSpan(date(int(first), 1, 1), date(int(last), 12, 31))
    except (InputError, ValueError):  # a date the source itself has wrong; the name counts all the same
        return


def _text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()
