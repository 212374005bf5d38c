"""Complaints, questions on privacy and rights requests, from every channel to the answer (CM-01 to CM-07, RT-02, RT-13).

received ─assign─► understanding ─understand─► finding-cause ─find_cause─► coordinating ─settle─► settled
▲                                                                            │ answer
└───── object (a new round, its clocks run anew) ───── answered ◄────────────┘
close └────► closed
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from tarim.base.errors import DefinitionError
from tarim.deadlines import ClockKind, Pause
from tarim.redress.domain.complaint_events import (
    Answer,
    Ask,
    Assign,
    Category,
    Cause,
    Channel,
    Close,
    ComplaintKind,
    Contacted,
    FindCause,
    Object,
    PauseClock,
    Refer,
    Replied,
    ResumeClock,
    Settle,
    Take,
    TakeBack,
    Understand,
    Verify,
)
from tarim.redress.domain.files import (
    ClockUse,
    Event,
    File,
    Hand,
    Home,
    Kind,
    Sealed,
    bounded,
    events_by_tag,
    fields_of_new,
    require_past,
)


class State(StrEnum):
    """Where a complaint stands (CM-07: understand, find the cause, coordinate departments, settle)."""

    RECEIVED = "received"
    UNDERSTANDING = "understanding"
    FINDING_CAUSE = "finding-cause"
    COORDINATING = "coordinating"
    SETTLED = "settled"
    ANSWERED = "answered"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class Round(msgspec.Struct, frozen=True):
    """From coming in, or from an objection, to the answer.  0 = not yet."""

    from_ms: int
    verified_ms: int = 0
    settled_ms: int = 0
    answered_ms: int = 0
    pauses: tuple[Pause, ...] = ()


class Entry(msgspec.Struct, frozen=True):
    """One step with its text, sealed: what it was, about whom or which department."""

    what: str
    about: str
    person: str
    at_ms: int
    text: Sealed


class Referral(msgspec.Struct, frozen=True):
    """A body outside has it."""

    body: str
    reference: str
    outcome: str
    person: str
    at_ms: int


class Complaint(File, frozen=True, kw_only=True):
    """One complaint; `id` is the one tracking id of every channel."""

    kind: ComplaintKind
    channel: Channel
    category: Category
    received_ms: int
    text: Sealed
    contact: Sealed
    rounds: tuple[Round, ...]
    entries: tuple[Entry, ...] = ()
    referrals: tuple[Referral, ...] = ()
    cause: Cause | None = None
    founded: bool | None = None
    loss: str = ""
    case: str = ""

    @property
    def round(self) -> Round:
        """The one under way."""
        return self.rounds[-1]

    @property
    def paused(self) -> bool:
        """Whether the clock of handling stands still."""
        return bool(self.round.pauses) and self.round.pauses[-1].to_ms is None


S = State
_AT_WORK: Final = (S.UNDERSTANDING, S.FINDING_CAUSE, S.COORDINATING)
_OPEN: Final = (S.RECEIVED, *_AT_WORK, S.SETTLED)
_ROWS: Final = {
    (S.RECEIVED, "assign"): S.UNDERSTANDING,
    **{(state, "assign"): state for state in (*_AT_WORK, S.SETTLED, S.ANSWERED)},
    **{(state, tag): state for state in _OPEN for tag in ("verify", "contact")},
    **{(state, tag): state for state in (S.RECEIVED, *_AT_WORK) for tag in ("pause", "resume")},
    (S.UNDERSTANDING, "understand"): S.FINDING_CAUSE,
    (S.FINDING_CAUSE, "find_cause"): S.COORDINATING,
    (S.COORDINATING, "ask_department"): S.COORDINATING,
    (S.COORDINATING, "department_replied"): S.COORDINATING,
    (S.COORDINATING, "settle"): S.SETTLED,
    (S.SETTLED, "answer"): S.ANSWERED,
    (S.ANSWERED, "object"): S.UNDERSTANDING,
    (S.ANSWERED, "close"): S.CLOSED,
    **{(state, "take_back"): S.WITHDRAWN for state in _OPEN},
    **{(state, "refer"): state for state in State if state is not S.RECEIVED},
}


def _opens(file_id: str, event: Take[Sealed], home: Home, hand: Hand) -> Complaint:
    require_past(hand, event.received_ms, "a complaint cannot have come in", "收到时间")
    return Complaint(
        **fields_of_new(file_id, State.RECEIVED, home, hand),
        kind=event.kind,
        channel=event.channel,
        category=event.category,
        received_ms=event.received_ms,
        text=event.text,
        contact=event.contact,
        rounds=(Round(event.received_ms),),
        case=event.case,
    )


def _folds(file: Complaint, event: Event, hand: Hand) -> Complaint:
    match event:
        case Assign():
            return replace(file, owner=event.owner, department=event.department)
        case Verify():
            if file.round.verified_ms:
                raise DefinitionError("the identity was verified before. 身份已核实。")
            return _round(file, verified_ms=hand.at_ms)
        case PauseClock():
            return _pause(file, event.reason, hand)
        case ResumeClock():
            return _resume(file, hand)
        case Refer():
            bounded("referrals", file.referrals)
            referral = Referral(event.body, event.reference, event.outcome, hand.person, hand.at_ms)
            return replace(file, referrals=(*file.referrals, referral))
        case Contacted() | Answer():
            file = _entered(file, event, event.channel.value, event.text, hand)
            return _round(file, answered_ms=hand.at_ms) if isinstance(event, Answer) else file
        case Ask() | Replied():
            return _entered(file, event, event.department, event.text, hand)
        case FindCause():
            return replace(_entered(file, event, event.cause.value, event.text, hand), cause=event.cause)
        case Settle():
            if file.kind is ComplaintKind.RIGHTS_REQUEST and not file.round.verified_ms:
                raise DefinitionError(
                    "a rights request is settled after the identity was verified (RT-02). 须先核实身份。"
                )
            file = _resume(file, hand) if file.paused else file
            file = _round(_entered(file, event, "", event.text, hand), settled_ms=hand.at_ms)
            return replace(file, founded=event.founded, loss=event.loss)
        case Object():
            bounded("rounds", file.rounds)
            return replace(_entered(file, event, "", event.text, hand), rounds=(*file.rounds, _next(file, hand)))
        case Understand() | TakeBack():
            return _entered(file, event, "", event.text, hand)
        case _:
            return file


def _next(file: Complaint, hand: Hand) -> Round:
    """A new round; who was verified stays verified, and its clock starts again."""
    return Round(hand.at_ms, verified_ms=hand.at_ms if file.round.verified_ms else 0)


def _entered(file: Complaint, event: Event, about: str, text: Sealed, hand: Hand) -> Complaint:
    bounded("entries", file.entries, 500)
    entry = Entry(str(event.__struct_config__.tag), about, hand.person, hand.at_ms, text)
    return replace(file, entries=(*file.entries, entry))


def _round(file: Complaint, **changes: int | tuple[Pause, ...]) -> Complaint:
    return replace(file, rounds=(*file.rounds[:-1], replace(file.round, **changes)))


def _pause(file: Complaint, reason: str, hand: Hand) -> Complaint:
    if file.kind is not ComplaintKind.COMPLAINT:
        raise DefinitionError("only the clock of handling a complaint can be paused. 只有投诉处理时限可以暂停。")
    if file.paused:
        raise DefinitionError("the clock stands still already. 计时已暂停。")
    bounded("pauses", file.round.pauses, 100)
    return _round(file, pauses=(*file.round.pauses, Pause(hand.at_ms, None, reason)))


def _resume(file: Complaint, hand: Hand) -> Complaint:
    if not file.paused:
        raise DefinitionError("the clock is running. 计时未暂停。")
    last = file.round.pauses[-1]
    return _round(file, pauses=(*file.round.pauses[:-1], Pause(last.from_ms, hand.at_ms, last.reason)))


def _clocks(file: Complaint) -> list[ClockUse]:
    found = []
    for each in file.rounds:
        ended = file.closed_ms if file.state == State.WITHDRAWN else 0
        answered_ms = each.answered_ms or ended or None
        match file.kind:
            case ComplaintKind.COMPLAINT:
                settled_ms = each.settled_ms or ended or None
                found.append(ClockUse(ClockKind.COMPLAINT_HANDLING, each.from_ms, settled_ms, each.pauses))
                found.append(ClockUse(ClockKind.COMPLAINT_ANSWER, each.from_ms, answered_ms))
            case ComplaintKind.PRIVACY_QUESTION:
                found.append(ClockUse(ClockKind.PRIVACY_QUESTION, each.from_ms, answered_ms))
            case ComplaintKind.RIGHTS_REQUEST:
                if each.verified_ms:
                    found.append(ClockUse(ClockKind.RIGHTS_REQUEST, each.verified_ms, answered_ms))
    return found


_EVENTS: Final = (
    *(Assign, Verify, Contacted, Understand, FindCause, Ask, Replied, Settle, Answer, Object, Refer),
    *(PauseClock, ResumeClock, Close, TakeBack),
)
COMPLAINT: Final = Kind(
    name="complaint",
    prefix="C",
    file=Complaint,
    opening=Take,
    events=events_by_tag(*_EVENTS),
    states=State,
    rows=_ROWS,
    first=State.RECEIVED,
    ends=frozenset((State.CLOSED, State.WITHDRAWN)),
    opens=_opens,
    folds=_folds,
    clocks=_clocks,
)
