"""What every model said of recorded events, for whoever compares them once labels have come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tarim.decisions.domain import Word
from tarim.decisions.ports import LogReader
from tarim.decisions.records import RecordKind, Versions, decode_events
from tarim.stream import Rows


@dataclass(frozen=True, slots=True)
class Scored:
    """n events of one record.

    rows: shape (n, 32).  versions: the line-up, champion first.  judged: shape (n,), index of the model whose score counted,
    0 the champion.  scores: shape (n, 1 + challengers), NaN where there is no champion; the score that counted is exact, the
    others have the precision of a float32.
    """

    rows: Rows
    versions: Versions
    judged: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float64]


def scored_events(log: LogReader, from_seq: int, to_seq: int | None = None) -> Iterator[Scored]:
    """The events at positions from_seq ... to_seq - 1 (the durable end), a record at a time.  Raises Damaged, NotFound."""
    end_seq = log.durable_seq if to_seq is None else to_seq
    for record in log.read(from_seq, end_seq):
        if record.kind != RecordKind.EVENTS:
            continue
        events = decode_events(record)
        part = slice(max(0, from_seq - record.first_seq), end_seq - record.first_seq)
        counted = np.ascontiguousarray(events.decisions[part, Word.SCORE]).view(np.float64)
        if events.beside is None:
            judged, scores = np.zeros(len(counted), np.uint8), counted.reshape(-1, 1)
        else:
            judged, scores = events.beside.judged[part], events.beside.scores[part].astype(np.float64)
            scores[np.arange(len(counted)), judged] = counted
        if len(counted):
            yield Scored(events.rows[part], events.side.versions, judged, scores)
