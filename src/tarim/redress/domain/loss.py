"""Losses: tied to the decision that let them happen, recovered, made good, not possible again (RM-14, TS-22).

Liability is decided by two persons.  Who is not at fault is made whole: the bank owes the loss less the customer's own share
and less what came back to him (CM-09); without fault of the customer the share is nothing.  Every payout is booked
against a reserve fund or an insurance policy.  A file is closed, by two persons, when none of its parts is missing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from tarim.base.errors import DefinitionError
from tarim.deadlines import ClockKind
from tarim.redress.domain.files import (
    ClockUse,
    Event,
    File,
    Hand,
    Home,
    IllegalStep,
    Kind,
    Sealed,
    bounded,
    events_by_tag,
    fields_of_new,
    require_past,
)
from tarim.redress.domain.loss_events import (
    WHOLE_BP,
    Assign,
    Close,
    Contain,
    Decide,
    DecisionLink,
    Fault,
    Link,
    Open,
    Pay,
    Recover,
    Settle,
    Step,
)


class State(StrEnum):
    """Where a loss stands."""

    OPEN = "open"
    DECIDED = "decided"
    """Two persons decided who is liable."""
    SETTLED = "settled"
    CLOSED = "closed"


class Part(StrEnum):
    """What a complete file has."""

    DECISION = "decision"
    RECOVERY = "recovery"
    LIABILITY = "liability"
    PAYOUT = "payout"
    CONTAINMENT = "containment"


class Recovery(msgspec.Struct, frozen=True):
    """A step that was taken."""

    step: Step
    amount_fen: int
    to_customer: bool
    reference: str
    person: str
    at_ms: int


class Liability(msgspec.Struct, frozen=True):
    """What two persons decided."""

    faults: tuple[Fault, ...]
    customer_share_bp: int
    text: Sealed
    author: str
    approver: str
    at_ms: int


class Payout(msgspec.Struct, frozen=True):
    """Money the customer got."""

    fund: str
    amount_fen: int
    reference: str
    person: str
    at_ms: int


class Containment(msgspec.Struct, frozen=True):
    """A rule that was in force when it was named."""

    rule: str
    ruleset: str
    person: str
    at_ms: int


class Loss(File, frozen=True, kw_only=True):
    """One loss.  amount_fen: what was lost."""

    amount_fen: int
    confirmed_ms: int
    text: Sealed
    decision: DecisionLink | None = None
    case: str = ""
    complaint: str = ""
    settled_ms: int = 0
    recoveries: tuple[Recovery, ...] = ()
    liability: Liability | None = None
    payouts: tuple[Payout, ...] = ()
    containments: tuple[Containment, ...] = ()

    @property
    def recovered_fen(self) -> int:
        """What came back, to anybody."""
        return sum(each.amount_fen for each in self.recoveries)

    @property
    def paid_fen(self) -> int:
        """What the bank paid."""
        return sum(each.amount_fen for each in self.payouts)

    @property
    def owed_fen(self) -> int:
        """What the bank owes the customer altogether; 0 before liability is decided.  Broken fen go to the customer."""
        if self.liability is None:
            return 0
        returned_fen = sum(each.amount_fen for each in self.recoveries if each.to_customer)
        own_fen = self.amount_fen * self.liability.customer_share_bp // WHOLE_BP
        return max(0, self.amount_fen - own_fen - returned_fen)

    @property
    def missing(self) -> tuple[Part, ...]:
        """Parts that a complete file has and this one has not."""
        there = {
            Part.DECISION: self.decision is not None,
            Part.RECOVERY: bool(self.recoveries),
            Part.LIABILITY: self.liability is not None,
            Part.PAYOUT: self.liability is not None and self.paid_fen >= self.owed_fen,
            Part.CONTAINMENT: bool(self.containments),
        }
        return tuple(part for part in Part if not there[part])


S = State
_ROWS: Final = {
    **{(state, "assign"): state for state in (S.OPEN, S.DECIDED, S.SETTLED)},
    **{(state, "link_decision"): state for state in (S.OPEN, S.DECIDED, S.SETTLED)},
    **{(state, "recover"): state for state in (S.OPEN, S.DECIDED, S.SETTLED)},
    **{(state, "contain"): state for state in (S.OPEN, S.DECIDED, S.SETTLED)},
    (S.OPEN, "decide_liability"): S.DECIDED,
    (S.DECIDED, "pay"): S.DECIDED,
    (S.DECIDED, "settle"): S.SETTLED,
    (S.SETTLED, "close"): S.CLOSED,
}


def _opens(file_id: str, event: Open[Sealed], home: Home, hand: Hand) -> Loss:
    require_past(hand, event.confirmed_ms, "a loss cannot have been confirmed", "确认时间")
    return Loss(
        **fields_of_new(file_id, State.OPEN, home, hand),
        amount_fen=event.amount_fen,
        confirmed_ms=event.confirmed_ms,
        text=event.text,
        case=event.case,
        complaint=event.complaint,
    )


def _folds(file: Loss, event: Event, hand: Hand) -> Loss:
    match event:
        case Assign():
            return replace(file, owner=event.owner, department=event.department)
        case Link():
            return replace(file, decision=event.decision)
        case Recover():
            return _recovered(file, event, hand)
        case Decide():
            return replace(file, liability=_liability(file, event, hand))
        case Pay():
            bounded("payouts", file.payouts)
            left_fen = file.owed_fen - file.paid_fen
            if event.amount_fen > left_fen:
                raise DefinitionError(
                    f"amount_fen: {left_fen} fen are still owed, not more. 超过尚欠金额（{left_fen}分）。"
                )
            payout = Payout(event.fund, event.amount_fen, event.reference, hand.person, hand.at_ms)
            return replace(file, payouts=(*file.payouts, payout))
        case Contain():
            bounded("containments", file.containments)
            added = Containment(event.rule, event.ruleset, hand.person, hand.at_ms)
            return replace(file, containments=(*file.containments, added))
        case Settle():
            if file.paid_fen < file.owed_fen:
                raise IllegalStep(f"the customer is still owed {file.owed_fen - file.paid_fen} fen. 尚未付清。")
            return replace(file, settled_ms=hand.at_ms)
        case Close():
            if file.missing:
                raise IllegalStep(f"the file is not complete: {', '.join(file.missing)} missing. 档案要件不全。")
            return file
        case _:
            return file


def _recovered(file: Loss, event: Recover, hand: Hand) -> Loss:
    bounded("recoveries", file.recoveries)
    if file.recovered_fen + event.amount_fen > file.amount_fen:
        raise DefinitionError("amount_fen: more cannot come back than was lost. 追回不能超过损失。")
    step = Recovery(event.step, event.amount_fen, event.to_customer, event.reference, hand.person, hand.at_ms)
    return replace(file, recoveries=(*file.recoveries, step))


def _liability(file: Loss, event: Decide[Sealed], hand: Hand) -> Liability:
    if len(set(event.faults)) != len(event.faults):
        raise DefinitionError("faults: each is named once. 过错方不得重复。")
    if event.customer_share_bp and Fault.CUSTOMER not in event.faults:
        raise DefinitionError(
            "customer_share_bp: who is not at fault is compensated in full; it has to be 0 (CM-09). 客户无过错时承担比例须为0。"
        )
    author = file.proposal.author if file.proposal else hand.person
    return Liability(tuple(event.faults), event.customer_share_bp, event.text, author, hand.person, hand.at_ms)


def _clocks(file: Loss) -> list[ClockUse]:
    return [ClockUse(ClockKind.LOSS_SETTLEMENT, file.confirmed_ms, file.settled_ms or None)]


LOSS: Final = Kind(
    name="loss",
    prefix="LOSS",
    file=Loss,
    opening=Open,
    events=events_by_tag(Assign, Link, Recover, Decide, Pay, Contain, Settle, Close),
    states=State,
    rows=_ROWS,
    first=State.OPEN,
    ends=frozenset((State.CLOSED,)),
    opens=_opens,
    folds=_folds,
    clocks=_clocks,
)
