"""What became of events: of a batch just taken, and of one that lies in the journal."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import NotFound, TarimError
from tarim.decisions.domain import Beside, Grounds
from tarim.decisions.ports import Features, LogReader
from tarim.decisions.records import Events, RecordKind, Versions, decode_events
from tarim.stream import Col, Rows

Words = npt.NDArray[np.int64]

_RECORDS_CACHED: Final = 64


class Taken(msgspec.Struct, frozen=True):
    """What became of a batch of n events, of which m are new.

    rows, features, decisions: of the new ones, shape (m, ...), in order.  states, seqs: shape (n,), NEW / SAME / OTHER and
    the position of the event's record (-1 for a refused one).  refused: the trouble by index in the batch.  beside: what each
    model said of the new ones, None without challengers.  grounds: what the
    new ones were judged on whose score stands out.
    """

    rows: Rows
    features: Features
    decisions: Words
    states: Words
    seqs: Words
    refused: dict[int, TarimError]
    beside: Beside | None = None
    grounds: Grounds | None = None


class Decided(NamedTuple):
    """One event with its decision, as it lies in the journal.

    repeated: answered before, this is the first answer.  judged: whose score counted, 0 the champion, j the j-th challenger.
    features: what it was judged on, None when that was not kept.
    """

    event_id: str
    source: str
    row: Words
    decision: Words
    versions: Versions
    repeated: bool
    judged: int = 0
    features: npt.NDArray[np.float64] | None = None

    @property
    def seq(self) -> int:
        """Position in the journal."""
        return int(self.row[Col.SEQ])

    @property
    def model(self) -> str:
        """Version of the model whose score counted, "" for none."""
        return self.versions.judged_by(self.judged)


Result = Decided | TarimError


class Records:
    """Reads decided events back from the log, by position; the records used last stay decoded."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._decoded: OrderedDict[int, Events] = OrderedDict()

    def _decode(self, seq: int) -> Events:
        record = self._log.read_at(seq)
        if record.kind != RecordKind.EVENTS:
            raise NotFound("no event at that position")
        return decode_events(record)

    def at(self, seq: int) -> tuple[Events, int]:
        """The record that holds the event at `seq`, and the event's index in it.  Raises NotFound, Damaged."""
        for first_seq, events in reversed(self._decoded.items()):
            if first_seq <= seq < first_seq + len(events):
                self._decoded.move_to_end(first_seq)
                return events, seq - first_seq
        events = self._decode(seq)
        self._decoded[events.first_seq] = events
        if len(self._decoded) > _RECORDS_CACHED:
            self._decoded.popitem(last=False)
        return events, seq - events.first_seq

    def decided(self, seq: int) -> Decided:
        """The event at `seq` with its decision.  Raises NotFound, Damaged."""
        events, index = self.at(seq)
        side = events.side
        return Decided(
            side.event_ids[index],
            side.source(index),
            events.rows[index],
            events.decisions[index],
            side.versions,
            repeated=True,
            judged=int(events.beside.judged[index]) if events.beside else 0,
            features=events.grounds.of_event(index) if events.grounds else None,
        )
