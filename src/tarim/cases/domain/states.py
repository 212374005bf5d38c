"""The states of a case and everything that may happen to one, as one table (RM-04, TS-13).

    new ─assign─► assigned ─start─► working ─submit─► submitted ─approve_close──► closed ─ask_reopen─► reopen_asked
     ▲ unassign ────┘                 ▲  ▲              │  │                        ▲ ▲                   │  │
     │                                │  └─ start ── returned ◄─ return, alert      │ └── refuse_reopen ──┘  │
     │                                └──── assign, start ◄── reopened ◄────────────│───── approve_reopen ───┘
     └ escalate from every state in hand ─► escalated ─submit─► submitted ─approve_report─► reported ─submit─► submitted

A pair outside `TRANSITIONS` is refused.  `submit` says what is asked for (`Wish`); only a second person approves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tarim.base.errors import Conflict


class CaseState(StrEnum):
    """Where a case stands."""

    NEW = "new"
    ASSIGNED = "assigned"
    WORKING = "working"
    SUBMITTED = "submitted"
    """The worker asks for an end of the case; a second person decides."""
    RETURNED = "returned"
    """The second person wants more, or something new came to light."""
    CLOSED = "closed"
    REOPEN_ASKED = "reopen_asked"
    REOPENED = "reopened"
    REPORTED = "reported"
    """It is reported to the authority; its report is made and sent in `tarim.reporting`."""
    ESCALATED = "escalated"
    """A higher level has it."""


class CaseEvent(StrEnum):
    """What happens to a case."""

    ASSIGN = "assign"
    UNASSIGN = "unassign"
    START = "start"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    """The one who submitted takes it back."""
    RETURN = "return"
    APPROVE_CLOSE = "approve_close"
    APPROVE_REPORT = "approve_report"
    ASK_REOPEN = "ask_reopen"
    APPROVE_REOPEN = "approve_reopen"
    REFUSE_REOPEN = "refuse_reopen"
    ESCALATE = "escalate"
    ALERT = "alert"
    """A further alert of the group joins, or a score is renewed: something new came to light."""
    LOCK = "lock"
    UNLOCK = "unlock"
    NOTE = "note"
    EVIDENCE = "evidence"
    TAG = "tag"
    DIARY = "diary"
    """A date to come back to it is set, or done with."""
    LINK = "link"
    REVIEW = "review"
    """The verdict on one of its alerts: was the decision right?"""
    ASK_RELEASE = "ask_release"
    APPROVE_RELEASE = "approve_release"
    DROP_RELEASE = "drop_release"
    """The wish to release money is turned down or taken back."""
    REFUSE_PAYMENT = "refuse_payment"
    REVEAL = "reveal"
    """Somebody looked at personal values in full; the reason is kept."""
    ORDER_FAILED = "order_failed"
    """The decisions service would not release or refuse the payment any more."""
    RESTRICT = "restrict"
    """A restriction of the customer is asked for."""
    DECIDE_RESTRICTION = "decide_restriction"
    """It is agreed to, turned down, asked to be lifted, or lifted."""


class Wish(StrEnum):
    """What a submitted case is to become."""

    CLOSE = "close"
    REPORT = "report"


S, E = CaseState, CaseEvent

JOINABLE: Final = (S.NEW, S.ASSIGNED, S.WORKING, S.SUBMITTED, S.RETURNED, S.REOPENED, S.ESCALATED)
"""States in which further alerts of the group join the case; later ones open a new case related to it."""

IN_HAND: Final = (S.WORKING, S.RETURNED, S.ESCALATED)
"""States in which somebody works on it."""


def _stay(states: Iterable[CaseState], *events: CaseEvent) -> dict[tuple[CaseState, CaseEvent], CaseState]:
    return {(state, event): state for state in states for event in events}


TRANSITIONS: Final[Mapping[tuple[CaseState, CaseEvent], CaseState]] = MappingProxyType(
    {
        (S.NEW, E.ASSIGN): S.ASSIGNED,
        (S.ASSIGNED, E.ASSIGN): S.ASSIGNED,
        (S.WORKING, E.ASSIGN): S.ASSIGNED,
        (S.RETURNED, E.ASSIGN): S.ASSIGNED,
        (S.REOPENED, E.ASSIGN): S.ASSIGNED,
        (S.ESCALATED, E.ASSIGN): S.ESCALATED,
        (S.REPORTED, E.ASSIGN): S.REPORTED,
        (S.ASSIGNED, E.UNASSIGN): S.NEW,
        (S.WORKING, E.UNASSIGN): S.NEW,
        (S.RETURNED, E.UNASSIGN): S.NEW,
        (S.ASSIGNED, E.START): S.WORKING,
        (S.RETURNED, E.START): S.WORKING,
        (S.WORKING, E.SUBMIT): S.SUBMITTED,
        (S.RETURNED, E.SUBMIT): S.SUBMITTED,
        (S.ESCALATED, E.SUBMIT): S.SUBMITTED,
        (S.REPORTED, E.SUBMIT): S.SUBMITTED,
        (S.SUBMITTED, E.WITHDRAW): S.WORKING,
        (S.SUBMITTED, E.RETURN): S.RETURNED,
        (S.SUBMITTED, E.APPROVE_CLOSE): S.CLOSED,
        (S.SUBMITTED, E.APPROVE_REPORT): S.REPORTED,
        (S.CLOSED, E.ASK_REOPEN): S.REOPEN_ASKED,
        (S.REOPEN_ASKED, E.APPROVE_REOPEN): S.REOPENED,
        (S.REOPEN_ASKED, E.REFUSE_REOPEN): S.CLOSED,
        **{(state, E.ESCALATE): S.ESCALATED for state in (S.NEW, S.ASSIGNED, S.WORKING, S.RETURNED, S.REOPENED)},
        **_stay(JOINABLE, E.ALERT),
        (S.SUBMITTED, E.ALERT): S.RETURNED,
        **_stay((S.ASSIGNED, *IN_HAND, S.REPORTED), E.LOCK),
        **_stay(S, E.UNLOCK, E.NOTE, E.TAG, E.LINK, E.DIARY, E.REVEAL, E.ORDER_FAILED, E.DECIDE_RESTRICTION),
        **_stay((*IN_HAND, S.REPORTED), E.EVIDENCE),
        **_stay((*IN_HAND, S.REPORTED), E.RESTRICT),
        **_stay(IN_HAND, E.REVIEW, E.ASK_RELEASE, E.REFUSE_PAYMENT),
        **_stay((*IN_HAND, S.SUBMITTED), E.APPROVE_RELEASE, E.DROP_RELEASE),
    }
)
"""The state after an event.  A submitted case to which something new comes goes back: nobody approves what he did not see."""


class IllegalTransition(Conflict):
    """The case is in a state in which that cannot happen to it.  `state` and `event` say which."""

    code = "case-state"

    def __init__(self, state: CaseState, event: CaseEvent) -> None:
        can = ", ".join(each.value for each in possible(state)) or "nothing"
        super().__init__(f"the case is {state.value}: {event.value} is not possible; possible are {can}")
        self.state, self.event = state, event


def advance(state: CaseState, event: CaseEvent) -> CaseState:
    """The state after `event`.  Raises IllegalTransition for a pair outside the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(state, event) from None


def possible(state: CaseState) -> list[CaseEvent]:
    """What may happen in a state, in the order of `CaseEvent`: what a page offers."""
    return [event for event in CaseEvent if (state, event) in TRANSITIONS]
