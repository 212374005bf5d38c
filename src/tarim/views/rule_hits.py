"""How often each rule hit lately, and how often it was right, by when events occurred.

Hits are kept by the hour; of events that hit a rule, position and rules are kept too, so that a later label finds them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.instants import DAY_MS, HOUR_MS
from tarim.decisions import Versions, Word
from tarim.rules import RULES_MAX
from tarim.stream import Col, Kind
from tarim.views.blocks import Block
from tarim.views.rulebook import RuleBooks, Scenarios, TextOf

DAYS_KEPT: Final = 30
HOURS_KEPT: Final = (DAYS_KEPT + 1) * 24
"""With the day that is not over."""
RULES_TOLD: Final = 1_024
"""Rules told apart over all rulesets; hits of further ones are not counted."""
EVENTS_KEPT: Final = 1_000_000
"""Events with a hit that a label still finds; then the older half is forgotten: about 52 MB at most."""
WINDOWS: Final = MappingProxyType({"day": 24, "week": 168, "month": 720})
"""Hours of each span."""
_CHINA_MS: Final = 8 * HOUR_MS
_HITS: Final = slice(Word.HITS_0, Word.HITS_3 + 1)
_EFFECTIVE: Final = slice(Word.EFFECTIVE_0, Word.EFFECTIVE_3 + 1)
_NOBODY: Final = -1

Words = npt.NDArray[np.int64]
Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HitSpan:
    """One rule in a span: events it held for, those where it had an effect, and of the former those labelled."""

    hits: int
    effective: int
    fraud: int
    genuine: int


@dataclass(frozen=True, slots=True)
class HitsOfRule:
    """One rule by the names of WINDOWS, and its hits by day in China, shape (DAYS_KEPT,), the oldest first."""

    id: str
    spans: dict[str, HitSpan]
    days: list[int] = field(repr=False)


@dataclass(frozen=True, slots=True)
class HitFigures:
    """All rules that hit, by id; decided: events of each window; first_day: days since the epoch in China."""

    rules: list[HitsOfRule]
    decided: dict[str, int]
    first_day: int


class RuleHits:
    """Hits by rule: a Consumer.  Any thread may ask."""

    def __init__(self, text_of: TextOf, feature_names: Sequence[str], events_max: int = EVENTS_KEPT) -> None:
        """text_of: of rulesets.  events_max: events with a hit that labels still find."""
        self._books = RuleBooks(text_of, feature_names, Scenarios())
        self._events_max = events_max
        self._numbers: dict[str, int] = {}
        self._maps: dict[Versions, int] = {}
        self._number_of_bit: list[Words] = []
        self._hour_of_slot = np.full(HOURS_KEPT, -1, np.int64)
        self._decided = np.zeros(HOURS_KEPT, np.int64)
        self._counts = np.zeros((HOURS_KEPT, RULES_TOLD, 2), np.int32)
        self._events = np.zeros((1_024, 7), np.int64)  # seq, hour, map, four words of hits
        self._labels = np.full(1_024, _NOBODY, np.int8)
        self._count = 0
        self._lock = threading.Lock()

    def take(self, block: Block) -> None:
        """Take in a block (Consumer)."""
        if not len(block):
            return
        with self._lock:
            self._take(block)

    def _take(self, block: Block) -> None:
        rows, decisions = block.rows, block.decisions
        decided = rows[:, Col.KIND] != Kind.LABEL
        hours = rows[:, Col.OCCURRED_MS] // HOUR_MS
        slots = self._turned(hours, decided)
        np.add.at(self._decided, slots[slots >= 0], 1)
        hitting = np.flatnonzero(decided & decisions[:, _HITS].any(axis=1))
        if len(hitting):
            where = self._map(block.versions)
            number_of_bit = self._number_of_bit[where]
            for column, part in enumerate((_HITS, _EFFECTIVE)):
                event, bit = np.nonzero(_bits(decisions[hitting, part]))
                at, number = slots[hitting[event]], number_of_bit[bit]
                known = (at >= 0) & (number >= 0)
                np.add.at(self._counts[:, :, column], (at[known], number[known]), 1)
            kept = np.empty((len(hitting), 7), np.int64)
            kept[:, 0], kept[:, 1], kept[:, 2] = rows[hitting, Col.SEQ], hours[hitting], where
            kept[:, 3:] = decisions[hitting, _HITS]
            self._keep(kept)
        self._label(rows[~decided])

    def _turned(self, hours: Words, decided: Bits) -> Words:
        """The slot of each event's hour, -1 for one that is older than what the slot holds by now."""
        slots: Words = np.where(decided, hours % HOURS_KEPT, -1)
        for hour in np.unique(hours[decided]).tolist():
            slot = hour % HOURS_KEPT
            if self._hour_of_slot[slot] < hour:
                self._hour_of_slot[slot] = hour
                self._decided[slot] = 0
                self._counts[slot] = 0
        slots[decided & (self._hour_of_slot[slots] != hours)] = -1
        return slots

    def _map(self, versions: Versions) -> int:
        """Which array tells the numbers of a ruleset's bits."""
        found = self._maps.get(versions)
        if found is None:
            numbers = np.full(RULES_MAX, _NOBODY, np.int64)
            for rule in self._books.of(versions).rules:
                if rule.id in self._numbers or len(self._numbers) < RULES_TOLD:
                    numbers[rule.index] = self._numbers.setdefault(rule.id, len(self._numbers))
            found = self._maps[versions] = len(self._number_of_bit)
            self._number_of_bit.append(numbers)
        return found

    def _keep(self, events: Words) -> None:
        if self._count + len(events) > self._events_max:
            kept = self._events_max // 2
            self._events[:kept] = self._events[self._count - kept : self._count].copy()
            self._labels[:kept] = self._labels[self._count - kept : self._count].copy()
            self._count = kept
        after = self._count + len(events)
        if after > len(self._events):
            larger = max(2 * len(self._events), after)
            self._events = np.concatenate([self._events, np.zeros((larger - len(self._events), 7), np.int64)])
            self._labels = np.concatenate([self._labels, np.full(larger - len(self._labels), _NOBODY, np.int8)])
        self._events[self._count : after] = events
        self._labels[self._count : after] = _NOBODY
        self._count = after

    def _label(self, rows: Words) -> None:
        if not len(rows) or not self._count:
            return
        seqs = self._events[: self._count, 0]
        places = np.searchsorted(seqs, rows[:, Col.REFERS_SEQ])
        found = (places < self._count) & (seqs[np.minimum(places, self._count - 1)] == rows[:, Col.REFERS_SEQ])
        self._labels[places[found]] = rows[found, Col.LABEL]

    def figures(self, now_ms: int) -> HitFigures:
        """All rules that hit in the longest window up to now."""
        with self._lock:
            return self._figures(now_ms)

    def _figures(self, now_ms: int) -> HitFigures:
        hour = now_ms // HOUR_MS
        names = list(self._numbers)
        labelled = np.zeros((len(WINDOWS), RULES_TOLD, 2), np.int64)
        known = np.flatnonzero(self._labels[: self._count] >= 0)
        for where, number_of_bit in enumerate(self._number_of_bit):
            events = known[self._events[known, 2] == where]
            event, bit = np.nonzero(_bits(self._events[events, 3:]))
            numbers, hours = number_of_bit[bit], self._events[events[event], 1]
            fraud = self._labels[events[event]] == 1
            for at, length in enumerate(WINDOWS.values()):
                inside = (numbers >= 0) & (hours > hour - length) & (hours <= hour)
                np.add.at(labelled[at], (numbers[inside], np.where(fraud[inside], 0, 1)), 1)
        counts, decided = {}, {}
        for name, length in WINDOWS.items():
            inside = (self._hour_of_slot > hour - length) & (self._hour_of_slot <= hour)
            counts[name] = self._counts[inside].sum(axis=0, dtype=np.int64)
            decided[name] = int(self._decided[inside].sum())
        last_day = (now_ms + _CHINA_MS) // DAY_MS
        first_day = last_day - DAYS_KEPT + 1
        day_of_slot = (self._hour_of_slot * HOUR_MS + _CHINA_MS) // DAY_MS - first_day
        days = np.zeros((DAYS_KEPT, RULES_TOLD), np.int64)
        shown = (day_of_slot >= 0) & (day_of_slot < DAYS_KEPT) & (self._hour_of_slot >= 0)
        np.add.at(days, day_of_slot[shown], self._counts[shown, :, 0])
        rules = [
            HitsOfRule(
                rule_id,
                {
                    name: HitSpan(*counts[name][number].tolist(), *labelled[at, number].tolist())
                    for at, name in enumerate(WINDOWS)
                },
                days[:, number].tolist(),
            )
            for number, rule_id in enumerate(names)
            if counts["month"][number, 0]
        ]
        return HitFigures(rules, decided, int(first_day))


def _bits(words: Words) -> Bits:
    """Four words as 256 bits, shape (n, RULES_MAX)."""
    octets = np.ascontiguousarray(words).view(np.uint8).reshape(len(words), RULES_MAX // 8)
    return np.unpackbits(octets, axis=1, bitorder="little").astype(np.bool_)
