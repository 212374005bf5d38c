"""What a backtest counts: events by mark, by rule, by customer, and by day, kind, channel, amount and city."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

import numpy as np

from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS
from tarim.decisions.backtest_input import Bits, Words
from tarim.decisions.backtest_results import Tally, city_text, tally
from tarim.decisions.kernels import backtest as kernel
from tarim.stream import Channel, Col, Kind, Rows

EXAMPLES: Final = 3
"""Events shown of each rule, and as many of its fraud."""
CITIES_MAX: Final = 4_096
"""Cities told apart; events of any further one count as `other`."""
AMOUNT_BANDS_YUAN: Final = (1_000, 5_000, 20_000, 50_000, 200_000)
"""Where the bands of amounts begin; below them one more, and one for events without an amount."""

_FEN_PER_YUAN: Final = 100
_CODES: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Mark(IntEnum):
    """What is counted of an event as a whole; bits of one word."""

    MEASURED = 0
    LIVE = 1
    """A live rule with an effect holds."""
    LIVE_STOPPED = 2
    """The recorded outcome stops the customer."""
    HIT = 3
    """A rule of the first draft holds."""
    STOPPED = 4
    """One that stops the customer does."""
    NEW = 5
    """A rule of the first draft holds, and no live one with an effect."""
    LOST = 6
    """A live rule with an effect holds, and none of the first draft."""
    OTHER_HIT = 7
    OTHER_STOPPED = 8
    OTHER_NEW = 9
    OTHER_LOST = 10
    ONLY_FIRST = 11
    ONLY_OTHER = 12
    BOTH = 13


OF_DRAFT: Final = (
    (Mark.HIT, Mark.STOPPED, Mark.NEW, Mark.LOST),
    (Mark.OTHER_HIT, Mark.OTHER_STOPPED, Mark.OTHER_NEW, Mark.OTHER_LOST),
)


class Counted:
    """Counts, customers and examples for some bits."""

    def __init__(self, words: int) -> None:
        self.counts = np.zeros((64 * words, kernel.COUNTS), np.int64)
        self.touched = np.zeros((0, words), np.uint64)
        self.defrauded = np.zeros((0, words), np.uint64)
        self.best = np.full((64 * words, 2, EXAMPLES), np.iinfo(np.uint64).max, np.uint64)
        self.best_at = np.full((64 * words, 2, EXAMPLES), -1, np.int64)

    def take(self, bits: Bits, amounts_fen: Words, labels: Words, customers: Words, customers_count: int) -> None:
        kernel.count(bits, amounts_fen, labels, self.counts)
        self.touched = grown(self.touched, customers_count)
        self.defrauded = grown(self.defrauded, customers_count)
        kernel.touch(bits, labels, customers, self.touched, self.defrauded)

    def customers(self) -> tuple[Words, Words]:
        """Customers by bit, and those of them with fraud, each of shape (64 words,)."""
        totals = np.zeros((2, len(self.counts)), np.int64)
        kernel.add_up(self.touched, totals[0])
        kernel.add_up(self.defrauded, totals[1])
        return totals[0], totals[1]

    def tallies(self, fraud: int) -> list[Tally]:
        """A tally for each bit; `fraud`: labelled fraud of the span."""
        customers, defrauded = self.customers()
        return [tally(self.counts[at], int(customers[at]), int(defrauded[at]), fraud) for at in range(len(self.counts))]


def grown(array: Bits, rows: int) -> Bits:
    """The array with room for at least so many rows, new ones zero."""
    if rows <= len(array):
        return array
    wider = np.zeros((max(1_024, 1 << (rows - 1).bit_length()), array.shape[1]), np.uint64)
    wider[: len(array)] = array
    return wider


class Divisions:
    """The groups of events: fixed ones for kind, channel and amount, and days and cities as they turn up."""

    def __init__(self) -> None:
        self.values: list[tuple[str, str]] = []
        self._kinds = self._fixed("kind", ["unknown", *(kind.name.lower() for kind in Kind)])
        self._channels = self._fixed("channel", [channel.name.lower() for channel in Channel])
        starts = (0, *AMOUNT_BANDS_YUAN)
        ends = [f"-{end}" for end in AMOUNT_BANDS_YUAN]
        bands = [f"{start}{end}" for start, end in zip(starts, [*ends, "-"], strict=True)]
        self._bands = self._fixed("amount", ["none", *bands])
        self._band_starts = np.array([1, *(_FEN_PER_YUAN * yuan for yuan in AMOUNT_BANDS_YUAN)], np.int64)
        self._days: dict[int, int] = {}
        self._cities = np.full(_CODES, -1, np.int64)
        self._cities_count = 0
        self._other_city = -1

    def _fixed(self, division: str, values: Sequence[str]) -> int:
        first = len(self.values)
        self.values += [(division, value) for value in values]
        return first

    def _add(self, division: str, value: str) -> int:
        self.values.append((division, value))
        return len(self.values) - 1

    def groups(self, rows: Rows) -> Words:
        """Groups of the events, shape (n, 5), numbered through."""
        found = np.empty((len(rows), 5), np.int64)
        days = (rows[:, Col.OCCURRED_MS] + CHINA_OFFSET_MS) // DAY_MS
        first = int(days.min())
        places = np.empty(int(days.max()) - first + 1, np.int64)
        for day in np.unique(days).tolist():
            if day not in self._days:
                self._days[day] = self._add("day", (_EPOCH + timedelta(days=day)).date().isoformat())
            places[day - first] = self._days[day]
        found[:, 0] = places[days - first]
        found[:, 1] = self._kinds + np.clip(rows[:, Col.KIND], 0, len(Kind))
        found[:, 2] = self._channels + np.clip(rows[:, Col.CHANNEL], 0, len(Channel) - 1)
        found[:, 3] = self._bands + np.searchsorted(self._band_starts, rows[:, Col.AMOUNT_FEN], side="right")
        cities = rows[:, Col.CITY]
        cities = np.where((cities >= 0) & (cities < _CODES), cities, 0)
        found[:, 4] = self._cities[cities]
        unknown = found[:, 4] < 0
        if unknown.any():
            for code in np.unique(cities[unknown]).tolist():
                self._cities[code] = self._city(code)
            found[:, 4] = self._cities[cities]
        return found

    def _city(self, code: int) -> int:
        if self._cities_count < CITIES_MAX:
            self._cities_count += 1
            return self._add("city", city_text(code))
        if self._other_city < 0:
            self._other_city = self._add("city", "other")
        return self._other_city
