"""What the bits of decisions say: rules and bands of the rulesets that were in force, with their scenarios."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import NotFound
from tarim.decisions import Language, Reason, Versions, reasons_of
from tarim.rules import RULES_MAX, Band, Probe, Rule, RulesetInvalid, check_ruleset

SCENARIOS_MAX: Final = 64
"""Scenarios counted apart, the last of them standing for all further ones."""
OTHER: Final = "other"
RULESETS_KEPT: Final = 64

Words = npt.NDArray[np.int64]
TextOf = Callable[[str], bytes]
"""The text of a ruleset by its version.  Raises NotFound when it is not kept."""


class Scenarios:
    """Scenarios of rules as small numbers, in the order they turn up; rulesets share them."""

    def __init__(self) -> None:
        self._number_of: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each number; the last possible one is `other`."""
        return tuple(self._number_of)

    def number(self, name: str) -> int:
        """The number of a scenario, a new one if need be."""
        if name not in self._number_of and len(self._number_of) >= SCENARIOS_MAX - 1:
            name = OTHER
        return self._number_of.setdefault(name, len(self._number_of))

    def find(self, name: str) -> int | None:
        """The number of a scenario that has turned up."""
        return self._number_of.get(name)


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Rules and bands under one set of versions.

    known: False when the ruleset's text is gone or is of another feature set; rules are then told by their numbers alone.
    lists_of_rule: which lists each rule asks, with the word of the row that it asks about.  scenario_of_rule: shape
    (RULES_MAX,), `Scenarios` numbers.
    """

    versions: Versions
    known: bool
    rules: tuple[Rule, ...]
    bands: tuple[Band, ...]
    lists_of_rule: tuple[tuple[Probe, ...], ...] = field(repr=False)
    scenario_of_rule: Words = field(repr=False)

    def reasons(self, decision: Words) -> list[tuple[Reason, str]]:
        """Reasons of a decision, shape (DECISION_WORDS,), heaviest first: in Chinese, and the text in English.

        None of them when the ruleset is not known.
        """
        if not self.known:
            return []
        chinese, english = (
            reasons_of(self.rules, self.bands, decision, language) for language in (Language.ZH, Language.EN)
        )
        return [(zh, en.text) for zh, en in zip(chinese, english, strict=True)]


class RuleBooks:
    """Rule books by versions.  Single-threaded."""

    def __init__(self, text_of: TextOf, feature_names: Sequence[str], scenarios: Scenarios) -> None:
        """feature_names: of the feature set in force, which rulesets are read against."""
        self._text_of = text_of
        self._feature_names = tuple(feature_names)
        self._scenarios = scenarios
        self._books: OrderedDict[Versions, RuleBook] = OrderedDict()

    def of(self, versions: Versions) -> RuleBook:
        """The book of these versions."""
        found = self._books.get(versions)
        if found is None:
            found = self._books[versions] = self._made(versions)
            if len(self._books) > RULESETS_KEPT:
                self._books.popitem(last=False)
        return found

    def _made(self, versions: Versions) -> RuleBook:
        try:
            checked = check_ruleset(self._text_of(versions.ruleset).decode(), self._feature_names)
        except (NotFound, RulesetInvalid, UnicodeDecodeError):
            unknown = np.full(RULES_MAX, self._scenarios.number(OTHER), np.int64)
            return RuleBook(versions, False, (), (), (), unknown)
        scenario_of_rule = np.zeros(RULES_MAX, np.int64)
        for rule in checked.rules:
            scenario_of_rule[rule.index] = self._scenarios.number(rule.scenario)
        lists = tuple(expression.probes for expression in checked.expressions)
        return RuleBook(versions, True, checked.rules, checked.bands, lists, scenario_of_rule)
