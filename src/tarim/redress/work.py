"""What persons do with files of redress: open them, bring events about, see them, have texts shown.

Every method waits; call it in a thread that may.  Who calls needs the scope of the event, and sees files of its own branches
and departments only: others are answered as if they were not there.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection

from tarim.base.errors import Conflict, DefinitionError, NotAllowed, NotFound
from tarim.deadlines import Schedule
from tarim.desk import Desk, Draft, Once
from tarim.identity import EVERYTHING, Caller, Scope
from tarim.redress.adapters.rows import (
    FILES_MAX,
    Filter,
    counted_next,
    find_file,
    history,
    is_held,
    list_files,
    read_file,
)
from tarim.redress.book import opened, opening_draft, step_draft
from tarim.redress.domain import dispute, erasure, fund, hold, loss_events, request
from tarim.redress.domain.catalogue import KINDS, tracking_id
from tarim.redress.domain.complaint import COMPLAINT
from tarim.redress.domain.complaint_events import Settle, Take
from tarim.redress.domain.files import DECIDING, Approve, Event, File, Hand, Home, Kind, tag_of
from tarim.redress.domain.fund import FUND
from tarim.redress.domain.hold import HOLD
from tarim.redress.domain.loss import LOSS
from tarim.redress.domain.roster import ROSTER, Roster
from tarim.redress.domain.routing import Routing
from tarim.redress.domain.steps import step
from tarim.redress.obstacles import require_erasable
from tarim.redress.ports import Aliases, Decisions, OpenCases
from tarim.redress.views import FileLine, FileView, line, sealed_texts, view

HEAD_OFFICE: Final = "head-office"
_DEPARTMENTS: Final = {
    "loss": "fraud-desk",
    "dispute": "legal",
    "request": "legal",
    "hold": "legal",
    "erasure": "data-protection",
}
_DEPARTMENT_DEFAULT: Final = "customer-care"


@dataclass(frozen=True, slots=True)
class Parts:
    """What redress is made of."""

    desk: Desk
    schedule: Schedule
    routing: Routing
    decisions: Decisions
    same: Aliases
    retention_days: int
    open_cases: OpenCases


class Redress:
    """See the module.  Any thread may call it but the desk's own."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._desk = parts.desk

    # ------------------------------------------------------------------------------------------------------------- open

    def open(
        self,
        caller: Caller,
        name: str,
        event: Event,
        *,
        customer: int = 0,
        branch: str = "",
        department: str = "",
        once: Once | None = None,
    ) -> str:
        """Open a file of a kind; its id.  customer: unsigned token, 0 = none.

        A department that is not said follows from the routing, and whoever is on duty there is in charge; who takes it in need
        not belong to it.  A dispute or a request about a customer puts that customer under a legal hold at once.  Raises
        NotAllowed without the scope or for another branch than the caller's, Conflict, DefinitionError.
        """
        kind = KINDS[name]
        caller.require(kind.opening.scope)
        home = Home(customer, branch or HEAD_OFFICE, department or self._department(kind, event), "")
        if caller.branches != EVERYTHING and home.branch not in caller.branches:
            raise NotAllowed(
                f"{caller.name} takes in files of another branch than {home.branch}: say which. 请填写所属机构。",
                known=True,
            )
        known_id = tracking_id(secrets.token_bytes(8)) if kind is COMPLAINT else ""
        known_id = f"{ROSTER.prefix}-{home.department}" if kind is ROSTER else known_id
        sealed = self._sealed(event, customer or _token_of(known_id or secrets.token_hex(8)))

        def command(connection: Connection) -> Sequence[Draft]:
            now_ms = self._desk.now_ms()
            file_id = known_id or counted_next(connection, kind, now_ms)
            if find_file(connection, file_id) is not None:
                raise Conflict(f"{file_id} is there already")
            place = replace(home, owner=_on_duty(connection, home.department, now_ms))
            opened(kind, file_id, sealed, place, Hand(caller.name, now_ms))  # refused now rather than when applied
            return [opening_draft(kind, file_id, sealed, place), *self._holds(connection, kind, file_id, place, now_ms)]

        return self._desk.perform(caller.name, command, once)[0].subject

    def _department(self, kind: Kind, event: Event) -> str:
        if isinstance(event, Take):
            return self.parts.routing.departments[event.category]
        return _DEPARTMENTS.get(kind.name, _DEPARTMENT_DEFAULT)

    def _holds(self, connection: Connection, kind: Kind, file_id: str, home: Home, now_ms: int) -> list[Draft]:
        """The legal hold that comes with a dispute or a request."""
        if not home.customer or kind not in (dispute.DISPUTE, request.REQUEST):
            return []
        ground = hold.Ground.DISPUTE if kind is dispute.DISPUTE else hold.Ground.REQUEST
        event = self._sealed(hold.Open(ground, file_id, file_id), home.customer)
        return [opening_draft(HOLD, counted_next(connection, HOLD, now_ms), event, home)]

    # -------------------------------------------------------------------------------------------------------------- act

    def act(self, caller: Caller, file_id: str, event: Event, once: Once | None = None) -> FileView:
        """Bring an event about; the file after it, be it by now another department's.

        Raises NotFound for a file that is not there or not the caller's to see, NotAllowed without the event's scope and
        for a second person who is the first, IllegalStep, Conflict, DefinitionError.
        """
        if event.inner:
            raise NotAllowed(f"{tag_of(event)} follows from something else; nobody does it by itself", known=True)
        return self.act_inner(caller, file_id, event, once)

    def act_inner(self, caller: Caller, file_id: str, event: Event, once: Once | None = None) -> FileView:
        """The same for events that follow from another use case."""
        kind, file = self.find(caller, file_id)
        caller.require(kind.scope_of(type(event)))
        if isinstance(event, loss_events.Contain):
            event = self._contained(event)
        sealed = self._sealed(event, file.customer or _token_of(file_id))
        erases = kind is erasure.ERASURE and isinstance(event, erasure.Erase | Approve)
        last_ms = self.parts.decisions.last_event(file.customer)[0] if erases else 0

        def command(connection: Connection) -> Sequence[Draft]:
            found_kind, found = read_file(connection, file_id)
            self._require_sight(caller, found.branch, found.department)
            self._require_other_human(caller, found, sealed)
            if erases:
                self.require_erasable(connection, found, last_ms)
            hand = Hand(caller.name, self._desk.now_ms())
            step(found_kind, found, sealed, hand)
            return [step_draft(found_kind, file_id, sealed), *self._follows(connection, found, sealed, hand)]

        self._desk.perform(caller.name, command, once)
        return self._desk.read(lambda connection: self._view(connection, *read_file(connection, file_id))).result()

    def _follows(self, connection: Connection, file: File, event: Event, hand: Hand) -> list[Draft]:
        """What an event does to other files."""
        if isinstance(event, loss_events.Pay):
            kind, paying = read_file(connection, event.fund)
            if kind is not FUND:
                raise NotFound("there is no such fund or policy. 没有该资金或保险。")
            paid = fund.Pay(file.id, event.amount_fen, event.reference)
            step(FUND, paying, paid, hand)
            return [step_draft(FUND, event.fund, paid)]
        if isinstance(event, Settle) and event.loss and read_file(connection, event.loss)[0] is not LOSS:
            raise NotFound("there is no such loss. 没有该损失档案。")
        return []

    def _contained(self, event: loss_events.Contain) -> loss_events.Contain:
        """The containment with the version that holds its rule.  Raises DefinitionError for a rule not in force (RM-14)."""
        version, rules = self.parts.decisions.rules_in_force()
        if event.rule not in rules:
            raise DefinitionError(f"rule: {event.rule} is not in force; publish it first. 该规则未生效，请先发布。")
        return replace(event, ruleset=version)

    def _require_other_human(self, caller: Caller, file: File, event: Event) -> None:
        """Raises NotAllowed for whoever decides on a wish of their own under another name."""
        if isinstance(event, DECIDING[:2]) and file.proposal is not None:
            author = file.proposal.author
            if {caller.name, *self.parts.same(caller.name)} & {author, *self.parts.same(author)}:
                raise NotAllowed("another person has to decide on it. 须由另一人决定。", known=True)

    # -------------------------------------------------------------------------------------------------------------- see

    def show(self, caller: Caller, file_id: str) -> FileView:
        """A file without its texts.  Raises NotFound."""
        return self._desk.read(
            lambda connection: self._view(connection, *self._visible(connection, caller, file_id))
        ).result()

    def find(self, caller: Caller, file_id: str) -> tuple[Kind, File]:
        """A file that the caller may see.  Raises NotFound."""
        return self._desk.read(lambda connection: self._visible(connection, caller, file_id)).result()

    def listed(self, caller: Caller, wanted: Filter, limit: int) -> list[FileLine]:
        """Files that the caller may see, the one that came first first."""
        return self.lines(self.files(caller, wanted, limit))

    def lines(self, files: Sequence[tuple[Kind, File]]) -> list[FileLine]:
        """Files as a list shows them."""
        now_ms = self._desk.now_ms()
        return [line(kind, file, self.parts.schedule, now_ms) for kind, file in files]

    def files(self, caller: Caller, wanted: Filter, limit: int) -> list[tuple[Kind, File]]:
        """The same, as files.  Raises NotAllowed."""
        KINDS[wanted.kind].require_reader(caller)
        seen = replace(
            wanted,
            branches=None if caller.branches == EVERYTHING else caller.branches,
            departments=None if caller.queues == EVERYTHING else caller.queues,
        )
        return self._desk.read(lambda connection: list_files(connection, seen, min(limit, FILES_MAX))).result()

    def reveal(self, caller: Caller, file_id: str, now_ms: int, within_ms: int) -> list[tuple[str, str]]:
        """(place, text) of every free text of a file; "" for one that was destroyed with the customer's key.

        Raises NotFound; NotAllowed without the scope `reveal` or a recent proof of who it is.
        """
        caller.require(Scope.REVEAL)
        caller.require_recent(now_ms, within_ms)
        _, file = self.find(caller, file_id)
        return [
            (where, self._desk.texts.open_or_none(text) or "")
            for where, text in sealed_texts(msgspec.to_builtins(file))
        ]

    def require_erasable(self, connection: Connection, file: File, last_ms: int) -> None:
        """Nothing when the customer of a deletion may be deleted now.  Raises NotErasable."""
        parts = self.parts
        require_erasable(connection, file, last_ms, parts.retention_days, self._desk.now_ms(), parts.open_cases)

    def is_held(self, customer: int) -> bool:
        """Whether a legal hold keeps everything of a customer (unsigned token) from being deleted."""
        return self._desk.read(lambda connection: is_held(connection, customer)).result()

    # ---------------------------------------------------------------------------------------------------------- helpers

    def _visible(self, connection: Connection, caller: Caller, file_id: str) -> tuple[Kind, File]:
        kind, file = read_file(connection, file_id)
        kind.require_reader(caller)
        self._require_sight(caller, file.branch, file.department)
        return kind, file

    def _view(self, connection: Connection, kind: Kind, file: File) -> FileView:
        return view(kind, file, history(connection, file.id), self.parts.schedule, self._desk.now_ms())

    def _require_sight(self, caller: Caller, branch: str, department: str) -> None:
        """Raises NotFound: what is not one's own business is not there."""
        if not caller.may_see(branch, department):
            raise NotFound("there is no such file")

    def _sealed(self, event: Event, token: int) -> Event:
        """The event with its free texts sealed."""
        texts = {name: self._desk.texts.seal(token, getattr(event, name)) for name in event.free}
        return replace(event, **texts) if texts else event


def _on_duty(connection: Connection, department: str, at_ms: int) -> str:
    """Whoever is on duty for a department, "" when nobody is."""
    roster = find_file(connection, f"{ROSTER.prefix}-{department}")
    shift = roster.on_duty(at_ms) if isinstance(roster, Roster) else None
    return shift.person if shift else ""


def _token_of(subject: str) -> int:
    """The token under which texts of no customer are sealed."""
    return int.from_bytes(sha256(subject.encode()).digest()[:8], "little")
