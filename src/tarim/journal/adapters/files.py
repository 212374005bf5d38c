"""The writer: one process, one folder, one segment open at its end.

Three moments, each with its own promise:

    reserve   room is preallocated on disk before anything is decided; a full disk is met here and nowhere else
    append    the block is handed to the system, in order, chained to the last one
    commit    the disk has it (neither a killed process nor a power cut loses it); one fdatasync for all appended meanwhile

Nothing but a commit waits for the disk.  An append that finds its segment full writes the footer and goes on in a spare
file; the next commit closes the full segment and then gives the new one its name.  A crash before that loses what was not
committed, the whole new file, and finds the full segment as one that nothing follows.

A write or a sync that fails leaves the disk in a state nobody knows, so it poisons the writer: everything is refused
until the journal is opened again, and opening looks at what is really there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final, NoReturn, Self

from tarim.base.errors import Damaged, DefinitionError, TooLarge, Unavailable
from tarim.journal.adapters.folder import (
    SEQ_MAX,
    Mark,
    cannot,
    list_segments,
    read_anchor,
    sync_folder,
    write_anchor,
)
from tarim.journal.adapters.reading import FolderReader, SegmentMap
from tarim.journal.adapters.spares import SPARE_SUFFIX, Spares
from tarim.journal.domain.blocks import (
    BLOCK_ALIGN,
    ENDING,
    FOOTER_KIND,
    HEADER_BYTES,
    SegmentHeader,
    block_bytes,
    footer_bytes_max,
    genesis,
    pack_block,
    pack_footer,
    pack_segment_header,
    segment_name,
)
from tarim.journal.domain.tails import find_tail
from tarim.journal.domain.values import COUNT_MAX, KIND_MAX, JournalLimits, Record, Recovery
from tarim.journal.ports import Part

_AHEAD_SHARE: Final = 0.75
"""Of a segment's room; when so much is used, a commit makes the spare for the next one."""


@dataclass(slots=True)
class _Segment:
    """The segment being written.

    end       where the next block goes
    room_end  blocks end here at the latest; the footer comes after
    entries   sparse index: (position, offset) of some blocks
    spare     the file's name until a commit gives it its own, None afterwards
    full      the segment before, footer and all, until a commit closes it
    """

    fd: int
    name: str
    capacity_bytes: int
    room_end: int
    end: int
    entries: list[tuple[int, int]]
    spare: Path | None = None
    full: _Segment | None = None


class Journal:
    """The one writer of a folder, and a reader of it.  See `tarim.journal` and the ports for its promises."""

    def __init__(self, folder: Path, limits: JournalLimits, lock_fd: int, mark: Mark) -> None:
        """Use `Journal.open`."""
        self._folder = folder
        self._limits = limits
        self._lock_fd = lock_fd
        self._mark = mark
        self._writing = Lock()  # order: _writing before _syncing
        self._syncing = Lock()
        self._failure = ""
        self._closed = False
        self._spares = Spares(folder, limits)
        self._journal_id = b""
        self._digest = b""
        self._next_seq = 0
        self._durable_seq = 0
        self._segment: _Segment | None = None
        self._written: tuple[_Segment | None, int] = (None, 0)
        self.recovery = Recovery(0, 0)

    # ------------------------------------------------------------------------------------------------------- opening

    @classmethod
    def open(cls, folder: Path, limits: JournalLimits | None = None) -> Self:
        """Open or create the journal in `folder`, cut a torn tail, and say so in `.recovery`.

        Raises Unavailable (another writer, a full disk, a folder that cannot be written), Damaged (committed content is
        missing or changed; nothing is touched then).
        """
        limits = limits or JournalLimits()
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock_fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o640)
        except OSError as error:
            raise cannot("write to the journal's folder", folder, error) from error
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock_fd)
            raise Unavailable(f"the journal in {folder} is being written by another process") from None
        journal: Self | None = None
        try:
            journal = cls(folder, limits, lock_fd, Mark.make(folder))
            journal._recover()
        except BaseException as error:
            if journal is not None:
                journal._release()
            else:
                os.close(lock_fd)
            if isinstance(error, OSError):
                raise cannot("open the journal in", folder, error) from error
            raise
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _recover(self) -> None:
        for leftover in self._folder.glob(f"*{SPARE_SUFFIX}"):
            leftover.unlink()
        anchor = read_anchor(self._folder)
        firsts = list_segments(self._folder)
        while anchor is not None and len(firsts) > 1 and firsts[1] <= anchor[0]:
            (self._folder / segment_name(firsts.pop(0))).unlink()  # a drop that a crash had interrupted
        known_durable_seq = self._mark.get()
        if not firsts:
            if known_durable_seq or anchor is not None:
                raise Damaged(f"positions up to {known_durable_seq - 1} had been committed and no segment is left")
            self._journal_id = os.urandom(16)
            self._digest = genesis(self._journal_id)
            self._spares.make()
            self._roll()
        else:
            self._check_chain(firsts, anchor)
            self._open_last(firsts[-1], known_durable_seq)
        self._durable_seq = self._next_seq
        self._written = (self._segment, self._next_seq)
        self._mark.put(self._next_seq)
        self._reader = FolderReader(
            self._folder, durable_seq=lambda: self._durable_seq, index_stride_bytes=self._limits.index_stride_bytes
        )

    def _check_chain(self, firsts: list[int], anchor: tuple[int, bytes] | None) -> None:
        """Headers and footers of all segments fit together; contents are for `verify`."""
        previous: bytes | None = None
        next_seq = firsts[0]
        for first_seq in firsts:
            segment = SegmentMap(self._folder / segment_name(first_seq), self._limits.index_stride_bytes)
            header = segment.header
            if header.first_seq != first_seq or next_seq != first_seq:
                raise Damaged(f"{segment.name}: positions {next_seq} to {first_seq - 1} are missing before it")
            if previous is None:
                self._journal_id = header.journal_id
                previous = genesis(header.journal_id) if anchor is None else anchor[1]
                if first_seq != (0 if anchor is None else anchor[0]):
                    raise Damaged(f"{segment.name}: the journal should start at {0 if anchor is None else anchor[0]}")
            if header.previous != previous or header.journal_id != self._journal_id:
                raise Damaged(f"{segment.name}: does not follow the segment before it")
            if first_seq != firsts[-1]:
                if segment.footer is None:
                    raise Damaged(f"{segment.name}: the footer of a sealed segment is damaged")
                next_seq, previous = segment.footer.first_seq, segment.footer.digest

    def _open_last(self, first_seq: int, known_durable_seq: int) -> None:
        name = segment_name(first_seq)
        mapped = SegmentMap(self._folder / name, self._limits.index_stride_bytes)
        tail = find_tail(mapped.data, mapped.header, known_durable_seq, self._limits.index_stride_bytes)
        capacity_bytes = mapped.header.capacity_bytes
        del mapped
        if tail.damage:
            raise Damaged(f"{name} offset {tail.offset} position {tail.next_seq}: {tail.damage}")
        path = self._folder / name
        self._next_seq, self._digest = tail.next_seq, tail.digest
        if tail.torn_bytes:
            self.recovery = Recovery(tail.torn_bytes, tail.next_seq, name, tail.offset)
        else:
            self.recovery = Recovery(0, tail.next_seq)
        path.chmod(0o640)
        fd = os.open(path, os.O_RDWR)
        room_end = capacity_bytes - footer_bytes_max(capacity_bytes, self._limits.index_stride_bytes)
        segment = _Segment(fd, name, capacity_bytes, room_end, tail.offset, tail.entries)
        self._segment = segment
        if tail.sealed:
            self._finish_seal(segment)
            self._segment = None
            return
        if tail.torn_bytes:
            os.ftruncate(fd, tail.offset)
        os.posix_fallocate(fd, 0, segment.capacity_bytes)
        os.fsync(fd)

    # ----------------------------------------------------------------------------------------------------- properties

    @property
    def next_seq(self) -> int:
        """The position the next record gets."""
        return self._next_seq

    @property
    def durable_seq(self) -> int:
        """Positions below this are durable."""
        return self._durable_seq

    @property
    def first_seq(self) -> int:
        """The first position still kept."""
        return self._reader.first_seq

    @property
    def digest(self) -> str:
        """The chain's digest after everything appended, hexadecimal; kept elsewhere it proves the journal later."""
        return self._digest.hex()

    def digest_at(self, seq: int) -> str:
        """The chain's digest after the durable record that holds a position; see `FolderReader.digest_at`."""
        return self._reader.digest_at(seq)

    # -------------------------------------------------------------------------------------------------------- writing

    def reserve(self, bytes_count: int, blocks_count: int = 1) -> None:
        """Make sure that `blocks_count` appends of together `bytes_count` payload bytes find room; see the port."""
        with self._writing:
            self._require_working()
            self._make_room(bytes_count + blocks_count * (HEADER_BYTES + len(ENDING) + BLOCK_ALIGN))

    def append(self, kind: int, payload_parts: Sequence[Part], count: int) -> int:
        """Write one record; gives its first position; see the port."""
        if not 1 <= kind <= KIND_MAX or not 1 <= count <= COUNT_MAX:
            raise DefinitionError(f"a record's kind is 1 to {KIND_MAX} and its count 1 to {COUNT_MAX}")
        payload = b"".join(payload_parts)
        if len(payload) > self._limits.block_bytes_max:
            raise TooLarge(f"a journal record of {len(payload)} bytes; at most {self._limits.block_bytes_max}")
        size = block_bytes(len(payload))
        with self._writing:
            self._require_working()
            segment = self._make_room(size)
            if segment is None or not self._fits(segment, size):
                segment = self._roll()
            first_seq = self._next_seq
            if first_seq + count > SEQ_MAX:
                raise Unavailable(f"the journal has reached its last position, {SEQ_MAX}")
            header, digest = pack_block(kind, count, first_seq, self._durable_seq, self._digest, payload)
            self._write(segment, segment.end, header, payload)
            if not segment.entries or segment.end - segment.entries[-1][1] >= self._limits.index_stride_bytes:
                segment.entries.append((first_seq, segment.end))
            segment.end += size
            self._digest = digest
            self._next_seq = first_seq + count
            self._written = (segment, self._next_seq)
        return first_seq

    def commit(self) -> int:
        """Make everything appended so far durable; see the port.  Threads that wait share one fdatasync."""
        wanted = self._next_seq
        with self._syncing:
            self._require_working()
            if self._durable_seq < wanted:
                segment, seq = self._written
                assert segment is not None
                if segment.spare is None:
                    self._sync(segment)
                else:
                    self._name(segment)
                self._publish(seq)
                if segment.end > _AHEAD_SHARE * segment.room_end:
                    with suppress(Unavailable):  # it is told to who needs the room
                        self._spares.make()
            return self._durable_seq

    def drop_before(self, seq: int) -> int:
        """Remove whole sealed segments that hold only positions before `seq`; gives the first position kept."""
        with self._writing:
            self._require_working()
            firsts = list_segments(self._folder)
            dropped = [first for first, after in pairwise(firsts) if after <= seq]
            if not dropped:
                return firsts[0] if firsts else 0
            kept = firsts[len(dropped)]
            header = SegmentMap(self._folder / segment_name(kept), self._limits.index_stride_bytes).header
            try:
                write_anchor(self._folder, kept, header.previous)
                for first in dropped:
                    (self._folder / segment_name(first)).unlink()
                sync_folder(self._folder)
            except OSError as error:
                raise Unavailable(
                    f"retention could not remove old segments: {os.strerror(error.errno or 0)}"
                ) from error
            finally:
                self._reader.forget()
            return kept

    def close(self) -> None:
        """Commit and let another writer in.  Closing twice is fine; a poisoned journal is closed without a commit."""
        if self._closed:
            return
        try:
            if not self._failure:
                self.commit()
        finally:
            self._release()

    # -------------------------------------------------------------------------------------------------------- reading

    def read(self, from_seq: int = 0, to_seq: int | None = None) -> Iterator[Record]:
        """Durable records in order; see the port."""
        return self._reader.read(from_seq, to_seq)

    def read_at(self, seq: int) -> Record:
        """The durable record that holds a position; see the port."""
        return self._reader.read_at(seq)

    # ------------------------------------------------------------------------------------------------------- segments

    def _new_room_end(self) -> int:
        limits = self._limits
        return limits.segment_bytes - footer_bytes_max(limits.segment_bytes, limits.index_stride_bytes)

    def _fits(self, segment: _Segment, size: int) -> bool:
        return segment.end + size <= segment.room_end

    def _make_room(self, size: int) -> _Segment | None:
        """The segment being written; when it cannot take `size` more bytes, a spare one stands ready."""
        segment = self._segment
        if segment is not None and self._fits(segment, size):
            return segment
        if HEADER_BYTES + size > self._new_room_end():
            raise TooLarge(f"{size} bytes at once do not fit a segment of {self._limits.segment_bytes}")
        if not self._spares.ready:
            with self._syncing:
                if segment is not None and segment.spare is not None:
                    self._name(segment)  # so at most one full segment waits for a commit
                self._spares.make()
        return segment

    def _roll(self) -> _Segment:
        """Go on in the spare file; a full segment is closed by the next commit."""
        full, spare = self._segment, self._spares.take()
        if full is not None:
            self._write_footer(full)
        header = SegmentHeader(self._journal_id, self._next_seq, self._limits.segment_bytes, self._digest)
        segment = _Segment(
            spare.fd,
            segment_name(self._next_seq),
            header.capacity_bytes,
            self._new_room_end(),
            HEADER_BYTES,
            [],
            spare.path,
            full,
        )
        packed = pack_segment_header(header)
        try:
            if os.pwrite(spare.fd, packed, 0) != len(packed):
                raise OSError(5, "short write")
        except OSError as error:
            self._poison("start a segment", error)
        self._segment = segment
        if full is None:
            with self._syncing:
                self._name(segment)
        self._written = (segment, self._next_seq)
        return segment

    def _write_footer(self, segment: _Segment) -> None:
        payload = pack_footer(segment.entries, segment.end)
        while segment.end + block_bytes(len(payload)) > segment.capacity_bytes:  # the stride was made smaller since
            segment.entries = segment.entries[::2]
            payload = pack_footer(segment.entries, segment.end)
        header, digest = pack_block(FOOTER_KIND, 0, self._next_seq, self._durable_seq, self._digest, payload)
        self._write(segment, segment.end, header, payload)
        self._digest = digest
        segment.end += block_bytes(len(payload))

    def _name(self, segment: _Segment) -> None:
        """Close the full segment before this one, then have this one on the disk under its own name."""
        if segment.full is not None:
            self._sync(segment.full)
            self._finish_seal(segment.full)
            segment.full = None
        assert segment.spare is not None
        try:
            os.fsync(segment.fd)
            segment.spare.rename(self._folder / segment.name)
            sync_folder(self._folder)
        except OSError as error:
            self._poison("start a segment", error)
        segment.spare = None

    def _finish_seal(self, segment: _Segment) -> None:
        """Cut the unused end off and make the file read-only."""
        try:
            os.ftruncate(segment.fd, segment.end)
            os.fchmod(segment.fd, 0o440)
            os.fsync(segment.fd)
        except OSError as error:
            self._poison("seal a segment", error)
        os.close(segment.fd)

    # -------------------------------------------------------------------------------------------- the disk, and trouble

    def _write(self, segment: _Segment, offset: int, header: bytes, payload: bytes) -> None:
        size = len(header) + len(payload) + len(ENDING)
        try:
            done = os.pwritev(segment.fd, (header, payload, ENDING), offset)
            if done != size:
                raise OSError(5, "short write")
        except OSError as error:
            self._poison("write", error)

    def _sync(self, segment: _Segment) -> None:
        try:
            os.fdatasync(segment.fd)
        except OSError as error:
            self._poison("sync", error)

    def _publish(self, seq: int) -> None:
        assert self._durable_seq <= seq <= self._next_seq
        self._durable_seq = seq
        self._mark.put(seq)

    def _poison(self, act: str, error: OSError) -> NoReturn:
        self._failure = (
            f"the journal in {self._folder} stopped: the disk failed to {act} ({os.strerror(error.errno or 0)}); "
            "open it again to see what is really there"
        )
        raise Unavailable(self._failure) from error

    def _require_working(self) -> None:
        if self._closed:
            raise Unavailable(f"the journal in {self._folder} is closed")
        if self._failure:
            raise Unavailable(self._failure)

    def _release(self) -> None:
        """Close everything without syncing; the lock goes last."""
        self._closed = True
        segment, self._segment = self._segment, None
        if segment is not None:
            os.close(segment.fd)
            if segment.full is not None:
                os.close(segment.full.fd)
        self._spares.close()
        self._mark.close()
        os.close(self._lock_fd)
