"""Views made from a journal in the plainest way: one dictionary entry an event."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from tarim.stream import Col, Kind, Outcome

IDENTIFIERS = (Col.CUSTOMER, Col.ACCOUNT, Col.PAYEE, Col.DEVICE, Col.ADDRESS, Col.MERCHANT)


class NaiveViews:
    """What `Live` and `Entities` should say; scenarios_of: the scenario of each rule."""

    def __init__(self, scenarios_of: list[str]) -> None:
        self.scenarios_of = scenarios_of
        self.by_minute: dict[int, Counter[str]] = defaultdict(Counter)
        self.by_second: dict[int, list[bool]] = defaultdict(list)
        self.decided: list[int] = []
        self.outcome_of: dict[int, Outcome] = {}
        self.scenarios_met: dict[int, set[str]] = {}
        self.tallies: dict[int, tuple[int, int]] = {}

    def take(self, row: np.ndarray, decision: np.ndarray) -> None:
        """Take in one event."""
        if row[Col.KIND] == Kind.LABEL:
            return
        seq, at_ms = int(row[Col.SEQ]), int(row[Col.RECEIVED_MS])
        if at_ms - int(row[Col.OCCURRED_MS]) > 60 * 60 * 1_000:
            at_ms = int(row[Col.OCCURRED_MS])
        words = [int(word) % (1 << 64) for word in decision[7:11]]
        met = {self.scenarios_of[rule] for rule in range(256) if words[rule // 64] >> rule % 64 & 1}
        outcome = Outcome(int(decision[0]))
        minute = self.by_minute[at_ms // 60_000]
        minute[outcome.name.lower()] += 1
        for scenario in met:
            minute["scenario " + scenario] += 1
        self.by_second[at_ms // 1_000].append(outcome is Outcome.BLOCK)
        self.decided.append(seq)
        self.outcome_of[seq], self.scenarios_met[seq] = outcome, met
        for token in {int(row[column]) for column in IDENTIFIERS} - {0}:
            count, _ = self.tallies.get(token, (0, 0))
            self.tallies[token] = count + 1, seq
