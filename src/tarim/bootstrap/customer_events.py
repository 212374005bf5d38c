"""When a customer did something last, read from the decisions' journal beside whoever writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from tarim.decisions import RecordKind, decode_events
from tarim.journal import FolderReader
from tarim.stream import Col, Kind

_HALF: Final = 1 << 63
_WHOLE: Final = 1 << 64


def last_event(journal: Path, customer: int, from_seq: int = 0) -> tuple[int, int]:
    """(newest instant of an event of a customer, ms, 0 = none; the position up to which was looked), from a position on.

    customer: token, signed or unsigned.  An event counts by its receipt or its own time, whichever is later; a label is not the
    customer's doing.  Reads the rows of everything that is kept: about a second for some million events.  Raises Damaged,
    Unavailable.
    """
    if not (journal / "durable").exists():
        return 0, 0
    token = (customer + _HALF) % _WHOLE - _HALF
    newest_ms = 0
    with FolderReader(journal) as reader:
        end_seq = reader.durable_seq
        for record in reader.read(min(max(from_seq, reader.first_seq), end_seq), end_seq):
            if record.kind != RecordKind.EVENTS:
                continue
            rows = decode_events(record).rows[max(0, from_seq - record.first_seq) :]
            own = rows[(rows[:, Col.CUSTOMER] == token) & (rows[:, Col.KIND] != Kind.LABEL)]
            if len(own):
                newest_ms = max(newest_ms, int(np.max(own[:, [Col.RECEIVED_MS, Col.OCCURRED_MS]])))
    return newest_ms, end_seq
