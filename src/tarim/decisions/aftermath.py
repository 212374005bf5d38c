"""The aftermath of decisions, as a fold over the journal: holds with their timers, and what customers have spent.

    take_events   events with their decisions, as they were recorded
    take          TICK, HOLD, OVERRIDE and LIMIT records; others are none of its business

Live, `treat` comes first: it writes into new decisions what follows from them, and counts.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from tarim.base.errors import Damaged
from tarim.decisions.governance import Override
from tarim.decisions.holds import Action, Holds, HoldsState
from tarim.decisions.ports import LogRecord
from tarim.decisions.records import RecordKind
from tarim.decisions.treatment import Treatment
from tarim.decisions.verification import OwnLimit, Spending, SpendingState
from tarim.stream import Outcome, Rows

Words = npt.NDArray[np.int64]
T = TypeVar("T")


class Tick(msgspec.Struct, frozen=True, array_like=True):
    """Time has come this far, ms since the epoch: the content of a TICK record."""

    at_ms: int


class _State(msgspec.Struct, frozen=True, array_like=True):
    holds: HoldsState
    spending: SpendingState


_encode = msgspec.msgpack.Encoder().encode
_tick_decoder: Final = msgspec.msgpack.Decoder(Tick)
_action_decoder: Final = msgspec.msgpack.Decoder(Action)
_override_decoder: Final = msgspec.msgpack.Decoder(Override)
_limit_decoder: Final = msgspec.msgpack.Decoder(OwnLimit)
_state_decoder: Final = msgspec.msgpack.Decoder(_State)


class Aftermath:
    """What the journal says about holds and spending so far; single-threaded."""

    def __init__(self, holds: Holds | None = None, spending: Spending | None = None) -> None:
        self.holds = holds or Holds()
        self.spending = spending or Spending()

    def treat(self, rows: Rows, decisions: Words, treatment: Treatment) -> None:
        """Write into new decisions what follows from them by `treatment`, and count; outcomes in `rows` follow."""
        self.spending.treat(rows, decisions, treatment.term_words, treatment.band_words, treatment.limit_words)

    def take_events(self, rows: Rows, decisions: Words) -> None:
        """Take in recorded events that were not treated here, shapes (n, 32) and (n, DECISION_WORDS)."""
        self.spending.count(rows, decisions)
        self.holds.take(rows, decisions)

    def take(self, record: LogRecord) -> None:
        """Take in a control record.  Raises Damaged."""
        match record.kind:
            case RecordKind.TICK:
                self.holds.tick(record.first_seq, _decode(_tick_decoder, record).at_ms)
            case RecordKind.HOLD:
                self.holds.act(_decode(_action_decoder, record), record.first_seq)
            case RecordKind.OVERRIDE:
                override = _decode(_override_decoder, record)
                outcome = Outcome[override.outcome.upper()]
                self.holds.override(override.seq, outcome, record.first_seq, override.at_ms)
            case RecordKind.LIMIT:
                self.spending.set_limit(_decode(_limit_decoder, record))
            case _:
                pass

    def encoded(self) -> bytes:
        """The state as bytes, for a snapshot."""
        return _encode(_State(self.holds.state(), self.spending.state()))

    @classmethod
    def decoded(cls, data: bytes) -> Aftermath:
        """The state of such bytes.  Raises Damaged."""
        try:
            state = _state_decoder.decode(data)
            return cls(Holds(state.holds), Spending(state.spending))
        except (msgspec.MsgspecError, ValueError):
            raise Damaged("the snapshot's holds and sums cannot be read") from None


def _decode(decoder: msgspec.msgpack.Decoder[T], record: LogRecord) -> T:
    try:
        return decoder.decode(record.payload)
    except msgspec.MsgspecError:
        raise Damaged(f"the control record at {record.first_seq} cannot be read") from None


def encode_record(content: Tick | Action | OwnLimit) -> bytes:
    """Payload of a TICK, HOLD or LIMIT record."""
    return _encode(content)
