"""What the rest of the house asks of a journal; files, Kafka or PostgreSQL may answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from tarim.journal.domain.values import Record

Part = bytes | bytearray | memoryview
"""A piece of a payload; any C-contiguous memoryview, for example `memoryview(array)`."""


class JournalReader(Protocol):
    """Ordered reading of what is durable."""

    @property
    def first_seq(self) -> int:
        """The first position still kept."""
        ...

    @property
    def durable_seq(self) -> int:
        """Positions below this are durable; it only grows."""
        ...

    def read(self, from_seq: int = 0, to_seq: int | None = None) -> Iterator[Record]:
        """Records in order, from the one that holds `from_seq`, up to what is durable now or starts at `to_seq`.

        Raises NotFound when `from_seq` was dropped or lies beyond the end (a gap is never skipped), Damaged when
        stored bytes are not what was written.
        """
        ...

    def read_at(self, seq: int) -> Record:
        """The record that holds a position.  Raises NotFound, Damaged."""
        ...


class JournalWriter(JournalReader, Protocol):
    """The one writer of a journal.  Appending is for one thread at a time; `commit` may run beside it in another."""

    @property
    def next_seq(self) -> int:
        """The position the next record gets."""
        ...

    def reserve(self, bytes_count: int, blocks_count: int = 1) -> None:
        """Make sure that `blocks_count` appends of together `bytes_count` payload bytes will find room.

        Raises Unavailable, with nothing changed, when the disk is full or cannot be written.
        """
        ...

    def append(self, kind: int, payload_parts: Sequence[Part], count: int) -> int:
        """Write one record of `count` positions and give its first one.  Not durable before `commit`.

        Raises Unavailable (nothing was appended), TooLarge.
        """
        ...

    def commit(self) -> int:
        """Make everything appended so far durable; gives the position below which all is durable."""
        ...

    def drop_before(self, seq: int) -> int:
        """Forget old records that lie wholly before `seq`, as far as whole segments allow; gives the new first position."""
        ...

    def close(self) -> None:
        """Commit, and let another writer in."""
        ...
