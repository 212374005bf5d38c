"""A report as plain values: masked for looking at, and with single values put in other places' stead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tarim.base.errors import FieldError
from tarim.cases import HIDDEN, masked, masked_text
from tarim.reporting.domain.suspicious import LISTED_MAX, SUBJECTS_MAX, TRANSACTIONS_MAX, Report

VALUES_MAX: Final = 5_000
PATH_CHARACTERS_MAX: Final = 120
_PATH: Final = re.compile(r"[a-z_]+(\[[0-9]{1,4}\])?(\.[a-z_]+(\[[0-9]{1,4}\])?)*")
_PART: Final = re.compile(r"([a-z_]+)(?:\[([0-9]+)\])?")
_AS: Final = {
    "name": "customer_name",
    "number": "account",
    "card": "account",
    "account": "account",
    "customer": "customer",
    "phones": "payee_phone",
    "device": "device_id",
}
"""Fields that are shown like one of the envelope's; `number` of a document is one of these too, by place."""
_HIDDEN: Final = frozenset({"addresses", "contacts", "match_number"})
_TEXTS: Final = frozenset({"conduct", "analysis", "remarks", "purpose", "trigger_other", "direction_other"})


def masked_report(report: Report) -> dict[str, Any]:
    """The report with names, numbers and addresses masked (DP-06), also where a free text repeats them."""
    known = _names(report)
    shown: dict[str, Any] = _masked("", msgspec.to_builtins(report), known)
    return shown


def changed(report: Report, values: Mapping[str, Any]) -> Report:
    """The report with other values at these places, `subjects[0].phones` and the like; `subjects[1]` after the last adds one.

    Raises FieldError naming the place.
    """
    if len(values) > VALUES_MAX:
        raise FieldError("values", f"has at most {VALUES_MAX:,} places")
    plain = msgspec.to_builtins(report)
    for path, value in values.items():
        _put(plain, path, value)
    try:
        return msgspec.convert(plain, Report)
    except msgspec.ValidationError as error:
        place = re.search(r"at `\$\.?([^`]*)`", str(error))
        raise FieldError(place[1] if place else "values", "must be as the table of fields says") from None


def _put(plain: dict[str, Any], path: str, value: Any) -> None:
    if len(path) > PATH_CHARACTERS_MAX or not _PATH.fullmatch(path):
        raise FieldError("values", "a place is like subjects[0].phones")
    place: Any = plain
    parts = [_PART.fullmatch(part) for part in path.split(".")]
    for last, part in [(part is parts[-1], part) for part in parts]:
        assert part is not None
        name, index = part[1], part[2]
        if not isinstance(place, dict) or name not in place:
            raise FieldError(path, "there is no such place in a report")
        if index is None:
            if last:
                place[name] = value
            place = place[name]
            continue
        listed = place[name] = list(place[name]) if isinstance(place[name], list | tuple) else []
        at = int(index)
        if at > len(listed) or at >= max(SUBJECTS_MAX, TRANSACTIONS_MAX, LISTED_MAX):
            raise FieldError(path, "there is no such place in a report")
        if last and at == len(listed):
            listed.append(value)
        elif last:
            listed[at] = value
        elif at == len(listed):
            raise FieldError(path, "there is no such place in a report")
        place = listed[at]


def _masked(name: str, value: Any, known: list[str]) -> Any:
    if isinstance(value, dict):
        document = {"kind", "kind_other", "number"} == value.keys()
        return {
            each: HIDDEN if document and each == "number" and inner else _masked(each, inner, known)
            for each, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_masked(name, each, known) for each in value]
    if not value:
        return value
    if name in _HIDDEN:
        return HIDDEN
    if name in _TEXTS:
        return masked_text(value, known)
    return masked(_AS[name], value) if name in _AS else value


def _names(report: Report) -> list[str]:
    named = [
        each for subject in report.subjects for each in (subject.identity, subject.representative, subject.controller)
    ]
    names = [each.name for each in named]
    names += [
        each for one in report.transactions for each in (one.identity.name, one.agent.name, one.counterparty.name)
    ]
    return [name for name in dict.fromkeys(names) if name]
