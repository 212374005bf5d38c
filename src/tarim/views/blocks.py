"""A piece of the decisions' journal, as it is handed to those who make views from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.decisions import DECISION_WORDS, LogRecord, Versions
from tarim.stream import ROW_WORDS, Rows

BLOCK_EVENTS: Final = 16_384
"""Events of one block at most."""
NO_VERSIONS: Final = Versions("", "", "")

Words = npt.NDArray[np.int64]


@dataclass(slots=True)
class Block:
    """Events that follow each other without a gap, decided under the same versions, and what lies before them.

    before: records of other kinds just before the events, in order; they were applied before these events were decided.
    sources: which sent the events.
    first_seq: position of the first event; event i has first_seq + i, which is rows[i, Col.SEQ] as well.
    rows, decisions: shapes (n, ROW_WORDS), (n, DECISION_WORDS), 0 <= n <= BLOCK_EVENTS.  They are used again for the next
    block: whoever keeps something of them copies it.
    """

    first_seq: int
    versions: Versions
    rows: Rows
    decisions: Words
    sources: set[str] = field(default_factory=set)
    before: list[LogRecord] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)


class BlockRoom:
    """Memory in which one block after the other is put together."""

    def __init__(self) -> None:
        self._rows = np.empty((BLOCK_EVENTS, ROW_WORDS), np.int64)
        self._decisions = np.empty((BLOCK_EVENTS, DECISION_WORDS), np.int64)
        self.clear()

    def clear(self) -> None:
        """Begin the next block."""
        self.count = 0
        self.first_seq = -1
        self.versions = NO_VERSIONS
        self.sources: set[str] = set()
        self.before: list[LogRecord] = []

    @property
    def empty(self) -> bool:
        """Whether there is nothing to hand over."""
        return not self.count and not self.before

    def takes(self, seq: int, versions: Versions) -> bool:
        """Whether an event at this position may follow in the same block."""
        if not self.count:
            return True
        return self.count < BLOCK_EVENTS and seq == self.first_seq + self.count and versions == self.versions

    def add(self, seq: int, versions: Versions, rows: Rows, decisions: Words) -> int:
        """Take in as many events as there is room for; how many that were."""
        if not self.count:
            self.first_seq, self.versions = seq, versions
        taken = min(len(rows), BLOCK_EVENTS - self.count)
        into = slice(self.count, self.count + taken)
        self._rows[into] = rows[:taken]
        self._decisions[into] = decisions[:taken]
        self.count += taken
        return taken

    def block(self, next_seq: int) -> Block:
        """What was put together; next_seq: the position after it, for a block without events."""
        first_seq = self.first_seq if self.count else next_seq
        rows, decisions = self._rows[: self.count], self._decisions[: self.count]
        return Block(first_seq, self.versions, rows, decisions, self.sources, self.before)
