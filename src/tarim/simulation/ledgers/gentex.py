"""A laundering ledger made with AMLGentex (arXiv:2506.13989) as events.

    tx_id              event_id, as `gentex-` and the number
    step               the day; within it the rows keep their order, spread evenly from midnight to midnight (Asia/Shanghai),
                       so that all times are different
    type TRANSFER      transfer: nameOrig is account and customer, nameDest payee_account; accounts below zero are the
                       outside world (`gentex-source`: income, `gentex-sink`: spending)
    type CASH          withdrawal from nameOrig when the money goes to the sink, else deposit to nameDest
    type INITALBALANCE (sic) no transaction, left out
    amount             SEK, rounded to hundredths (amount_fen in currency SEK)
    isSAR              a label event, when a delay is asked for

patternID and modelType say the answer and are never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tarim.base.errors import InputError
from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS, instant_ms
from tarim.simulation.ledgers.stream import (
    LEDGER_SCHEMA,
    LabelQueue,
    Labels,
    instants,
    minor_units,
    open_ledger,
    repeated,
)

SOURCE: Final = "gentex"
OPENING: Final = "INITALBALANCE"
STEPS_MAX: Final = 36_600
_COLUMNS: Final = ("tx_id", "step", "type", "amount", "nameOrig", "nameDest", "bankOrig", "bankDest", "isSAR")


def gentex_events(
    path: Path,
    *,
    labels: Labels = Labels.NONE,
    label_delay_ms: int = 30 * DAY_MS,
    first_day: date = date(2023, 1, 1),
    batch_rows: int = 65_536,
) -> Iterator[pa.RecordBatch]:
    """The transactions in the ledger's order as batches of LEDGER_SCHEMA, times strictly ascending.

    Reads the file twice: once to count the rows of each day.  Raises NotFound or InputError.
    """
    ledger = open_ledger(path, _COLUMNS, batch_rows)
    per_day = _rows_per_day(path, batch_rows)
    gap_ms = DAY_MS // (per_day + 1)
    if (gap_ms < 1).any():
        raise InputError(f"{path}: a day has more rows than milliseconds")
    midnight_ms = instant_ms(datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)) - CHINA_OFFSET_MS
    first_of_day = np.concatenate([[0], np.cumsum(per_day)])
    queue = LabelQueue(labels, label_delay_ms, SOURCE)
    done = 0
    for whole in ledger.iter_batches(batch_rows, columns=list(_COLUMNS)):
        batch = whole.filter(pc.not_equal(whole["type"].cast(pa.string()), OPENING))
        count = len(batch)
        if not count:
            continue
        steps = batch["step"].to_numpy().astype(np.int64)
        position = done + np.arange(count) - first_of_day[steps]
        done += count
        times_ms = midnight_ms + steps * DAY_MS + (position + 1) * gap_ms[steps]
        yield queue.merged(_events(batch, times_ms), times_ms, batch["isSAR"].to_numpy() == 1)
    yield from queue.rest()


def _rows_per_day(path: Path, batch_rows: int) -> np.ndarray:
    """Transactions of each step, openings left out."""
    counts = np.zeros(1, np.int64)
    last = 0
    for batch in open_ledger(path, _COLUMNS, batch_rows).iter_batches(batch_rows, columns=["step", "type"]):
        steps = batch["step"].to_numpy()[pc.not_equal(batch["type"].cast(pa.string()), OPENING).to_numpy(False)]
        if not len(steps):
            continue
        if steps[0] < last or (np.diff(steps) < 0).any() or steps[-1] > STEPS_MAX:
            raise InputError(f"{path}: steps are not in ascending order from 0 to {STEPS_MAX}")
        last = int(steps[-1])
        found = np.bincount(steps)
        if len(found) > len(counts):
            counts = np.concatenate([counts, np.zeros(len(found) - len(counts), np.int64)])
        counts[: len(found)] += found
    return counts


def _events(batch: pa.RecordBatch, times_ms: np.ndarray) -> pa.Table:
    count = len(batch)
    kinds = pc.dictionary_encode(batch["type"].cast(pa.string()))
    unknown = set(kinds.dictionary.to_pylist()) - {"TRANSFER", "CASH"}
    if unknown:
        raise InputError(f"unknown transaction type {sorted(map(str, unknown))[0]!r}")
    is_transfer = pc.equal(batch["type"].cast(pa.string()), "TRANSFER")
    to_sink = pc.less(batch["nameDest"], 0)
    payer = _party(batch["nameOrig"], "gentex-source")
    payee = _party(batch["nameDest"], "gentex-sink")
    account = pc.if_else(pc.or_(is_transfer, to_sink), payer, payee)
    columns = {
        "event_id": pc.binary_join_element_wise("gentex-", batch["tx_id"].cast(pa.string()), ""),
        "source": repeated(SOURCE, count),
        "kind": pc.if_else(is_transfer, "transfer", pc.if_else(to_sink, "withdrawal", "deposit")),
        "occurred_at": instants(times_ms),
        "customer": account,
        "account": account,
        "payee_account": pc.if_else(is_transfer, payee, pa.scalar(None, pa.string())),
        "amount_fen": minor_units("amount", batch["amount"].to_numpy(), exact=False),
        "currency": repeated("SEK", count),
        "channel": repeated("unknown", count),
        "result": repeated("succeeded", count),
        "merchant_id": pa.nulls(count, pa.string()),
        "refers_to": pa.nulls(count, pa.string()),
        "label": pa.nulls(count, pa.string()),
    }
    return pa.table(columns).cast(LEDGER_SCHEMA)


def _party(numbers: pa.Array, outside: str) -> pa.Array:
    """`gentex-` and the number, or the name of the outside world for a number below zero."""
    named = pc.binary_join_element_wise("gentex-", numbers.cast(pa.string()), "")
    return pc.if_else(pc.less(numbers, 0), outside, named)
