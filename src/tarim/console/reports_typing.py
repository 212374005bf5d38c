"""What somebody typed into a report that could not be saved: it stands in the form again, beside what others saved meanwhile.

Each form carries marks of the values it was made with, and of what stood masked beside them.  A field is typed where it differs
from its mark; every other one shows what is there now, so that nobody undoes a colleague's work by fields never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import chain

import msgspec

from tarim.console.reports_form import Group, Row


def marks_of(groups: Sequence[Group]) -> str:
    """Marks of the values that a form shows (masked where it is), for a hidden field."""
    rows = chain.from_iterable(group.rows for group in groups)
    return msgspec.json.encode({row.path: (_mark(_shown(row)), _mark(row.masked)) for row in rows}).decode()


def with_typing(groups: Sequence[Group], lists: Mapping[str, list[str]], marks: str) -> list[Group]:
    """The groups with what was typed.  lists: the form that came back; marks: that `marks_of` gave it."""
    try:
        seen = msgspec.json.decode(marks, type=dict[str, tuple[str, str]])
    except (msgspec.DecodeError, UnicodeEncodeError):
        seen = {}
    return [Group(group.title, [_kept(row, lists, seen) for row in group.rows]) for group in groups]


def _kept(row: Row, lists: Mapping[str, list[str]], seen: Mapping[str, tuple[str, str]]) -> Row:
    if row.path not in lists or row.locked:
        return row
    values = [value.replace("\r\n", "\n") for value in lists[row.path]]
    typed = "\n".join(value for value in values if value) if row.form == "codes" else "\n".join(values)
    before = seen.get(row.path, ("", ""))
    if typed == _shown(row) or _mark(typed) == before[0]:
        return row
    now = (row.masked or _shown(row)) if before != (_mark(_shown(row)), _mark(row.masked)) else ""
    return replace(row, value=typed, values=typed.split("\n") if row.form in ("codes", "lines") else [], now=now)


def _shown(row: Row) -> str:
    return "\n".join(row.values) if row.form == "codes" else row.value


def _mark(value: str) -> str:
    return sha256(value.encode("utf-8", "replace")).hexdigest()[:12]
