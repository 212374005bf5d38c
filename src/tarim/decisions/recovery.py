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
    begin = time.perf_counter()
    walk = _Walk(state, judges, treatments, look, watcher)
    for record in records:
        if record.kind == RecordKind.EVENTS:
            walk.take_events(decode_events(record))
        else:
            walk.take_control(record)
    walk.flush()
    walk.replayed.took_s = time.perf_counter() - begin
    return walk.replayed


class _Walk:
    """One walk: gathers events into chunks, takes each chunk in, and has it judged once more where judges are given."""

    def __init__(
        self,
        state: State,
        judges: Judges | None,
        treatments: Treatments | None,
        look: Look | None,
        watcher: Onlooker | None,
    ) -> None:
        self._state, self._judges, self._treatments = state, judges, treatments
        self._look, self._watcher = look, watcher
        self._chunk = _Chunk(scored=watcher is not None)
        self._features = np.empty((CHUNK_EVENTS, len(state.engine.features.names)))
        self._versions: Versions | None = None
        self._judge: Judge | None = None
        self.replayed = Replayed()

    def take_control(self, record: LogRecord) -> None:
        """Take in what is not events: all before it is taken in first."""
        self.flush()
        state = self._state
        state.governance.take(record)
        state.aftermath.take(record)
        if self._judge is not None and record.kind == RecordKind.SWITCH:
            self._judge.steer(state.governance.effects(self._judge.rules))
        if record.kind in _IN_FORCE:
            state.in_force[record.kind] = decode_control(record)
        pass_over(state.engine, record)

    def take_events(self, events: Events) -> None:
        """Gather events, with the judge of their versions where they are to be judged."""
        if self._judges is not None and events.side.versions != self._versions:
            self.flush()
            self._versions = events.side.versions
            self._judge = judge = self._judges(self._versions)
            judge.line_up(self._versions.lineup)
            self._chunk.line_up(self._versions.lineup)
            judge.steer(self._state.governance.effects(judge.rules))
        start = 0
        while start < len(events):
            start += self._chunk.add(events, start)
            if self._chunk.count == CHUNK_EVENTS:
                self.flush()

    def flush(self) -> None:
        """Take in what was gathered."""
        state, chunk, count = self._state, self._chunk, self._chunk.count
        if not count:
            return
        rows, decisions, features = chunk.rows[:count], chunk.decisions[:count], self._features[:count]
        state.engine.process(rows, features)
        state.seen.note(rows)
        treatment = state.in_force.get(RecordKind.TREATMENT)
        if self._judge is None or treatment is None or self._treatments is None:
            state.aftermath.take_events(rows, decisions)
        if self._judge is not None:
            self._compare(self._judge, rows, features, decisions, treatment)
        if self._look is not None:
            self._look(rows, features, decisions)
        if self._watcher is not None and chunk.scores is not None:
            self._watcher(rows, features, chunk.scores[:count], state.governance.lineup.champion)
        self.replayed.events += count
        chunk.count = 0

    def _compare(
        self, judge: Judge, rows: Rows, features: Features, decisions: Words, treatment: Control | None
    ) -> None:
        """Decide once more, and note what comes out differently."""
        chunk, count, judged = self._chunk, len(rows), rows.copy()
        beside = chunk.again.part(slice(count)) if chunk.again is not None else None
        again = judge.decide(judged, features, beside=beside)
        if treatment is not None and self._treatments is not None:
            self._state.aftermath.treat(judged, again, self._treatments(treatment))
            self._state.aftermath.holds.take(rows, decisions)
        differs = (again != decisions).any(axis=1)
        if beside is not None and chunk.beside is not None:
            differs |= beside.differs(chunk.beside.part(slice(count)))
        different = np.flatnonzero(differs)
        self.replayed.differing += len(different)
        room = DIFFERENCES_KEPT - len(self.replayed.seqs)
        self.replayed.seqs += rows[different[:room], Col.SEQ].tolist()


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
