"""The Fraud Detection Handbook's card payments as events (Le Borgne and others, Université Libre de Bruxelles, 2022).

    TRANSACTION_ID   event_id, as `fdh-` and the number; labels are `fdh-NUMBER-label`
    TX_DATETIME      occurred_at: local time, taken as Asia/Shanghai, so that its nights are the engine's nights
    CUSTOMER_ID      customer and account, one card each
    TERMINAL_ID      merchant_id
    TX_AMOUNT        amount_fen, exact; the ledger names no currency, the envelope's default is written
    TX_FRAUD         a label event seven days later, the book's delay

TX_FRAUD_SCENARIO says the answer and is never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tarim.base.errors import InputError
from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS
from tarim.simulation.ledgers.stream import (
    LEDGER_SCHEMA,
    LabelQueue,
    Labels,
    instants,
    minor_units,
    open_ledger,
    repeated,
)

SOURCE: Final = "handbook"
HANDBOOK_LABEL_DELAY_MS: Final = 7 * DAY_MS
_COLUMNS: Final = ("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD")


def handbook_events(
    path: Path,
    *,
    labels: Labels = Labels.FRAUD,
    label_delay_ms: int = HANDBOOK_LABEL_DELAY_MS,
    batch_rows: int = 65_536,
) -> Iterator[pa.RecordBatch]:
    """The payments in the ledger's order with their labels among them, as batches of LEDGER_SCHEMA.

    Raises NotFound or InputError when the file is not the ledger: columns missing, not sorted by time, odd amounts.
    """
    ledger = open_ledger(path, _COLUMNS, batch_rows)
    queue = LabelQueue(labels, label_delay_ms, SOURCE)
    last_ms = -(2**62)
    for batch in ledger.iter_batches(batch_rows, columns=list(_COLUMNS)):
        local_ms = batch["TX_DATETIME"].cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy()
        times_ms = local_ms - CHINA_OFFSET_MS
        if not len(times_ms):
            continue
        if times_ms[0] < last_ms or (np.diff(times_ms) < 0).any():
            raise InputError(f"{path}: TX_DATETIME is not in ascending order")
        last_ms = int(times_ms[-1])
        count = len(times_ms)
        numbered = {
            name: pc.binary_join_element_wise(prefix, batch[column].cast(pa.string()), "")
            for name, prefix, column in (
                ("event_id", "fdh-", "TRANSACTION_ID"),
                ("customer", "fdh-c", "CUSTOMER_ID"),
                ("account", "fdh-a", "CUSTOMER_ID"),
                ("merchant_id", "fdh-t", "TERMINAL_ID"),
            )
        }
        absent = pa.nulls(count, pa.string())
        events = (
            pa.table(
                {
                    **numbered,
                    "source": repeated(SOURCE, count),
                    "kind": repeated("payment", count),
                    "occurred_at": instants(times_ms),
                    "payee_account": absent,
                    "amount_fen": minor_units("TX_AMOUNT", batch["TX_AMOUNT"].to_numpy(), exact=True),
                    "currency": repeated("CNY", count),
                    "channel": repeated("pos", count),
                    "result": repeated("succeeded", count),
                    "refers_to": absent,
                    "label": absent,
                },
            )
            .select(LEDGER_SCHEMA.names)
            .cast(LEDGER_SCHEMA)
        )
        yield queue.merged(events, times_ms, batch["TX_FRAUD"].to_numpy() == 1)
    yield from queue.rest()
