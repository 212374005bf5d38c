"""Disputes: arbitration or a lawsuit as the agreement says, with documents and a legal hold (CM-12).

Opening one puts the customer under a hold, in the same command.  Returning money and settling take two persons.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Generic

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from tarim.base.errors import DefinitionError
from tarim.deadlines import ClockKind
from tarim.redress.domain.files import (
    ClockUse,
    Department,
    Event,
    Fen,
    File,
    Hand,
    Home,
    Instant,
    Kind,
    Name,
    Reference,
    Sealed,
    W,
    Word,
    bounded,
    events_by_tag,
    fields_of_new,
    require_past,
)


class Forum(StrEnum):
    """Who decides."""

    ARBITRATION = "arbitration"
    LAWSUIT = "lawsuit"


class State(StrEnum):
    """Where a dispute stands."""

    OPEN = "open"
    DEFENDED = "defended"
    RULED = "ruled"
    SETTLED = "settled"
    CLOSED = "closed"


class Open(Event, Generic[W], frozen=True, tag="open"):
    """A claim was served.  docket: the case number of court or commission; agreement: the clause that names the forum."""

    free = ("text",)
    forum: Forum
    court: Word
    docket: Word
    agreement: Word
    amount_fen: Fen
    text: W
    served_ms: Instant
    loss: Reference = ""
    complaint: Reference = ""


class Assign(Event, frozen=True, tag="assign"):
    """Somebody is in charge from now on."""

    owner: Name
    department: Department


class Defend(Event, Generic[W], frozen=True, tag="defend"):
    """The statement of defence was handed in."""

    free = ("text",)
    text: W


class Rule(Event, Generic[W], frozen=True, tag="rule"):
    """An award or a judgment.  owed_fen: what the bank has to pay by it."""

    free = ("text",)
    owed_fen: Annotated[int, Meta(ge=0, le=10**15)]
    final: bool
    text: W


class Appeal(Event, Generic[W], frozen=True, tag="appeal"):
    """Somebody appeals; it goes on."""

    free = ("text",)
    text: W


class ReturnMoney(Event, frozen=True, tag="return_money"):
    """Money goes back as agreement or judgment say."""

    second = True
    amount_fen: Fen
    reference: Word


class Settle(Event, Generic[W], frozen=True, tag="settle"):
    """Both sides agree, or the judgment is fulfilled."""

    free = ("text",)
    second = True
    text: W


class Close(Event, frozen=True, tag="close"):
    """It is over.  The hold stays until two persons release it."""


class Entry(msgspec.Struct, frozen=True):
    """One step with its text, sealed."""

    what: str
    person: str
    at_ms: int
    text: Sealed


class Returned(msgspec.Struct, frozen=True):
    """Money that went back."""

    amount_fen: int
    reference: str
    author: str
    approver: str
    at_ms: int


class Dispute(File, frozen=True, kw_only=True):
    """One dispute."""

    forum: Forum
    court: str
    docket: str
    agreement: str
    amount_fen: int
    served_ms: int
    text: Sealed
    loss: str = ""
    complaint: str = ""
    defended_ms: int = 0
    owed_fen: int = 0
    final: bool = False
    entries: tuple[Entry, ...] = ()
    returned: tuple[Returned, ...] = ()


S = State
_ROWS: Final = {
    **{(state, "assign"): state for state in (S.OPEN, S.DEFENDED, S.RULED)},
    (S.OPEN, "defend"): S.DEFENDED,
    (S.DEFENDED, "rule"): S.RULED,
    (S.RULED, "appeal"): S.DEFENDED,
    **{(state, "return_money"): state for state in (S.DEFENDED, S.RULED, S.SETTLED)},
    **{(state, "settle"): S.SETTLED for state in (S.OPEN, S.DEFENDED, S.RULED)},
    (S.SETTLED, "close"): S.CLOSED,
}


def _opens(file_id: str, event: Open[Sealed], home: Home, hand: Hand) -> Dispute:
    require_past(hand, event.served_ms, "a claim cannot have been served", "送达时间")
    return Dispute(
        **fields_of_new(file_id, State.OPEN, home, hand),
        forum=event.forum,
        court=event.court,
        docket=event.docket,
        agreement=event.agreement,
        amount_fen=event.amount_fen,
        served_ms=event.served_ms,
        text=event.text,
        loss=event.loss,
        complaint=event.complaint,
    )


def _folds(file: Dispute, event: Event, hand: Hand) -> Dispute:
    match event:
        case Assign():
            return replace(file, owner=event.owner, department=event.department)
        case Defend():
            return replace(_entered(file, "defend", event.text, hand), defended_ms=file.defended_ms or hand.at_ms)
        case Rule():
            return replace(_entered(file, "rule", event.text, hand), owed_fen=event.owed_fen, final=event.final)
        case Appeal():
            if file.final:
                raise DefinitionError("the judgment is final. 裁判已终局。")
            return _entered(file, "appeal", event.text, hand)
        case ReturnMoney():
            bounded("returns", file.returned)
            author = file.proposal.author if file.proposal else hand.person
            money = Returned(event.amount_fen, event.reference, author, hand.person, hand.at_ms)
            return replace(file, returned=(*file.returned, money))
        case Settle():
            if file.state == State.RULED and sum(each.amount_fen for each in file.returned) < file.owed_fen:
                raise DefinitionError(
                    f"{file.owed_fen} fen are owed by the judgment; return them first. 请先按裁判退还款项。"
                )
            return _entered(file, "settle", event.text, hand)
        case _:
            return file


def _entered(file: Dispute, what: str, text: Sealed, hand: Hand) -> Dispute:
    bounded("entries", file.entries)
    return replace(file, entries=(*file.entries, Entry(what, hand.person, hand.at_ms, text)))


def _clocks(file: Dispute) -> list[ClockUse]:
    over_ms = file.changed_ms if file.state in (State.SETTLED, State.CLOSED) else None
    return [ClockUse(ClockKind.DISPUTE_ANSWER, file.served_ms, file.defended_ms or over_ms)]


DISPUTE: Final = Kind(
    name="dispute",
    prefix="DISP",
    file=Dispute,
    opening=Open,
    events=events_by_tag(Assign, Defend, Rule, Appeal, ReturnMoney, Settle, Close),
    states=State,
    rows=_ROWS,
    first=State.OPEN,
    ends=frozenset((State.CLOSED,)),
    opens=_opens,
    folds=_folds,
    clocks=_clocks,
)
