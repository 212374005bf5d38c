"""Every fault of a suspicious transaction report at once, each with its place and the rule quoted in both languages.

The values themselves are never repeated.  Single fields first (the first broken rule of each), then what needs several.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tarim.base.errors import InputError
from tarim.reporting.domain.cross_rules import report_rules
from tarim.reporting.domain.fields import SHAPES, Field, Nested, placed
from tarim.reporting.domain.rules import REQUIRED, Context, Rule
from tarim.reporting.domain.suspicious import Report

FAULTS_MAX: Final = 1_000
_TOLD_MAX: Final = 20

_TOO_MANY_ZH, _TOO_MANY_EN = "最多{:,}项", "has at most {:,} entries"


@dataclass(frozen=True, slots=True)
class Fault:
    """A field breaks a rule.  path: `transactions[3].amount`; element and names as in the table of fields."""

    path: str
    element: str
    field_zh: str
    field_en: str
    rule: str
    zh: str
    en: str


class FaultyReport(InputError):
    """A report has faults; all of them are in `faults`."""

    code = "faulty-report"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        told = "; ".join(f"{fault.path}: {fault.en} ({fault.zh})" for fault in faults[:_TOLD_MAX])
        more = f"; and {len(faults) - _TOLD_MAX} more" if len(faults) > _TOLD_MAX else ""
        super().__init__(f"the report has {len(faults)} faults: {told}{more}")
        self.faults = faults


def faults_of(report: Report, context: Context) -> tuple[Fault, ...]:
    """All faults, at most FAULTS_MAX; () for a report that may be filed."""
    found: list[Fault] = []
    for path, rule, item in _walk("", report, report, context):
        found.append(_fault(path, rule, item))
        if len(found) == FAULTS_MAX:
            return tuple(found)
    told = {fault.path for fault in found}
    for path, rule in report_rules(report, context):
        if path not in told and len(found) < FAULTS_MAX:
            told.add(path)
            found.append(_fault(path, rule, _item_at(path)))
    return tuple(found)


def _walk(path: str, value: Any, whole: Report, context: Context) -> Iterator[tuple[str, Rule, Field | Nested]]:
    for item in SHAPES[type(value)]:
        here = f"{path}.{item.attribute}" if path else item.attribute
        inner = getattr(value, item.attribute)
        if item.listed_max:
            if len(inner) > item.listed_max:
                yield here, _too_many(item.listed_max), item
            elif not inner and isinstance(item, Field) and item.required:
                yield here, REQUIRED, item
            each = [(f"{here}[{index}]", one) for index, one in enumerate(inner[: item.listed_max])]
        else:
            each = [(here, inner)]
        for place, one in each:
            if isinstance(item, Nested):
                yield from _walk(place, one, whole, context)
            elif not one:
                if item.required or item.listed_max:
                    yield place, REQUIRED, item
            else:
                broken = next((rule for rule in item.rules if not rule.holds(one, context)), None)
                if broken is not None:
                    yield place, broken, item


def _too_many(count_max: int) -> Rule:
    return Rule("too-many", _TOO_MANY_ZH.format(count_max), _TOO_MANY_EN.format(count_max), lambda *_: False)


def _fault(path: str, rule: Rule, item: Field | Nested) -> Fault:
    return Fault(path, _element(path, item), item.zh, item.en, rule.id, rule.zh, rule.en)


def _item_at(path: str) -> Field | Nested:
    """The field or structure of a path that a cross rule names."""
    shape: type = Report
    item: Field | Nested | None = None
    for part in path.split("."):
        name = part.partition("[")[0]
        item = next(each for each in SHAPES[shape] if each.attribute == name)
        shape = item.of if isinstance(item, Nested) else str
    assert item is not None
    return item


def _element(path: str, item: Field | Nested) -> str:
    """The element of a path, told by the structures around it where names depend on the place."""
    shape: type = Report
    elements: tuple[str, ...] = ()
    found = ""
    for part in path.split("."):
        name = part.partition("[")[0]
        each, found, elements = next(one for one in placed(shape, elements) if one[0].attribute == name)
        if isinstance(each, Nested):
            shape = each.of
            found = found or each.group or (elements[0] if elements else "")
    return found
