"""The newest decisions, in a ring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tarim.decisions import DECISION_WORDS, Word
from tarim.stream import ROW_WORDS, Col, Rows
from tarim.views.rulebook import RuleBook

Words = npt.NDArray[np.int64]
Masks = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Entry:
    """One decided event: row (32,), decision (12,), and what its bits mean."""

    row: Words
    decision: Words
    book: RuleBook

    @property
    def seq(self) -> int:
        """Its position."""
        return int(self.row[Col.SEQ])


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, the newest first.  skipped: older ones that were asked for as well and did not fit."""

    entries: tuple[Entry, ...]
    skipped: int


class Feed:
    """The newest `size` decisions.  Single-threaded."""

    def __init__(self, size: int) -> None:
        self._rows = np.zeros((size, ROW_WORDS), np.int64)
        self._decisions = np.zeros((size, DECISION_WORDS), np.int64)
        self._masks = np.zeros(size, np.uint64)
        self._books = np.full(size, None, object)
        self._count = 0

    def __len__(self) -> int:
        return min(self._count, len(self._rows))

    @property
    def first_seq(self) -> int:
        """Position of the oldest one kept, 0 for none."""
        return int(self._rows[self._count % len(self._rows) if self._count > len(self._rows) else 0, Col.SEQ])

    def add(self, rows: Rows, decisions: Words, masks: Masks, book: RuleBook) -> None:
        """Take in decisions in order, shapes (n, 32), (n, 12) and (n,)."""
        size = len(self._rows)
        rows, decisions, masks = rows[-size:], decisions[-size:], masks[-size:]
        slots = (self._count + np.arange(len(rows))) % size
        self._rows[slots], self._decisions[slots], self._masks[slots] = rows, decisions, masks
        self._books[slots] = book
        self._count += len(rows)

    def newest(self, after_seq: int, outcome: int | None, scenario: int | None, limit: int) -> Page:
        """Up to `limit` of those behind a position, of an outcome and of a scenario if these are given."""
        size = len(self._rows)
        slots = (self._count - len(self) + np.arange(len(self))) % size
        slots = slots[int(np.searchsorted(self._rows[slots, Col.SEQ], after_seq, side="right")) :]
        if outcome is not None:
            slots = slots[self._decisions[slots, Word.OUTCOME] == outcome]
        if scenario is not None:
            slots = slots[self._masks[slots] & np.uint64(1 << scenario) != 0]
        shown = slots[::-1][:limit].tolist()
        entries = tuple(Entry(self._rows[at].copy(), self._decisions[at].copy(), self._books[at]) for at in shown)
        return Page(entries, len(slots) - len(shown))
