"""A ruleset that somebody is writing: what can be shown of it, faults and all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tarim.rules.domain import Band, ExpressionError, Problem, RulesetInvalid
from tarim.rules.parse import parse
from tarim.rules.positions import Positions
from tarim.rules.ruleset import check_ruleset, read_toml
from tarim.rules.structure import Structure, to_structure


@dataclass(frozen=True, slots=True)
class DraftRule:
    """A rule as far as it can be read; a text is "" and a weight 0 where it is missing or something else.

    line: of its header, from 1, 0 when it was not found.  structure: of its condition, None where that does not parse.
    """

    index: int
    line: int
    id: str
    when: str
    outcome: str
    weight: int
    scenario: str
    reason_zh: str
    reason_en: str
    channels: tuple[str, ...]
    structure: Structure | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A text looked at.  version: its digest, "" while there are problems; lists: the names of lists its rules ask."""

    name: str
    version: str
    problems: tuple[Problem, ...]
    rules: tuple[DraftRule, ...]
    bands: tuple[Band, ...]
    lists: tuple[str, ...]


def read_draft(text: str, feature_names: Sequence[str]) -> Draft:
    """What a text says and what is wrong with it; raises nothing for a text."""
    try:
        document = read_toml(text)
    except RulesetInvalid as error:
        return Draft("", "", error.problems, (), (), ())
    rules = document.get("rule", [])
    positions = Positions(text)
    found = tuple(
        _rule(index, rule, positions)
        for index, rule in enumerate(rules if isinstance(rules, list) else [])
        if isinstance(rule, dict)
    )
    name = _text(document, "name")
    try:
        checked = check_ruleset(text, feature_names)
    except RulesetInvalid as error:
        return Draft(name, "", error.problems, found, (), ())
    lists = tuple(sorted({probe.list_name for probe in checked.probes}))
    return Draft(name, checked.version, (), found, checked.bands, lists)


def _rule(index: int, rule: Mapping[str, Any], positions: Positions) -> DraftRule:
    when = _text(rule, "when")
    try:
        structure = to_structure(parse(when))
    except ExpressionError:
        structure = None
    weight, channels = rule.get("weight"), rule.get("channels")
    return DraftRule(
        index,
        positions.rule(index)[0],
        _text(rule, "id"),
        when,
        _text(rule, "outcome"),
        weight if isinstance(weight, int) and not isinstance(weight, bool) and abs(weight) < 1 << 53 else 0,
        _text(rule, "scenario"),
        _text(rule, "reason"),
        _text(rule, "reason_en"),
        tuple(each for each in channels if isinstance(each, str)) if isinstance(channels, list) else (),
        structure,
    )


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    return value if isinstance(value, str) else ""
