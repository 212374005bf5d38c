"""Attempts to feel the rules and the model out, found in what is sent (ML-24, AS-26).

A *sweep* is many messages of one customer that differ in one field only, or one message of many customers from one device.  A
*grid* is many different messages of one customer, whichever fields differ.  From then on what that customer (or that device)
sends by that key is refused for a while; others who use the key go on, because a bank's channel is one key for millions.
The same is looked for in a second, longer window: a *slow* sweep.  A sweep by *strangers* is one message in many values from
customers whom nobody had seen before, another one for each value; as it belongs to no customer it is an alarm, not a refusal.

Memory is bounded: 24 MB for the window, 24 MB for the slow one, 8 MB for who was seen.  Who was seen is learnt for one slow
window after a start; till then strangers are not told from customers.  Instants are the service's clock.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import TarimError, TooOften
from tarim.base.instants import SECOND_MS
from tarim.decisions.kernels import probing as kernel
from tarim.decisions.kernels import strangers
from tarim.decisions.probe_settings import ProbeSettings
from tarim.stream import Col, Rows

SUBJECTS_MAX: Final = 10_000
"""Customers and devices refused at once."""
WARM_FROM: Final = 8
"""Events of a customer or device in a window from which on their fields are looked at; fewer are no sweep."""
SLOW_WARM_FROM: Final = 24
_COUNTERS: Final = 1 << 22
_SETS: Final = 1 << 16
_SLOW_COUNTERS: Final = 1 << 21
_SLOW_SETS: Final = 1 << 17
_KNOWN_WORDS: Final = 1 << 19
"""A Bloom filter of 33 million bits: of five million customers it takes one stranger in fifteen for somebody known."""
_STRANGER_SETS: Final = 1 << 15
_SENDERS: Final = 1 << 12
_BITS: Final = 128
FIELDS: Final = (
    "payee_account",
    "device_id",
    "ip",
    "merchant_id",
    "city",
    "amount_fen",
    "kind",
    "channel",
    "verification",
    "merchant_category",
    "extra_0",
    "extra_1",
    "extra_2",
    "extra_3",
    "customer",
    "several fields",
)
"""What the kernel's numbers mean."""
_PLACE_OF: Final = {7: 0, 10: 3, 11: 4, 12: 5, 13: 6, 14: 7, 16: 8, 19: 9, 24: 10, 25: 11, 26: 12, 27: 13}
"""Place in FIELDS of a column of the row."""

Words = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Probe:
    """An attempt that was found.  sender: number of the key.  what: one of sweep, grid, slow-sweep, stranger-sweep; field: what
    was varied.
    """

    sender: int
    what: str
    field: str
    at_ms: int


class _Windowed:
    """Sweeps and grids within one length of window: the state of `kernels.probing`."""

    def __init__(self, window_s: int, warm_from: int, sweep: int, grid: int, counters: int, sets: int) -> None:
        self._window_s, self._warm_from = window_s, warm_from
        self._sweep_bits, self._grid_bits = _bits_of(sweep), _bits_of(grid)
        self._counters = np.empty((2, counters), np.uint16)
        self._entries = np.empty((sets, kernel.WAYS, kernel.ENTRY_WORDS), np.int64)
        for each in (self._counters, self._entries):
            each.fill(0)  # now, so that no event waits for a page of memory

    def watch(self, rows: Rows, senders: Words, now_s: int, found: Words) -> list[int]:
        """Which events complete an attempt; found says which."""
        completed = kernel.watch(
            rows, senders, self._counters, self._entries, now_s, self._window_s, self._warm_from, self._sweep_bits,
            self._grid_bits, found,
        )  # fmt: skip
        return np.flatnonzero(found >= 0).tolist() if completed else []


class ProbeWatch:
    """Finds sweeps and grids, and refuses what follows.  One thread."""

    def __init__(self, settings: ProbeSettings) -> None:
        settings.check()
        self._settings = settings
        self._quick = self._slow = None
        if settings.sweep_values_max or settings.grid_events_max:
            limits = settings.sweep_values_max, settings.grid_events_max
            self._quick = _Windowed(settings.window_s, WARM_FROM, *limits, _COUNTERS, _SETS)
        if settings.slow_values_max:
            limits = settings.slow_values_max, 0
            self._slow = _Windowed(settings.slow_window_s, SLOW_WARM_FROM, *limits, _SLOW_COUNTERS, _SLOW_SETS)
        self._stranger_bits = _bits_of(settings.stranger_values_max)
        self._known = np.zeros(_KNOWN_WORDS if self._stranger_bits else 1, np.uint64)
        self._strange = np.zeros(
            (_STRANGER_SETS if self._stranger_bits else 1, kernel.WAYS, kernel.ENTRY_WORDS), np.int64
        )
        self._senders_seen = np.zeros((_SENDERS, 4), np.int64)
        self._begun_s = -1
        self._told_until: dict[tuple[int, str], int] = {}
        self._found = np.zeros(256, np.int64)
        self._refused: OrderedDict[tuple[int, int], int] = OrderedDict()
        self._probes: list[Probe] = []

    @property
    def refused_count(self) -> int:
        """Customers and devices refused, as far as is known."""
        return len(self._refused)

    @property
    def found_count(self) -> int:
        """Attempts that `take_probes` would give."""
        return len(self._probes)

    def look(self, rows: Rows, senders: Words, now_ms: int) -> dict[int, TarimError]:
        """Events that are refused, by index: rows (n, 32) as they came, senders (n,), 0 for one that is not watched."""
        now_s, count = now_ms // SECOND_MS, len(rows)
        if count > len(self._found):
            self._found = np.zeros(1 << (count - 1).bit_length(), np.int64)
        found = self._found[:count]
        for windowed, slow in ((self._quick, ""), (self._slow, "slow-")):
            for index in windowed.watch(rows, senders, now_s, found) if windowed is not None else ():
                self._note(int(senders[index]), rows[index], int(found[index]), slow, now_ms)
        if self._stranger_bits:
            self._look_for_strangers(rows, senders, now_s, found)
        return self._refusals(rows, senders, now_s) if self._refused else {}

    def _look_for_strangers(self, rows: Rows, senders: Words, now_s: int, found: Words) -> None:
        window_s = self._settings.slow_window_s
        if self._begun_s < 0:
            self._begun_s = now_s
        learning = now_s - self._begun_s < window_s
        if not strangers.watch_strangers(
            rows,
            senders,
            self._known,
            self._strange,
            self._senders_seen,
            now_s,
            window_s,
            self._stranger_bits,
            learning,
            found,
        ):
            return
        for index in np.flatnonzero(found >= 0).tolist():
            told = (int(senders[index]), FIELDS[_PLACE_OF[int(found[index])]])
            if self._told_until.get(told, 0) <= now_s:
                self._told_until = {each: until for each, until in self._told_until.items() if until > now_s}
                self._told_until[told] = now_s + window_s
                self._probes.append(Probe(told[0], "stranger-sweep", told[1], now_s * SECOND_MS))

    def take_probes(self) -> list[Probe]:
        """Attempts found since this was last asked."""
        probes, self._probes = self._probes, []
        return probes

    def _note(self, sender: int, row: Words, what: int, slow: str, now_ms: int) -> None:
        token = int(row[Col.DEVICE if what == kernel.CUSTOMER_FIELD else Col.CUSTOMER])
        subject = (sender, token)
        if subject not in self._refused:
            name = "grid" if what == kernel.GRID else f"{slow}sweep"
            self._probes.append(Probe(sender, name, FIELDS[what], now_ms))
        self._refused[subject] = now_ms // SECOND_MS + self._settings.refuse_s
        self._refused.move_to_end(subject)
        if len(self._refused) > SUBJECTS_MAX:
            self._refused.popitem(last=False)

    def _refusals(self, rows: Rows, senders: Words, now_s: int) -> dict[int, TarimError]:
        while self._refused and next(iter(self._refused.values())) <= now_s:
            self._refused.popitem(last=False)
        refusals: dict[int, TarimError] = {}
        words = rows[:, [Col.CUSTOMER, Col.DEVICE]].tolist()
        for index, (sender, (customer, device)) in enumerate(zip(senders.tolist(), words, strict=True)):
            until = max(self._refused.get((sender, customer), 0), self._refused.get((sender, device), 0))
            if until > now_s:
                refusals[index] = TooOften("too many messages that differ little", until - now_s)
        return refusals


def _bits_of(values: int) -> int:
    """Bits that so many different values set on average, 0 for none."""
    return max(1, round(_BITS * (1.0 - math.exp(-values / _BITS)))) if values else 0
