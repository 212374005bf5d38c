"""Figures counted in the decisions' journal itself: the other side of a reconciliation.

Nothing here looks at a table, or goes through what fills them: rows and decisions are read as the journal has them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tarim.base.instants import CHINA_OFFSET_MS, DAY_MS
from tarim.decisions import Events, Word
from tarim.desk import RuleWords
from tarim.journal import FolderReader
from tarim.reporting.adapters.window import events_received
from tarim.reporting.domain.days import day_of
from tarim.reporting.domain.figures import Counts, Key, Tally
from tarim.stream import Channel, Col, Kind, Outcome


class JournalTally:
    """Counts over the journal in a folder."""

    def __init__(self, folder: Path, rule_words_of: Callable[[str], RuleWords]) -> None:
        self._folder = folder
        self._rule_words_of = rule_words_of

    def count(self, from_ms: int, end_ms: int, to_seq: int) -> Tally:
        """The events received in [from_ms, end_ms) below a position.  Raises NotFound, Damaged."""
        tally = Tally(Counts({}, {}), {})
        if not (self._folder / "durable").exists():
            return tally
        words: dict[str, RuleWords] = {}
        with FolderReader(self._folder) as reader:
            for events in events_received(reader, from_ms, end_ms, to_seq):
                self._take(events, from_ms, end_ms, tally, words)
        return tally

    def _take(self, events: Events, from_ms: int, end_ms: int, tally: Tally, words: dict[str, RuleWords]) -> None:
        received = events.rows[:, Col.RECEIVED_MS]
        inside = (received >= from_ms) & (received < end_ms)
        labels = events.rows[:, Col.KIND] == Kind.LABEL
        ordinals, counts = np.unique((received[inside & ~labels] + CHINA_OFFSET_MS) // DAY_MS, return_counts=True)
        for ordinal, count in zip(ordinals.tolist(), counts.tolist(), strict=True):
            day = day_of(ordinal * DAY_MS - CHINA_OFFSET_MS)
            tally.events[day] = tally.events.get(day, 0) + count
        for index in np.flatnonzero(inside & labels).tolist():
            place = (day_of(int(received[index])), int(events.rows[index, Col.LABEL] == 1))
            tally.counts.labels[place] = tally.counts.labels.get(place, 0) + 1
        above = inside & ~labels & (events.decisions[:, Word.OUTCOME] > Outcome.PASS)
        for index in np.flatnonzero(above).tolist():
            key = self._key(events, index, words)
            count, fen = tally.counts.decisions.get(key, (0, 0))
            tally.counts.decisions[key] = (count + 1, fen + int(events.rows[index, Col.AMOUNT_FEN]))

    def _key(self, events: Events, index: int, words: dict[str, RuleWords]) -> Key:
        row, decision = events.rows[index], events.decisions[index]
        version = events.side.versions.ruleset
        if version not in words:
            words[version] = self._rule_words_of(version)
        grounds = words[version].grounds(decision)
        scenario = next((ground.scenario for ground in grounds if ground.scenario), grounds[0].id if grounds else "")
        currency = int(row[Col.CURRENCY])
        return (
            day_of(int(row[Col.RECEIVED_MS])),
            int(decision[Word.OUTCOME]),
            scenario,
            Channel(int(row[Col.CHANNEL])).name.lower(),
            currency.to_bytes(3, "big").decode("ascii") if currency else "",
        )
