"""The book's fifteen features: by plain NumPy from their definition, from the engine, and against the published files.

What the book computes (chapter 3, checked on all 1,754,155 rows):

    customer windows   (t - w, t], the transaction itself included, ties in the order of the file
    terminal windows   (t - 7d - w, t - 7d], both sides as written: exactly seven days ago counts
    risk               frauds over transactions of that window, 0 when there are none
    night              local hour <= 6, so until 06:59:59; weekend: Saturday and Sunday

Tolerance: counts and flags equal; averages and risks within 1e-6 relative.  The files hold float32 (half a unit in the last
place is 6e-8 relative), and the book's rolling sums add and subtract float64 amounts, so that they drift; ours are sums of
integers.  The book sorts a customer's transactions by time unstably: of 29 pairs within one second it has ten the other
way round, so twenty rows differ unless the file is read in the book's order (`book_order`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.handbook.ledger import DAY_MS, DELAY_MS, Columns, Floats, Ledger
from bench.handbook.sets import BOOK_BY_ENGINE, WINDOWS_DAYS

RELATIVE_TOLERANCE = 1e-6

BOOK_FEATURES = (
    "TX_AMOUNT",
    "TX_DURING_WEEKEND",
    "TX_DURING_NIGHT",
    *(f"CUSTOMER_ID_{what}_{days}DAY_WINDOW" for days in WINDOWS_DAYS for what in ("NB_TX", "AVG_AMOUNT")),
    *(f"TERMINAL_ID_{what}_{days}DAY_WINDOW" for days in WINDOWS_DAYS for what in ("NB_TX", "RISK")),
)
"""The fifteen inputs of the book's models, in its order."""


def by_definition(ledger: Ledger) -> dict[str, Floats]:
    """The fifteen features from the definitions above, by sorting and searching; ties in the order of the rows."""
    weekday = (ledger.local_ms // DAY_MS + 3) % 7
    hour = ledger.local_ms % DAY_MS // 3_600_000
    found: dict[str, Floats] = {
        "TX_AMOUNT": ledger.fen / 100,
        "TX_DURING_WEEKEND": (weekday >= 5).astype(np.float64),
        "TX_DURING_NIGHT": (hour <= 6).astype(np.float64),
    }
    span = 400 * DAY_MS
    base = int(ledger.local_ms.min()) - 100 * DAY_MS
    for key in (ledger.customer, ledger.terminal):
        order = np.lexsort((np.arange(len(ledger)), ledger.local_ms, key))
        place = key[order] * span + ledger.local_ms[order] - base
        fen = np.concatenate([[0], np.cumsum(ledger.fen[order])])
        frauds = np.concatenate([[0], np.cumsum(ledger.fraud[order])])
        for days in WINDOWS_DAYS:
            count, value = np.empty(len(ledger)), np.empty(len(ledger))
            if key is ledger.customer:
                low = np.searchsorted(place, place - days * DAY_MS, side="right")
                high = np.arange(len(ledger)) + 1
                count[order] = high - low
                value[order] = (fen[high] - fen[low]) / (high - low) / 100
                names = ("CUSTOMER_ID_NB_TX", "CUSTOMER_ID_AVG_AMOUNT")
            else:
                low = np.searchsorted(place, place - DELAY_MS - days * DAY_MS, side="right")
                high = np.searchsorted(place, place - DELAY_MS, side="right")
                count[order] = high - low
                value[order] = (frauds[high] - frauds[low]) / np.maximum(1, high - low)
                names = ("TERMINAL_ID_NB_TX", "TERMINAL_ID_RISK")
            found[f"{names[0]}_{days}DAY_WINDOW"], found[f"{names[1]}_{days}DAY_WINDOW"] = count, value
    return {name: found[name] for name in BOOK_FEATURES}


def book_names(values: Columns, ledger: Ledger) -> dict[str, Floats]:
    """Engine features under the book's names and in its units, with the three that are in the row itself."""
    plain = by_row(ledger)
    for name, feature in BOOK_BY_ENGINE.items():
        plain[name] = values[feature.name] / (100 if "AVG_AMOUNT" in name else 1)
    return {name: plain[name] for name in BOOK_FEATURES}


def by_row(ledger: Ledger) -> dict[str, Floats]:
    """What the row itself says, under the book's names."""
    weekday = (ledger.local_ms // DAY_MS + 3) % 7
    return {
        "TX_AMOUNT": ledger.fen / 100,
        "TX_DURING_WEEKEND": (weekday >= 5).astype(np.float64),
        "TX_DURING_NIGHT": (ledger.local_ms % DAY_MS // 3_600_000 <= 6).astype(np.float64),
    }


@dataclass(frozen=True)
class Comparison:
    """One feature against the book's file.  `unequal` counts rows outside the tolerance."""

    name: str
    unequal: int
    unequal_outside_ties: int
    relative_error_max: float
    """Largest of the rows outside ties."""


def compare(features: Columns, published: Columns, ledger: Ledger) -> list[Comparison]:
    """Each feature against the book's file, row by row; ties are payments of one customer within one second."""
    key = ledger.customer * (1 << 44) + ledger.local_ms
    _, where, how_many = np.unique(key, return_inverse=True, return_counts=True)
    tied = how_many[where] > 1
    expected: dict[str, npt.NDArray[Any]] = {**published, "TX_AMOUNT": ledger.fen / 100}
    found = []
    for name in BOOK_FEATURES:
        ours, theirs = features[name], expected[name].astype(np.float64)
        exact = "AVG" not in name and "RISK" not in name
        error = np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-12 if exact else 1e-3)
        unequal = ~(error <= (0.0 if exact else RELATIVE_TOLERANCE))
        outside = error[~tied]
        found.append(Comparison(name, int(unequal.sum()), int(unequal[~tied].sum()), float(outside.max())))
    return found
