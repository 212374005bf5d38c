"""What the decision path writes to the journal, as bytes.

An EVENTS record holds a group of accepted events with their decisions:

    head        16 bytes: magic, words per row and per decision, events, bytes of the side table
    rows        int64[n, row words]        as the engine left them: position, flags and outcome set
    decisions   int64[n, decision words]
    side table  MessagePack: versions in force, event ids, sources, notes, sealed blobs

With challengers, or with grounds, the head has 24 bytes: it goes on with the models (0 without challengers), the features and
the number of grounds.  Before the side table stand

    grounds     float64[k, features]       what the events were judged on whose score stands out
    of          uint32[k]                  which events of the record, ascending
    scores      float32[n, models]         of the champion and of each challenger, in the order the versions name them
    judged      uint8[n]                   whose score counted, 0 the champion

The journal stores the three arrays as they are, so writing is copying and reading a bulk of them is a view.  A control
record is MessagePack: what came into force, under which digest.  Everything is little-endian.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum
from itertools import accumulate, pairwise
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged
from tarim.decisions.domain import Beside, Grounds, Lineup
from tarim.decisions.ports import LogRecord
from tarim.stream import ROW_WORDS, Rows

Words = npt.NDArray[np.int64]

_HEAD: Final = struct.Struct("<4sHHII")
_MAGIC: Final = b"TEV1"
_HEAD_MORE: Final = struct.Struct("<4sHHIIHHI")
_MAGIC_MORE: Final = b"TEV2"
_WORD_BYTES: Final = 8
_SCORE_BYTES: Final = 4
_INDEX_BYTES: Final = 4
MODELS_MAX: Final = 9
"""Champion and challengers of one record."""
DECISION_WORDS_MAX: Final = 256

assert sys.byteorder == "little", "the journal's arrays are little-endian"


class RecordKind(IntEnum):
    """Kinds of journal records."""

    EVENTS = 1
    RULESET = 2
    MODEL = 3
    SWITCH = 4
    FEATURES = 5
    TICK = 6
    LIST = 7
    OVERRIDE = 8
    PROPOSAL = 9
    TREATMENT = 10
    """What follows from an outcome came into force."""
    HOLD = 11
    """A person decided on a hold."""
    LIMIT = 12
    """A customer has set limits lower."""
    NAMES = 13
    """Name screening: an edition of a watch list, customers' names, matches, what people found about them."""
    LEDGER = 14
    """What was tried with a model and changed nothing: a deployment that failed, an export, or one refused."""
    REVIEW = 15
    """A second person confirmed what one person had paused or stopped."""


class Versions(msgspec.Struct, frozen=True, array_like=True):
    """What was in force: versions of the feature set, the ruleset and the models (`Lineup`; model "" = no champion)."""

    features: str
    ruleset: str
    model: str
    challengers: tuple[tuple[str, int], ...] = ()

    @property
    def lineup(self) -> Lineup:
        """The models."""
        return Lineup(self.model, self.challengers)

    def judged_by(self, index: int) -> str:
        """Version of the model that judged, by its index in the line-up; "" = none."""
        return self.challengers[index - 1][0] if index else self.model


class Control(msgspec.Struct, frozen=True):
    """Something came into force: `version` of a ruleset, model or feature set, or the value of a switch.

    `name` is the artefact's or switch's name; `digest` the SHA-256 of the artefact's bytes, hexadecimal, under which it
    is kept; `at_ms` the service's clock.  `author` and `approver` are the persons behind it, "" for what the service puts
    in force at its first start.
    """

    version: str
    name: str
    digest: str
    at_ms: int
    author: str = ""
    approver: str = ""
    reason: str = ""


class Side(msgspec.Struct, frozen=True, array_like=True):
    """What lies beside the rows.  One source stands for all; one set of notes stands for all that share it.

    note_of: index into `notes` of each event, None when all have the first.  sealed: ciphertexts for the vault by event,
    None when there are none.  orphans: (customer token, ciphertext) that came with a refused copy of these events.
    """

    versions: Versions
    event_ids: list[str]
    sources: str | list[str]
    notes: list[dict[str, str] | None]
    note_of: list[int] | None
    sealed: list[bytes | None] | None
    orphans: list[tuple[int, bytes]]

    def source(self, index: int) -> str:
        """Source of one event."""
        return self.sources if isinstance(self.sources, str) else self.sources[index]

    def note(self, index: int) -> dict[str, str] | None:
        """Business texts of one event."""
        return self.notes[0 if self.note_of is None else self.note_of[index]]


class _SideHead(msgspec.Struct, frozen=True, array_like=True):
    """The first columns of a side table; ids and all that follows are passed over, not decoded."""

    versions: Versions
    event_ids: msgspec.Raw
    sources: str | list[str]


_encoder: Final = msgspec.msgpack.Encoder(enc_hook=dict)  # notes may be read-only mappings
_side_decoder: Final = msgspec.msgpack.Decoder(Side)
_head_decoder: Final = msgspec.msgpack.Decoder(_SideHead)
_control_decoder: Final = msgspec.msgpack.Decoder(Control)


class Events:
    """One decoded EVENTS record; the arrays are views of the journal's bytes and must not be written to."""

    __slots__ = ("_side", "_side_bytes", "beside", "decisions", "first_seq", "grounds", "rows")

    def __init__(
        self,
        first_seq: int,
        rows: Rows,
        decisions: Words,
        side_bytes: memoryview,
        beside: Beside | None = None,
        grounds: Grounds | None = None,
    ) -> None:
        self.first_seq = first_seq
        self.rows = rows
        self.decisions = decisions
        self.beside = beside
        self.grounds = grounds
        self._side_bytes = side_bytes
        self._side: Side | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def head(self) -> tuple[Versions, frozenset[str]]:
        """What was in force, and the sources there are, without decoding the rest of the side table.  Raises Damaged."""
        try:
            head = _head_decoder.decode(self._side_bytes)
        except msgspec.MsgspecError:
            raise Damaged(f"the side table of the record at {self.first_seq} cannot be read") from None
        return head.versions, frozenset((head.sources,) if isinstance(head.sources, str) else head.sources)

    @property
    def side(self) -> Side:
        """The side table, decoded when first asked for.  Raises Damaged."""
        if self._side is None:
            try:
                side = _side_decoder.decode(self._side_bytes)
            except msgspec.MsgspecError:
                raise Damaged(f"the side table of the record at {self.first_seq} cannot be read") from None
            columns = (side.event_ids, side.sources, side.note_of, side.sealed)
            if any(isinstance(column, list) and len(column) != len(self.rows) for column in columns):
                raise Damaged(f"the side table of the record at {self.first_seq} has another length than its rows")
            if (self.beside.scores.shape[1] if self.beside else 1) != 1 + len(side.versions.challengers):
                raise Damaged(f"the record at {self.first_seq} has scores of other models than its versions name")
            self._side = side
        return self._side


def encode_side(
    versions: Versions,
    event_ids: Sequence[str],
    sources: Sequence[str],
    notes: Sequence[Mapping[str, str] | None],
    sealed: Sequence[bytes | None],
    orphans: Sequence[tuple[int, bytes]] = (),
) -> bytes:
    """The side table of n events, all sequences but `orphans` of length n > 0."""
    first, note = sources[0], notes[0]
    unique: Sequence[Mapping[str, str] | None] = [note]
    note_of = None
    if any(each is not note for each in notes):
        of_id = {id(each): each for each in notes}
        place_of_id = dict(zip(of_id, range(len(of_id)), strict=True))
        unique, note_of = list(of_id.values()), [place_of_id[id(each)] for each in notes]
    return _encoder.encode(
        (
            versions,
            event_ids,
            first if sources.count(first) == len(sources) else sources,
            unique,
            note_of,
            sealed if any(sealed) else None,
            orphans,
        )
    )


def events_bytes(
    count: int, decision_words: int, side_bytes: int, models: int = 0, grounds: int = 0, features: int = 0
) -> int:
    """Size of an EVENTS payload in bytes; models: those of a line-up with challengers, else 0; grounds, of so many features."""
    head = _HEAD_MORE.size if models or grounds else _HEAD.size
    beside = count * (models * _SCORE_BYTES + 1) if models else 0
    grounds_bytes = grounds * (features * _WORD_BYTES + _INDEX_BYTES)
    return head + count * (ROW_WORDS + decision_words) * _WORD_BYTES + grounds_bytes + beside + side_bytes


def encode_events(
    rows: Rows, decisions: Words, side: bytes, beside: Beside | None = None, grounds: Grounds | None = None
) -> list[bytes | memoryview]:
    """The payload's parts, without copying the arrays; they must not change before they are appended."""
    assert rows.shape[1] == ROW_WORDS and rows.flags.c_contiguous and rows.dtype == np.int64
    assert decisions.shape[0] == rows.shape[0] and decisions.flags.c_contiguous and decisions.dtype == np.int64
    shape = (ROW_WORDS, decisions.shape[1], len(rows), len(side))
    arrays: list[bytes | memoryview] = [rows.data.cast("B"), decisions.data.cast("B")]
    if beside is None and grounds is None:
        return [_HEAD.pack(_MAGIC, *shape), *arrays, side]
    models = features = kept = 0
    if grounds is not None:
        kept, features = grounds.features.shape
        assert len(grounds.of) == kept > 0 and features > 0
        arrays += [grounds.features.reshape(-1).data.cast("B"), grounds.of.data.cast("B")]
    if beside is not None:
        models = beside.scores.shape[1]
        assert beside.scores.shape[0] == len(beside.judged) == len(rows) and 2 <= models <= MODELS_MAX
        arrays += [beside.scores.reshape(-1).data.cast("B"), beside.judged.data.cast("B")]
    return [_HEAD_MORE.pack(_MAGIC_MORE, *shape, models, features, kept), *arrays, side]


def decode_events(record: LogRecord) -> Events:
    """The events of a record of kind EVENTS, as views of its payload.  Raises Damaged."""
    payload = record.payload
    if len(payload) < _HEAD_MORE.size:
        raise Damaged(f"the record at {record.first_seq} is too short")
    magic, row_words, decision_words, count, side_bytes = _HEAD.unpack_from(payload)
    models, features, kept = _HEAD_MORE.unpack_from(payload)[5:] if magic == _MAGIC_MORE else (0, 0, 0)
    known = magic == _MAGIC or (magic == _MAGIC_MORE and models + kept > 0)
    known = known and models != 1 and models <= MODELS_MAX and bool(features) == bool(kept)
    if not known or row_words != ROW_WORDS or not 1 <= decision_words <= DECISION_WORDS_MAX:
        raise Damaged(f"the record at {record.first_seq} is not a group of events this version can read")
    size = events_bytes(count, decision_words, side_bytes, models, kept, features)
    if count != record.count or len(payload) != size:
        raise Damaged(f"the record at {record.first_seq} has another size than it says")
    sizes = (
        _HEAD_MORE.size if models or kept else _HEAD.size,
        count * row_words * _WORD_BYTES,
        count * decision_words * _WORD_BYTES,
        kept * features * _WORD_BYTES,
        kept * _INDEX_BYTES,
        count * models * _SCORE_BYTES,
        count if models else 0,
    )
    ends = list(accumulate(sizes))
    parts = [payload[begin:end] for begin, end in pairwise(ends)]
    rows = np.frombuffer(parts[0], np.int64).reshape(count, row_words)
    decisions = np.frombuffer(parts[1], np.int64).reshape(count, decision_words)
    grounds = beside = None
    if kept:
        grounds = Grounds(
            np.frombuffer(parts[3], np.uint32), np.frombuffer(parts[2], np.float64).reshape(kept, features)
        )
        if int(grounds.of[-1]) >= count or (np.diff(grounds.of.astype(np.int64)) <= 0).any():
            raise Damaged(f"the record at {record.first_seq} has grounds of events that it does not have")
    if models:
        beside = Beside(np.frombuffer(parts[5], np.uint8), np.frombuffer(parts[4], np.float32).reshape(count, models))
        if beside.judged.max(initial=0) >= models:
            raise Damaged(f"the record at {record.first_seq} names a model that its line-up does not have")
    return Events(record.first_seq, rows, decisions, payload[ends[-1] :], beside, grounds)


def encode_control(control: Control) -> bytes:
    """Payload of a control record."""
    return _encoder.encode(control)


def decode_control(record: LogRecord) -> Control:
    """The content of a control record.  Raises Damaged."""
    try:
        return _control_decoder.decode(record.payload)
    except msgspec.MsgspecError:
        raise Damaged(f"the control record at {record.first_seq} cannot be read") from None
