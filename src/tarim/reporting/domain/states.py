"""The states of a suspicious transaction report, as a table (RM-29).

draft ──submit──► submitted ──approve (another person, same content)──► approved ──export──► exported ──send──► sent
  ▲  └─edit         │ reject, withdraw                                                        │ export again     │
  ├─────────────────┘                                                                         └──┘               │
  ├──correct── returned ◄──receipt that refuses it──────────────────────────────────────────────────────────────┤
  │                                                                     received ◄──receipt that takes it───────┘
  └──discard (another person) ──► discarded
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tarim.base.errors import Conflict


class ReportState(StrEnum):
    """Where a report stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    EXPORTED = "exported"
    SENT = "sent"
    RECEIVED = "received"
    RETURNED = "returned"
    DISCARDED = "discarded"


class ReportEvent(StrEnum):
    """What may happen to it."""

    EDIT = "edit"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    REJECT = "reject"
    EXPORT = "export"
    SEND = "send"
    ACCEPT = "accept"
    """A receipt says that it was taken."""
    RETURN = "return"
    """A receipt says what is wrong with it."""
    CORRECT = "correct"
    DISCARD = "discard"


S, E = ReportState, ReportEvent

TRANSITIONS: Final[Mapping[tuple[ReportState, ReportEvent], ReportState]] = MappingProxyType(
    {
        (S.DRAFT, E.EDIT): S.DRAFT,
        (S.DRAFT, E.SUBMIT): S.SUBMITTED,
        (S.DRAFT, E.DISCARD): S.DISCARDED,
        (S.SUBMITTED, E.WITHDRAW): S.DRAFT,
        (S.SUBMITTED, E.REJECT): S.DRAFT,
        (S.SUBMITTED, E.APPROVE): S.APPROVED,
        (S.APPROVED, E.EXPORT): S.EXPORTED,
        (S.EXPORTED, E.EXPORT): S.EXPORTED,
        (S.EXPORTED, E.SEND): S.SENT,
        (S.SENT, E.ACCEPT): S.RECEIVED,
        (S.SENT, E.RETURN): S.RETURNED,
        (S.RETURNED, E.CORRECT): S.DRAFT,
    }
)
"""Every pair that is allowed; all others are refused."""


def advance(number: str, state: ReportState, event: ReportEvent) -> ReportState:
    """The state after an event.  Raises Conflict for a pair outside the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise Conflict(
            f"report {number} is {state.value}: {event.value} is not possible now. 报告当前状态不能进行该操作。"
        ) from None
