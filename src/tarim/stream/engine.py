"""The engine: rows of events in, features out; its whole state is one array of words.

An engine is a value: the same rows in the same order give the same words, wherever batches are cut and however often it
was saved and restored.  It reads no clock and knows its place in the journal; a gap is refused.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import mmap
import os
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged, Unavailable
from tarim.stream.codegen import header_words
from tarim.stream.codegen.layout import graph_word
from tarim.stream.compiler import compile_plan
from tarim.stream.definitions import FeatureSet
from tarim.stream.events import ROW_WORDS, Col, Kind, Rows
from tarim.stream.kernels import arena
from tarim.stream.plan import LARGE_LG, make_plan

MEMORY_BYTES_MAX: Final = 8 << 30
"""Address space an engine reserves by default; pages are used only as state grows."""

_MAGIC: Final = b"TARIMENG"
_CHUNK_WORDS: Final = 1 << 21
_LARGE_PAGE_BYTES: Final = 2 << 20
_MADV_POPULATE_WRITE: Final = 23  # Linux 5.14
_NORESERVE: Final = getattr(mmap, "MAP_NORESERVE", 0x4000)
Features = npt.NDArray[np.float64]
Words = npt.NDArray[np.int64]
Decide = Callable[[Rows, Features], npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class EntityUse:
    """What one entity kind holds."""

    entity: str
    entities: int
    events: int
    large_rings: int
    table_entries: int


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Bytes of an engine: `in_use` in blocks that hold something, `allocated` ever handed out (resident at most)."""

    in_use_bytes: int
    allocated_bytes: int
    limit_bytes: int
    entities: tuple[EntityUse, ...]

    @property
    def events_retained(self) -> int:
        """Events the fullest entity kind remembers."""
        return max(use.events for use in self.entities)


@dataclass(frozen=True, slots=True)
class GraphUse:
    """Where a graph's caps took effect so far: events whose searches read no further, edges that full rings forgot."""

    events_capped: int
    edges_dropped: int


class Engine:
    """Exact features over a stream of event rows.

    memory_bytes_max: address space reserved for the state; reaching it raises Unavailable and changes nothing.
    jit=False runs the kernels uncompiled, for tests.  large_lg: rings with room for 2**large_lg events keep running
    aggregates; it changes the cost, never a number.
    """

    def __init__(
        self,
        features: FeatureSet,
        *,
        memory_bytes_max: int = MEMORY_BYTES_MAX,
        jit: bool = True,
        large_lg: int = LARGE_LG,
    ) -> None:
        self.features = features
        self._plan = make_plan(features, large_lg)
        self._kernels = compile_plan(self._plan, jit=jit)
        self._process, self._feature_count = self._kernels.process, len(features.features)
        # The limit is looked at between blocks of events; growth within one has address space to spare.
        self._words = _reserve(3 * memory_bytes_max)
        self._prepared_bytes = 0
        words = self._words
        words[arena.FORMAT] = arena.FORMAT_VERSION
        words[arena.CAPACITY] = memory_bytes_max // 8
        words[arena.BUMP] = header_words(self._plan)
        words[arena.IN_USE] = words[arena.BUMP]
        if words[arena.CAPACITY] < words[arena.BUMP] + 3 * len(self._plan.directories) * arena.SLOTS * 16:
            raise Unavailable(f"{memory_bytes_max:,} bytes are too few for {len(self._plan.directories)} entity kinds")
        for role in self._plan.directories:
            arena.format_directory(words, role.index)
        if self._plan.graph is not None:
            for at, value in self._plan.graph.settings.items():
                words[graph_word(self._plan) + at] = value

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names, in the order of the output's columns."""
        return self.features.names

    @property
    def offset(self) -> int:
        """The next journal position this engine expects."""
        return int(self._words[arena.OFFSET])

    @property
    def watermark_ms(self) -> int:
        """Greatest event time seen."""
        return int(self._words[arena.WATERMARK])

    @property
    def late_count(self) -> int:
        """Events that came later than the set's lateness."""
        return int(self._words[arena.LATE])

    @property
    def allocated_bytes(self) -> int:
        """Bytes of state ever handed out; unlike `memory` it costs nothing to ask."""
        return 8 * int(self._words[arena.BUMP])

    @property
    def lists(self) -> tuple[str, ...]:
        """Names of the lists that features look at: the engine has to be told of every change of any list, in its place."""
        return self._plan.graph.lists if self._plan.graph else ()

    @property
    def kernel_source(self) -> str:
        """The generated source, for those who want to read what runs."""
        return self._kernels.source

    def pass_over(self, first_seq: int, count: int = 1) -> None:
        """Skip journal positions that hold no events (control records).  Raises Damaged at a gap."""
        if first_seq != self.offset:
            raise Damaged(f"the engine expects position {self.offset}, not {first_seq}")
        self._words[arena.OFFSET] += count

    def list_part(self, change: str, name: str, index: int, accounts: Words, periods: Words) -> None:
        """Take in part `index` of a change of the list `name`; it counts from `list_close` on.

        accounts: tokens, int64[n].  periods: int64[n], first second << 32 | second after the last, 0 takes off.  Part 0 takes
        the place of a change that was not closed.  Raises Unavailable at the memory limit, with nothing changed.
        """
        if self._kernels.list_part is None:
            return
        if self._words[arena.BUMP] >= self._words[arena.CAPACITY]:
            raise Unavailable(self._full())
        number = self.lists.index(name) if name in self.lists else -1
        assert accounts.shape == periods.shape
        self._kernels.list_part(self._words, number, _change_key(change), index == 0, accounts, periods)

    def list_close(self, change: str) -> None:
        """A change of a list is in force for the events from here on."""
        if self._kernels.list_close is not None:
            self._kernels.list_close(self._words, _change_key(change))

    def process(self, rows: Rows, out: Features, decide: Decide | None = None) -> None:
        """Features of a batch into `out`, and the batch into the state; sets Flag.LATE in rows that are late.

        rows: int64 (n, ROW_WORDS), C-contiguous, positions contiguous from `offset`.  out: float64 (n, features).
        With features that read outcomes, a row's OUTCOME counts if it is set (replay); otherwise `decide` is called for
        one event at a time and must return its outcome.  Raises Damaged at a gap and Unavailable at the memory limit; the
        rows before it have been taken.
        """
        count = len(rows)
        # A kernel takes no other types, nor arrays with gaps; it does not look at shapes.
        assert rows.shape == (count, ROW_WORDS) and out.shape == (count, self._feature_count)
        if decide is None or self._kernels.settle is None:
            self._run(rows, out, 0, count)
            return
        for i in range(count):
            self._run(rows, out, i, i + 1)
            if rows[i, Col.OUTCOME] < 0:
                outcome = decide(rows[i : i + 1], out[i : i + 1])
                rows[i, Col.OUTCOME] = outcome[0]
                if rows[i, Col.KIND] != Kind.LABEL:  # a label is no event of anybody: nothing to settle
                    self._kernels.settle(self._words, rows, i, outcome[0])

    def _run(self, rows: Rows, out: Features, low: int, high: int) -> None:
        stopped = self._process(self._words, rows, out, low, high)
        if stopped == high:
            return
        if stopped < 0:
            row = -1 - stopped
            raise Damaged(f"the engine expects position {self.offset}, not {rows[row, Col.SEQ]}")
        raise Unavailable("an entity has more events than a ring can hold" if self._words[arena.FULL] else self._full())

    def _full(self) -> str:
        return f"the engine's memory limit of {8 * int(self._words[arena.CAPACITY]):,} bytes is reached"

    def memory(self) -> MemoryUse:
        """What the state takes, by entity kind."""
        uses = []
        counts = np.zeros(4, np.int64)
        for role in self._plan.directories:
            arena.census(self._words, role.index, role.large_lg, counts)
            uses.append(EntityUse(role.entity.name, *(int(count) for count in counts)))
        words = self._words
        return MemoryUse(
            8 * int(words[arena.IN_USE]), 8 * int(words[arena.BUMP]), 8 * int(words[arena.CAPACITY]), tuple(uses)
        )

    @property
    def graph_use(self) -> GraphUse | None:
        """What the caps of the set's graph cut off; None for a set without one."""
        if self._plan.graph is None:
            return None
        at = graph_word(self._plan)
        return GraphUse(int(self._words[at + 7]), int(self._words[at + 8]))

    def prepare_memory(self, bytes_ahead: int) -> None:
        """Have the system back the next `bytes_ahead` bytes of state with memory now, instead of at first use.

        Called from a thread of its own now and then, it keeps an engine that grows from waiting milliseconds for a large
        page to be cleared.  It releases the interpreter and changes no word.  Does nothing where the system cannot do it.
        """
        first = max(self._prepared_bytes, 8 * int(self._words[arena.BUMP]) & -_LARGE_PAGE_BYTES)
        last = min(8 * int(self._words[arena.BUMP]) + bytes_ahead, 8 * len(self._words)) & -_LARGE_PAGE_BYTES
        for at in range(first, last, _LARGE_PAGE_BYTES):
            if not _populate(self._words.ctypes.data + at, _LARGE_PAGE_BYTES):
                return
            self._prepared_bytes = at + _LARGE_PAGE_BYTES

    @property
    def prepared_bytes_ahead(self) -> int:
        """Bytes beyond the state that `prepare_memory` has made ready; negative when the state has outgrown them."""
        return self._prepared_bytes - 8 * int(self._words[arena.BUMP])

    # ---- keeping ---------------------------------------------------------------------------------------------------

    def snapshot(self, path: Path) -> int:
        """Write the state to `path` (atomically: a temporary file, synced, renamed); returns its bytes."""
        words = self._words[: int(self._words[arena.BUMP])]
        temporary = path.with_name(path.name + ".tmp")
        checksum = 0
        with open(temporary, "wb") as file:
            head = json.dumps(
                {"features": self.features.version, "offset": self.offset, "words": len(words)}, sort_keys=True
            ).encode()
            file.write(_MAGIC + len(head).to_bytes(4, "little") + head)
            for start in range(0, len(words), _CHUNK_WORDS):
                chunk = words[start : start + _CHUNK_WORDS].view(np.uint8).data
                checksum = zlib.crc32(chunk, checksum)
                file.write(chunk)
            file.write(checksum.to_bytes(4, "little"))
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return size

    @classmethod
    def restore(
        cls, path: Path, features: FeatureSet, *, memory_bytes_max: int = MEMORY_BYTES_MAX, jit: bool = True
    ) -> Self:
        """The engine that wrote `path`.  Raises Damaged when the file is not whole or is of another feature set."""
        engine = cls(features, memory_bytes_max=memory_bytes_max, jit=jit)
        with open(path, "rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise Damaged(f"{path.name} is not an engine snapshot")
            try:
                head = json.loads(file.read(int.from_bytes(file.read(4), "little")))
                count = int(head["words"])
            except (ValueError, KeyError, TypeError) as error:
                raise Damaged(f"{path.name}: the snapshot's head cannot be read") from error
            if head["features"] != features.version:
                raise Damaged(f"{path.name} is of feature set {head['features']}, not {features.version}")
            limit = int(engine._words[arena.CAPACITY])
            if not 0 < count <= limit:
                raise Unavailable(f"{path.name} needs {8 * count:,} bytes; the limit is {8 * limit:,}")
            checksum = 0
            for start in range(0, count, _CHUNK_WORDS):
                chunk = engine._words[start : min(start + _CHUNK_WORDS, count)].view(np.uint8).data
                if file.readinto(chunk) != len(chunk):
                    raise Damaged(f"{path.name} ends too early")
                checksum = zlib.crc32(chunk, checksum)
            if file.read() != checksum.to_bytes(4, "little"):
                raise Damaged(f"{path.name}: the checksum does not match")
        engine._words[arena.CAPACITY] = limit
        return engine

    @property
    def _listing(self) -> Words:
        """The header's words about changes of lists: how many are in force, and the key of the one that comes in."""
        assert self._plan.graph is not None
        at = graph_word(self._plan) + self._plan.graph.listing_word
        return self._words[at : at + 2]

    # ---- slots -----------------------------------------------------------------------------------------------------

    def export_slot(self, slot: int) -> bytes:
        """Everything about the entities of one of the 256 hash slots, for another engine of the same set."""
        head: dict[str, Any] = {
            "features": self.features.version,
            "watermark_ms": self.watermark_ms,
            "offset": self.offset,
            "words": [],
        }
        if self.lists:
            head["lists"] = self._listing.tolist()
        parts = []
        for role in self._plan.directories:
            empty = np.zeros(0, np.int64)
            packed = np.zeros(arena.pack_slot(self._words, role.index, slot, role.width, empty), np.int64)
            arena.pack_slot(self._words, role.index, slot, role.width, packed)
            head["words"].append(len(packed))
            parts.append(packed.tobytes())
        text = json.dumps(head, sort_keys=True).encode()
        return b"".join([len(text).to_bytes(4, "little"), text, *parts])

    def import_slot(self, exported: bytes) -> None:
        """Take over a slot; its entities must be unknown here (`drop_slot` first).  Raises Damaged for another set."""
        size = int.from_bytes(exported[:4], "little")
        head = json.loads(exported[4 : 4 + size])
        if head["features"] != self.features.version:
            raise Damaged(f"the slot is of feature set {head['features']}, not {self.features.version}")
        words = self._words
        words[arena.WATERMARK] = max(self.watermark_ms, head["watermark_ms"])
        words[arena.OFFSET] = max(self.offset, head["offset"])
        if self.lists:
            self._listing[:] = head["lists"]  # both know the same changes, or this one knows none yet
        at = 4 + size
        for adopt, count in zip(self._kernels.adopt, head["words"], strict=True):
            adopt(words, np.frombuffer(exported, np.int64, count, at).copy())
            at += 8 * count

    def drop_slot(self, slot: int) -> None:
        """Forget the entities of a slot that another engine owns now."""
        for role in self._plan.directories:
            sizes = (
                role.width,
                role.large_words,
                role.large_words_per_place,
                role.large_lg,
                arena.RING_CLASS + role.index,
            )
            arena.sweep_slot(self._words, role.index, slot, np.iinfo(np.int64).max, *sizes)


def _change_key(change: str) -> int:
    """64 bits that tell a change of lists from the others, never 0."""
    return int.from_bytes(hashlib.sha256(change.encode()).digest()[:8], "little", signed=True) or 1


def _populate(address: int, size: int) -> bool:
    """Back a span of this process's memory with pages ready to be written; whether the system did it."""
    if sys.platform != "linux":
        return False
    call = ctypes.CDLL(None).madvise
    call.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return bool(call(address, size, _MADV_POPULATE_WRITE) == 0)


def _reserve(bytes_max: int) -> npt.NDArray[np.int64]:
    """Zeroed words in a private mapping: address space now, memory when touched, in large pages where there are any.

    Every event touches a dozen random places; with small pages each is a miss in the translation buffer as well.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
    mapping = mmap.mmap(-1, bytes_max // 8 * 8, flags=flags)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel built without them
            mapping.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(mapping, np.int64)
