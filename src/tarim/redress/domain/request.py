"""Requests of police, courts and other authorities: the register, who approved, what was given and when (RM-13, TS-21).

    registered ─prepare (two persons)─► approved ─give─► given ─close─► closed
         └──── return_papers (two persons) ────────────────────────────► returned

Registering one puts the customer under a hold, in the same command.  Nothing is prepared without the authority's own
document; what may be given are documents of the file, named by their digests, so another person approves exactly these.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Generic

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from tarim.base.errors import DefinitionError
from tarim.deadlines import ClockKind
from tarim.identity import Scope
from tarim.redress.domain.files import (
    ClockUse,
    Department,
    Digest,
    Event,
    File,
    Hand,
    Home,
    Instant,
    Kind,
    Name,
    Sealed,
    W,
    Word,
    bounded,
    events_by_tag,
    fields_of_new,
    require_past,
)


class Authority(StrEnum):
    """Who asks."""

    POLICE = "police"
    COURT = "court"
    PROCURATORATE = "procuratorate"
    SUPERVISION = "supervision"
    REGULATOR = "regulator"


class State(StrEnum):
    """Where a request stands."""

    REGISTERED = "registered"
    APPROVED = "approved"
    GIVEN = "given"
    RETURNED = "returned"
    CLOSED = "closed"


class Register(Event, Generic[W], frozen=True, tag="register"):
    """A request comes in.  office: of the authority; number: of its document; officer, text: who asks for what."""

    free = ("officer", "text")
    scope = Scope.REQUESTS_WORK
    authority: Authority
    office: Word
    number: Word
    basis: Word
    officer: W
    text: W
    received_ms: Instant


class Assign(Event, frozen=True, tag="assign"):
    """Somebody is in charge from now on."""

    scope = Scope.REQUESTS_WORK
    owner: Name
    department: Department


class Prepare(Event, Generic[W], frozen=True, tag="prepare"):
    """These documents are to be given; text: why these, and no more than asked."""

    free = ("text",)
    scope = Scope.REQUESTS_WORK
    second = True
    documents: Annotated[list[Digest], Meta(min_length=1, max_length=100)]
    text: W


class Give(Event, Generic[W], frozen=True, tag="give"):
    """A sealed package was made.  package: SHA-256 of its bytes; manifest: of what is in it; recipient: who gets it."""

    free = ("recipient",)
    scope = Scope.REQUESTS_WORK
    inner = True
    package: Digest
    manifest: Digest
    size_bytes: int
    sealed_for: Word
    recipient: W


class ReturnPapers(Event, Generic[W], frozen=True, tag="return_papers"):
    """The request is sent back: papers are missing, or the law does not allow it."""

    free = ("text",)
    scope = Scope.REQUESTS_WORK
    second = True
    text: W


class Close(Event, frozen=True, tag="close"):
    """The authority has confirmed the receipt."""

    scope = Scope.REQUESTS_WORK
    receipt: Word


class Given(msgspec.Struct, frozen=True):
    """A package that was made.  sealed_for: the fingerprint of a certificate, or `passphrase`."""

    package: str
    manifest: str
    size_bytes: int
    sealed_for: str
    recipient: Sealed
    person: str
    at_ms: int


class Request(File, frozen=True, kw_only=True):
    """One request.  approved: documents that may be given, by digest."""

    authority: Authority
    office: str
    number: str
    basis: str
    officer: Sealed
    text: Sealed
    received_ms: int
    approved: tuple[str, ...] = ()
    approver: str = ""
    approved_ms: int = 0
    given: tuple[Given, ...] = ()
    returned_ms: int = 0
    reason: Sealed | None = None
    receipt: str = ""


S = State
_ROWS: Final = {
    **{(state, "assign"): state for state in (S.REGISTERED, S.APPROVED)},
    (S.REGISTERED, "prepare"): S.APPROVED,
    (S.APPROVED, "prepare"): S.APPROVED,
    (S.GIVEN, "prepare"): S.APPROVED,
    (S.APPROVED, "give"): S.GIVEN,
    (S.GIVEN, "give"): S.GIVEN,
    (S.GIVEN, "close"): S.CLOSED,
    **{(state, "return_papers"): S.RETURNED for state in (S.REGISTERED, S.APPROVED)},
}


def _opens(file_id: str, event: Register[Sealed], home: Home, hand: Hand) -> Request:
    require_past(hand, event.received_ms, "a request cannot have come in", "收到时间")
    return Request(
        **fields_of_new(file_id, State.REGISTERED, home, hand),
        authority=event.authority,
        office=event.office,
        number=event.number,
        basis=event.basis,
        officer=event.officer,
        text=event.text,
        received_ms=event.received_ms,
    )


def _folds(file: Request, event: Event, hand: Hand) -> Request:
    match event:
        case Assign():
            return replace(file, owner=event.owner, department=event.department)
        case Prepare():
            return _prepared(file, event, hand)
        case Give():
            bounded("packages", file.given)
            given = Given(
                *(event.package, event.manifest, event.size_bytes, event.sealed_for, event.recipient),
                person=hand.person,
                at_ms=hand.at_ms,
            )
            return replace(file, given=(*file.given, given))
        case ReturnPapers():
            return replace(file, returned_ms=hand.at_ms, reason=event.text)
        case Close():
            return replace(file, receipt=event.receipt)
        case _:
            return file


def _prepared(file: Request, event: Prepare[Sealed], hand: Hand) -> Request:
    if not any(document.authority for document in file.documents):
        raise DefinitionError("the authority's own document is missing; add it first. 请先添加办案机关的文书。")
    kept = {document.digest: document for document in file.documents}
    for digest in event.documents:
        if digest not in kept:
            raise DefinitionError("documents: one of them is not kept with this file")
        if kept[digest].authority:
            raise DefinitionError("documents: the authority's own document is not given back to it")
    if len(set(event.documents)) != len(event.documents):
        raise DefinitionError("documents: each is named once")
    return replace(
        file, approved=tuple(event.documents), approver=hand.person, approved_ms=hand.at_ms, reason=event.text
    )


def _clocks(file: Request) -> list[ClockUse]:
    given_ms = file.given[0].at_ms if file.given else 0
    return [ClockUse(ClockKind.AUTHORITY_REQUEST, file.received_ms, given_ms or file.returned_ms or None)]


REQUEST: Final = Kind(
    name="request",
    prefix="REQ",
    file=Request,
    opening=Register,
    events=events_by_tag(Assign, Prepare, Give, ReturnPapers, Close),
    states=State,
    rows=_ROWS,
    first=State.REGISTERED,
    ends=frozenset((State.CLOSED, State.RETURNED)),
    opens=_opens,
    folds=_folds,
    clocks=_clocks,
    readers=frozenset({Scope.REQUESTS_WORK, Scope.REQUESTS_APPROVE}),
    work_scope=Scope.REQUESTS_WORK,
    decide_scope=Scope.REQUESTS_APPROVE,
)
