"""What arrives now: the newest decisions, and how many there were."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tarim.base.errors import NotFound
from tarim.decisions import Versions
from tarim.stream import Col, Kind, Outcome
from tarim.views.blocks import Block
from tarim.views.feed import Feed, Page
from tarim.views.minutes import Minutes, Total, Trend
from tarim.views.rulebook import RuleBook, RuleBooks, Scenarios, TextOf

RATE_S: Final = 60
"""Seconds of the present rate."""
WINDOWS: Final = MappingProxyType({"1h": (60, 1), "24h": (1_440, 10), "7d": (10_080, 60)})
"""Minutes of each span that trends are asked for, and of one of its steps."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A span's trend by the names of its columns, its sums, and those of the span before it; the present rate likewise."""

    trend: Trend
    scenarios: tuple[str, ...]
    total: Total
    before: Total
    rate: Total
    rate_before: Total


class Live:
    """The newest decisions and their counts: a Consumer.  Any thread may ask."""

    def __init__(self, text_of: TextOf, feature_names: Sequence[str], feed_max: int) -> None:
        """text_of: of rulesets.  feed_max: decisions kept for the feed."""
        self._scenarios = Scenarios()
        self._books = RuleBooks(text_of, feature_names, self._scenarios)
        self._feed = Feed(feed_max)
        self._minutes = Minutes()
        self._lock = threading.Lock()

    def take(self, block: Block) -> None:
        """See `Consumer`."""
        if not len(block):
            return
        with self._lock:
            book = self._books.of(block.versions)
            masks = self._minutes.take(block.rows, block.decisions, book.scenario_of_rule)
            decided = block.rows[:, Col.KIND] != Kind.LABEL
            if decided.all():
                self._feed.add(block.rows, block.decisions, masks, book)
            else:
                self._feed.add(block.rows[decided], block.decisions[decided], masks[decided], book)

    def book(self, versions: Versions) -> RuleBook:
        """What the bits of decisions under these versions say."""
        with self._lock:
            return self._books.of(versions)

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Scenarios that have turned up in rulesets."""
        return self._scenarios.names

    @property
    def first_seq(self) -> int:
        """Position of the oldest decision in the feed."""
        with self._lock:
            return self._feed.first_seq

    def newest(self, after_seq: int, outcome: Outcome | None, scenario: str, limit: int) -> Page:
        """The newest decisions behind a position; scenario: "" for any.  Raises NotFound for a scenario no ruleset has."""
        number = self._scenarios.find(scenario) if scenario else None
        if scenario and number is None:
            raise NotFound("no ruleset that was in force has a scenario of that name")
        with self._lock:
            return self._feed.newest(after_seq, None if outcome is None else int(outcome), number, limit)

    def figures(self, now_ms: int, window: str) -> Figures:
        """Counts of one of WINDOWS up to now."""
        length_min, step_min = WINDOWS[window]
        with self._lock:
            minutes = self._minutes
            trend = minutes.trend(now_ms, length_min, step_min)
            total, before = (minutes.total(now_ms, length_min, back) for back in (0, 1))
            rate, rate_before = (minutes.of_seconds(now_ms, RATE_S, back) for back in (0, 1))
        return Figures(trend, self._scenarios.names, total, before, rate, rate_before)
