"""Holds: payments that wait, for a challenge's result, a time, or the customer's confirmation, and what becomes of them.

`domain` has the states and what leads from one to another, `fold` rebuilds every hold and its timer from the journal.
"""

from tarim.decisions.holds.domain import (
    HELD,
    REASON_CHARACTERS_MAX,
    TRANSITIONS,
    Action,
    Cause,
    Change,
    Expiry,
    Hold,
    HoldState,
    IllegalTransition,
    Step,
    check_reason,
    next_state,
)
from tarim.decisions.holds.fold import CHANGES_KEPT, CLOSED_KEPT, FIRED_MAX, OPEN_MAX, Holds, HoldsState

__all__ = [
    "CHANGES_KEPT",
    "CLOSED_KEPT",
    "FIRED_MAX",
    "HELD",
    "OPEN_MAX",
    "REASON_CHARACTERS_MAX",
    "TRANSITIONS",
    "Action",
    "Cause",
    "Change",
    "Expiry",
    "Hold",
    "HoldState",
    "Holds",
    "HoldsState",
    "IllegalTransition",
    "Step",
    "check_reason",
    "next_state",
]
