"""A journal in memory that keeps the port's promises, for tests of everything that writes or reads one.

`crash()` forgets what was not committed, as a power cut may; `fill()` makes the disk full.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from tarim.base.errors import DefinitionError, NotFound, TooLarge, Unavailable
from tarim.journal import JournalLimits, Part, Record


class MemoryJournal:
    """JournalWriter and JournalReader over a list; retention forgets `records_per_segment` records at a time."""

    def __init__(self, limits: JournalLimits | None = None, records_per_segment: int = 8) -> None:
        self._limits = limits or JournalLimits()
        self._records: list[Record] = []
        self._firsts: list[int] = []
        self._first_seq = 0
        self._next_seq = 0
        self._durable_seq = 0
        self._per_segment = records_per_segment
        self._closed = False
        self._full = False

    @property
    def first_seq(self) -> int:
        return self._first_seq

    @property
    def next_seq(self) -> int:
        return self._next_seq

    @property
    def durable_seq(self) -> int:
        return self._durable_seq

    def reserve(self, bytes_count: int, blocks_count: int = 1) -> None:
        self._require_working()
        if self._full:
            raise Unavailable("the disk is full; nothing was changed")
        if bytes_count > self._limits.segment_bytes:
            raise TooLarge(f"{bytes_count} bytes at once do not fit a segment")

    def append(self, kind: int, payload_parts: Sequence[Part], count: int) -> int:
        if not 1 <= kind <= 0xFFFF or not 1 <= count <= 1 << 30:
            raise DefinitionError("a record's kind is 1 to 65535 and its count 1 to 2^30")
        payload = b"".join(payload_parts)
        if len(payload) > self._limits.block_bytes_max:
            raise TooLarge(f"a journal record of {len(payload)} bytes")
        self._require_working()
        first_seq = self._next_seq
        self._records.append(Record(first_seq, count, kind, memoryview(payload)))
        self._firsts.append(first_seq)
        self._next_seq += count
        return first_seq

    def commit(self) -> int:
        self._require_working()
        self._durable_seq = self._next_seq
        return self._durable_seq

    def read(self, from_seq: int = 0, to_seq: int | None = None) -> Iterator[Record]:
        end = self._durable_seq if to_seq is None else min(to_seq, self._durable_seq)
        if not 0 <= from_seq <= self._durable_seq:
            raise NotFound(f"position {from_seq} lies beyond the journal's end")
        if from_seq >= end:
            return iter(())
        if from_seq < self._first_seq:
            raise NotFound(f"position {from_seq} was dropped by retention")
        start = bisect_right(self._firsts, from_seq) - 1
        return iter([record for record in self._records[start:] if record.first_seq < end])

    def read_at(self, seq: int) -> Record:
        if not 0 <= seq < self._durable_seq or seq < self._first_seq:
            raise NotFound(f"position {seq} is not in the journal")
        return self._records[bisect_right(self._firsts, seq) - 1]

    def drop_before(self, seq: int) -> int:
        self._require_working()
        while len(self._records) > self._per_segment and self._firsts[self._per_segment] <= seq:
            del self._records[: self._per_segment], self._firsts[: self._per_segment]
            self._first_seq = self._firsts[0]
        return self._first_seq

    def close(self) -> None:
        if not self._closed:
            self.commit()
        self._closed = True

    def crash(self) -> None:
        """Forget everything that was not committed."""
        keep = bisect_right(self._firsts, self._durable_seq - 1) if self._durable_seq else 0
        del self._records[keep:], self._firsts[keep:]
        self._next_seq = self._durable_seq

    def fill(self, *, full: bool = True) -> None:
        """Make the disk full, or give it room again."""
        self._full = full

    def _require_working(self) -> None:
        if self._closed:
            raise Unavailable("the journal is closed")
