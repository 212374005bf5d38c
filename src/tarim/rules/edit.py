"""Changing one rule in a ruleset's text: everything else, comments and order included, stays as it was written.

Each function holds itself to that: the text it gives is read again, and is the document it was with this one change.  What
cannot be changed so (a rule in an inline table, a quoted key) is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tarim.base.errors import DefinitionError
from tarim.rules.domain import RulesetInvalid
from tarim.rules.positions import STRING, Positions
from tarim.rules.ruleset import RULE_KEYS, read_toml

Value = str | int | Sequence[str]
"""What a key of a rule may be: a text, a number, or names of channels."""

_KEY: Final = re.compile(r"[ \t]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*")
_BARE: Final = re.compile(r"[^\s#\[\]{}\"']+")
_ARRAY: Final = re.compile(rf"\[(?:{STRING.pattern}|#[^\n]*|[^\]\"'#])*\]", re.DOTALL)
_NOT_LITERAL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""What a literal string of TOML on several lines cannot hold."""


def change_rule(text: str, index: int, values: Mapping[str, Value | None]) -> str:
    """The text with these keys of rule `index` set; None takes a key out.

    Raises RulesetInvalid where the text is not TOML, DefinitionError for an unknown rule or key, or one that cannot be changed
    in place.
    """
    document, positions = _read(text, index)
    unknown = [key for key in values if key not in RULE_KEYS]
    if unknown:
        raise DefinitionError(f"a rule has no key {unknown[0][:64]!r}; it has {', '.join(RULE_KEYS)}")
    block = _Block(text, positions, index)
    pieces: list[tuple[int, int, str]] = []
    for key, value in values.items():
        place = block.keys.get(key)
        if value is None:
            if place is not None:
                pieces.append((place[0], block.line_end(place[2]), ""))
        elif place is not None:
            pieces.append((*place[1:], _toml(key, value)))
    added = [(key, value) for key in RULE_KEYS if (value := values.get(key)) is not None and key not in block.keys]
    lines = "".join(f"{key} = {_toml(key, value)}\n" for key, value in added)
    if lines:
        pieces.append((block.end, block.end, lines if text[: block.end].endswith("\n") else "\n" + lines))
    changed = text
    for start, end, piece in sorted(pieces, reverse=True):
        changed = changed[:start] + piece + changed[end:]
    rule = document["rule"][index]
    for key, value in values.items():
        rule.pop(key, None)
        if value is not None:
            rule[key] = value if isinstance(value, str | int) else list(value)
    return _promised(changed, document)


def add_rule(text: str, values: Mapping[str, Value]) -> str:
    """The text with one more rule behind the others.  Raises as `change_rule` does."""
    document = read_toml(text)
    rules = _rules(document)
    at = _Block(text, Positions(text), len(rules) - 1).end if rules else len(text)
    lines = "".join(f"{key} = {_toml(key, values[key])}\n" for key in RULE_KEYS if key in values)
    before = text[:at] if not text[:at] or text[:at].endswith("\n") else text[:at] + "\n"
    rules.append({key: value if isinstance(value, str | int) else list(value) for key, value in values.items()})
    document["rule"] = rules
    return _promised(f"{before}\n[[rule]]\n{lines}{text[at:]}", document)


def remove_rule(text: str, index: int) -> str:
    """The text without rule `index`; the comments around it stay.  Raises as `change_rule` does."""
    document, positions = _read(text, index)
    block = _Block(text, positions, index)
    end = block.end + (text[block.end : block.end + 1] == "\n")
    del document["rule"][index]
    if not document["rule"]:
        del document["rule"]
    return _promised(text[: block.start] + text[end:], document)


def _rules(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    rules = document.get("rule", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise _cannot_change()
    return rules


def _read(text: str, index: int) -> tuple[dict[str, Any], Positions]:
    document = read_toml(text)
    if not 0 <= index < len(_rules(document)):
        raise DefinitionError(f"the ruleset has no rule {index + 1}")
    return document, Positions(text)


def _cannot_change() -> DefinitionError:
    return DefinitionError(
        "this rule cannot be changed in place; write it as a table [[rule]] with a key on each line, or change the whole text"
    )


def _promised(changed: str, document: Mapping[str, Any]) -> str:
    try:
        if read_toml(changed) == document:
            return changed
    except RulesetInvalid:
        pass
    raise _cannot_change()


class _Block:
    """One rule in the text.  keys: (start of the line, start and end of the value) by key; end: behind its last key's line."""

    def __init__(self, text: str, positions: Positions, index: int) -> None:
        found = positions.block(index)
        if found is None:
            raise _cannot_change()
        self._text = text
        self.start, stop = found
        self.keys: dict[str, tuple[int, int, int]] = {}
        at = self.end = self.line_end(self.start)
        while at < stop:
            key = _KEY.match(text, at)
            if key is None:
                at = self.line_end(at)
                continue
            for form in (STRING, _ARRAY, _BARE):
                value = form.match(text, key.end())
                if value is not None:
                    break
            else:
                raise _cannot_change()
            self.keys[key[1]] = at, value.start(), value.end()
            at = self.end = self.line_end(value.end())

    def line_end(self, at: int) -> int:
        """Where the line after the one at `at` begins."""
        found = self._text.find("\n", at)
        return len(self._text) if found < 0 else found + 1


def _toml(key: str, value: Value) -> str:
    """A value as TOML.  A condition keeps its line breaks, so that it is read as it was written."""
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        return "[" + ", ".join(_quoted(each) for each in value) + "]"
    if key != "when" or _NOT_LITERAL.search(value):
        return _quoted(value)
    if "\n" in value:
        return _quoted(value) if "'''" in value or value.endswith("'") else f"'''\n{value}'''"
    return _quoted(value) if "'" in value else f"'{value}'"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
