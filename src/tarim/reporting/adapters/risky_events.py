"""Events that make accounts risky, read from the decisions' journal."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from tarim.base.errors import NotFound, TooLarge, Unavailable
from tarim.base.instants import DAY_MS
from tarim.decisions import RecordKind, Word, decode_events
from tarim.journal import FolderReader
from tarim.reporting.adapters.window import events_received
from tarim.reporting.domain.batch import ROWS_MAX, WINDOW_DAYS, RiskyEvent
from tarim.reporting.domain.days import day_of, start_ms
from tarim.stream import Col, Kind, Outcome, Rows

_WANTED: Final = (Col.RECEIVED_MS, Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE)


class RiskyEvents:
    """The journal in a folder, looked through."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of_day(self, day: int, to_seq: int) -> list[RiskyEvent]:
        """Those of the 30 days that end with a day, of positions below `to_seq`.  Raises Unavailable, TooLarge, Damaged."""
        if not (self._folder / "durable").exists():
            return []
        end_ms = start_ms(day) + DAY_MS
        from_ms = end_ms - WINDOW_DAYS * DAY_MS
        stopped: dict[int, RiskyEvent] = {}
        labels: dict[int, bool] = {}
        with FolderReader(self._folder) as reader:
            for events in events_received(reader, from_ms, end_ms, to_seq):
                rows = events.rows
                inside = (rows[:, Col.RECEIVED_MS] >= from_ms) & (rows[:, Col.RECEIVED_MS] < end_ms)
                is_label = rows[:, Col.KIND] == Kind.LABEL
                for row in rows[inside & is_label]:
                    labels[int(row[Col.REFERS_SEQ])] = int(row[Col.LABEL]) == 1
                held = inside & ~is_label & (events.decisions[:, Word.OUTCOME] >= Outcome.SUSPEND)
                for index in np.flatnonzero(held).tolist():
                    stopped[int(rows[index, Col.SEQ])] = _event(rows, index, fraud=False)
                if len(stopped) > ROWS_MAX:
                    raise TooLarge(f"a batch has at most {ROWS_MAX:,} events; the thirty days to {day} have more")
            for seq, fraud in labels.items():
                if not fraud:
                    stopped.pop(seq, None)
                elif seq >= 0:
                    stopped[seq] = self._labelled(reader, seq)
        return [stopped[seq] for seq in sorted(stopped)]

    def holds_day(self, day: int, to_seq: int) -> bool:
        """Whether everything that was received up to the end of a day lies below a position."""
        if not (self._folder / "durable").exists():
            return True
        with FolderReader(self._folder) as reader:
            for record in reader.read(min(to_seq, reader.durable_seq)):
                if record.kind == RecordKind.EVENTS:
                    later = decode_events(record).rows[max(0, to_seq - record.first_seq) :, Col.RECEIVED_MS]
                    return int(later.min()) >= start_ms(day) + DAY_MS
        return True

    def _labelled(self, reader: FolderReader, seq: int) -> RiskyEvent:
        try:
            record = reader.read_at(seq)
        except NotFound:
            raise Unavailable(f"an event that was labelled fraud, at position {seq}, is not kept any more") from None
        assert record.kind == RecordKind.EVENTS, "a label refers to an event"
        return _event(decode_events(record).rows, seq - record.first_seq, fraud=True)


def _event(rows: Rows, index: int, *, fraud: bool) -> RiskyEvent:
    received_ms, customer, account, payee = (int(word) for word in rows[index, _WANTED])
    return RiskyEvent(day_of(received_ms), customer, account, payee, fraud)
