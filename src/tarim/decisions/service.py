"""The use case of the house: events in, decisions out, and nothing answered that is not in the journal.

One writer.  A group of events is recognised (retries, conflicts), resolved (labels), judged and appended as one
record; whoever calls answers only after the log's commit.  Three things can go wrong, and each leaves a known state:

    before the engine has seen the group   the group is refused, nothing has changed
    after that                             the service is *broken*: the engine is ahead of the journal, so it refuses
                                           everything from then on, and a restart puts both in step again
    one event of the group                 that event is refused (a conflict, a label about nothing), the rest goes on
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import Conflict, FieldError, NotFound, TarimError, Unavailable
from tarim.decisions.aftermath import Aftermath
from tarim.decisions.decided import Decided, Records, Result, Taken
from tarim.decisions.domain import DECISION_WORDS, Beside, Grounds
from tarim.decisions.governance import Governance
from tarim.decisions.holds import OPEN_MAX
from tarim.decisions.kernels.referring import refers
from tarim.decisions.passing import pass_over
from tarim.decisions.ports import Batch, FeatureEngine, Features, Judge, Log
from tarim.decisions.records import (
    Control,
    RecordKind,
    Versions,
    encode_control,
    encode_events,
    encode_side,
    events_bytes,
)
from tarim.decisions.registry import ModelRecord, encode_model_record
from tarim.decisions.seen import NEW, OTHER, Seen
from tarim.decisions.treatment import Treatment
from tarim.stream import COLUMN_OF_FIELD, Col, Flag, Kind, Rows

Words = npt.NDArray[np.int64]

CONTROL_POSITIONS: Final = 1
"""Positions a control record takes."""

RECORD_SLACK_BYTES: Final = 4_096
"""Room asked for beside the payload: the log's own framing, and a segment's head."""

GROUNDS_BYTES_MAX: Final = 1 << 20
"""Kept in one record of what its events were judged on; reasons of further ones are told by replay."""

_REFERRED: Final = sorted(set(COLUMN_OF_FIELD.values()) - {Col.OCCURRED_MS, Col.KIND, Col.LABEL})
"""Words a label takes over from the event it is about, so that it reaches every entity that event belongs to."""


class BusinessStopped(Unavailable):
    """New business of this kind is not taken at present: an operator stopped it (RM-28)."""

    code = "business-stopped"


@dataclass(frozen=True, slots=True)
class ControlRecord:
    """A control record as it is appended, the same as it is read later."""

    first_seq: int
    count: int
    kind: int
    payload: memoryview


class DecisionService:
    """Takes groups of events, one after the other, from one thread at a time.

    lenient: a label about an unknown event is taken without what it refers to, instead of being refused; for replaying
    files that are cut out of a longer history.
    """

    def __init__(
        self,
        log: Log,
        engine: FeatureEngine,
        judge: Judge,
        seen: Seen,
        governance: Governance | None = None,
        *,
        aftermath: Aftermath | None = None,
        treatment: Treatment | None = None,
        lenient: bool = False,
    ) -> None:
        if engine.offset != log.next_seq:
            raise Unavailable(f"the engine stands at {engine.offset}, the journal at {log.next_seq}")
        self._log = log
        self._engine = engine
        self._seen = seen
        self.governance = governance or Governance()
        self.aftermath = aftermath or Aftermath()
        self.treatment = treatment
        self._lenient = lenient
        self._records = Records(log)
        self._broken = ""
        self._features: Features = np.empty((256, len(engine.features.names)))
        self._use(judge)

    def _use(self, judge: Judge) -> None:
        """Judge by this one from the next event on, as far as the switches let it."""
        self.judge = judge
        self._steer()

    def _steer(self) -> None:
        judge = self.judge
        judge.steer(self.governance.effects(judge.rules))
        if self.governance.registry.begun:  # before, the judge scores by what the settings name
            judge.line_up(self.governance.lineup)
        lineup = judge.lineup
        self.versions = Versions(
            self._engine.features.version, judge.ruleset_version, lineup.champion, lineup.challengers
        )
        self._stopped = np.array(sorted(self.governance.stopped_kinds()), np.int64)

    @property
    def broken(self) -> str:
        """Why the service refuses everything until it is restarted; "" while it is sound."""
        return self._broken

    @property
    def next_seq(self) -> int:
        """Position the next event gets."""
        return self._log.next_seq

    @property
    def seen(self) -> Seen:
        """The index of accepted events."""
        return self._seen

    def break_down(self, why: str) -> None:
        """Refuse everything from now on; what was appended may not be durable."""
        self._broken = self._broken or why

    def control(self, kind: RecordKind, payload: bytes) -> int:
        """Append a control record and have what it says from the next event on; its position.  Durable after a commit.

        Raises Unavailable with nothing changed, TooLarge.
        """
        if self._broken:
            raise Unavailable(self._broken)
        self._log.reserve(len(payload) + RECORD_SLACK_BYTES)
        try:
            seq = self._log.append(kind, [payload], CONTROL_POSITIONS)
            record = ControlRecord(seq, CONTROL_POSITIONS, kind, memoryview(payload))
            pass_over(self._engine, record)
            self.governance.take(record)
            self.aftermath.take(record)
            if kind == RecordKind.SWITCH:
                self._steer()
        except BaseException:
            self.break_down("a control record was interrupted; the service must be restarted")
            raise
        return seq

    def record(self, kind: RecordKind, control: Control) -> None:
        """Append a control record that says what is in force.  Raises Unavailable with nothing changed."""
        self.control(kind, encode_control(control))

    def publish(self, judge: Judge, control: Control) -> None:
        """Put a ruleset in force: `judge` is made of it.  Raises Unavailable with nothing changed."""
        self.record(RecordKind.RULESET, control)
        self._use(judge)

    def change_models(self, record: ModelRecord, judge: Judge | None = None) -> None:
        """Append an act on models and score by what follows from it; `judge`: one that has the models, None = the present one.

        Raises Conflict when it does not go, Unavailable with nothing changed.
        """
        self.governance.registry.check(record)
        self.control(RecordKind.MODEL, encode_model_record(record))
        self._use(judge or self.judge)

    def use_treatment(self, treatment: Treatment, control: Control) -> None:
        """Put a treatment in force.  Raises Unavailable with nothing changed."""
        self.record(RecordKind.TREATMENT, control)
        self.treatment = treatment

    def commit(self) -> None:
        """Have everything durable.  Raises Unavailable; then the service is broken."""
        try:
            self._log.commit()
        except BaseException:
            self.break_down("the journal could not be written; the service must be restarted")
            raise

    def decided_at(self, seq: int) -> Decided:
        """The decision on the event at a position.  Raises NotFound."""
        return self._records.decided(seq)

    def take(self, batch: Batch, refuse: Mapping[int, TarimError] = MappingProxyType({})) -> Taken:
        """Recognise, judge and append a batch; durable only after the log's commit.

        refuse: events that are not to be judged, and why, by index.
        The batch's rows of new events are written to: position, flags, outcome, and what labels refer to.  The returned
        features are overwritten by the next call.  Raises Unavailable with nothing changed, or because it is broken.
        """
        if self._broken:
            raise Unavailable(self._broken)
        rows = batch.rows
        if self.aftermath.holds.open_count + len(rows) > OPEN_MAX:
            raise Unavailable(f"{OPEN_MAX} payments are held; release or refuse some of them first")
        refused, referring = self._resolve(rows)
        if refuse:
            refused |= refuse
            for index, earlier in referring:
                if earlier in refuse and rows[index, Col.KIND] == Kind.LABEL:
                    refused[index] = FieldError("refers_to", "names no event that was accepted before")
            referring = [(index, earlier) for index, earlier in referring if not {index, earlier} & refused.keys()]
        keep = None
        if refused:
            keep = np.delete(np.arange(len(rows)), list(refused))
            rows = rows[keep]
        first_seq = self._log.next_seq
        try:
            states, seqs, fresh = self._seen.put(rows[:, Col.EVENT_KEY], rows[:, Col.CONTENT_KEY], first_seq)
        except BaseException:
            self.break_down("the index of accepted events failed; the service must be restarted")
            raise
        where = None  # of the batch's events the new ones; None = all of them
        if fresh < len(batch.rows):
            new = np.flatnonzero(states == NEW)
            where = new if keep is None else keep[new]
            rows = np.ascontiguousarray(rows[new])
        if keep is not None:
            states, seqs = _spread(states, keep, len(batch.rows), OTHER), _spread(seqs, keep, len(batch.rows), -1)
        if fresh == 0:
            return Taken(rows, self._features[:0], np.empty((0, 1), np.int64), states, seqs, refused)
        for index, earlier in referring:
            batch.rows[index, Col.REFERS_SEQ] = seqs[earlier]
        if referring and where is not None:
            rows[:, Col.REFERS_SEQ] = batch.rows[where, Col.REFERS_SEQ]
        rows[:, Col.SEQ] = seqs if where is None else seqs[where]
        side = self._side(batch, where)
        try:
            models = 1 + len(self.versions.challengers) if self.versions.challengers else 0
            size = events_bytes(len(rows), DECISION_WORDS, len(side), models)
            grounds_bytes = min(GROUNDS_BYTES_MAX, len(rows) * (8 * self._features.shape[1] + 4))
            self._log.reserve(size + grounds_bytes + RECORD_SLACK_BYTES)
        except BaseException:
            self._seen.forget(rows[:, Col.EVENT_KEY])
            raise
        try:
            beside = Beside.room(len(rows), self.judge.lineup)
            features, decisions = self._judge_rows(rows, beside)
            grounds = Grounds.keep(decisions, features, GROUNDS_BYTES_MAX)
            self._log.append(RecordKind.EVENTS, encode_events(rows, decisions, side, beside, grounds), len(rows))
            self.aftermath.holds.take(rows, decisions)
        except BaseException:
            self.break_down("a group of events was interrupted; the service must be restarted")
            raise
        return Taken(rows, features, decisions, states, seqs, refused, beside, grounds)

    def _judge_rows(self, rows: Rows, beside: Beside | None) -> tuple[Features, Words]:
        count = len(rows)
        if count > len(self._features):
            self._features = np.empty((1 << (count - 1).bit_length(), self._features.shape[1]))
        features = self._features[:count]
        if not self._engine.features.needs_outcomes:
            self._engine.process(rows, features)
            return features, self._decide(rows, features, beside)
        decided: list[Words] = []

        def decide(row: Rows, of_row: Features) -> Words:
            at = slice(len(decided), len(decided) + 1)
            decided.append(self._decide(row, of_row, beside.part(at) if beside else None))
            return row[:, Col.OUTCOME]

        self._engine.process(rows, features, decide)
        return features, np.concatenate(decided)

    def _decide(self, rows: Rows, features: Features, beside: Beside | None) -> Words:
        """Decisions with what follows from them."""
        decisions = self.judge.decide(rows, features, beside=beside)
        if self.treatment is not None:
            self.aftermath.treat(rows, decisions, self.treatment)
        return decisions

    def _side(self, batch: Batch, where: Words | None) -> bytes:
        if where is None:
            return encode_side(self.versions, batch.event_ids, batch.sources, batch.notes, batch.sealed)
        chosen = where.tolist()
        # What an event that is left out brought sealed, the others count on: it is sealed once in a batch.
        left = np.setdiff1d(np.arange(len(batch.rows)), where).tolist()
        left_out = [(int(batch.rows[i, Col.CUSTOMER]), batch.sealed[i]) for i in left]
        return encode_side(
            self.versions,
            [batch.event_ids[i] for i in chosen],
            [batch.sources[i] for i in chosen],
            [batch.notes[i] for i in chosen],
            [batch.sealed[i] for i in chosen],
            [(customer, blob) for customer, blob in left_out if blob is not None],
        )

    def _resolve(self, rows: Rows) -> tuple[dict[int, TarimError], list[tuple[int, int]]]:
        """Fill in what labels, confirmations and reversals refer to.

        Returns the refused labels by index, and pairs (index, index of the event in this batch it refers to), whose
        position is known only later.
        """
        refused: dict[int, TarimError] = self._closed(rows) if len(self._stopped) else {}
        referring: list[tuple[int, int]] = []
        if not refers(rows):
            return refused, referring
        indices = np.flatnonzero((rows[:, Col.REFERS_KEY] != 0) | (rows[:, Col.KIND] == Kind.LABEL))
        places = self._seen.find(np.ascontiguousarray(rows[indices, Col.REFERS_KEY]))
        self._make_readable(int(places.max(initial=-1)))
        here: dict[int, int] = {}
        if np.any(places < 0):
            for index in range(len(rows) - 1, -1, -1):
                here[int(rows[index, Col.EVENT_KEY])] = index
        for index, place in zip(indices.tolist(), places.tolist(), strict=True):
            row = rows[index]
            if place >= 0:
                events, at = self._records.at(place)
                _refer(row, events.rows[at])
                continue
            earlier = here.get(int(row[Col.REFERS_KEY]), index)
            if earlier < index:
                _refer(row, rows[earlier])
                referring.append((index, earlier))
            elif row[Col.KIND] == Kind.LABEL and not self._lenient and self._seen.find(row[Col.EVENT_KEY :][:1])[0] < 0:
                refused[index] = FieldError("refers_to", "names no event that was accepted before")
        return refused, referring

    def _closed(self, rows: Rows) -> dict[int, TarimError]:
        """New events of a stopped kind, refused (RM-28).  What an outage held back, and retries, are taken."""
        stopped = np.isin(rows[:, Col.KIND], self._stopped) & ((rows[:, Col.FLAGS] & Flag.BACKFILL) == 0)
        indices = np.flatnonzero(stopped)
        known = self._seen.find(np.ascontiguousarray(rows[indices, Col.EVENT_KEY])) >= 0
        return {
            index: BusinessStopped(
                f"events of kind {Kind(int(rows[index, Col.KIND])).name.lower()} are stopped at present"
            )
            for index in indices[~known].tolist()
        }

    def results(self, batch: Batch, taken: Taken) -> list[Result]:
        """One result for each event of a batch, in its order, after `take` gave `taken`."""
        versions = self.versions
        judged = taken.beside.judged.tolist() if taken.beside else [0] * len(taken.rows)
        grounds: list[npt.NDArray[np.float64] | None] = [None] * len(taken.rows)
        if taken.grounds is not None:
            for of, features in zip(taken.grounds.of.tolist(), taken.grounds.features, strict=True):
                grounds[of] = features
        if len(taken.rows) == len(taken.states):
            return [
                Decided(event_id, source, row, decision, versions, False, model, features)
                for event_id, source, row, decision, model, features in zip(
                    batch.event_ids, batch.sources, taken.rows, taken.decisions, judged, grounds, strict=True
                )
            ]
        results: list[Result] = []
        new_at = 0
        first_seq = int(taken.rows[0, Col.SEQ]) if len(taken.rows) else self._log.next_seq
        for index, (state, seq) in enumerate(zip(taken.states.tolist(), taken.seqs.tolist(), strict=True)):
            trouble = taken.refused.get(index)
            if trouble is not None:
                results.append(trouble)
            elif state == OTHER:
                results.append(Conflict("an event with this event_id and source was accepted with other content"))
            elif state == NEW or seq >= first_seq:
                row_at = new_at if state == NEW else seq - first_seq
                new_at += state == NEW
                results.append(
                    Decided(
                        batch.event_ids[index],
                        batch.sources[index],
                        taken.rows[row_at],
                        taken.decisions[row_at],
                        versions,
                        repeated=state != NEW,
                        judged=judged[row_at],
                        features=grounds[row_at],
                    )
                )
            else:
                self._make_readable(seq)
                results.append(self._records.decided(seq))
        return results

    def _make_readable(self, seq: int) -> None:
        """Commit when the record at `seq` is not durable yet: a batch may refer to one whose commit is still under way."""
        if seq >= self._log.durable_seq:
            self._log.commit()

    def decided(self, event_key: int) -> Decided:
        """The decision on an event, by its key.  Raises NotFound."""
        seq = int(self._seen.find(np.array([event_key], np.int64))[0])
        if seq < 0:
            raise NotFound("no decision for that event")
        return self._records.decided(seq)


def _refer(row: Words, referred: Words) -> None:
    """Write into `row` when the event it refers to happened, where it lies, and, for a label, whom it was about."""
    row[Col.REFERS_MS] = referred[Col.OCCURRED_MS]
    row[Col.REFERS_SEQ] = referred[Col.SEQ]
    if row[Col.KIND] == Kind.LABEL:
        row[_REFERRED] = referred[_REFERRED]


def _spread(values: Words, where: Words, count: int, otherwise: int) -> Words:
    whole = np.full(count, otherwise, np.int64)
    whole[where] = values
    return whole
