"""What to do first: money that can still be saved, before it is gone (RM-04).

A case's order of work is (priority, act_by_ms): priority 1 to 4 by the money at risk and whether anything can still be done
about it, and within a priority the earliest end of time first.  Both are values of what happened, not of a clock, so a page of
cases is read off an index and a rebuild gives the same order.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from tarim.base.instants import HOUR_MS
from tarim.cases.domain.alerts import Alert, AlertKind

HIGH_FEN: Final = 5_000_000
"""50,000 yuan: from here on a payment is large in the sense of the cash and transfer reports."""
MIDDLE_FEN: Final = 500_000
SURE_SCORE: Final = 0.9
RECALL_MS: Final = 24 * HOUR_MS
"""How long money that has left may still be stopped at the other bank (urgent payment stop works within a day)."""


class Priority(IntEnum):
    """How soon; stored as its number."""

    CRITICAL = 1
    HIGH = 2
    NORMAL = 3
    LOW = 4


def priority_of(money_at_risk_fen: int, *, can_be_saved: bool, score: float, escalated: bool = False) -> Priority:
    """The priority of a case.  score: the highest of its alerts; a sure score, or a higher level's interest, is one step."""
    if money_at_risk_fen >= HIGH_FEN:
        level = Priority.HIGH
    elif money_at_risk_fen >= MIDDLE_FEN:
        level = Priority.NORMAL
    else:
        level = Priority.LOW
    if can_be_saved:
        level = Priority(max(1, level - 1))
    if score >= SURE_SCORE or escalated:
        level = Priority(max(1, level - 1))
    return level


def act_by_ms(alert: Alert, review_due_ms: int) -> int:
    """When acting on the alert comes too late: the end of its hold, the time in which money can be recalled, or its review."""
    if alert.until_ms:
        return min(alert.until_ms, review_due_ms)
    if alert.kind is AlertKind.NOTICE:
        return min(alert.decided_ms + RECALL_MS, review_due_ms)
    return review_due_ms


def can_be_saved(alert: Alert) -> bool:
    """Whether the money still lies with the payer, or may be called back: held, challenged or let go with a notice."""
    return alert.kind is not AlertKind.BLOCK


def at_risk_fen(alert: Alert) -> int:
    """Money that is lost if the alert is right and nobody acts: of a blocked payment none has moved, a tenth counts.

    A blocked customer tries again elsewhere; the share only orders the work.
    """
    return alert.amount_fen // 10 if alert.kind is AlertKind.BLOCK else alert.amount_fen
