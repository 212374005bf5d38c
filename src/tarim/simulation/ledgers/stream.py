"""What both ledgers share: the columns, opening a Parquet file with clear errors, and labels that arrive later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tarim.base.errors import DefinitionError, InputError, NotFound

Times = npt.NDArray[np.int64]

BATCH_ROWS_MAX: Final = 1_000_000

LEDGER_SCHEMA: Final = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("occurred_at", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("customer", pa.string(), nullable=False),
        pa.field("account", pa.string()),
        pa.field("payee_account", pa.string()),
        pa.field("amount_fen", pa.int64()),
        pa.field("currency", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("result", pa.string()),
        pa.field("merchant_id", pa.string()),
        pa.field("refers_to", pa.string()),
        pa.field("label", pa.string()),
    ]
)
"""Columns of every batch, named as in the envelope."""


class Labels(StrEnum):
    """Which events get a label."""

    NONE = "none"
    FRAUD = "fraud"
    ALL = "all"


class LabelQueue:
    """Labels on their way.  Holds those of the last `delay_ms` of events, no more."""

    def __init__(self, labels: Labels, delay_ms: int, source: str) -> None:
        if delay_ms < 0:
            raise DefinitionError("a label cannot arrive before the event: the delay must not be negative")
        self._labels = labels
        self._delay_ms = delay_ms
        self._source = source
        self._waiting = LEDGER_SCHEMA.empty_table()
        self._due_ms: Times = np.zeros(0, np.int64)

    def merged(self, events: pa.Table, times_ms: Times, frauds: npt.NDArray[np.bool_]) -> pa.RecordBatch:
        """The events, and among them the labels that arrive no later than the last of them.

        events: columns of LEDGER_SCHEMA; times_ms, frauds: shape (n,), times in ascending order.
        A label comes before the events of its own instant.
        """
        assert len(events) == len(times_ms) == len(frauds) > 0
        if self._labels is not Labels.NONE:
            known = np.ones(len(frauds), bool) if self._labels is Labels.ALL else frauds
            chosen = np.flatnonzero(known)
            self._waiting = pa.concat_tables(
                [self._waiting, self._about(events.take(chosen), times_ms[chosen], frauds[chosen])]
            )
            self._due_ms = np.concatenate([self._due_ms, times_ms[chosen] + self._delay_ms])
        due = int(np.searchsorted(self._due_ms, times_ms[-1], side="right"))
        labels, due_ms = self._waiting.slice(0, due), self._due_ms[:due]
        self._waiting, self._due_ms = self._waiting.slice(due).combine_chunks(), self._due_ms[due:]
        together = pa.concat_tables([labels, events])
        is_event = np.concatenate([np.zeros(due, np.int8), np.ones(len(events), np.int8)])
        order = np.lexsort((is_event, np.concatenate([due_ms, times_ms])))
        return _batch(together.take(order))

    def rest(self) -> Iterator[pa.RecordBatch]:
        """The labels that arrive after the last event."""
        if len(self._waiting):
            yield _batch(self._waiting)
            self._waiting = self._waiting.slice(0, 0)

    def _about(self, events: pa.Table, times_ms: Times, frauds: npt.NDArray[np.bool_]) -> pa.Table:
        count = len(events)
        absent = pa.nulls(count, pa.string())
        ids = pc.binary_join_element_wise(events["event_id"], pa.scalar("label"), "-")
        columns = {
            "event_id": ids,
            "source": events["source"],
            "kind": repeated("label", count),
            "occurred_at": instants(times_ms + self._delay_ms),
            "customer": events["customer"],
            "account": events["account"],
            "payee_account": absent,
            "amount_fen": pa.nulls(count, pa.int64()),
            "currency": absent,
            "channel": repeated("api", count),
            "result": absent,
            "merchant_id": events["merchant_id"],
            "refers_to": events["event_id"],
            "label": pa.array(["genuine", "fraud"]).take(pa.array(frauds.astype(np.int8))),
        }
        return pa.table(columns, schema=LEDGER_SCHEMA)


def _batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    assert len(batches) == 1
    return batches[0]


def repeated(text: str, count: int) -> pa.Array:
    """`count` times the same text."""
    return pa.array([text]).take(pa.array(np.zeros(count, np.int8)))


def instants(times_ms: Times) -> pa.Array:
    """Milliseconds since the epoch as Arrow instants in UTC."""
    return pa.array(times_ms).cast(pa.timestamp("ms")).cast(pa.timestamp("ms", tz="UTC"))


def minor_units(name: str, amounts: npt.NDArray[np.float64], *, exact: bool) -> npt.NDArray[np.int64]:
    """Amounts in hundredths, rounded to the nearest.  With `exact`, raises InputError when one has more decimals."""
    if not np.isfinite(amounts).all() or (amounts < 0).any():
        raise InputError(f"{name}: amounts must be finite and not negative")
    hundredths = np.rint(amounts * 100.0)
    if exact and (np.abs(hundredths / 100.0 - amounts) > 1e-9 * np.maximum(1.0, amounts)).any():
        raise InputError(f"{name}: an amount has more than two decimals")
    return hundredths.astype(np.int64)


def open_ledger(path: Path, columns: Sequence[str], batch_rows: int) -> pq.ParquetFile:
    """The Parquet file at `path`.  Raises NotFound, InputError (no Parquet, columns missing), DefinitionError."""
    if not 1 <= batch_rows <= BATCH_ROWS_MAX:
        raise DefinitionError(f"batch_rows must lie in [1, {BATCH_ROWS_MAX}]")
    if not path.is_file():
        raise NotFound(f"no ledger at {path}")
    try:
        ledger = pq.ParquetFile(path)
    except pa.ArrowInvalid:
        raise InputError(f"{path} is not a Parquet file") from None
    missing = [name for name in columns if name not in ledger.schema_arrow.names]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}")
    return ledger
