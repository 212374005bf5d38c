"""The decision: eight int64 words beside each event row, and the reasons read off them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from tarim.stream import Outcome

DECISION_WORDS: Final = 8


class Word(IntEnum):
    """Words of a decision."""

    OUTCOME = 0
    """The strictest of what the rules and the score's band ask for, an Outcome."""
    SCORE = 1
    """The model's score as the bits of a float64; NaN without a model."""
    HITS_0 = 2
    """Rule k of the ruleset is bit k % 64 of word HITS_0 + k // 64."""
    HITS_1 = 3
    HITS_2 = 4
    HITS_3 = 5
    BAND = 6
    """Index of the score band, -1 for none."""
    SPARE = 7


class Language(StrEnum):
    """Languages of what people read."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a decision is what it is: a rule that holds, or the band of the model's score.

    `id` is the rule's id, or `score` for a band; `text` is in the language asked for; `scenario` is empty for a band.
    """

    source: Literal["rule", "score"]
    id: str
    scenario: str
    outcome: Outcome
    weight: int
    text: str


def outcome_of(decision: npt.NDArray[np.int64]) -> Outcome:
    """The outcome of one decision, shape (8,)."""
    return Outcome(int(decision[Word.OUTCOME]))


def score_of(decision: npt.NDArray[np.int64]) -> float:
    """The score of one decision, in [0, 1], NaN without a model."""
    return float(decision[Word.SCORE : Word.SCORE + 1].view(np.float64)[0])


def hits_of(decision: npt.NDArray[np.int64]) -> list[int]:
    """Indices of the rules that hold, ascending."""
    words = [int(word) & (1 << 64) - 1 for word in decision[Word.HITS_0 : Word.HITS_3 + 1]]
    return [64 * at + bit for at, word in enumerate(words) if word for bit in range(64) if word >> bit & 1]
