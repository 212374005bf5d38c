"""Attempts to feel the rules and the model out, found in what is sent (ML-24, AS-26).

A *sweep* is many messages of one customer that differ in one field only, or one message of many customers from one device.  A
*grid* is many different messages of one customer, whichever fields differ.  From then on what that customer (or that device)
sends by that key is refused for a while; others who use the key go on, because a bank's channel is one key for millions.
What goes slower than the window, or takes another customer for every message, is left to the frequency limits of the key.

Memory is bounded: 24 MB.  Instants are the service's clock.
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
from tarim.decisions.probe_settings import ProbeSettings
from tarim.stream import Col, Rows

SUBJECTS_MAX: Final = 10_000
"""Customers and devices refused at once."""
_COUNTERS: Final = 1 << 22
_SETS: Final = 1 << 16
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


@dataclass(frozen=True, slots=True)
class Probe:
    """An attempt that was found.  sender: number of the key.  what: `sweep` or `grid`; field: what was varied."""

    sender: int
    what: str
    field: str
    at_ms: int


class ProbeWatch:
    """Finds sweeps and grids, and refuses what follows.  One thread."""

    def __init__(self, settings: ProbeSettings) -> None:
        settings.check()
        self._settings = settings
        self._counters = np.empty((2, _COUNTERS), np.uint16)
        self._entries = np.empty((_SETS, kernel.WAYS, kernel.ENTRY_WORDS), np.int64)
        for each in (self._counters, self._entries):
            each.fill(0)  # now, so that no event waits for a page of memory
        self._sweep_bits = _bits_of(settings.sweep_values_max)
        self._grid_bits = _bits_of(settings.grid_events_max)
        self._found = np.zeros(256, np.int64)
        self._refused: OrderedDict[tuple[int, int], int] = OrderedDict()
        self._probes: list[Probe] = []

    @property
    def refused_count(self) -> int:
        """Customers and devices refused, as far as is known."""
        return len(self._refused)

    def look(self, rows: Rows, senders: npt.NDArray[np.int64], now_ms: int) -> dict[int, TarimError]:
        """Events that are refused, by index: rows (n, 32) as they came, senders (n,), 0 for one that is not watched."""
        if not self._sweep_bits and not self._grid_bits:
            return {}
        now_s, count = now_ms // SECOND_MS, len(rows)
        if count > len(self._found):
            self._found = np.zeros(1 << (count - 1).bit_length(), np.int64)
        found = self._found[:count]
        completed = kernel.watch(
            rows,
            senders,
            self._counters,
            self._entries,
            now_s,
            self._settings.window_s,
            self._sweep_bits,
            self._grid_bits,
            found,
        )
        if completed:
            for index in np.flatnonzero(found >= 0).tolist():
                self._note(int(senders[index]), rows[index], int(found[index]), now_ms)
        return self._refusals(rows, senders, now_s) if self._refused else {}

    def take_probes(self) -> list[Probe]:
        """Attempts found since this was last asked."""
        probes, self._probes = self._probes, []
        return probes

    def _note(self, sender: int, row: npt.NDArray[np.int64], what: int, now_ms: int) -> None:
        token = int(row[Col.DEVICE if what == kernel.CUSTOMER_FIELD else Col.CUSTOMER])
        subject = (sender, token)
        if subject not in self._refused:
            self._probes.append(Probe(sender, "grid" if what == kernel.GRID else "sweep", FIELDS[what], now_ms))
        self._refused[subject] = now_ms // SECOND_MS + self._settings.refuse_s
        self._refused.move_to_end(subject)
        if len(self._refused) > SUBJECTS_MAX:
            self._refused.popitem(last=False)

    def _refusals(self, rows: Rows, senders: npt.NDArray[np.int64], now_s: int) -> dict[int, TarimError]:
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
