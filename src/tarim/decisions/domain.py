"""The decision: twelve int64 words beside each event row, and the reasons read off them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from tarim.rules import RULES_MAX, Rule
from tarim.stream import Outcome

DECISION_WORDS: Final = 12
WHOLE: Final = 10_000
"""All customers, in hundredths of a percent."""


class Word(IntEnum):
    """Words of a decision."""

    OUTCOME = 0
    """The strictest of what the rules with an effect and the score's band ask for, an Outcome."""
    SCORE = 1
    """The model's score as the bits of a float64; NaN without a model, and where it was not asked."""
    HITS_0 = 2
    """Rule k of the ruleset is bit k % 64 of word HITS_0 + k // 64."""
    HITS_1 = 3
    HITS_2 = 4
    HITS_3 = 5
    BAND = 6
    """Index of the score band, -1 for none, -2 and below where the model was not asked (`kernels.routing`)."""
    EFFECTIVE_0 = 7
    """Of the rules that hold, those with an effect on this event; the others are paused, in shadow, rolled out to others
    only, or suppressed for this customer."""
    EFFECTIVE_1 = 8
    EFFECTIVE_2 = 9
    EFFECTIVE_3 = 10
    HOLD = 11
    """What is asked of the customer and for how long, packed (`hold_word`); 0 for nothing."""


class Language(StrEnum):
    """Languages of what people read."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a decision is what it is: a rule that holds, the band of the model's score, too weak a verification, or (coverage)
    that the model was not asked, because it learned from too few such events.

    `id` is the rule's id, `score` for a band, `verification` or `coverage`; `text` is in the language asked for; `scenario` is
    a rule's.
    """

    source: Literal["rule", "score", "verification", "coverage"]
    id: str
    scenario: str
    outcome: Outcome
    weight: int
    text: str


@dataclass(frozen=True)
class Effects:
    """What the switches mean for the rules of one ruleset, as arrays for the kernel.

    live: shape (HIT_WORDS,), bit k % 64 of word k // 64: rule k is neither paused nor in shadow.  shares: shape (RULES_MAX,),
    hundredths of a percent.  customers, until_ms, masks: shape (m,), (m,), (m, HIT_WORDS), suppressions in the order of
    their customers.
    """

    live: npt.NDArray[np.uint64]
    shares: npt.NDArray[np.int64]
    customers: npt.NDArray[np.int64]
    until_ms: npt.NDArray[np.int64]
    masks: npt.NDArray[np.uint64]

    @cached_property
    def plain(self) -> bool:
        """Whether every rule has effect for everybody."""
        whole = bool((self.shares == WHOLE).all())
        return whole and not len(self.customers) and bool((self.live == np.uint64(0xFFFFFFFFFFFFFFFF)).all())


@dataclass(frozen=True, slots=True)
class Lineup:
    """The models that score events: the champion's version ("" = none), and each challenger's with its share of the customers
    whom it judges in the champion's place, in hundredths of a percent; at most one share is above 0.
    """

    champion: str = ""
    challengers: tuple[tuple[str, int], ...] = ()

    @property
    def versions(self) -> tuple[str, ...]:
        """The champion's version and the challengers', in the order in which `Beside` counts them."""
        return (self.champion, *(version for version, _ in self.challengers))


@dataclass(frozen=True, slots=True)
class Beside:
    """What every model of a line-up with challengers said of n events.

    judged: shape (n,), which of them judged, 0 the champion, j the j-th challenger.  scores: shape (n, 1 + challengers), NaN
    where there is no champion, or where a model was not asked.
    """

    judged: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float32]

    @classmethod
    def room(cls, count: int, lineup: Lineup) -> Beside | None:
        """Room for so many events, None when nobody challenges."""
        if not lineup.challengers:
            return None
        return cls(np.empty(count, np.uint8), np.empty((count, 1 + len(lineup.challengers)), np.float32))

    def part(self, of: slice) -> Beside:
        """Views of a part of the events."""
        return Beside(self.judged[of], self.scores[of])

    def differs(self, other: Beside) -> npt.NDArray[np.bool_]:
        """By event, whether another model judged or one said something else.  Shape (n,)."""
        bits, others = self.scores.view(np.uint32), other.scores.view(np.uint32)
        different: npt.NDArray[np.bool_] = (self.judged != other.judged) | (bits != others).any(axis=1)
        return different


@dataclass(frozen=True, slots=True)
class Grounds:
    """What events were judged on whose score stands out: kept in the journal, so that their reasons can be told at any time.

    of: shape (k,), the events' indices in their batch, ascending.  features: shape (k, F), as they were judged.
    """

    of: npt.NDArray[np.uint32]
    features: npt.NDArray[np.float64]

    @classmethod
    def keep(
        cls, decisions: npt.NDArray[np.int64], features: npt.NDArray[np.float64], bytes_max: int
    ) -> Grounds | None:
        """A copy of the features of those that fell into a score band, as many as fit; None when there are none."""
        stands_out = decisions[:, Word.BAND] >= 0
        if not np.count_nonzero(stands_out):
            return None
        of = np.flatnonzero(stands_out)[: bytes_max // (8 * features.shape[1] + 4)]
        return cls(of.astype(np.uint32), features[of]) if len(of) else None

    def of_event(self, index: int) -> npt.NDArray[np.float64] | None:
        """The features of one event of the batch, shape (F,), None when they were not kept."""
        at = int(np.searchsorted(self.of, index))
        return self.features[at] if at < len(self.of) and self.of[at] == index else None


def salt_of(name: str) -> int:
    """A number of a rule's or model's own, the same wherever it runs (FNV-1a over its name)."""
    salt = 0xCBF29CE484222325
    for byte in name.encode():
        salt = (salt ^ byte) * 0x100000001B3 % (1 << 64)
    return salt


def salts_of(rules: Iterable[Rule]) -> npt.NDArray[np.uint64]:
    """What makes each rule's part of the customers its own, by the rule's index.  Shape (RULES_MAX,)."""
    salts = np.zeros(RULES_MAX, np.uint64)
    for rule in rules:
        salts[rule.index] = salt_of(rule.id)
    return salts


def outcome_of(decision: npt.NDArray[np.int64]) -> Outcome:
    """The outcome of one decision, shape (DECISION_WORDS,)."""
    return Outcome(int(decision[Word.OUTCOME]))


def champion_scores(decisions: npt.NDArray[np.int64], beside: Beside | None) -> npt.NDArray[np.float64]:
    """What the champion said of n events, shape (n,), NaN without one: of its decisions (n, DECISION_WORDS), or beside them."""
    if beside is not None:
        return beside.scores[:, 0].astype(np.float64)
    return decisions.view(np.float64)[:, Word.SCORE]


def score_of(decision: npt.NDArray[np.int64]) -> float:
    """The score of one decision, in [0, 1], NaN without a model."""
    return float(decision[Word.SCORE : Word.SCORE + 1].view(np.float64)[0])


def hits_of(decision: npt.NDArray[np.int64]) -> list[int]:
    """Indices of the rules that hold, ascending."""
    return _bits(decision[Word.HITS_0 : Word.HITS_3 + 1])


def effective_of(decision: npt.NDArray[np.int64]) -> list[int]:
    """Indices of the rules that hold and have an effect, ascending."""
    return _bits(decision[Word.EFFECTIVE_0 : Word.EFFECTIVE_3 + 1])


def _bits(of: npt.NDArray[np.int64]) -> list[int]:
    words = [int(word) & (1 << 64) - 1 for word in of]
    return [64 * at + bit for at, word in enumerate(words) if word for bit in range(64) if word >> bit & 1]
