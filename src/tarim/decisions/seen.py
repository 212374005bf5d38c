"""The index of accepted events: a retry is recognised, and other content under the same id is refused."""

from __future__ import annotations

import mmap
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged
from tarim.decisions.kernels import seen as kernel
from tarim.stream import Col, Rows

Words = npt.NDArray[np.int64]

NEW: Final = kernel.NEW
SAME: Final = kernel.SAME
OTHER: Final = kernel.OTHER

ROW_BYTES: Final = 24
EVENTS_MAX: Final = 1 << 30
"""Largest permitted `events_max`; the arena of that many is 192 GiB of addresses, of which only used pages are memory."""


class Seen:
    """Positions of the last `events_max` accepted events by their 64-bit event key, about 43 bytes each.

    Single-threaded.  An event older than the last `events_max`, or older than `forget_before`, counts as new.  No call
    moves more than 1/256 of the table, whatever its size.
    """

    def __init__(self, events_max: int) -> None:
        assert 1 <= events_max <= EVENTS_MAX
        self.events_max = events_max
        # A segment gets twice its fair share before the arena ends: keys are hashes, so none comes near that.
        self._generations = max(1, (events_max * 4 // kernel.SEGMENTS // kernel.FIRST_ROWS).bit_length()) + 1
        rows = kernel.SEGMENTS * ((kernel.FIRST_ROWS << self._generations) - kernel.FIRST_ROWS)
        self._memory = mmap.mmap(
            -1, rows * ROW_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
        )
        self._arena: Words = np.frombuffer(self._memory, np.int64).reshape(rows, 3)
        self._generation: Words = np.zeros(kernel.SEGMENTS, np.int64)
        self._used: Words = np.zeros(kernel.SEGMENTS, np.int64)
        self._floor_seq = 0

    def __len__(self) -> int:
        """Entries held, those already forgotten but not yet swept included."""
        return int(self._used.sum())

    @property
    def bytes_held(self) -> int:
        """Memory of the table's live regions, in bytes."""
        return int((kernel.FIRST_ROWS << self._generation).sum()) * ROW_BYTES

    def forget_before(self, seq: int) -> None:
        """Events before position `seq` count as new from now on, because their records are gone."""
        self._floor_seq = max(self._floor_seq, seq)

    def find(self, keys: Words) -> Words:
        """Positions of the events with these keys, -1 where unknown.  Shape (n,)."""
        seqs = np.empty(len(keys), np.int64)
        kernel.find(self._arena, self._generation, keys, self._floor_seq, seqs)
        return seqs

    def put(self, keys: Words, contents: Words, next_seq: int) -> tuple[Words, Words, int]:
        """Recognise a batch and note its new events at next_seq, next_seq + 1, ...

        Returns (states, seqs), each of shape (n,), and how many are new: NEW with the position given to the event, SAME
        or OTHER (content) with the position of the first event of that key.  Duplicates inside the batch are recognised
        as well.
        """
        count = len(keys)
        states, seqs = np.empty(count, np.int64), np.empty(count, np.int64)
        self._floor_seq = max(self._floor_seq, next_seq - self.events_max)
        done, seq = 0, next_seq
        while True:
            done, seq = kernel.put(
                self._arena, self._generation, self._used, keys, contents, done, seq, self._floor_seq, states, seqs
            )
            if done == count:
                break
            self._make_room((int(keys[done]) >> 56) & (kernel.SEGMENTS - 1))
        return states, seqs, seq - next_seq

    def note(self, rows: Rows) -> None:
        """Enter events of the journal, shape (n, ROW_WORDS), n > 0, under the positions they have there."""
        keys, contents = np.ascontiguousarray(rows[:, Col.EVENT_KEY]), np.ascontiguousarray(rows[:, Col.CONTENT_KEY])
        first = int(rows[0, Col.SEQ])
        if int(rows[-1, Col.SEQ]) == first + len(rows) - 1:
            _, _, fresh = self.put(keys, contents, first)
            if fresh == len(rows):
                return
        # An event can lie in the journal twice when it was forgotten in between: the later one counts.
        for index in range(len(rows)):
            self.forget(keys[index : index + 1])
            self.put(keys[index : index + 1], contents[index : index + 1], int(rows[index, Col.SEQ]))

    def forget(self, keys: Words) -> None:
        """Take back a `put`: events with these keys count as new again.  Shape (n,)."""
        kernel.forget(self._arena, self._generation, keys)

    def _make_room(self, segment: int) -> None:
        """Sweep one full segment, and double it when sweeping leaves it more than half as full as it may be."""
        generation = int(self._generation[segment])
        live = np.empty((int(self._used[segment]), 3), np.int64)
        live = live[: kernel.collect(self._arena, segment, generation, self._floor_seq, live, 0)]
        self._empty(segment, generation)
        if 8 * len(live) > 3 * (kernel.FIRST_ROWS << generation):
            generation += 1
            assert generation < self._generations, "a segment outgrew twice its fair share"
        self._generation[segment] = generation
        self._used[segment] = len(live)
        kernel.fill(self._arena, segment, generation, live)

    def _empty(self, segment: int, generation: int) -> None:
        """Give the pages of a segment back; they read as zeros afterwards."""
        start = kernel.segment_start(segment, generation) * ROW_BYTES
        length = (kernel.FIRST_ROWS << generation) * ROW_BYTES
        if mmap.PAGESIZE <= kernel.FIRST_ROWS * ROW_BYTES and start % mmap.PAGESIZE == length % mmap.PAGESIZE == 0:
            self._memory.madvise(mmap.MADV_DONTNEED, start, length)
        else:
            self._arena[start // ROW_BYTES : (start + length) // ROW_BYTES] = 0

    def entries(self) -> Words:
        """All entries, shape (n, 3): event key, content key, seq; the order says nothing."""
        out = np.empty((len(self), 3), np.int64)
        at = 0
        for segment in range(kernel.SEGMENTS):
            at = kernel.collect(self._arena, segment, int(self._generation[segment]), self._floor_seq, out, at)
        return out[:at]

    def fill(self, entries: Words) -> None:
        """Enter what `entries` of another table gave into this one, which is empty.  Raises Damaged for repeated keys."""
        assert len(self) == 0
        order = np.argsort((entries[:, 0] >> 56) & (kernel.SEGMENTS - 1), kind="stable")
        entries = np.ascontiguousarray(entries[order])
        segment_of = (entries[:, 0] >> 56) & (kernel.SEGMENTS - 1)
        edges = np.searchsorted(segment_of, np.arange(kernel.SEGMENTS + 1))
        for segment in range(kernel.SEGMENTS):
            live = entries[edges[segment] : edges[segment + 1]]
            if len(np.unique(live[:, 0])) != len(live) or np.any(live[:, 0] == 0):
                raise Damaged("the index of accepted events holds an event twice")
            generation = 0
            while 4 * (len(live) + 1) > 3 * (kernel.FIRST_ROWS << generation):
                generation += 1
            if generation >= self._generations:
                raise Damaged("the index of accepted events is larger than its limit")
            self._generation[segment] = generation
            self._used[segment] = len(live)
            kernel.fill(self._arena, segment, generation, live)
