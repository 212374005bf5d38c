"""The decision: twelve int64 words beside each event row, and the reasons read off them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from tarim.stream import Outcome

DECISION_WORDS: Final = 12
WHOLE: Final = 10_000
"""All customers, in hundredths of a percent."""


class Word(IntEnum):
    """Words of a decision."""

    OUTCOME = 0
    """The strictest of what the rules with an effect and the score's band ask for, an Outcome."""
    SCORE = 1
    """The model's score as the bits of a float64; NaN without a model."""
    HITS_0 = 2
    """Rule k of the ruleset is bit k % 64 of word HITS_0 + k // 64."""
    HITS_1 = 3
    HITS_2 = 4
    HITS_3 = 5
    BAND = 6
    """Index of the score band, -1 for none."""
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
    """Why a decision is what it is: a rule that holds, the band of the model's score, or too weak a verification.

    `id` is the rule's id, `score` for a band, or `verification`; `text` is in the language asked for; `scenario` is a rule's.
    """

    source: Literal["rule", "score", "verification"]
    id: str
    scenario: str
    outcome: Outcome
    weight: int
    text: str


@dataclass(frozen=True)
class Effects:
    """What the switches mean for the rules of one ruleset, as arrays for the kernel.

    live: shape (HIT_WORDS,), bit k % 64 of word k // 64: rule k is neither paused nor in shadow.  shares: shape (RULES_MAX,),
    hundredths of a percent.  salts: shape (RULES_MAX,), what makes a rule's part of the customers its own.  customers,
    until_ms, masks: shape (m,), (m,), (m, HIT_WORDS), suppressions in the order of their customers.
    """

    live: npt.NDArray[np.uint64]
    shares: npt.NDArray[np.int64]
    salts: npt.NDArray[np.uint64]
    customers: npt.NDArray[np.int64]
    until_ms: npt.NDArray[np.int64]
    masks: npt.NDArray[np.uint64]

    @cached_property
    def plain(self) -> bool:
        """Whether every rule has effect for everybody."""
        whole = bool((self.shares == WHOLE).all())
        return whole and not len(self.customers) and bool((self.live == np.uint64(0xFFFFFFFFFFFFFFFF)).all())


def outcome_of(decision: npt.NDArray[np.int64]) -> Outcome:
    """The outcome of one decision, shape (DECISION_WORDS,)."""
    return Outcome(int(decision[Word.OUTCOME]))


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
