"""What a backtest is asked: the labels that are known, and a ruleset on trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tarim.base.errors import DefinitionError
from tarim.decisions.policy import Lists
from tarim.rules import HIT_WORDS, MEMBER_WORDS, Rule, Ruleset
from tarim.stream import Outcome, Rows

Words = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]
Features = npt.NDArray[np.float64]

STOPS: Final = Outcome.CHALLENGE
"""From this outcome on the customer is stopped or delayed."""
_PART_EVENTS: Final = 1_024


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of events: positions, ascending, and 1 (fraud) or 0 (genuine) for each."""

    seqs: Words
    values: Words

    @classmethod
    def of(cls, refers_seqs: Words, values: Words) -> Labels:
        """From the labels in journal order, each with the position it refers to (-1: unknown); the last one counts."""
        known = (refers_seqs >= 0) & (values >= 0)
        refers_seqs, values = refers_seqs[known][::-1], values[known][::-1]
        seqs, last = np.unique(refers_seqs, return_index=True)
        return cls(seqs, values[last])

    def at(self, seqs: Words) -> Words:
        """Labels of events at these positions, ascending; -1 for none.  Shape (n,)."""
        found = np.full(len(seqs), -1, np.int64)
        if len(seqs):
            low, high = np.searchsorted(self.seqs, [seqs[0], seqs[-1] + 1])
            places = np.searchsorted(seqs, self.seqs[low:high])
            same = seqs[places] == self.seqs[low:high]
            found[places[same]] = self.values[low:high][same]
        return found


class Draft:
    """A ruleset on trial, or one rule of it.  Raises DefinitionError for a rule it does not have."""

    def __init__(self, ruleset: Ruleset, rule: str = "") -> None:
        wanted = [each for each in ruleset.rules if rule in ("", each.id)]
        if not wanted:
            raise DefinitionError(f"{ruleset.name} has no rule {rule[:64]!r}")
        self.ruleset = ruleset
        self.rule = rule
        self.rules: Sequence[Rule] = wanted
        self.mask = _mask(wanted)
        self.of_outcome = [_mask([each for each in wanted if each.outcome == outcome]) for outcome in Outcome]
        self.stopping = _mask([each for each in wanted if each.outcome >= STOPS])
        self._members = np.zeros((_PART_EVENTS, MEMBER_WORDS), np.uint64)

    def hits(self, rows: Rows, features: Features, scores: Features, lists: Lists | None) -> Bits:
        """Which rules hold, shape (n, HIT_WORDS); features must be those a decider judges on."""
        hits = np.empty((len(rows), HIT_WORDS), np.uint64)
        for start in range(0, len(rows), _PART_EVENTS):
            part = slice(start, start + _PART_EVENTS)
            members = self._members[: len(rows[part])]
            if lists is not None and self.ruleset.probes:
                lists.members(rows[part], self.ruleset.probes, members)
            self.ruleset.evaluate(rows[part], features[part], scores[part], members, hits[part])
        hits &= self.mask
        return hits


def _mask(rules: Sequence[Rule]) -> Bits:
    words = np.zeros(HIT_WORDS, np.uint64)
    for rule in rules:
        words[rule.index // 64] |= np.uint64(1 << rule.index % 64)
    return words
