"""The handbook's files: its transactions, and its own features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Columns = Mapping[str, npt.NDArray[Any]]

DAY_MS = 86_400_000
CHINA_MS = 8 * 3_600_000
DELAY_MS = 7 * DAY_MS
FIRST_DAY = np.datetime64("2018-04-01")
TRANSACTIONS = "fraud_handbook_transactions.parquet"
FEATURES = "fraud_handbook_features.parquet"


@dataclass(frozen=True)
class Ledger:
    """The transactions in the file's order; times are local ms since 1970-01-01T00:00 local."""

    local_ms: Ints
    customer: Ints
    terminal: Ints
    fen: Ints
    fraud: npt.NDArray[np.bool_]
    day: Ints
    """Days since 2018-04-01."""

    def __len__(self) -> int:
        return len(self.local_ms)


def read_ledger(data: Path) -> Ledger:
    """The handbook's transactions."""
    table = pq.read_table(data / TRANSACTIONS)
    local_ms = table["TX_DATETIME"].cast("timestamp[ms]").cast("int64").to_numpy()
    amounts = table["TX_AMOUNT"].to_numpy()
    fen = np.rint(amounts * 100).astype(np.int64)
    assert np.abs(fen / 100 - amounts).max() < 1e-9
    return Ledger(
        local_ms,
        table["CUSTOMER_ID"].to_numpy().astype(np.int64),
        table["TERMINAL_ID"].to_numpy().astype(np.int64),
        fen,
        table["TX_FRAUD"].to_numpy() == 1,
        table["TX_TIME_DAYS"].to_numpy().astype(np.int64),
    )


def read_published(data: Path) -> dict[str, npt.NDArray[Any]]:
    """The book's own features, all but the amount."""
    table = pq.read_table(data / FEATURES)
    assert (table["TRANSACTION_ID"].to_numpy() == np.arange(len(table))).all()
    return {name: table[name].to_numpy() for name in table.column_names if name != "TRANSACTION_ID"}


def book_order(ledger: Ledger, published: Columns) -> Ints:
    """The file's rows, with transactions of one customer within one second in the order the book counted them."""
    counts = published["CUSTOMER_ID_NB_TX_30DAY_WINDOW"].astype(np.int64)
    order = np.lexsort((np.arange(len(ledger)), counts, ledger.customer, ledger.local_ms))
    grouped = np.lexsort((np.arange(len(ledger)), ledger.customer, ledger.local_ms))
    # Between different customers the file's order stays: only positions within a group are exchanged.
    result = np.empty(len(ledger), np.int64)
    result[grouped] = order
    return result


def taken(ledger: Ledger, rows: npt.NDArray[Any]) -> Ledger:
    """Some rows of a ledger, by number or as a mask."""
    return Ledger(*(column[rows] for column in vars(ledger).values()))
