"""What goes over HTTP while rules are written: texts, their faults, rules one by one, and the words a rule may use."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

RulesetText = Annotated[str, Meta(min_length=1, max_length=1_000_000)]
RuleValue = Annotated[str, Meta(max_length=10_000)] | int | Annotated[list[str], Meta(max_length=16)] | None


class DraftTextBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text to look at."""

    text: RulesetText


class DraftMergeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text, and the version it was begun from."""

    text: RulesetText
    base: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class DraftEditBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text and one change of it.

    act: change keys of the rule at place `rule` (null takes one out), add a rule with these values, remove one, or write every
    condition in its canonical form.  structure: the rule's condition as groups and rows, in the place of `when`.
    """

    text: RulesetText
    act: Literal["change", "add", "remove", "format"]
    rule: Annotated[int, Meta(ge=0, le=10_000)] = 0
    values: Annotated[dict[str, RuleValue], Meta(max_length=16)] = {}
    structure: dict[str, Any] | None = None


class DraftProblemBody(msgspec.Struct, frozen=True):
    """A fault.

    index: the rule's place, `at`: the character of its condition, both from 0, -1 where it is not about a condition.  line,
    column: in the whole text, from 1, 0 where it is about all of it.  suggestion: the word to write there instead.
    """

    rule: str
    line: int
    column: int
    index: int
    at: int
    zh: str
    en: str
    suggestion: str


class DraftRuleBody(msgspec.Struct, frozen=True):
    """A rule as far as it can be read.  structure: its condition as groups and rows, null where it does not parse.

    change: `added` or `changed` against the ruleset in force, `same`.
    """

    index: int
    line: int
    id: str
    when: str
    outcome: str
    weight: int
    scenario: str
    reason: str
    reason_en: str
    channels: list[str]
    structure: dict[str, Any] | None
    change: str


class DraftBandBody(msgspec.Struct, frozen=True):
    """From this score on (0 to 1), up to the next band, the outcome follows."""

    at_least: float
    outcome: str
    weight: int
    reason: str
    reason_en: str
    name: str


class StructureFaultBody(msgspec.Struct, frozen=True):
    """Groups and rows that are no condition.  pointer: a JSON pointer to the place."""

    pointer: str
    zh: str
    en: str


class DraftBody(msgspec.Struct, frozen=True):
    """A text looked at.

    version: its digest, "" while there are problems.  removed: rules in force that it does not have.  lists: those its rules
    ask; unknown_lists: those of them that do not exist.  fault: why `structure` was not taken; then the text is as it came.
    """

    text: str
    version: str
    name: str
    problems: list[DraftProblemBody]
    rules: list[DraftRuleBody]
    removed: list[str]
    bands: list[DraftBandBody]
    lists: list[str]
    unknown_lists: list[str]
    fault: StructureFaultBody | None = None


class RuleNameBody(msgspec.Struct, frozen=True):
    """A word a rule may use.

    kind: number, code, set, condition, identifier or feature.  unit: fen, ms or "".  values: of a code or set.  stands_alone:
    it is a condition by itself.  zh, en: what it means, a feature's window included.
    """

    name: str
    kind: str
    unit: str
    values: list[str]
    stands_alone: bool
    zh: str
    en: str


class RuleNamesBody(msgspec.Struct, frozen=True):
    """The event's own words, then the features of the set in force."""

    names: list[RuleNameBody]


class DraftMergedBody(msgspec.Struct, frozen=True):
    """A text that took over what came into force since its base.

    base: the version in force, which it is begun from now.  taken: ids of rules as they are in force; both: of rules that both
    sides changed, as the text has them; beside: tables and keys beside the rules that came into force otherwise than the text
    has them.
    """

    draft: DraftBody
    base: str
    taken: list[str]
    both: list[str]
    beside: list[str]


class PackBody(msgspec.Struct, frozen=True):
    """A ruleset that comes with the product.  features: the feature set it is written for."""

    name: str
    zh: str
    en: str
    features: str
    text: str


class PacksBody(msgspec.Struct, frozen=True):
    """All of them."""

    packs: list[PackBody]
