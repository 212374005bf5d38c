"""The texts of rulesets in a running service: kept, shown, and looked at and compiled by child processes.

To read and check 250 rules takes a tenth of a second of the interpreter, and the service has one, which decides.  So a text on
its way into force, and the difference of two, go to a child (`tarim rules look`, which the service starts by itself) and come
back as a few names; so does a ruleset that is compiled (`tarim rules compile`).  The children load what rules need and no more.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tarim.base.errors import DefinitionError, Unavailable
from tarim.bootstrap.children import finished
from tarim.rules import (
    CheckedRuleset,
    Problem,
    Rule,
    Ruleset,
    RulesetInvalid,
    check_ruleset,
    load_prepared,
    prepare_ruleset,
)

if TYPE_CHECKING:
    from tarim.bootstrap.house import House  # which loads every kernel; the child needs none

LOOK_S_MAX: Final = 60
COMPILE_S_MAX: Final = 300
_NICE: Final = 5
LISTS_NAMED: Final = 10
"""So many unknown lists are named in an error."""
_CONTENT: Final = ("when", "outcome", "weight", "scenario", "reason_zh", "reason_en", "channels")
"""What makes a rule another one under the same id."""


class Looked(msgspec.Struct, frozen=True):
    """A text without fault: name and version of its ruleset, and the lists its rules ask."""

    name: str
    version: str
    lists: list[str]


class RulesetDifference(msgspec.Struct, frozen=True):
    """What a text changes against another one: ids of rules, and the difference of the texts, line by line."""

    added: list[str]
    removed: list[str]
    changed: list[str]
    lines: list[str]


class _Asked(msgspec.Struct, frozen=True):
    """before: the text to compare with, None to look at one only."""

    feature_names: list[str]
    text: str
    before: str | None


class _Compile(msgspec.Struct, frozen=True):
    """cache: the folder of machine code."""

    feature_names: list[str]
    text: str
    cache: str


class _Answer(msgspec.Struct, frozen=True):
    """One of the three."""

    problems: list[Problem] = []
    looked: Looked | None = None
    difference: RulesetDifference | None = None


_encode = msgspec.msgpack.Encoder().encode
_asked_decoder: Final = msgspec.msgpack.Decoder(_Asked)
_compile_decoder: Final = msgspec.msgpack.Decoder(_Compile)
_answer_decoder: Final = msgspec.msgpack.Decoder(_Answer)


# ---- the child -------------------------------------------------------------------------------------------------------


def look(given: bytes) -> bytes:
    """The answer to what a service asked."""
    asked = _asked_decoder.decode(given)
    try:
        after = check_ruleset(asked.text, asked.feature_names)
        if asked.before is None:
            lists = sorted({probe.list_name for probe in after.probes})
            return _encode(_Answer(looked=Looked(after.name, after.version, lists)))
        return _encode(_Answer(difference=difference(check_ruleset(asked.before, asked.feature_names), after)))
    except RulesetInvalid as error:
        return _encode(_Answer(problems=list(error.problems)))


def compile_given(given: bytes) -> bytes:
    """Compile what a service asked for into its cache, for `load_prepared`.  Raises RulesetInvalid, Unavailable."""
    asked = _compile_decoder.decode(given)
    return prepare_ruleset(asked.text, asked.feature_names, Path(asked.cache))


def difference(before: CheckedRuleset, after: CheckedRuleset) -> RulesetDifference:
    """What the second changes."""
    old, new = ({rule.id: _content(rule) for rule in each.rules} for each in (before, after))
    lines = difflib.unified_diff(before.text.splitlines(), after.text.splitlines(), lineterm="", n=2)
    return RulesetDifference(
        [rule_id for rule_id in new if rule_id not in old],
        [rule_id for rule_id in old if rule_id not in new],
        [rule_id for rule_id in new if rule_id in old and new[rule_id] != old[rule_id]],
        list(lines),
    )


def _content(rule: Rule) -> tuple[object, ...]:
    return tuple(getattr(rule, name) for name in _CONTENT)


# ---- the parent ------------------------------------------------------------------------------------------------------


class RulesetTexts:
    """The use cases; they block, so call them in a thread that may."""

    def __init__(self, house: House) -> None:
        self._house = house

    def text_of(self, digest: str) -> str:
        """The text kept under a digest; takes no time.  Raises NotFound."""
        return self._house.artefacts.get(digest).decode()

    def publishable(self, text: str) -> Looked:
        """The ruleset of a text that is to come into force, kept already.

        Raises RulesetInvalid, DefinitionError for lists that do not exist, Unavailable.
        """
        looked = _ask(self._house.features.names, text, None).looked
        assert looked is not None
        unknown = sorted(set(looked.lists) - set(self._house.lists.membership.lists))
        if unknown:
            raise DefinitionError(
                f"the rules ask lists that do not exist: {', '.join(unknown[:LISTS_NAMED])}; "
                "create them first (tarim lists create), or an event would never be found on them"
            )
        self._house.artefacts.keep(
            text.encode()
        )  # here, not in the thread of the decisions, because it waits for the disk
        return looked

    def difference(self, before: str, after: str) -> RulesetDifference:
        """What one text changes against another.  Raises RulesetInvalid, Unavailable."""
        found = _ask(self._house.features.names, after, before).difference
        assert found is not None
        return found


def compile_aside(text: str, feature_names: Sequence[str], cache: Path) -> Ruleset:
    """The ruleset of a text, compiled by a child into the folder; blocks.  Raises Unavailable, Damaged."""
    purpose = "the ruleset could not be compiled"
    given = _encode(_Compile(list(feature_names), text, str(cache)))
    child = finished(["rules", "compile"], purpose=purpose, seconds_max=COMPILE_S_MAX, given=given, nice=_NICE)
    if child.status:
        raise Unavailable(f"{purpose}: {child.errors[-300:]}")
    return load_prepared(child.output, text, feature_names, cache)


def _ask(feature_names: Sequence[str], text: str, before: str | None) -> _Answer:
    given = _encode(_Asked(list(feature_names), text, before))
    purpose = "the ruleset could not be checked"
    child = finished(["rules", "look"], purpose=purpose, seconds_max=LOOK_S_MAX, given=given, nice=_NICE)
    if child.status:
        raise Unavailable(f"{purpose}: {child.errors[-300:]}")
    answer = _answer_decoder.decode(child.output)
    if answer.problems:
        raise RulesetInvalid(answer.problems)
    return answer
