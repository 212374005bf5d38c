"""A case and its alerts as values, as the tables have them.  Instants in ms, 0 = never; money in fen; "" = nobody, none."""

from __future__ import annotations

from typing import Final

import msgspec

from tarim.base.errors import Conflict, NotAllowed
from tarim.base.instants import MINUTE_MS
from tarim.cases.domain.states import CaseState

LOCK_MS_MAX: Final = 60 * MINUTE_MS
ALERTS_OF_CASE_MAX: Final = 5_000
"""Beyond it a further alert of the group opens a new case, related to this one."""


class CaseChanged(Conflict):
    """Somebody else changed the case after it was looked at."""

    code = "case-changed"


class CaseLocked(Conflict):
    """Somebody else keeps the case for a while."""

    code = "case-locked"


class NotYours(NotAllowed):
    """Somebody else is in charge of the case, or nobody is."""

    code = "case-not-yours"


class Case(msgspec.Struct, frozen=True):
    """A case.

    group_key: what its alerts share.  done: 1 when it is closed.  act_by_ms: when acting on it comes too late; due_ms: when
    its next review is due.  money_fen: still at risk; amount_fen: of all its alerts; savable: alerts whose money can still
    be saved.  version: counts its changes, from 1.
    """

    no: int
    ref: str
    group_key: str
    customer: int
    scenario: str
    ring: str
    branch: str
    queue: str
    state: str
    done: int
    priority: int
    act_by_ms: int
    due_ms: int
    money_fen: int
    amount_fen: int
    score_ppm: int
    savable: int
    alerts: int
    unreviewed: int
    assignee: str
    lock_person: str
    lock_until_ms: int
    submitted_by: str
    submitted_ms: int
    wish: str
    escalations: int
    opened_ms: int
    changed_ms: int
    closed_ms: int
    reported_ms: int
    version: int

    @property
    def stands(self) -> CaseState:
        """Its state."""
        return CaseState(self.state)

    def require_version(self, version: int) -> None:
        """Nothing when it is as it was seen.  Raises Conflict."""
        if version != self.version:
            raise CaseChanged(
                f"case {self.ref} has changed: it is at version {self.version}, you saw {version}; look again"
            )

    def require_unlocked(self, person: str, now_ms: int) -> None:
        """Nothing unless somebody else has it locked.  Raises Conflict."""
        if self.lock_person not in ("", person) and now_ms < self.lock_until_ms:
            raise CaseLocked(f"case {self.ref} is locked by {self.lock_person}")

    def require_mine(self, person: str, now_ms: int) -> None:
        """Nothing when the person is in charge of it and nobody else has it locked.  Raises NotAllowed (403), Conflict."""
        if self.assignee != person:
            whose = f"it is {self.assignee}'s" if self.assignee else "nobody has it; take it first"
            raise NotYours(f"case {self.ref} is not yours: {whose}", known=True)
        self.require_unlocked(person, now_ms)


class CaseAlert(msgspec.Struct, frozen=True):
    """An alert of a case.

    risk_fen: what is still at risk with it, 0 for a repeat and when it is over.  repeat_of: position of the first, 0 for none.
    hold: `waiting`, `escalated`, `released`, `refused`, or "".  release_by: who asks for its release; ordered: `release` or
    `refuse` when the decisions service was told so.  label: `fraud` or `genuine` as the journal has it.
    """

    seq: int
    case_no: int
    kind: str
    outcome: int
    scenario: str
    event_kind: str
    channel: str
    source: str
    event_id: str
    customer: int
    account: int
    payee: int
    device: int
    amount_fen: int
    risk_fen: int
    savable: int
    occurred_ms: int
    decided_ms: int
    until_ms: int
    due_ms: int
    act_by_ms: int
    score_ppm: int
    rules: list[str]
    ruleset: str
    model: str
    repeat_of: int
    repeat_key: str
    verdict: str
    cause: str
    traits: list[str]
    reviewer: str
    reviewed_ms: int
    label: str
    hold: str
    release_by: str
    ordered: str

    @property
    def waits(self) -> bool:
        """Whether its payment is held."""
        return self.hold in ("waiting", "escalated")


class RestrictionRow(msgspec.Struct, frozen=True):
    """A restriction.  state: `asked`, `refused`, `in_force`, `lifted`."""

    id: int
    case_no: int
    customer: int
    measure: str
    basis: str
    article: str
    state: str
    asked_by: str
    asked_ms: int
    decided_by: str
    decided_ms: int
    lift_asked_by: str
    lifted_by: str
    lifted_ms: int


class RulesRow(msgspec.Struct, frozen=True):
    """A text of assignment rules.  state: `proposed`, `refused`, `in_force`, `past`."""

    id: int
    text: str
    version: str
    state: str
    author: str
    proposed_ms: int
    decided_by: str
    decided_ms: int
