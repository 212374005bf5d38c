"""Two persons changed the same ruleset: what one published, taken over into the draft of the other, rule by rule.

    base       what the draft was begun from
    published  what is in force now
    draft      what is being written

As diff3 does it with lines, here with rules by their ids.  A rule that only `published` changed, added or removed is so in the
result; what only the draft changed stays as it is there.  A rule that both changed differently stays the draft's, and is named:
whoever writes has to look.  Comments and order of the draft stay, as `tarim.rules.edit` keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tarim.base.errors import DefinitionError
from tarim.rules.edit import Value, edit_rules
from tarim.rules.ruleset import RULE_KEYS, read_toml

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Merged:
    """The draft with what the other one published.

    taken: ids of rules as published; both: of rules that both changed, as the draft has them; beside: tables and keys beside
    the rules (bands, name) that were published otherwise and are still the draft's.
    """

    text: str
    taken: tuple[str, ...]
    both: tuple[str, ...]
    beside: tuple[str, ...]


def merge_rulesets(base: str, published: str, draft: str) -> Merged:
    """The draft with the changes from base to published.

    Raises RulesetInvalid where a text is not TOML, DefinitionError where a rule has no id or cannot be changed in place.
    """
    documents = [read_toml(text) for text in (base, published, draft)]
    before, after, mine = (_rules(document) for document in documents)
    places = {name: index for index, name in enumerate(mine)}
    changes: dict[int, dict[str, Value | None] | None] = {}
    added: list[dict[str, Value]] = []
    taken: list[str] = []
    both: list[str] = []
    for name in [*after, *(each for each in before if each not in after)]:
        old, new, own = before.get(name), after.get(name), mine.get(name)
        if new in (old, own):
            continue
        if own != old:
            both.append(name)
            continue
        taken.append(name)
        if own is None:
            assert new is not None
            added.append({key: new[key] for key in RULE_KEYS if key in new})
        elif new is None:
            changes[places[name]] = None
        else:
            changes[places[name]] = {key: new.get(key) for key in RULE_KEYS if new.get(key) != own.get(key)}
    return Merged(edit_rules(draft, changes, added), tuple(taken), tuple(both), _beside(*documents))


def _rules(document: Mapping[str, Any]) -> dict[str, Rule]:
    """Rules by id, in their order."""
    rules = document.get("rule", [])
    found: dict[str, Rule] = {}
    for rule in rules if isinstance(rules, list) else [None]:
        name = rule.get("id") if isinstance(rule, dict) else None
        if not isinstance(rule, dict) or not isinstance(name, str) or name in found:
            raise DefinitionError(
                "each rule needs an id of its own before another version can be taken over. 每条规则须有唯一编号，方可合并。"
            )
        found[name] = rule
    return found


def _beside(base: Rule, published: Rule, draft: Rule) -> tuple[str, ...]:
    names = sorted({*base, *published} - {"rule"})
    return tuple(name for name in names if base.get(name) != published.get(name) != draft.get(name))
