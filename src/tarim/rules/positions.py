"""Where in a ruleset's text an expression stands, so that an error can point at its line and column.

The TOML reader gives values without positions.  This finds the n-th `[[rule]]` header and its `when`, skipping texts in
triple quotes; if the expression stands there as it was read, the position is exact to the character, else to the line.
"""

from __future__ import annotations

import re
from typing import Final

_HEADER: Final = re.compile(r"[ \t]*\[\[[ \t]*rule[ \t]*\]\]")
_TABLE: Final = re.compile(r"[ \t]*\[")
_WHEN: Final = re.compile(r"[ \t]*when[ \t]*=[ \t]*")
STRING: Final = re.compile(
    r"'''.*?''''{0,2}|\"\"\"(?:\\.|[^\\])*?\"\"\"\"{0,2}|'[^'\n]*'|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL
)
_TRIPLE: Final = re.compile(r"\"\"\"|'''")


class Positions:
    """Places of rules and their expressions in one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._rules: list[int] = []
        self._whens: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._scan()

    def _scan(self) -> None:
        at, inside, in_rule = 0, "", False
        for line in self._text.splitlines(keepends=True):
            if not inside:
                if _TABLE.match(line):
                    if in_rule:
                        self._ends[len(self._rules) - 1] = at
                    in_rule = _HEADER.match(line) is not None
                    if in_rule:
                        self._rules.append(at)
                elif in_rule and (when := _WHEN.match(line)):
                    self._whens.setdefault(len(self._rules) - 1, at + when.end())
            for mark in _TRIPLE.findall(line):
                if not inside:
                    inside = mark
                elif inside == mark:
                    inside = ""
            at += len(line)

    def rule(self, index: int) -> tuple[int, int]:
        """Line and column of the header of rule `index`; (0, 0) when it was not found."""
        return self._place(self._rules[index]) if index < len(self._rules) else (0, 0)

    def block(self, index: int) -> tuple[int, int] | None:
        """From the header of rule `index` to the next table's header, or the end; None when it was not found."""
        if index >= len(self._rules):
            return None
        return self._rules[index], self._ends.get(index, len(self._text))

    def expression(self, index: int, expression: str, offset: int) -> tuple[int, int]:
        """Line and column of character `offset` of the `when` of rule `index`."""
        start = self._whens.get(index)
        if start is None:
            return self.rule(index)
        found = self._text.find(expression, start, start + len(expression) + 5)
        if found < 0:
            return self._place(start)
        return self._place(found + offset)

    def value(self, index: int) -> tuple[int, int] | None:
        """From where to where the TOML string of the `when` of rule `index` stands, quotes included; None if not found."""
        start = self._whens.get(index)
        found = STRING.match(self._text, start) if start is not None else None
        return found.span() if found else None

    def _place(self, at: int) -> tuple[int, int]:
        return self._text.count("\n", 0, at) + 1, at - (self._text.rfind("\n", 0, at) + 1) + 1
