"""The decisions' journal read from another process in one pass, and handed to every view in blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.decisions import DECISION_WORDS, LogRecord, RecordKind, decode_events
from tarim.journal import FolderReader
from tarim.views.blocks import BlockRoom
from tarim.views.ports import Consumer

RECORDS_BETWEEN_MAX: Final = 4_096
"""Records of other kinds handed over together at most."""

Progress = Callable[[int, int], None]
"""Told how many positions of how many are through."""


class Follower:
    """Hands the journal of a folder to consumers, from its first kept position on.  Nothing is locked or written.

    at: the next position; started_at: the first one, -1 while there is no journal.  One thread, except for these, `end_seq` and
    `behind`.
    """

    def __init__(self, folder: Path, consumers: Sequence[Consumer]) -> None:
        """folder: of the decisions' journal; it may be made later by whoever writes it."""
        self._folder = folder
        self._consumers = tuple(consumers)
        self._reader: FolderReader | None = None
        self._room = BlockRoom()
        self.at = 0
        self.started_at = -1

    @property
    def durable_seq(self) -> int:
        """Positions below this can be followed; 0 while there is no journal."""
        reader = self._opened()
        return 0 if reader is None else reader.durable_seq

    @property
    def end_seq(self) -> int:
        """As `durable_seq`, 0 before anything was followed.  Any thread may ask."""
        reader = self._reader
        return 0 if reader is None else reader.durable_seq

    @property
    def behind(self) -> int:
        """Positions that are durable and not handed over yet; 0 before anything was followed.  Any thread may ask."""
        return max(self.end_seq - self.at, 0)

    def close(self) -> None:
        """Let the journal's files go."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def follow(self, positions_max: int | None = None) -> int:
        """Hand over what is durable now, or about `positions_max` positions of it; how many positions that were.

        Raises Unavailable when positions were dropped before they were followed, Damaged, and what a consumer raises: after
        that the views are not what the journal says, and have to be made anew.
        """
        reader = self._opened()
        if reader is None:
            return 0
        begun, end = self.at, reader.durable_seq
        if begun >= end:
            return 0
        stop = end if positions_max is None else begun + positions_max
        try:
            for record in reader.read(begun, end):
                self._take(record)
                if self.at >= stop:
                    break
        except NotFound as error:
            raise Unavailable(f"the decisions' journal cannot be followed: {error.detail}") from None
        self._hand_over()
        return self.at - begun

    def catch_up(self, progress: Progress = lambda _done, _of: None, *, step: int = 1 << 18) -> None:
        """Follow up to what was durable when it began.  Raises as `follow` does."""
        end = self.durable_seq
        first = self.at
        while self.at < end:
            self.follow(min(step, end - self.at))
            progress(self.at - first, end - first)

    def _opened(self) -> FolderReader | None:
        if self._reader is None and (self._folder / "durable").exists():
            reader = FolderReader(self._folder)
            if self.started_at < 0:
                self.at = self.started_at = reader.first_seq
            self._reader = reader
        return self._reader

    def _take(self, record: LogRecord) -> None:
        room = self._room
        after = record.first_seq + record.count
        if record.kind != RecordKind.EVENTS:
            if room.count or len(room.before) >= RECORDS_BETWEEN_MAX:
                self._hand_over()
            room.before.append(record)
            self.at = after
            return
        events = decode_events(record)
        if events.decisions.shape[1] != DECISION_WORDS:
            raise Damaged(f"decisions at {events.first_seq} have another width than this version's")
        versions, sources = events.head()
        done = 0
        while done < len(events):
            if not room.takes(record.first_seq + done, versions):
                self._hand_over()
            done += room.add(record.first_seq + done, versions, events.rows[done:], events.decisions[done:])
            room.sources |= sources
            self.at = record.first_seq + done
        self.at = after

    def _hand_over(self) -> None:
        if self._room.empty:
            return
        block = self._room.block(self.at)
        for consumer in self._consumers:
            consumer.take(block)
        self._room.clear()
