"""Two texts side by side, old left and new right: no I/O."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

AROUND: Final = 3
"""Lines shown around a difference."""
CLOSE: Final = 0.45
"""From this likeness on two lines are one that was changed."""

Piece = tuple[str, bool]
"""A piece of a line, and whether it differs."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row.  kind: same, changed, old (only left), new (only right) or gap (lines left out, `left` of them).

    left, right: line numbers from 1, 0 for none; before, after: the pieces.
    """

    kind: Literal["same", "changed", "old", "new", "gap"]
    left: int
    right: int
    before: tuple[Piece, ...] = ()
    after: tuple[Piece, ...] = ()


def side_by_side(old: str, new: str, *, whole: bool = False) -> list[Line]:
    """The rows; whole: lines that are alike everywhere, too."""
    before, after = old.splitlines(), new.splitlines()
    rows: list[Line] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for word, a, b, c, d in matcher.get_opcodes():
        if word == "equal":
            rows += [Line("same", a + at + 1, c + at + 1, ((before[a + at], False),), ((before[a + at], False),))
                     for at in range(b - a)]  # fmt: skip
        else:
            rows += _changed(before[a:b], after[c:d], a, c)
    return rows if whole else _shortened(rows)


def _changed(before: list[str], after: list[str], left: int, right: int) -> Iterator[Line]:
    """Rows of lines that differ: pairs of those that are much alike, in order, and the others alone."""
    at = 0
    for index, line in enumerate(before):
        found = next((k for k in range(at, len(after)) if _like(line, after[k]) >= CLOSE), None)
        if found is None:
            yield Line("old", left + index + 1, 0, ((line, True),))
            continue
        for k in range(at, found):
            yield Line("new", 0, right + k + 1, (), ((after[k], True),))
        pieces = _pieces(line, after[found])
        yield Line("changed", left + index + 1, right + found + 1, *pieces)
        at = found + 1
    for k in range(at, len(after)):
        yield Line("new", 0, right + k + 1, (), ((after[k], True),))


def _like(one: str, other: str) -> float:
    matcher = difflib.SequenceMatcher(None, one.strip(), other.strip(), autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= CLOSE and matcher.quick_ratio() >= CLOSE else 0.0


def _pieces(one: str, other: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    left: list[Piece] = []
    right: list[Piece] = []
    for word, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if b > a:
            left.append((one[a:b], word != "equal"))
        if d > c:
            right.append((other[c:d], word != "equal"))
    return tuple(left), tuple(right)


def _shortened(rows: list[Line]) -> list[Line]:
    near = {
        at + away
        for at, row in enumerate(rows)
        if row.kind != "same"
        for away in range(-AROUND, AROUND + 1)
    }  # fmt: skip
    shown: list[Line] = []
    hidden = 0
    for at, row in enumerate(rows):
        if at in near:
            if hidden:
                shown.append(Line("gap", hidden, 0))
                hidden = 0
            shown.append(row)
        else:
            hidden += 1
    return [*shown, Line("gap", hidden, 0)] if hidden else shown
