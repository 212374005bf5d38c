"""Thirty days of a bank in a journal, at the speed of a batch, for benchmarks that need a past."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np

from tarim.base.instants import DAY_MS
from tarim.bootstrap.house import House
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import settings_of
from tarim.decisions import Snapshots
from tarim.intake import EventBatch, event_key
from tarim.stream import Col, Flag, Kind, empty_rows

CHUNK: Final = 16_384


def fill_journal(data: Path, count: int, *, customers: int = 350_000, seed: int = 3, snapshot: bool = True) -> None:
    """Decide `count` transfers of the last 30 days into the journal of `data`; then write a snapshot."""
    rng = np.random.default_rng(seed)
    with House(settings_of(data, os.environ), Places(data), os.environ) as house:
        now_ms = house.clock.now_ms()
        for start in range(0, count, CHUNK):
            size = min(CHUNK, count - start)
            rows = empty_rows(size)
            ids = [f"past-{seed}-{number}" for number in range(start, start + size)]
            keys = np.array([event_key("past", each) for each in ids], np.int64)
            at_ms = now_ms - 30 * DAY_MS + (np.arange(start, start + size) * (30 * DAY_MS) // count)
            payer = rng.integers(1, customers, size)
            rows[:, Col.EVENT_KEY] = keys
            rows[:, Col.CONTENT_KEY] = keys
            rows[:, Col.OCCURRED_MS] = at_ms
            rows[:, Col.RECEIVED_MS] = at_ms
            rows[:, Col.KIND] = Kind.TRANSFER
            rows[:, Col.FLAGS] = Flag.HISTORY_AUTHORISED
            for column, space in ((Col.CUSTOMER, 1), (Col.ACCOUNT, 2), (Col.DEVICE, 3), (Col.ADDRESS, 4)):
                rows[:, column] = _spread(payer, space)
            rows[:, Col.PAYEE] = _spread(rng.integers(1, customers, size), 2)
            rows[:, Col.AMOUNT_FEN] = rng.lognormal(9.5, 1.6, size).astype(np.int64) + 1
            nothing = np.zeros(0, np.uint64)
            house.service.take(EventBatch(rows, ids, ["past"] * size, [None] * size, [None] * size, nothing))
            house.journal.commit()
        if snapshot:
            Snapshots(house.places.snapshots).write(house.state)


def _spread(numbers: np.ndarray, space: int) -> np.ndarray:
    """Numbers as tokens: spread over 64 bits, different in each space."""
    mixed = (numbers.astype(np.uint64) + np.uint64(space << 40)) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed ^ (mixed >> np.uint64(29))).view(np.int64)
