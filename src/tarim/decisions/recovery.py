"""Recovery: from the newest sound snapshot through the rest of the journal to where the service stopped.

Recorded decisions are taken over, not made again, so neither rules nor model are needed.  The same walk verifies: given
the judges of the time, it makes every decision once more and reports each that comes out differently.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.decisions.domain import DECISION_WORDS, Beside, Lineup, champion_scores
from tarim.decisions.passing import pass_over
from tarim.decisions.ports import FeatureEngine, Judge, LogReader, LogRecord
from tarim.decisions.records import Control, Events, RecordKind, Versions, decode_control, decode_events
from tarim.decisions.seen import Seen
from tarim.decisions.snapshots import Snapshots, State
from tarim.decisions.treatment import Treatment
from tarim.stream import ROW_WORDS, Col, Rows

CHUNK_EVENTS: Final = 16_384
"""Events taken in at once; small records are gathered into chunks of this size."""

DIFFERENCES_KEPT: Final = 100
_IN_FORCE: Final = (RecordKind.RULESET, RecordKind.FEATURES, RecordKind.TREATMENT)

Words = npt.NDArray[np.int64]
Features = npt.NDArray[np.float64]
Judges = Callable[[Versions], Judge]
"""The judge for versions that were in force; raises NotFound when an artefact is gone."""

Treatments = Callable[[Control], Treatment]
"""The treatment that a control record put in force; raises NotFound when the artefact is gone."""

Look = Callable[[Rows, Features, Words], None]
"""Sees each chunk after it was taken in: rows, features and recorded decisions, all of one length."""


@dataclass(slots=True)
class Replayed:
    """What a walk through the journal did.  differing: how many decisions came out differently; seqs: the first of them."""

    events: int = 0
    took_s: float = 0.0
    differing: int = 0
    seqs: list[int] = field(default_factory=list)


Onlooker = Callable[[Rows, Features, Features, str], None]
"""Sees each chunk after it was taken in: rows, features, the champion's scores, and the champion's version."""


class _Chunk:
    """Rows and recorded decisions of several records, gathered."""

    def __init__(self, *, scored: bool) -> None:
        self.rows = np.empty((CHUNK_EVENTS, ROW_WORDS), np.int64)
        self.decisions = np.empty((CHUNK_EVENTS, DECISION_WORDS), np.int64)
        self.scores = np.empty(CHUNK_EVENTS) if scored else None
        self.beside: Beside | None = None
        self.again: Beside | None = None
        self.count = 0

    def line_up(self, lineup: Lineup) -> None:
        """Have room for what the models of a line-up said, and for what they say again."""
        self.beside, self.again = Beside.room(CHUNK_EVENTS, lineup), Beside.room(CHUNK_EVENTS, lineup)

    def add(self, events: Events, start: int) -> int:
        """Take in events from `start` on, as many as there is room for; how many."""
        taken = min(len(events) - start, CHUNK_EVENTS - self.count)
        if events.decisions.shape[1] != DECISION_WORDS:
            raise Damaged(f"decisions at {events.first_seq} have another width than this version's")
        self.rows[self.count : self.count + taken] = events.rows[start : start + taken]
        self.decisions[self.count : self.count + taken] = events.decisions[start : start + taken]
        if self.scores is not None:
            scores = champion_scores(events.decisions, events.beside)
            self.scores[self.count : self.count + taken] = scores[start : start + taken]
        if self.beside is not None and events.beside is not None:
            self.beside.judged[self.count : self.count + taken] = events.beside.judged[start : start + taken]
            self.beside.scores[self.count : self.count + taken] = events.beside.scores[start : start + taken]
        self.count += taken
        return taken


def advance(
    state: State,
    records: Iterable[LogRecord],
    *,
    judges: Judges | None = None,
    treatments: Treatments | None = None,
    look: Look | None = None,
    watcher: Onlooker | None = None,
) -> Replayed:
    """Take the records into the state, in order.  With `judges` and `treatments` every decision is made again and compared.

    Raises Damaged at a gap, and what `judges` raises.
    """
    replayed = Replayed()
    begin = time.perf_counter()
    chunk = _Chunk(scored=watcher is not None)
    features = np.empty((CHUNK_EVENTS, len(state.engine.features.names)))
    versions: Versions | None = None
    judge: Judge | None = None

    def flush() -> None:
        rows, decisions, count = chunk.rows[: chunk.count], chunk.decisions[: chunk.count], chunk.count
        if not count:
            return
        state.engine.process(rows, features[:count])
        state.seen.note(rows)
        treatment = state.in_force.get(RecordKind.TREATMENT)
        if judge is None or treatment is None or treatments is None:
            state.aftermath.take_events(rows, decisions)
        if judge is not None:
            judged = rows.copy()
            beside = chunk.again.part(slice(count)) if chunk.again is not None else None
            again = judge.decide(judged, features[:count], beside=beside)
            if treatment is not None and treatments is not None:
                state.aftermath.treat(judged, again, treatments(treatment))
                state.aftermath.holds.take(rows, decisions)
            differs = (again != decisions).any(axis=1)
            if beside is not None and chunk.beside is not None:
                differs |= beside.differs(chunk.beside.part(slice(count)))
            different = np.flatnonzero(differs)
            replayed.differing += len(different)
            room = DIFFERENCES_KEPT - len(replayed.seqs)
            replayed.seqs += rows[different[:room], Col.SEQ].tolist()
        if look is not None:
            look(rows, features[:count], decisions)
        if watcher is not None and chunk.scores is not None:
            watcher(rows, features[:count], chunk.scores[:count], state.governance.lineup.champion)
        replayed.events += count
        chunk.count = 0

    for record in records:
        if record.kind != RecordKind.EVENTS:
            flush()
            state.governance.take(record)
            state.aftermath.take(record)
            if judge is not None and record.kind == RecordKind.SWITCH:
                judge.steer(state.governance.effects(judge.rules))
            if record.kind in _IN_FORCE:
                state.in_force[record.kind] = decode_control(record)
            pass_over(state.engine, record)
            continue
        events = decode_events(record)
        if judges is not None and events.side.versions != versions:
            flush()
            versions = events.side.versions
            judge = judges(versions)
            judge.line_up(versions.lineup)
            chunk.line_up(versions.lineup)
            judge.steer(state.governance.effects(judge.rules))
        start = 0
        while start < len(events):
            start += chunk.add(events, start)
            if chunk.count == CHUNK_EVENTS:
                flush()
    flush()
    replayed.took_s = time.perf_counter() - begin
    return replayed


@dataclass(frozen=True, slots=True)
class Recovered:
    """The state at the journal's end, and how it was reached: from which snapshot (-1: none), and what was skipped."""

    state: State
    snapshot_offset: int
    replayed: Replayed
    skipped: tuple[str, ...]


def recover(
    log: LogReader,
    snapshots: Snapshots,
    *,
    fresh: Callable[[], FeatureEngine],
    restore: Callable[[Path], FeatureEngine],
    seen_events_max: int,
    to_seq: int | None = None,
    watcher: Onlooker | None = None,
) -> Recovered:
    """The state after everything that is durable in the journal, or before position `to_seq`.

    A damaged snapshot, or one of another feature set, is passed over for the one before it.  Raises Unavailable when no
    snapshot helps and the journal no longer starts at 0.  watcher: sees the events after the snapshot.
    """
    end = log.durable_seq if to_seq is None else to_seq
    skipped: list[str] = []
    for offset in snapshots.offsets():
        if offset > end:
            if to_seq is None:
                skipped.append(f"snapshot {offset} lies beyond the journal's end at {end}")
            continue
        try:
            state = snapshots.load(offset, restore, Seen(seen_events_max))
            return Recovered(state, offset, advance(state, log.read(offset, end), watcher=watcher), tuple(skipped))
        except (Damaged, NotFound, Unavailable) as error:
            skipped.append(error.detail)
    state = State(fresh(), Seen(seen_events_max), {})
    try:
        replayed = advance(state, log.read(0, end), watcher=watcher) if end else Replayed()
    except NotFound as error:
        raise Unavailable(f"the state cannot be rebuilt: {error.detail}") from error
    return Recovered(state, -1, replayed, tuple(skipped))
