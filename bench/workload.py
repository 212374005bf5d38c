"""The reference workload by name: what every speed, exactness and memory figure of the engine is measured on.

    reference_events    columns of the events, in event order, for twins and oracles that want arrays
    ordered             the same as rows, nothing late
    one_percent_late    one event in a hundred up to five seconds late, in journal order
    with_late_day       the latter, and one contiguous batch a whole day late
    bank_rows           days of the simulated bank (`tarim simulate`), for memory figures

Forty days of 350,000 customers unless stated.  Same arguments, same rows, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bench.reference_events import Shape, reference_rows
from tarim.simulation import SimulationSettings, simulate_rows
from tarim.stream import Col, Rows

EVENTS = 2_000_000
LATE_DAY_EVENTS = 5_000

_COLUMNS = {
    "occurred_ms": Col.OCCURRED_MS,
    "payer": Col.ACCOUNT,
    "payee": Col.PAYEE,
    "device": Col.DEVICE,
    "address": Col.ADDRESS,
    "amount_fen": Col.AMOUNT_FEN,
    "channel": Col.CHANNEL,
    "city": Col.CITY,
}


def ordered(events: int = EVENTS, seed: int = 7) -> Rows:
    """Rows in event order; nothing is late."""
    return reference_rows(_shape(events, seed, late_share=0.0, day_late_events=0))


def one_percent_late(events: int = EVENTS, seed: int = 7) -> Rows:
    """Rows in journal order; one in a hundred arrives 1 ms to 5 s late."""
    return reference_rows(_shape(events, seed, late_share=0.01, day_late_events=0))


def with_late_day(events: int = EVENTS, seed: int = 7, late_events: int = LATE_DAY_EVENTS) -> Rows:
    """Like `one_percent_late`, and `late_events` consecutive events from the middle arrive a day late."""
    return reference_rows(_shape(events, seed, late_share=0.01, day_late_events=late_events))


def reference_events(events: int = EVENTS, seed: int = 7) -> dict[str, npt.NDArray[np.int64]]:
    """The columns of `ordered`, each contiguous, shape (events,)."""
    rows = ordered(events, seed)
    return {name: np.ascontiguousarray(rows[:, column]) for name, column in _COLUMNS.items()}


def bank_rows(days: int = 30, customers: int = 350_000, per_day: int = 36_000, seed: int = 42) -> Iterator[Rows]:
    """The simulated bank's events, one array of rows a day, all kinds, SEQ running through."""
    return simulate_rows(SimulationSettings(customers=customers, events_per_day=per_day, days=days, seed=seed))


def _shape(events: int, seed: int, *, late_share: float, day_late_events: int) -> Shape:
    return replace(Shape(), events=events, seed=seed, late_share=late_share, day_late_events=day_late_events)
