"""Records of the decisions' journal that were received in a span of time.

Positions are in the order of receipt, but for what the service's clock was corrected by: an hour on both sides is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tarim.base.instants import HOUR_MS
from tarim.decisions import Events, RecordKind, decode_events
from tarim.journal import FolderReader
from tarim.stream import Col

MARGIN_MS: Final = HOUR_MS
_NEAR: Final = 65_536
"""Positions below which halving the way is not worth it."""


def events_received(reader: FolderReader, from_ms: int, end_ms: int, to_seq: int) -> Iterator[Events]:
    """Groups of events below `to_seq`, those received in [from_ms, end_ms) among them.  Raises NotFound, Damaged."""
    end_seq = min(to_seq, reader.durable_seq)
    for record in reader.read(_first_seq(reader, from_ms - MARGIN_MS, end_seq), end_seq):
        if record.kind != RecordKind.EVENTS:
            continue
        events = decode_events(record)
        if int(events.rows[0, Col.RECEIVED_MS]) >= end_ms + MARGIN_MS:
            return
        yield events


def _first_seq(reader: FolderReader, at_ms: int, end_seq: int) -> int:
    """A position before which nothing was received at or after an instant."""
    low, high = min(reader.first_seq, end_seq), end_seq
    while high - low > _NEAR:
        middle = (low + high) // 2
        found = _received_ms(reader, middle, high)
        if found is None or found >= at_ms:
            high = middle
        else:
            low = middle
    return low


def _received_ms(reader: FolderReader, seq: int, end_seq: int) -> int | None:
    """When the first event at or after a position was received; None when there is none below the end."""
    for record in reader.read(seq, end_seq):
        if record.kind == RecordKind.EVENTS:
            return int(decode_events(record).rows[0, Col.RECEIVED_MS])
    return None
