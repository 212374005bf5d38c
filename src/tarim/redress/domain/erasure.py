"""Deleting a customer's personal data: asked for by a data officer, agreed to by a second person, carried out once (RM-13).

    requested ─erase (two persons)─► approved ─begin─► erasing ─finish─► erased
         ▲                              │stop            │stop: nothing was destroyed yet
         ├──────────────────────────────┴────────────────┘
         └─turn_down──► turned-down

What is destroyed are the customer's data keys, in the vault of the decisions and in that of the desk: whatever was sealed under
them is noise from then on, wherever it lies.  Nothing is taken out of a journal.  It is refused while something stands in the
way (`Obstacle`), when it is asked for, when it is approved, and once more when it begins (PIPL art. 47; AML Law art. 34).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Generic

from msgspec import Meta
from msgspec.structs import replace

from tarim.base.errors import Conflict, DefinitionError
from tarim.deadlines import ClockKind
from tarim.identity import Scope
from tarim.redress.domain.files import (
    ClockUse,
    Event,
    File,
    Hand,
    Home,
    Instant,
    Kind,
    Sealed,
    W,
    events_by_tag,
    fields_of_new,
    require_past,
)


class ErasureBasis(StrEnum):
    """Why data are deleted."""

    REQUEST = "request"
    """The customer asks for it."""
    PERIOD_OVER = "period-over"
    """The time for which they had to be kept is over."""
    UNLAWFUL = "unlawful"
    """They should not have been collected."""


class Obstacle(StrEnum):
    """What stands in the way."""

    LEGAL_HOLD = "legal-hold"
    RETENTION = "retention"
    OPEN_CASE = "open-case"
    OPEN_FILE = "open-file"
    NEW_EVENTS = "new-events"
    """The customer has done something since it was looked at."""


class State(StrEnum):
    """Where a deletion stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    ERASING = "erasing"
    ERASED = "erased"
    TURNED_DOWN = "turned-down"


class NotErasable(Conflict):
    """Something stands in the way of a deletion.  `obstacle` says what."""

    code = "not-erasable"

    def __init__(self, obstacle: Obstacle, detail: str) -> None:
        super().__init__(detail)
        self.obstacle = obstacle


class Open(Event, Generic[W], frozen=True, tag="open"):
    """Delete this customer's personal data.

    text: who asked, and how it was found out that it was they.  verified_ms: when their identity was verified, 0 where nobody
    asked.  ended_ms: when the business relationship ended.
    """

    free = ("text",)
    scope = Scope.ERASURES_WORK
    basis: ErasureBasis
    text: W
    ended_ms: Instant
    verified_ms: Instant = 0


class Erase(Event, Generic[W], frozen=True, tag="erase"):
    """Delete them, for good; text: what was checked."""

    free = ("text",)
    scope = Scope.ERASURES_WORK
    second = True
    text: W


class TurnDown(Event, Generic[W], frozen=True, tag="turn_down"):
    """They are kept; text: why, as the customer is told."""

    free = ("text",)
    scope = Scope.ERASURES_WORK
    text: W


class Begin(Event, frozen=True, tag="begin"):
    """Nothing stands in the way.  through_seq: of the decisions' journal, up to where it was looked through."""

    scope = Scope.ERASURES_WORK
    inner = True
    through_seq: int


class Stop(Event, frozen=True, tag="stop"):
    """Something does after all; nothing was destroyed."""

    scope = Scope.ERASURES_WORK
    inner = True
    obstacle: Obstacle


class Finish(Event, frozen=True, tag="finish"):
    """The keys are destroyed.  desk_keys: how many the desk's vault had."""

    scope = Scope.ERASURES_WORK
    inner = True
    desk_keys: Annotated[int, Meta(ge=0)]


class Erasure(File, frozen=True, kw_only=True):
    """One deletion.  begun_ms: the instant both vaults record it under.  obstacle: why it was stopped last, "" = it was not."""

    basis: ErasureBasis
    text: Sealed
    ended_ms: int
    verified_ms: int
    grounds: Sealed | None = None
    asked_by: str = ""
    approved_by: str = ""
    through_seq: int = 0
    begun_ms: int = 0
    erased_ms: int = 0
    desk_keys: int = 0
    obstacle: str = ""


S = State
_ROWS: Final = {
    (S.REQUESTED, "erase"): S.APPROVED,
    (S.REQUESTED, "turn_down"): S.TURNED_DOWN,
    (S.APPROVED, "begin"): S.ERASING,
    (S.APPROVED, "stop"): S.REQUESTED,
    (S.ERASING, "stop"): S.REQUESTED,
    (S.ERASING, "finish"): S.ERASED,
}


def _opens(file_id: str, event: Open[Sealed], home: Home, hand: Hand) -> Erasure:
    if not home.customer:
        raise DefinitionError("a deletion is about one customer. 删除须指定客户。")
    require_past(
        hand,
        max(event.ended_ms, event.verified_ms),
        "the relationship cannot have ended, nor the identity been verified,",
        "时间",
    )
    if event.basis is ErasureBasis.REQUEST and not event.verified_ms:
        raise DefinitionError(
            "verified_ms: a customer who asks has to be verified first. 客户申请删除须先核实身份（verified_ms）。"
        )
    return Erasure(
        **fields_of_new(file_id, State.REQUESTED, home, hand),
        basis=event.basis,
        text=event.text,
        ended_ms=event.ended_ms,
        verified_ms=event.verified_ms,
    )


def _folds(file: Erasure, event: Event, hand: Hand) -> Erasure:
    match event:
        case Erase():
            asked_by = file.proposal.author if file.proposal is not None else ""
            return replace(file, grounds=event.text, asked_by=asked_by, approved_by=hand.person, obstacle="")
        case TurnDown():
            return replace(file, grounds=event.text)
        case Begin():
            return replace(file, through_seq=event.through_seq, begun_ms=hand.at_ms)
        case Stop():
            return replace(file, obstacle=event.obstacle.value, asked_by="", approved_by="", begun_ms=0)
        case Finish():
            return replace(file, erased_ms=hand.at_ms, desk_keys=event.desk_keys)
        case _:
            return file


def _clocks(file: Erasure) -> list[ClockUse]:
    if not file.verified_ms:
        return []
    done_ms = file.erased_ms or (file.closed_ms if file.state == State.TURNED_DOWN else 0)
    return [ClockUse(ClockKind.RIGHTS_REQUEST, file.verified_ms, done_ms or None)]


ERASURE: Final = Kind(
    name="erasure",
    prefix="ERASE",
    file=Erasure,
    opening=Open,
    events=events_by_tag(Erase, TurnDown, Begin, Stop, Finish),
    states=State,
    rows=_ROWS,
    first=State.REQUESTED,
    ends=frozenset((State.ERASED, State.TURNED_DOWN)),
    opens=_opens,
    folds=_folds,
    clocks=_clocks,
    readers=frozenset({Scope.ERASURES_WORK, Scope.ERASURES_APPROVE}),
    work_scope=Scope.ERASURES_WORK,
    decide_scope=Scope.ERASURES_APPROVE,
)
