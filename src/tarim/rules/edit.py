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
    return edit_rules(text, {index: values})


def add_rule(text: str, values: Mapping[str, Value]) -> str:
    """The text with one more rule behind the others.  Raises as `change_rule` does."""
    return edit_rules(text, {}, [values])


def remove_rule(text: str, index: int) -> str:
    """The text without rule `index`; the comments around it stay.  Raises as `change_rule` does."""
    return edit_rules(text, {index: None})


def edit_rules(
    text: str,
    changes: Mapping[int, Mapping[str, Value | None] | None],
    added: Sequence[Mapping[str, Value]] = (),
) -> str:
    """The text with many rules changed at once, read four times however many they are.

    changes: by a rule's index in the text as it is, as `change_rule` takes them; None removes the rule.  added: rules behind
    all others.  Raises as `change_rule` does.
    """
    document = read_toml(text)
    rules = _rules(document)
    for index, values in changes.items():
        if not 0 <= index < len(rules):
            raise DefinitionError(f"the ruleset has no rule {index + 1}")
        unknown = [key for key in values or () if key not in RULE_KEYS]
        if unknown:
            raise DefinitionError(f"a rule has no key {unknown[0][:64]!r}; it has {', '.join(RULE_KEYS)}")
    if changes:
        text = _changed(text, changes)
        left = [
            rule if index not in changes else _merged(rule, changed)
            for index, rule in enumerate(rules)
            if (changed := changes.get(index, {})) is not None
        ]
        _put(document, left)
        text = _promised(text, document)
    if added:
        left = _rules(document)
        at = _Block(text, Positions(text), len(left) - 1).end if left else len(text)
        before = text[:at] if not text[:at] or text[:at].endswith("\n") else text[:at] + "\n"
        _put(document, [*left, *(_merged({}, values) for values in added)])
        text = _promised(before + "".join(map(_written, added)) + text[at:], document)
    return text


def _changed(text: str, changes: Mapping[int, Mapping[str, Value | None] | None]) -> str:
    positions = Positions(text)
    pieces: list[tuple[int, int, str]] = []
    for index, values in changes.items():
        block = _Block(text, positions, index)
        if values is None:
            pieces.append((block.start, block.end + (text[block.end : block.end + 1] == "\n"), ""))
            continue
        for key, value in values.items():
            place = block.keys.get(key)
            if place is not None and value is None:
                pieces.append((place[0], block.line_end(place[2]), ""))
            elif place is not None and value is not None:
                pieces.append((*place[1:], _toml(key, value)))
        new = [(key, value) for key in RULE_KEYS if (value := values.get(key)) is not None and key not in block.keys]
        lines = "".join(f"{key} = {_toml(key, value)}\n" for key, value in new)
        if lines:
            pieces.append((block.end, block.end, lines if text[: block.end].endswith("\n") else "\n" + lines))
    for start, end, piece in sorted(pieces, reverse=True):
        text = text[:start] + piece + text[end:]
    return text


def _written(values: Mapping[str, Value]) -> str:
    return "\n[[rule]]\n" + "".join(f"{key} = {_toml(key, values[key])}\n" for key in RULE_KEYS if key in values)


def _merged(rule: Mapping[str, Any], values: Mapping[str, Value | None]) -> dict[str, Any]:
    """The rule as the TOML reader is to give it back."""
    found = {key: value for key, value in rule.items() if key not in values}
    for key, value in values.items():
        if value is not None:
            found[key] = value if isinstance(value, str | int) else list(value)
    return found


def _put(document: dict[str, Any], rules: list[dict[str, Any]]) -> None:
    document.pop("rule", None)
    if rules:
        document["rule"] = rules


def _rules(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    rules = document.get("rule", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise _cannot_change()
    return rules


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
