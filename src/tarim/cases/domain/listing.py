"""What a list of cases is asked for: filters, an order, and where the last page ended."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from tarim.base.errors import FieldError

CURSOR_CHARACTERS_MAX: Final = 256


class Sort(StrEnum):
    """Orders of a list; each of them is read off an index, and ends with the case's number, so no two cases tie."""

    WORK = "work"
    """What to do first: priority, then the earliest end of time."""
    DUE = "due"
    """The earliest review due first."""
    NEWEST = "newest"
    CHANGED = "changed"
    """The last changed first."""
    MONEY = "money"
    """The most money at risk first."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases: every field that is set has to fit.  branches, queues: of the caller's scope, None = all."""

    branches: frozenset[str] | None
    queues: frozenset[str] | None
    open_only: bool = True
    state: str = ""
    queue: str = ""
    branch: str = ""
    assignee: str | None = None
    scenario: str = ""
    priority: int = 0
    tag: str = ""
    ring: str = ""
    customer: int = 0
    """A token."""
    overdue_at_ms: int = 0
    """Only cases with a review that was due before this instant."""

    @property
    def is_narrow(self) -> bool:
        """Whether it asks for more than what is open or overdue: a column of its own has an index for it."""
        scope = self.branches is not None or self.queues is not None
        words = self.state or self.queue or self.branch or self.scenario or self.ring or self.tag
        return scope or bool(words) or self.assignee is not None or bool(self.customer)

    @property
    def is_coarse(self) -> bool:
        """Whether it asks for nothing but values that many cases share: state, scenario, queue, priority; one at least."""
        asked = self.state or self.scenario or self.queue or self.priority
        words = self.branch or self.ring or self.tag or self.customer or self.overdue_at_ms
        scope = self.branches is not None or self.queues is not None
        return bool(asked) and not (scope or words or self.assignee is not None)


@dataclass(frozen=True, slots=True)
class Page:
    """At most `limit` cases after `cursor`, "" = from the beginning."""

    sort: Sort = Sort.WORK
    limit: int = 50
    cursor: str = ""


def cursor_of(sort: Sort, values: tuple[int, ...]) -> str:
    """Where a page ended, as text: the order, and the values of its last case in it."""
    return base64.urlsafe_b64encode(msgspec.json.encode([sort.value, *values])).decode().rstrip("=")


def values_of(sort: Sort, cursor: str, count: int) -> tuple[int, ...]:
    """The values of a cursor.  Raises FieldError for what is no cursor of this order."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found: Any = msgspec.json.decode(base64.urlsafe_b64decode(padded.encode("ascii")))
        if len(cursor) > CURSOR_CHARACTERS_MAX or found[0] != sort.value or len(found) != count + 1:
            raise ValueError
        if any(type(each) is not int or not -(1 << 63) <= each < 1 << 63 for each in found[1:]):
            raise ValueError
        return tuple(found[1:])
    except (binascii.Error, ValueError, msgspec.MsgspecError, TypeError, KeyError, IndexError):
        raise FieldError("cursor", "must be one that the last page of the same order gave") from None
