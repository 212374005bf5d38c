"""Search over HTTP: what a text is among the decisions.  The text goes in the body, never in an address that is logged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.api.routes import Call, Route
from tarim.base.errors import NotFound
from tarim.base.instants import instant_text
from tarim.bootstrap.views_looking import DecisionLook
from tarim.cases import short_token
from tarim.decisions import outcome_of
from tarim.identity import Caller, Scope
from tarim.stream import Col, Kind
from tarim.views import Entities, Known

TEXT_CHARACTERS_MAX: Final = 128
BODY_BYTES_MAX: Final = 2_048
SPACES: Final = ("account", "customer", "device", "address", "merchant")


class SearchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked for: an event's id, or the full identifier of an account, customer, device, address or merchant."""

    text: Annotated[str, Meta(min_length=1, max_length=TEXT_CHARACTERS_MAX)]


class EventFoundBody(msgspec.Struct, frozen=True):
    """An event of that id."""

    seq: int
    source: str
    event_id: str
    kind: str
    outcome: str
    received_at: str
    amount_fen: int


class EntityFoundBody(msgspec.Struct, frozen=True):
    """An identifier that decisions were about.

    token: as links and cases name it, 16 hexadecimal digits; short: its first eight.  decisions: how many it was part of;
    newest: the newest of them, null when it is no longer kept.
    """

    kind: str
    token: str
    short: str
    decisions: int
    newest: EventFoundBody | None


class FoundBody(msgspec.Struct, frozen=True):
    """What was found.  entities_searched: False for callers who may not look for people's identifiers (`cases:read`).

    complete: False when more identifiers have turned up than are counted (`views.entities_max`).
    """

    events: list[EventFoundBody]
    entities: list[EntityFoundBody]
    entities_searched: bool
    complete: bool


class SearchDesk:
    """Looks for a text in what the views know.  current: see `Views.current`."""

    def __init__(self, known: Known, entities: Entities, look: DecisionLook, current: Callable[[], None]) -> None:
        self._current = current
        self._known, self._entities, self._look = known, entities, look

    def find(self, text: str, caller: Caller) -> FoundBody:
        """What a text is; blocks."""
        self._current()
        text = text.strip()
        seqs = self._known.positions(self._known.sources, text)
        events = [event for seq in seqs if (event := self._event(seq)) is not None]
        allowed = Scope.CASES_READ in caller.scopes
        entities = [found for space in SPACES if (found := self._entity(space, text)) is not None] if allowed else []
        return FoundBody(events, entities, allowed, not self._entities.full)

    def _entity(self, space: str, text: str) -> EntityFoundBody | None:
        token = self._look.token(space, text)
        tally = self._entities.find(token)
        if tally is None:
            return None
        newest = self._event(tally.newest_seq)
        return EntityFoundBody(space, f"{token % (1 << 64):016x}", short_token(token), tally.decisions, newest)

    def _event(self, seq: int) -> EventFoundBody | None:
        """The event at a position; None when its record was dropped meanwhile."""
        try:
            decided = self._look.decided(seq)
        except NotFound:
            return None
        row = decided.row.tolist()
        return EventFoundBody(
            seq,
            decided.source,
            decided.event_id,
            Kind(row[Col.KIND]).name.lower(),
            outcome_of(decided.decision).name.lower(),
            instant_text(row[Col.RECEIVED_MS]),
            row[Col.AMOUNT_FEN],
        )


def search_routes(desk: SearchDesk) -> list[Route]:
    """The routes."""

    async def find(call: Call) -> FoundBody:
        found = await asyncio.get_running_loop().run_in_executor(None, desk.find, call.body.text, call.caller)
        call.note.detail["events"], call.note.detail["entities"] = len(found.events), len(found.entities)
        return found

    return [
        Route("POST", "/v1/search", "search", "What a text is among the decisions / 检索", Scope.READ, find, FoundBody,
              takes=SearchBody, body_bytes_max=BODY_BYTES_MAX, personal=True, works_out=True, refusals=(503,)),
    ]  # fmt: skip
