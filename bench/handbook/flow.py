"""The ledger through the engine: payments and labels in, features of payments out."""

from __future__ import annotations

import sys
import time

import numpy as np

from bench.handbook.book import by_row
from bench.handbook.ledger import CHINA_MS, DAY_MS, DELAY_MS, Columns, Floats, Ints, Ledger
from tarim.simulation import splitmix64
from tarim.stream import Channel, Col, Engine, FeatureSet, Flag, Kind, Result, Rows, empty_rows

_BATCH_ROWS = 65_536


def ledger_rows(ledger: Ledger) -> tuple[Rows, Ints]:
    """Payments and their fraud labels seven days later as rows in journal order, and the payment number of each row.

    A label comes before the payments of its own instant; its number is that of its payment less the ledger's length.
    """
    count = len(ledger)
    frauds = np.flatnonzero(ledger.fraud)
    number = np.concatenate([np.arange(count), frauds])
    is_payment = np.arange(len(number)) < count
    occurred = ledger.local_ms[number] - CHINA_MS + np.where(is_payment, 0, DELAY_MS)
    order = np.lexsort((is_payment, occurred))
    number, is_payment, occurred = number[order], is_payment[order], occurred[order]
    position = np.arange(len(number))
    seq_of_payment = np.empty(count, np.int64)
    seq_of_payment[number[is_payment]] = position[is_payment]

    rows = empty_rows(len(number))
    rows[:, Col.SEQ] = position
    rows[:, Col.OCCURRED_MS] = rows[:, Col.RECEIVED_MS] = occurred
    rows[:, Col.EVENT_KEY] = splitmix64(number * 2 + is_payment).view(np.int64)
    rows[:, Col.CONTENT_KEY] = rows[:, Col.EVENT_KEY]
    rows[:, Col.CUSTOMER] = rows[:, Col.ACCOUNT] = splitmix64(ledger.customer[number] * 4 + 1).view(np.int64)
    rows[:, Col.MERCHANT] = splitmix64(ledger.terminal[number] * 4 + 2).view(np.int64)
    rows[:, Col.AMOUNT_FEN] = np.where(is_payment, ledger.fen[number], 0)
    rows[:, Col.KIND] = np.where(is_payment, int(Kind.PAYMENT), int(Kind.LABEL))
    rows[:, Col.CHANNEL] = int(Channel.POS)
    rows[:, Col.RESULT] = int(Result.SUCCEEDED)
    rows[:, Col.FLAGS] = int(Flag.HISTORY_AUTHORISED)
    rows[:, Col.CURRENCY] = int.from_bytes(b"CNY", "big")
    rows[:, Col.LABEL] = np.where(is_payment, -1, 1)
    rows[:, Col.REFERS_KEY] = np.where(is_payment, 0, splitmix64(number * 2 + 1).view(np.int64))
    rows[:, Col.REFERS_MS] = np.where(is_payment, 0, ledger.local_ms[number] - CHINA_MS)
    rows[:, Col.REFERS_SEQ] = np.where(is_payment, -1, seq_of_payment[number])
    return rows, np.where(is_payment, number, number - count)


def by_engine(ledger: Ledger, features: FeatureSet, *, first_day: int = 0, jit: bool = True) -> dict[str, Floats]:
    """The set's features of each payment from `first_day` on, in the ledger's order, from one pass over payments and labels.

    Says on standard error how long compiling and running took.
    """
    rows, number = ledger_rows(ledger)
    began = time.perf_counter()
    engine = Engine(features, jit=jit)
    compiled = time.perf_counter()
    wanted = ledger.day >= first_day
    place = np.cumsum(wanted) - 1
    found = np.empty((int(wanted.sum()), len(features.names)))
    out = np.empty((_BATCH_ROWS, len(features.names)))
    for first in range(0, len(rows), _BATCH_ROWS):
        batch, numbers = rows[first : first + _BATCH_ROWS], number[first : first + _BATCH_ROWS]
        engine.process(batch, out[: len(batch)])
        kept = np.flatnonzero((numbers >= 0) & wanted[numbers])
        found[place[numbers[kept]]] = out[kept]
    ran_s = time.perf_counter() - compiled
    print(
        f"{features.name}: {len(features.names)} features, compiled in {compiled - began:.1f} s, "
        f"{len(rows) / ran_s:,.0f} events a second",
        file=sys.stderr,
    )
    return {name: np.ascontiguousarray(found[:, index]) for index, name in enumerate(features.names)}


def own_columns(ledger: Ledger, values: Columns) -> dict[str, Floats]:
    """Engine features with what the row itself says."""
    hour = ledger.local_ms % DAY_MS / 3_600_000
    return {**by_row(ledger), "hour": hour, **{name: np.asarray(column, np.float64) for name, column in values.items()}}
