"""One step of a file: its table asked, a second person awaited where it takes two, the event carried out.

step(kind, file, event, hand)     the file after the event; raises for what may not be
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import replace

from tarim.base.canonical import canonical_json
from tarim.base.errors import Conflict, FieldError
from tarim.base.four_eyes import Proposal
from tarim.redress.domain.files import (
    DECIDING,
    DOCUMENTS_MAX,
    NOTES_MAX,
    AddDocument,
    AddNote,
    Approve,
    Document,
    Event,
    File,
    Hand,
    IllegalStep,
    Kind,
    Note,
    Reject,
    Sealed,
    bounded,
    tag_of,
)


def digest_of_wish(file_id: str, wish: Mapping[str, Any]) -> str:
    """What an approval is about: this event, of this file."""
    return sha256(canonical_json({"file": file_id, "wish": wish})).hexdigest()


def step(kind: Kind, file: File, event: Event, hand: Hand) -> File:
    """The file after an event.

    Raises IllegalStep, Conflict (a wish is open, or other content than was looked at), NotAllowed (one's own wish),
    DefinitionError and FieldError for what an event may not say.
    """
    tag = tag_of(event)
    if isinstance(event, DECIDING):
        return _decided(kind, file, event, hand)
    if file.waits_for_second and tag != "note":
        assert file.proposal is not None
        raise IllegalStep(
            f"the {kind.name} waits for a second person to decide on {file.proposal.what}. 正等待另一人复核。"
        )
    state = kind.advance(file.state, tag)
    if event.second:
        kind.folds(file, event, hand)  # what would be refused later is refused now
        wish = msgspec.to_builtins(event)
        proposal = Proposal(file.id, tag, digest_of_wish(file.id, wish), hand.person, hand.at_ms, "")
        return replace(file, proposal=proposal, wish=wish, changed_ms=hand.at_ms)
    return _carried_out(kind, file, event, hand, state)


def _decided(kind: Kind, file: File, event: Event, hand: Hand) -> File:
    kind.advance(file.state, tag_of(event))
    if file.proposal is None or file.wish is None:
        raise IllegalStep(f"nothing of this {kind.name} waits for a second person. 没有等待复核的事项。")
    match event:
        case Approve():
            proposal = file.proposal.approve(hand.person, event.digest, hand.at_ms, event.note)
            wished = event_of(kind, file.wish)
            done = replace(file, proposal=proposal, wish=None)
            return _carried_out(kind, done, wished, hand, kind.advance(file.state, tag_of(wished)))
        case Reject():
            proposal = file.proposal.reject(hand.person, hand.at_ms, event.note)
        case _:
            proposal = file.proposal.withdraw(hand.person, hand.at_ms)
    return replace(file, proposal=proposal, wish=None, changed_ms=hand.at_ms)


def _carried_out(kind: Kind, file: File, event: Event, hand: Hand, state: str) -> File:
    match event:
        case AddNote():
            bounded("notes", file.notes, NOTES_MAX)
            file = replace(file, notes=(*file.notes, Note(hand.person, hand.at_ms, event.text)))
        case AddDocument():
            file = _with_document(file, event, hand)
        case _:
            file = kind.folds(file, event, hand)
    closed_ms = (file.closed_ms or hand.at_ms) if state in kind.ends else 0
    return replace(file, state=state, changed_ms=hand.at_ms, closed_ms=closed_ms)


def _with_document(file: File, event: AddDocument[Sealed], hand: Hand) -> File:
    bounded("documents", file.documents, DOCUMENTS_MAX)
    if any(each.digest == event.digest for each in file.documents):
        raise Conflict("this document is kept with the file already. 该材料已在档案中。")
    document = Document(
        *(event.digest, event.stored, event.key, event.title, event.media_type, event.size_bytes, event.authority),
        person=hand.person,
        at_ms=hand.at_ms,
    )
    return replace(file, documents=(*file.documents, document))


def event_of(kind: Kind, body: Mapping[str, Any]) -> Event:
    """The event of a body with its tag.  Raises FieldError."""
    known = kind.events.get(str(body.get("event")))
    if known is None:
        raise FieldError("event", f"must be one of {', '.join(kind.events)}")
    try:
        found: Event = msgspec.convert(body, known)
    except msgspec.ValidationError as error:
        raise FieldError("body", f"must be as the event {body['event']} takes it: {error}") from None
    return found
