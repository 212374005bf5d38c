"""Values of a ruleset: rules, score bands, and what can be wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tarim.base.errors import DefinitionError
from tarim.stream import Channel, Outcome

RULES_MAX: Final = 256
HIT_WORDS: Final = 4
"""uint64 words that hold one bit a rule: rule k is bit k % 64 of word k // 64."""
PROBES_MAX: Final = 256
MEMBER_WORDS: Final = 4
"""uint64 words that hold one bit a probe: probe p is bit p % 64 of word p // 64."""
RULESET_CHARS_MAX: Final = 1_000_000
EXPRESSION_CHARS_MAX: Final = 2_000
EXPRESSION_DEPTH_MAX: Final = 32
BANDS_MAX: Final = 16
REASON_CHARS_MAX: Final = 200
WEIGHT_MAX: Final = 1_000
BAND_WEIGHT_DEFAULT: Final = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a ruleset, in both languages, with the fix in the sentence.

    `line` and `column` count from 1 in the ruleset's text (0 when the whole text is meant); `rule` is the rule's id or "".
    `suggestion` is the word to write in the place of the one that stands there, "" for none.  `index` is the rule's place in
    the ruleset and `at` the offset in its condition, -1 where it is not about a condition.
    """

    rule: str
    line: int
    column: int
    text_en: str
    text_zh: str
    suggestion: str = ""
    index: int = -1
    at: int = -1

    def place(self) -> str:
        """`line:column`, and the rule."""
        return f"{self.line}:{self.column}" + (f" [{self.rule}]" if self.rule else "")


class ExpressionError(DefinitionError):
    """One expression is wrong at offset `at` of its text; `suggestion`: the word to write there instead, "" for none."""

    code = "invalid-rule"

    def __init__(self, at: int, text_en: str, text_zh: str, suggestion: str = "") -> None:
        super().__init__(f"at character {at + 1}: {text_en}")
        self.at = at
        self.text_en = text_en
        self.text_zh = text_zh
        self.suggestion = suggestion


class RulesetInvalid(DefinitionError):
    """A ruleset cannot be used; `problems` lists everything found, in the text's order."""

    code = "invalid-ruleset"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{problem.place()}: {problem.text_en}" for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Probe:
    """A question to the lists: is the identifier in word `column` (a Col) of the event row an entry of this list?"""

    column: int
    list_name: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition with what follows from it.

    `index` is its bit in the hits; `reads` names the features and fields its expression uses; an empty `channels` means all.
    """

    index: int
    id: str
    when: str
    outcome: Outcome
    weight: int
    scenario: str
    reason_zh: str
    reason_en: str
    channels: tuple[Channel, ...]
    reads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """From score `at_least` on (up to the next band), `outcome` follows.  Scores lie in [0, 1].

    `name` is what rules call it, "" for a band they do not ask for.
    """

    at_least: float
    outcome: Outcome
    weight: int
    reason_zh: str
    reason_en: str
    name: str = ""
