"""The journal walked through once more: records, checked, through an engine, as chunks of events with their features.

    reader thread          engine thread            whoever iterates
    records, digests  ─►   features, as they  ─►    a backtest's rules, a training set's rows
    checked, chunks        were computed live

A span is a contiguous piece of the journal: from the first event that happened at or after `from_ms`, up to the first that
happened at or after `to_ms`.  A late event lies where it arrived.  Events before the span go through the engine too, from
the newest snapshot before it or from the journal's start, so that every window is full.  Nothing is locked: the service may
run.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import Conflict, Damaged, InputError, NotFound, Unavailable
from tarim.bootstrap.places import Places
from tarim.bootstrap.replaying import Ahead
from tarim.bootstrap.settings import Settings
from tarim.decisions import (
    DECISION_WORDS,
    Events,
    FeatureEngine,
    LogRecord,
    RecordKind,
    Seen,
    Snapshots,
    champion_scores,
    decode_events,
    pass_over,
)
from tarim.journal import FolderReader
from tarim.stream import ROW_WORDS, Col, Engine, FeatureSet, Kind

CHUNK_EVENTS: Final = 16_384
_CHUNKS: Final = 8
"""In turn: one being filled, two waiting, one in the engine, two waiting, one being looked at, and one to spare."""

Progress = Callable[[int, int], None]
"""Told how many events of how many are through."""
Words = npt.NDArray[np.int64]


class Cancelled(Conflict):
    """Somebody broke the work off; nothing was kept."""

    code = "cancelled"


def open_reader(folder: Path, settings: Settings, *, check: bool) -> FolderReader:
    """A reader of a journal beside whoever writes it.  Raises NotFound."""
    if not folder.is_dir():
        raise NotFound(f"there is no journal in {folder.parent}")
    return FolderReader(folder, index_stride_bytes=settings.journal.index_stride_bytes, check=check)


# ---- the span --------------------------------------------------------------------------------------------------------


class SourceNames:
    """Names of sources as small numbers, in the order they turn up."""

    def __init__(self) -> None:
        self._code_of: dict[str, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each number."""
        return tuple(self._code_of)

    def codes(self, events: Events) -> Words:
        """Number of each event's source, shape (n,)."""
        sources = events.side.sources
        if isinstance(sources, str):
            return np.full(len(events), self._code(sources), np.int64)
        return np.fromiter((self._code(each) for each in sources), np.int64, len(sources))

    def _code(self, name: str) -> int:
        return self._code_of.setdefault(name, len(self._code_of))


@dataclass(frozen=True, slots=True)
class Surveyed:
    """Positions first_seq ... end_seq - 1 are the span.

    labels: int64 (k, 5), every label in what was read, in the journal's order: its position, the position it refers to
    (-1 unknown), 1 fraud or 0 genuine (-1 neither), the journal's clock when it came, and the number of its source.
    clock_ms: the journal's clock at the span's end.  The journal's clock is the latest instant that any event up to there
    happened at: it needs no wall clock, and stands still while history is late.  before_ms: the same just before the span's
    first event, 0 for none.  first_ms: when that event happened.
    """

    first_seq: int
    end_seq: int
    labels: Words
    clock_ms: int
    before_ms: int
    first_ms: int


def survey(
    reader: FolderReader,
    from_ms: int | None,
    to_ms: int | None,
    durable_seq: int,
    *,
    to_the_end: bool = False,
    sources: SourceNames | None = None,
) -> Surveyed:
    """Read what is kept of the journal once, for the span's positions and for labels.  Raises InputError for no event.

    to_the_end: read on after the span, for labels that came later.  sources: learns the labels' sources; without it they
    count as 0.
    """
    first_seq = -1 if from_ms is not None else reader.first_seq
    end_seq = -1 if to_ms is not None else durable_seq
    found: list[Words] = []
    events_end = clock_ms = span_clock_ms = before_ms = first_ms = 0
    met = False
    for record in reader.read(reader.first_seq, durable_seq):
        if record.kind != RecordKind.EVENTS:
            continue
        events = decode_events(record)
        rows = events.rows
        events_end = record.first_seq + record.count
        occurred_ms = rows[:, Col.OCCURRED_MS]
        clock = np.maximum(np.maximum.accumulate(occurred_ms), clock_ms)
        if first_seq < 0 and from_ms is not None:
            first_seq = _first(record, occurred_ms >= from_ms)
        if not met and 0 <= first_seq < events_end:
            place, met = max(first_seq - record.first_seq, 0), True
            before_ms, first_ms = int(clock[place - 1]) if place else clock_ms, int(occurred_ms[place])
        if end_seq < 0 and to_ms is not None:
            end_seq = _first(record, occurred_ms >= to_ms)
            if record.first_seq < end_seq:
                span_clock_ms = int(clock[end_seq - record.first_seq - 1])
        clock_ms = int(clock[-1])
        speaking = np.flatnonzero(rows[:, Col.KIND] == Kind.LABEL)
        if len(speaking):
            known = np.zeros((len(speaking), 5), np.int64)
            known[:, :3] = rows[speaking][:, [Col.SEQ, Col.REFERS_SEQ, Col.LABEL]]
            known[:, 3] = clock[speaking]
            if sources is not None:
                known[:, 4] = sources.codes(events)[speaking]
            found.append(known)
        if end_seq < 0 or end_seq >= events_end:
            span_clock_ms = clock_ms
        elif not to_the_end and record.first_seq >= end_seq:
            break
    if first_seq < 0 or first_seq >= events_end:
        raise InputError("the journal holds no event at or after the beginning of the span")
    end_seq = min(end_seq, events_end) if end_seq >= 0 else events_end
    if end_seq <= first_seq:
        raise InputError("the span holds no event: its end lies before its beginning")
    labels = np.concatenate(found) if found else np.zeros((0, 5), np.int64)
    return Surveyed(first_seq, end_seq, labels, span_clock_ms, before_ms, first_ms)


def _first(record: LogRecord, where: npt.NDArray[np.bool_]) -> int:
    """Position of the first event for which it is true, -1 for none."""
    return record.first_seq + int(where.argmax()) if where.any() else -1


def engine_before(
    first_seq: int, reader: FolderReader, settings: Settings, places: Places, features: FeatureSet
) -> FeatureEngine:
    """The engine as it stood at a position at or before `first_seq`, as near as a snapshot allows.

    Raises Unavailable when the journal no longer reaches back far enough.
    """
    memory = settings.engine.memory_bytes_max
    snapshots = Snapshots(places.snapshots)
    for offset in snapshots.offsets():
        if reader.first_seq <= offset <= first_seq:
            try:
                restored = snapshots.load(
                    offset,
                    lambda path: Engine.restore(path, features, memory_bytes_max=memory),
                    Seen(settings.seen.events_max),
                )
            except (Damaged, Unavailable):
                continue
            return restored.engine
    if reader.first_seq:
        raise Unavailable(
            f"the journal starts at {reader.first_seq} and no snapshot lies between there and the span: its windows "
            "cannot be filled"
        )
    return Engine(features, memory_bytes_max=memory)


# ---- the walk --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Chunk:
    """Events decided under one ruleset and one champion, and the control records that lie before them.

    The first `count` rows of the arrays count; the arrays are used again later, so whoever wants to keep them copies them.
    sources: the number of each event's source.  scores: the champion's, NaN without one.
    """

    rows: Words
    decisions: Words
    features: npt.NDArray[np.float64]
    sources: Words
    scores: npt.NDArray[np.float64]
    count: int = 0
    version: str = ""
    champion: str = ""
    before: list[LogRecord] = field(default_factory=list)

    @classmethod
    def of(cls, features_count: int) -> Chunk:
        """An empty chunk."""
        return cls(
            np.empty((CHUNK_EVENTS, ROW_WORDS), np.int64),
            np.empty((CHUNK_EVENTS, DECISION_WORDS), np.int64),
            np.empty((CHUNK_EVENTS, features_count)),
            np.empty(CHUNK_EVENTS, np.int64),
            np.empty(CHUNK_EVENTS),
        )

    def clear(self) -> Chunk:
        """Itself, empty."""
        self.count, self.version, self.champion, self.before = 0, "", "", []
        return self

    def add(self, events: Events, sources: Words, start: int, end: int) -> int:
        """Take in events from `start` up to `end`, as many as there is room for; the index after the last one."""
        if events.decisions.shape[1] != DECISION_WORDS:
            raise Damaged(f"decisions at {events.first_seq} have another width than this version's")
        stop = min(end, start + CHUNK_EVENTS - self.count)
        into = slice(self.count, self.count + stop - start)
        self.rows[into] = events.rows[start:stop]
        self.decisions[into] = events.decisions[start:stop]
        self.sources[into] = sources[start:stop]
        self.scores[into] = champion_scores(events.decisions, events.beside)[start:stop]
        self.count += stop - start
        return stop


def walk(
    engine: FeatureEngine,
    reader: FolderReader,
    end_seq: int,
    sources: SourceNames,
    *,
    what: str,
    progress: Progress,
    stopped: Callable[[], bool],
) -> Generator[Chunk, None, None]:
    """Chunks from the engine's position up to `end_seq`, with the features the engine computes; close it when done.

    what: the work this is for, for the threads' names and for the message of Cancelled, which is raised when broken off.
    """
    start = engine.offset
    with (
        Ahead(f"{what}-reader", _chunks(reader, start, end_seq, len(engine.features.names), sources)) as chunks,
        Ahead(f"{what}-engine", _processed(engine, chunks)) as processed,
    ):
        for chunk in processed:
            if stopped():
                raise Cancelled(f"the {what} was broken off")
            yield chunk
            if chunk.count:
                progress(int(chunk.rows[chunk.count - 1, Col.SEQ]) + 1 - start, end_seq - start)


def _chunks(reader: FolderReader, start: int, end: int, features_count: int, sources: SourceNames) -> Iterator[Chunk]:
    chunks = itertools.cycle([Chunk.of(features_count) for _ in range(_CHUNKS)])
    chunk = next(chunks).clear()
    for record in reader.read(start, end):
        if record.kind != RecordKind.EVENTS:
            if chunk.count:
                yield chunk
                chunk = next(chunks).clear()
            chunk.before.append(record)
            continue
        events = decode_events(record)
        version, champion = events.side.versions.ruleset, events.side.versions.model
        if chunk.count and (version, champion) != (chunk.version, chunk.champion):
            yield chunk
            chunk = next(chunks).clear()
        chunk.version, chunk.champion = version, champion
        codes = sources.codes(events)
        at, stop = 0, min(len(events), end - record.first_seq)
        while at < stop:
            at = chunk.add(events, codes, at, stop)
            if chunk.count == CHUNK_EVENTS:
                yield chunk
                chunk = next(chunks).clear()
                chunk.version, chunk.champion = version, champion
    yield chunk


def _processed(engine: FeatureEngine, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    for chunk in chunks:
        for record in chunk.before:
            pass_over(engine, record)
        engine.process(chunk.rows[: chunk.count], chunk.features[: chunk.count])
        yield chunk
