"""Where each event lies in the journal, and what became of it: holds, other outcomes in its place, labels."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
import numpy as np

from tarim.base.errors import Damaged, NotFound
from tarim.decisions import Action, Aftermath, Hold, Holds, LogRecord, Override, RecordKind, Seen
from tarim.intake import event_key
from tarim.stream import Col, Kind
from tarim.views.blocks import Block

LABELS_KEPT: Final = 1 << 20
OVERRIDES_KEPT: Final = 1 << 16
SOURCES_MAX: Final = 64
"""Sources whose names are tried for an event's id."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LabelSeen:
    """A label about an event: its own position, what it says, and when it was received."""

    seq: int
    fraud: bool
    received_ms: int


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a decided event: its hold as it stands, the last outcome put in its place, the newest label."""

    hold: Hold | None
    override: Override | None
    label: LabelSeen | None


class Known:
    """A Consumer that finds events by id.  Any thread may ask.

    The newest `events_max` events are found, 43 bytes each; of labels, overrides and closed holds so many as are stated.
    """

    def __init__(self, events_max: int) -> None:
        self._seen = Seen(events_max)
        self._first_seq = -1
        self._holds = Holds()
        self._aftermath = Aftermath(self._holds)
        self._overrides: OrderedDict[int, Override] = OrderedDict()
        self._labels = np.full((LABELS_KEPT, 4), -1, np.int64)
        self._labels_count = 0
        self._sources: dict[str, None] = {}
        self._lock = threading.Lock()

    def take(self, block: Block) -> None:
        """See `Consumer`."""
        with self._lock:
            if self._first_seq < 0:
                self._first_seq = block.before[0].first_seq if block.before else block.first_seq
            for record in block.before:
                self._take(record)
            if len(block):
                self._seen.note(block.rows)
                self._holds.take(block.rows, block.decisions)
                self._note_labels(block)
                for source in block.sources:
                    if len(self._sources) < SOURCES_MAX:
                        self._sources[source] = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of sources in the order they turned up."""
        with self._lock:
            return tuple(self._sources)

    def find(self, source: str, event_id: str) -> int:
        """Position of an event.  Raises NotFound."""
        seqs = self.positions((source,), event_id)
        if not seqs:
            raise NotFound("no decision for that event")
        return seqs[0]

    def positions(self, sources: tuple[str, ...], event_id: str) -> list[int]:
        """Positions of the events that have this id at one of these sources."""
        keys = np.array([event_key(source, event_id) for source in sources], np.int64)
        with self._lock:
            found = self._seen.find(keys).tolist() if len(keys) else []
        return [seq for seq in found if seq >= 0]

    def became(self, seq: int) -> Became:
        """What became of the event at a position."""
        with self._lock:
            try:
                hold = self._holds.get(seq)
            except NotFound:
                hold = None
            return Became(hold, self._overrides.get(seq), self._label(seq))

    def _take(self, record: LogRecord) -> None:
        match record.kind:
            case RecordKind.TICK:
                self._aftermath.take(record)
            case RecordKind.HOLD:
                # Of a hold that was opened before the first position kept nothing is known.
                if _decoded(record, Action).id >= self._first_seq:
                    self._aftermath.take(record)
            case RecordKind.OVERRIDE:
                self._aftermath.take(record)
                override = _decoded(record, Override)
                self._overrides[override.seq] = override
                self._overrides.move_to_end(override.seq)
                if len(self._overrides) > OVERRIDES_KEPT:
                    self._overrides.popitem(last=False)
            case _:
                pass

    def _note_labels(self, block: Block) -> None:
        labels = block.rows[block.rows[:, Col.KIND] == Kind.LABEL]
        if len(labels):
            slots = (self._labels_count + np.arange(len(labels))) % LABELS_KEPT
            self._labels[slots] = labels[:, [Col.REFERS_SEQ, Col.SEQ, Col.LABEL, Col.RECEIVED_MS]]
            self._labels_count += len(labels)

    def _label(self, seq: int) -> LabelSeen | None:
        kept = self._labels[: min(self._labels_count, LABELS_KEPT)]
        about = kept[kept[:, 0] == seq]
        if not len(about):
            return None
        _, at, label, received_ms = about[about[:, 1].argmax()].tolist()
        return LabelSeen(at, label == 1, received_ms)


def _decoded(record: LogRecord, kind: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(record.payload, type=kind)
    except msgspec.MsgspecError:
        raise Damaged(f"the control record at {record.first_seq} cannot be read") from None
