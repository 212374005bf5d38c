"""Word.HOLD of a decision: what was asked of the customer and for how long, so that a decision explains itself.

bits  0-31   seconds the hold lasts from when the event was received; 0 = no hold
     32-33   Expiry
     34-37   failed attempts that refuse it
     38-39   kinds of factors its confirmation has to show (0-3)
     40-41   Shortfall: why the verification was too weak, 0 = it was not
     42-51   hours a person has after escalation
     52-58   methods of the limit whose daily sum the event belongs to (Verification bits)
     59      the event's amount counts in that sum
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

SECONDS_MAX: Final = (1 << 31) - 1
HOURS_MAX: Final = 1_023
FAILURES_MAX: Final = 15

_SECONDS: Final = (1 << 32) - 1


class Shortfall(IntEnum):
    """Why the verification stated was too weak for the amount."""

    NONE = 0
    AMOUNT = 1
    """The amount needs more kinds of factors."""
    SINGLE_LIMIT = 2
    """More than one payment verified like this may be."""
    DAY_LIMIT = 3
    """More than the payments of a day verified like this may be together."""


class HoldWord(NamedTuple):
    """The parts of a word; counted: 0 or 1."""

    seconds: int
    expiry: int
    failures_max: int
    strength: int
    shortfall: int
    escalation_hours: int
    methods: int
    counted: int


def pack(word: HoldWord) -> int:
    """The word; every part within its bits."""
    assert 0 <= word.seconds <= SECONDS_MAX and 0 <= word.expiry < 4 and 0 <= word.failures_max <= FAILURES_MAX
    assert 0 <= word.strength < 4 and 0 <= word.shortfall < 4 and 0 <= word.escalation_hours <= HOURS_MAX
    assert 0 <= word.methods < 128
    return (
        word.seconds
        | word.expiry << 32
        | word.failures_max << 34
        | word.strength << 38
        | word.shortfall << 40
        | word.escalation_hours << 42
        | word.methods << 52
        | word.counted << 59
    )


def unpack(word: int) -> HoldWord:
    """The parts."""
    return HoldWord(
        word & _SECONDS,
        word >> 32 & 3,
        word >> 34 & 15,
        word >> 38 & 3,
        word >> 40 & 3,
        word >> 42 & 1_023,
        word >> 52 & 127,
        word >> 59 & 1,
    )


def hold_seconds(word: int) -> int:
    """How long the hold lasts, 0 = none."""
    return word & _SECONDS


def hold_shortfall(word: int) -> Shortfall:
    """Why the verification stated was too weak, as a word says."""
    return Shortfall(word >> 40 & 3)
