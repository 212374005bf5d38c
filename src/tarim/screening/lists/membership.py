"""Who is on which list now: the table that decisions ask.  Its state is a pure function of the records applied."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged, Unavailable
from tarim.screening.kernels import members as kernel
from tarim.screening.lists.codec import Closing, ContentDigest, Part, decode_record
from tarim.screening.lists.domain import ListDefinition
from tarim.stream import ROW_WORDS, Rows

Words = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]

ENTRIES_MAX: Final = 1 << 25
"""Entries of all lists together; their table takes 13 GB of addresses, of which only used pages are memory."""

PROBES_MAX: Final = 256
MEMBER_WORDS: Final = 4
_ROW_BYTES: Final = 24
_RESOLVED_MAX: Final = 16


class Probe(Protocol):
    """A question of a ruleset: is the value in this column on that list?"""

    @property
    def column(self) -> int: ...
    @property
    def list_name(self) -> str: ...


class _Resolved(NamedTuple):
    """Probes and what the kernel needs of them; holding the probes keeps their identity theirs."""

    probes: Sequence[Probe]
    columns: Words
    salts: Words
    per_customer: Words


def list_salt(name: str) -> int:
    """64 bits that keep a list's entries apart from all others, never 0."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little", signed=True) or 1


class Membership:
    """Entries of all lists by hashed key, 40 to 60 bytes each when many.  One thread at a time.

    Records are applied in the journal's order, between two events.  A part takes effect with its closing record; applying a
    part of 256 entries moves at most 1/1024 of the table for each segment it fills.
    """

    def __init__(self, entries_max: int = ENTRIES_MAX) -> None:
        assert 1 <= entries_max <= ENTRIES_MAX
        self.entries_max = entries_max
        # A segment gets twice its fair share, and as much again for superseded versions.
        self._generations = max(1, (entries_max * 4 // kernel.SEGMENTS // kernel.FIRST_ROWS).bit_length()) + 1
        rows = kernel.SEGMENTS * ((kernel.FIRST_ROWS << self._generations) - kernel.FIRST_ROWS)
        self._memory = mmap.mmap(
            -1, rows * _ROW_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
        )
        self._arena: Words = np.frombuffer(self._memory, np.int64).reshape(rows, 3)
        self._generation: Words = np.zeros(kernel.SEGMENTS, np.int64)
        self._used: Words = np.zeros(kernel.SEGMENTS, np.int64)
        self._lists: dict[str, ListDefinition] = {}
        self._change = 0
        self._staged: Part | None = None
        self._staged_entries = 0
        self._digest = ContentDigest()
        self._resolved: dict[int, _Resolved] = {}

    @property
    def lists(self) -> Mapping[str, ListDefinition]:
        """The lists there are, by name."""
        return MappingProxyType(self._lists)

    @property
    def change(self) -> int:
        """How many changes are in force."""
        return self._change

    @property
    def bytes_held(self) -> int:
        """Memory of the table's live regions, in bytes."""
        return int((kernel.FIRST_ROWS << self._generation).sum()) * _ROW_BYTES

    def require_room(self, entries: int) -> None:
        """Nothing, if so many more versions of entries find room.  Raises Unavailable."""
        if int(self._used.sum()) + entries > self.entries_max:
            raise Unavailable(f"lists hold at most {self.entries_max:,} entries together")

    # ---- changing --------------------------------------------------------------------------------------------------

    def apply(self, payload: bytes | memoryview) -> None:
        """Take in one record of the journal.  Raises Damaged when it does not follow from those before it."""
        record = decode_record(payload)
        if isinstance(record, Part):
            self._stage(record, payload)
        else:
            self._close(record)

    def _stage(self, part: Part, payload: bytes | memoryview) -> None:
        if part.index == 0:
            self._abandon()
        elif self._staged is None or (self._staged.change, self._staged.index + 1) != (part.change, part.index):
            raise Damaged(f"part {part.index} of change {part.change} does not follow the record before it")
        if part.list_name not in self._lists:
            raise Damaged(f"change {part.change} is of a list that there is not")
        self._digest.add(payload)
        self._staged = part
        self._staged_entries += len(part)
        entries = part.entries()
        keys = np.empty(len(part), np.int64)
        kernel.entry_keys(list_salt(part.list_name), entries.customers.copy(), entries.tokens.copy(), keys)
        self._put(keys, entries.periods.copy())

    def _close(self, closing: Closing) -> None:
        staged = self._staged
        parts = 0 if staged is None or staged.change != closing.change else staged.index + 1
        if not parts:
            self._abandon()
        known = self._lists.get(closing.list_name)
        if (
            (parts, self._staged_entries) != (closing.parts, closing.entries)
            or self._digest.hexdigest(closing.definition) != closing.digest
            or (known is None) is (closing.definition is None)
        ):
            raise Damaged(f"change {closing.change} of list {closing.list_name} is not what was agreed on")
        if closing.definition is not None:
            self._lists[closing.list_name] = closing.definition
            self._resolved.clear()
        self._change += 1
        self._forget_staged()

    def _abandon(self) -> None:
        """What was staged and not closed never happened."""
        if self._staged is not None:
            kernel.discard(self._arena, self._generation, self._change + 1)
        self._forget_staged()

    def _forget_staged(self) -> None:
        self._staged, self._staged_entries, self._digest = None, 0, ContentDigest()

    def _put(self, keys: Words, periods: Words) -> None:
        done = 0
        while True:
            done = kernel.put(
                self._arena, self._generation, self._used, keys, periods, done, self._change + 1, self._change
            )
            if done == len(keys):
                return
            self._make_room((int(keys[done]) >> kernel.SEGMENT_SHIFT) & (kernel.SEGMENTS - 1))

    def _make_room(self, segment: int) -> None:
        """Sweep one full segment, and double it when sweeping leaves it more than half as full as it may be."""
        generation = int(self._generation[segment])
        live = np.empty((int(self._used[segment]), 3), np.int64)
        live = live[: kernel.collect(self._arena, segment, generation, self._change, live)]
        start = kernel.segment_start(segment, generation) * _ROW_BYTES
        length = (kernel.FIRST_ROWS << generation) * _ROW_BYTES
        if start % mmap.PAGESIZE == length % mmap.PAGESIZE == 0:
            self._memory.madvise(mmap.MADV_DONTNEED, start, length)  # gives the pages back; they read as zeros
        else:
            self._arena[start // _ROW_BYTES : (start + length) // _ROW_BYTES] = 0
        if 2 * len(live) > kernel.places_max(segment, generation):
            generation += 1
            assert generation < self._generations, "a segment outgrew twice its fair share"
        self._generation[segment] = generation
        self._used[segment] = len(live)
        kernel.fill(self._arena, segment, generation, live)

    # ---- asking ----------------------------------------------------------------------------------------------------

    def members(self, rows: Rows, probes: Sequence[Probe], out: Bits) -> None:
        """Write out[i], shape (n, 4): bit p % 64 of word p // 64 is "the value of probes[p].column is on probes[p].list_name".

        Validity is judged at each event's RECEIVED_MS.  A list that there is not has no entries.
        """
        assert rows.shape[1] == ROW_WORDS and out.shape == (len(rows), MEMBER_WORDS)
        resolved = self._resolved.get(id(probes))
        if resolved is None:
            resolved = self._resolve(probes)
        kernel.members(
            self._arena,
            self._generation,
            self._change,
            rows,
            resolved.columns,
            resolved.salts,
            resolved.per_customer,
            out,
        )

    def _resolve(self, probes: Sequence[Probe]) -> _Resolved:
        """The probes as arrays, remembered as long as the lists stay the same; `probes` must not change meanwhile."""
        assert len(probes) <= PROBES_MAX and all(0 <= probe.column < ROW_WORDS for probe in probes)
        lists = [self._lists.get(probe.list_name) for probe in probes]
        if len(self._resolved) >= _RESOLVED_MAX:
            self._resolved.clear()
        resolved = self._resolved[id(probes)] = _Resolved(
            probes,
            np.array([probe.column for probe in probes], np.int64),
            np.array([0 if known is None else list_salt(known.name) for known in lists], np.int64),
            np.array([known is not None and known.per_customer for known in lists], np.int64),
        )
        return resolved
