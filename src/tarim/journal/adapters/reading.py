"""Reading a folder of segments through memory maps, beside a writer in this or another process.

Only positions below the durable mark are touched: a writer that seals a segment cuts its unused end off, and touching a
map there would kill the process.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self

from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.journal.adapters.folder import Mark, list_segments
from tarim.journal.domain.blocks import (
    FOOTER_END_BYTES,
    FOOTER_KIND,
    HEADER_BYTES,
    BlockHeader,
    SegmentHeader,
    block_bytes,
    content_matches,
    find_footer,
    footer_offset,
    parse_block_header,
    parse_footer,
    parse_segment_header,
    segment_name,
)
from tarim.journal.domain.tails import find_tail
from tarim.journal.domain.values import INDEX_STRIDE_BYTES, Record

MAPS_MAX: Final = 8
"""Segments kept mapped by one reader; the least recently used goes first."""


class SegmentMap:
    """One mapped segment, and a sparse index of it that grows with what was walked."""

    def __init__(self, path: Path, index_stride_bytes: int) -> None:
        self.name = path.name
        self._stride_bytes = index_stride_bytes
        try:
            with path.open("rb") as file:
                sealed = _ends_in_footer(
                    file.fileno()
                )  # asked of the file: a map may shrink under us until it is sealed
                self.data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError:
            raise Damaged(f"{path.name}: the segment is empty") from None
        except OSError as error:
            raise Unavailable(f"{path.name} cannot be read: {os.strerror(error.errno or 0)}") from error
        header = parse_segment_header(self.data[:HEADER_BYTES])
        if header is None:
            raise Damaged(f"{path.name} offset 0: the segment's header is damaged")
        self.header: SegmentHeader = header
        self._seqs = [header.first_seq]
        self._offsets = [HEADER_BYTES]
        self.footer: BlockHeader | None = None
        found = find_footer(self.data) if sealed else None
        if found is not None:
            at, self.footer = found
            entries = parse_footer(self.data[at + HEADER_BYTES : at + HEADER_BYTES + self.footer.payload_bytes])
            self._seqs = [seq for seq, _ in entries] or self._seqs
            self._offsets = [offset for _, offset in entries] or self._offsets

    def records(self, from_seq: int, to_seq: int, *, check: bool) -> Iterator[Record]:
        """Records from the one that holds `from_seq` up to `to_seq`, or up to the footer."""
        entry = max(bisect_right(self._seqs, from_seq) - 1, 0)
        seq, offset = self._seqs[entry], self._offsets[entry]
        previous = b""
        while seq < to_seq:
            header = parse_block_header(self.data, offset)
            if header is None:
                self._damaged(offset, seq, "the header of a block is damaged")
            if header.first_seq != seq or (previous and header.previous != previous):
                self._damaged(offset, seq, "a block does not follow the one before it")
            previous = header.digest
            if header.kind == FOOTER_KIND:
                return
            if seq + header.count > from_seq:
                if check and not content_matches(self.data, offset, header):
                    self._damaged(offset, seq, "the content of a block differs from its digest")
                start = offset + HEADER_BYTES
                yield Record(seq, header.count, header.kind, self.data[start : start + header.payload_bytes])
            if offset - self._offsets[-1] >= self._stride_bytes and seq > self._seqs[-1]:
                self._seqs.append(seq)
                self._offsets.append(offset)
            seq += header.count
            offset += block_bytes(header.payload_bytes)

    def digest_at(self, seq: int) -> bytes:
        """Digest of the block that holds a position; it covers all blocks before it."""
        entry = max(bisect_right(self._seqs, seq) - 1, 0)
        at, offset = self._seqs[entry], self._offsets[entry]
        while True:
            header = parse_block_header(self.data, offset)
            if header is None or header.first_seq != at or header.kind == FOOTER_KIND:
                self._damaged(offset, at, "the header of a block is damaged")
            if seq < at + header.count:
                return header.digest
            at += header.count
            offset += block_bytes(header.payload_bytes)

    def _damaged(self, offset: int, seq: int, text: str) -> NoReturn:
        raise Damaged(f"{self.name} offset {offset} position {seq}: {text}")


def _ends_in_footer(fd: int) -> bool:
    size = os.fstat(fd).st_size
    return footer_offset(os.pread(fd, FOOTER_END_BYTES, max(size - FOOTER_END_BYTES, 0)), size) > 0


class FolderReader:
    """Reads a journal's folder without a lock; any number may read beside the writer, in any process.

    durable_seq: where the durable position comes from; None reads the writer's mark (a folder without one, for example
    an old copy, is taken as durable up to its last whole block).
    check: compare every payload with its digest while reading (0.17 µs for 300 bytes).
    """

    def __init__(
        self,
        folder: Path,
        *,
        durable_seq: Callable[[], int] | None = None,
        index_stride_bytes: int = INDEX_STRIDE_BYTES,
        check: bool = True,
    ) -> None:
        self._folder = Path(folder)
        self._stride_bytes = index_stride_bytes
        self._check = check
        self._maps: OrderedDict[int, SegmentMap] = OrderedDict()
        self._mark: Mark | None = None
        self._firsts = list_segments(self._folder)
        if durable_seq is not None:
            self._durable_seq = durable_seq
        else:
            self._mark = Mark.look(self._folder)
            self._durable_seq = self._mark.get if self._mark is not None else self._whole_seq

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def first_seq(self) -> int:
        """The first position still kept; 0 when there is none."""
        self._firsts = list_segments(self._folder)
        return self._firsts[0] if self._firsts else 0

    @property
    def durable_seq(self) -> int:
        """Positions below this are durable."""
        return self._durable_seq()

    def read(self, from_seq: int = 0, to_seq: int | None = None) -> Iterator[Record]:
        """Records in order; see JournalReader.read.  Positions are checked at once, damage when it is met."""
        durable_seq = self.durable_seq
        end = durable_seq if to_seq is None else min(to_seq, durable_seq)
        if from_seq < 0 or from_seq > durable_seq:
            raise NotFound(f"position {from_seq} lies beyond the journal's end at {durable_seq}")
        if from_seq >= end:
            return iter(())
        self._require_kept(from_seq)
        return self._walk(from_seq, end)

    def read_at(self, seq: int) -> Record:
        """The record that holds a position."""
        if not 0 <= seq < self.durable_seq:
            raise NotFound(f"position {seq} is not in the journal, which ends at {self.durable_seq}")
        self._require_kept(seq)
        return next(self._walk(seq, seq + 1))

    def digest_at(self, seq: int) -> str:
        """The chain's digest, hexadecimal, after the record that holds a position: a name for everything up to there."""
        if not 0 <= seq < self.durable_seq:
            raise NotFound(f"position {seq} is not in the journal, which ends at {self.durable_seq}")
        self._require_kept(seq)
        return self._segment_of(seq).digest_at(seq).hex()

    def close(self) -> None:
        """Let the maps go; records already given stay valid."""
        self._maps.clear()
        if self._mark is not None:
            self._mark.close()

    def forget(self) -> None:
        """Look at the folder anew: segments were sealed or dropped."""
        self._maps.clear()
        self._firsts = list_segments(self._folder)

    def _require_kept(self, seq: int) -> None:
        if self._firsts and self._firsts[0] <= seq:
            return
        self._firsts = list_segments(self._folder)
        if not self._firsts or seq < self._firsts[0]:
            kept = self._firsts[0] if self._firsts else 0
            raise NotFound(f"position {seq} was dropped by retention; the journal starts at {kept}")

    def _walk(self, seq: int, end: int) -> Iterator[Record]:
        refreshed = False
        while seq < end:
            started = seq
            for record in self._segment_of(seq).records(seq, end, check=self._check):
                seq = record.next_seq
                yield record
            if seq == started:
                if refreshed:
                    raise Damaged(f"positions from {seq} are missing: no segment holds them")
                self._firsts = list_segments(self._folder)
                refreshed = True
            else:
                refreshed = False

    def _segment_of(self, seq: int) -> SegmentMap:
        index = bisect_right(self._firsts, seq) - 1
        if index < 0:
            raise NotFound(f"position {seq} was dropped by retention")
        first_seq = self._firsts[index]
        found = self._maps.get(first_seq)
        if found is not None:
            self._maps.move_to_end(first_seq)
            return found
        path = self._folder / segment_name(first_seq)
        if not path.exists():
            raise NotFound(f"position {seq} was dropped by retention")
        found = SegmentMap(path, self._stride_bytes)
        self._maps[first_seq] = found
        if len(self._maps) > MAPS_MAX:
            self._maps.popitem(last=False)
        return found

    def _whole_seq(self) -> int:
        """Position after the last whole block: what a folder without a mark is durable up to."""
        firsts = list_segments(self._folder)
        if not firsts:
            return 0
        last = SegmentMap(self._folder / segment_name(firsts[-1]), self._stride_bytes)
        tail = find_tail(last.data, last.header, 0, self._stride_bytes)
        if tail.damage:
            raise Damaged(f"{last.name} offset {tail.offset} position {tail.next_seq}: {tail.damage}")
        return tail.next_seq
