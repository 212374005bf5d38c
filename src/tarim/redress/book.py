"""The book of redress: acts in the desk's journal, and the tables they make.

An act `redress.loss_pay` has the event with its tag in its body, and when it opens a file whose it is:

    {"event": {"event": "pay", ...}}            {"event": {"event": "open", ...}, "home": {...}}
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from tarim.base.errors import Damaged
from tarim.desk import Act, Draft, Facts
from tarim.records import Migrations
from tarim.redress.adapters.rows import Step, read_file, steps_of, write_file
from tarim.redress.adapters.tables import MIGRATIONS
from tarim.redress.domain.catalogue import kind_of
from tarim.redress.domain.files import Event, File, Hand, Home, Kind, tag_of
from tarim.redress.domain.steps import event_of, step

NAME: Final = "redress"


class RedressBook:
    """See `tarim.desk.Book`."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def migrations(self) -> Migrations:
        return MIGRATIONS

    def apply(self, connection: Connection, act: Act) -> None:
        """One act on one file.  Raises Damaged for an act this version does not know."""
        if not act.kind.startswith(f"{NAME}."):
            return
        kind = kind_of(act.subject)
        body: dict[str, Any] = act.body
        hand = Hand(act.person, act.at_ms)
        before: File | None = None
        if "home" in body:
            try:
                event: Event = msgspec.convert(body["event"], kind.opening)
            except msgspec.ValidationError:
                raise Damaged(f"act {act.seq} of the desk is of a form this version does not know") from None
            after = opened(kind, act.subject, event, msgspec.convert(body["home"], Home), hand)
        else:
            _, before = read_file(connection, act.subject)
            event = event_of(kind, body["event"])
            after = step(kind, before, event, hand)
        line = Step(
            n=steps_of(connection, act.subject) + 1,
            event=tag_of(event),
            before=before.state if before else "",
            after=after.state,
            owner=after.owner,
            person=act.person,
            at_ms=act.at_ms,
        )
        write_file(connection, kind, before, after, line, act.seq)

    def follow(self, connection: Connection, facts: Facts) -> None:
        """What the decisions' journal says changes no file."""


def opened(kind: Kind, file_id: str, event: Event, home: Home, hand: Hand) -> File:
    """A new file.  Raises DefinitionError."""
    file: File = kind.opens(file_id, event, home, hand)
    return file


def opening_draft(kind: Kind, file_id: str, event: Event, home: Home) -> Draft:
    """The act that opens a file."""
    return Draft(_kind(kind, event), file_id, {"event": msgspec.to_builtins(event), "home": msgspec.to_builtins(home)})


def step_draft(kind: Kind, file_id: str, event: Event) -> Draft:
    """The act of an event."""
    return Draft(_kind(kind, event), file_id, {"event": msgspec.to_builtins(event)})


def _kind(kind: Kind, event: Event) -> str:
    return f"{NAME}.{kind.name.replace('-', '_')}_{tag_of(event)}"
