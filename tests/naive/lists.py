"""The twin of lists: every change is kept as it came, and each question is answered by reading all of them again."""

from __future__ import annotations

from dataclasses import dataclass, field

Key = tuple[str, int, int]
"""List, customer (0 on a list of everybody), token."""


@dataclass
class NaiveChange:
    """What a change said: (first second, second after the last) of each entry, None when it was taken off."""

    at_ms: int
    seq: int
    entries: dict[Key, tuple[int, int] | None]


@dataclass
class NaiveLists:
    """Changes in the order in which they became effective."""

    changes: list[NaiveChange] = field(default_factory=list)

    def said(self, key: Key, changes: list[NaiveChange]) -> tuple[int, int] | None:
        """The validity that the last of some changes gave an entry, None when it was not on the list."""
        found = None
        for change in changes:
            if key in change.entries:
                found = change.entries[key]
        return found

    def as_at(self, key: Key, at_ms: int) -> bool:
        """Whether an event received at an instant would have found the entry, by the changes of that instant."""
        return valid(self.said(key, [change for change in self.changes if change.at_ms <= at_ms]), at_ms)

    def member(self, key: Key, received_ms: int, seq: int) -> bool:
        """Whether the event at a journal position found the entry."""
        return valid(self.said(key, [change for change in self.changes if change.seq < seq]), received_ms)


def valid(period: tuple[int, int] | None, at_ms: int) -> bool:
    """Whether a validity in seconds covers an instant."""
    return period is not None and period[0] <= at_ms // 1000 < period[1]
