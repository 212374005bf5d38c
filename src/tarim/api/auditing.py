"""Routes on the audit trail: what changes something, what shows personal data, and whoever may not (SE-02, DS-38).

    reading what is not personal        on the trail only when somebody may not
    reading personal data               one entry, written before the answer goes out
    signing in, open to anybody         one entry, with its outcome
    everything else                     an entry before it is begun, and one with its outcome before the answer goes out

When the first cannot be written the act is refused, and nothing was done.  When the outcome cannot be written the answer is a
refusal too (`unrecorded`), which says that the act was carried out: the entry that announced it stays on the trail without an
outcome, and an examination names it.  Decisions are not here: the journal is their trail, event by event.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from fastapi import Request

from tarim.api.lookups import Lookups
from tarim.audit import INTENT, Entry, Keeper, Objects, Recorder, Result, plain, without_numbers
from tarim.base.errors import NotAllowed, TarimError, Unavailable, Unrecorded
from tarim.base.instants import Clock

ADDRESSES_MAX: Final = 10_000
"""Addresses whose refusals are counted; the one that was quiet for longest is written and forgotten first."""
NOBODY_PER_MINUTE: Final = 20
"""Refusals of nobody known, from one address, that are entries of their own; further ones of that minute are one entry."""
CRAWLING: Final = "alarm.crawling"
"""The act of an entry that says that somebody looks up unusually many different customers."""
_MINUTE_S: Final = 60.0


@dataclass(slots=True)
class Note:
    """What a handler may say about its act.

    object: `kind:id`, when neither path nor answer names it.  reason: a person's words; numbers are taken out of it, so give
    it only where it is about rules, models or rights, not about a customer.  who: who it was, where nobody signed in before.
    detail: few, small, never personal.
    """

    object: str = ""
    reason: str = ""
    who: str = ""
    detail: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as far as it is known.  session: the session's or the key's id."""

    name: str = ""
    kind: str = "nobody"
    session: str = ""


class Auditor:
    """Writes entries of one process.  One loop."""

    def __init__(self, recorder: Recorder, objects: Objects, clock: Clock, lookups: Lookups | None = None) -> None:
        """lookups: counts who looks at whose data; None where nobody does."""
        self._recorder = recorder
        self._clock = clock
        self._lookups = lookups
        self.objects = objects
        self._flood: OrderedDict[str, list[float]] = OrderedDict()  # since when, how many, how many of them unwritten

    def begin(
        self, request: Request, method: str, path: str, operation: str, *, personal: bool, anybody: bool = False
    ) -> Audited:
        """One request of a route, not yet known to be somebody's.

        anybody: the route is open to all.  It is not announced before it is begun, or who has no account could fill the trail.
        """
        address = request.client.host if request.client else ""
        names = [(_kind(path, name), value) for name, value in request.path_params.items()]
        source = request.query_params.get("source", "")
        if source and names and names[0][0] == "event":
            names[0] = "event", f"{source}/{names[0][1]}"
        writes = method != "GET" and not anybody
        return Audited(self, operation, address, names[0] if names else None, writes=writes, personal=personal)

    async def looked(self, actor: Actor, address: str, thing: str) -> None:
        """Somebody looks at personal data of something.  Raises TooOften, Unavailable where an alarm cannot be written."""
        if self._lookups is None or not thing:
            return
        count = self._lookups.look(actor.name, thing)
        if count:
            await self.record(self.entry(actor, CRAWLING, "", address, "", Result.DONE, {"count": count}))

    async def record(self, entry: Entry) -> int:
        """The entry's number; it is durable.  Raises Unavailable."""
        return await asyncio.wrap_future(self._recorder.submit(entry))

    def entry(
        self, actor: Actor, act: str, about: str, address: str, reason: str, result: Result, detail: Mapping[str, Any]
    ) -> Entry:
        """An entry of now; texts are cut to what an entry holds."""
        return Entry(
            self._clock.now_ms(),
            plain(actor.name, 64),
            actor.kind,
            plain(act, 64),
            plain(about, 160),
            plain(address, 64),
            plain(actor.session, 64),
            plain(without_numbers(reason), 500),
            result,
            {plain(name, 32): plain(value, 128) if isinstance(value, str) else value for name, value in detail.items()},
        )

    async def nobody_refused(self, entry: Entry) -> None:
        """A refusal of nobody known: the first ones of a minute are entries, further ones are counted."""
        now_s, address = time.monotonic(), entry.address
        seen = self._flood.get(address)
        if seen is not None and now_s - seen[0] >= _MINUTE_S:
            await self._written(address)
            seen = None
        if seen is None:
            if len(self._flood) >= ADDRESSES_MAX:
                await self._written(next(iter(self._flood)))
            seen = self._flood[address] = [now_s, 0, 0]
        self._flood.move_to_end(address)
        seen[1] += 1
        if seen[1] > NOBODY_PER_MINUTE:
            seen[2] += 1
        else:
            await self.record(entry)

    async def settle(self, *, all_of_them: bool = False) -> None:
        """Write what was counted and is over; at the end, all of it."""
        now_s = time.monotonic()
        for address in [each for each, seen in self._flood.items() if all_of_them or now_s - seen[0] >= _MINUTE_S]:
            await self._written(address)

    async def _written(self, address: str) -> None:
        seen = self._flood.pop(address, None)
        if seen is not None and seen[2]:
            detail = {"times": int(seen[2])}
            await self.record(self.entry(Actor(), "many_requests", "", address, "", Result.REFUSED, detail))


class Audited:
    """One request: `actor` is set once it is known, `note` is the handler's.  Then `intend`, and `done` or `failed`."""

    def __init__(
        self,
        auditor: Auditor,
        operation: str,
        address: str,
        named: tuple[str, str] | None,
        *,
        writes: bool,
        personal: bool,
    ) -> None:
        self.actor = Actor()
        self.note = Note()
        self._auditor = auditor
        self._operation = operation
        self._address = address
        self._named = named
        self._writes = writes
        self._personal = personal
        self._intent = 0

    async def look(self, thing: str) -> None:
        """Before personal data of something is shown.  Raises as `Auditor.looked`."""
        if self._personal:
            await self._auditor.looked(self.actor, self._address, thing)

    async def intend(self) -> None:
        """Before the act.  Raises Unavailable: then it must not be begun."""
        if self._writes:
            self._intent = await self._auditor.record(self._entry(Result.INTENDED, self._unproven(), {}))

    async def done(self, answer: object) -> None:
        """After the act, before its answer.  Raises Unrecorded, or Unavailable when it only read."""
        if not self._writes and not self._personal:
            return
        try:
            await self._auditor.record(self._entry(Result.DONE, self._known(answer), self._ended()))
        except Unavailable as error:
            if not self._writes:
                raise
            raise Unrecorded(
                f"it was carried out, but its outcome could not be written ({error.detail});"
                f" entry {self._intent} of the audit trail announces it: look before repeating it"
            ) from None

    async def failed(self, error: BaseException) -> None:
        """The act was refused or went wrong; nothing is written when the process is being stopped.  Raises Unavailable."""
        if isinstance(error, asyncio.CancelledError):
            return
        if not (self._writes or self._personal or isinstance(error, NotAllowed)):
            return
        refused = isinstance(error, TarimError) and error.http_status < 500
        detail = self._ended()
        if isinstance(error, TarimError):
            detail |= {"status": error.http_status, "code": error.code}
        entry = self._entry(Result.REFUSED if refused else Result.FAILED, self._unproven(), detail)
        if self._intent or self.actor.name or self.note.who:
            await self._auditor.record(entry)
        else:
            await self._auditor.nobody_refused(entry)

    def _ended(self) -> dict[str, str | int]:
        return {**self.note.detail, **({INTENT: self._intent} if self._intent else {})}

    def _entry(self, result: Result, about: str, detail: Mapping[str, str | int]) -> Entry:
        actor = self.actor if not self.note.who else Actor(self.note.who, self.actor.kind, self.actor.session)
        reason = self.note.reason if result is Result.DONE else ""
        return self._auditor.entry(actor, self._operation, about, self._address, reason, result, detail)

    def _unproven(self) -> str:
        return self._auditor.objects.unproven(*self._named) if self._named else ""

    def _known(self, answer: object) -> str:
        """What the handler says, else what the path names, else what the answer is: `ProposalBody` with an id is a proposal."""
        if self.note.object:
            return self.note.object
        if self._named:
            return self._auditor.objects.known(*self._named)
        name = getattr(answer, "id", None)
        if not isinstance(name, str | int):
            return ""
        kind = type(answer).__name__.removesuffix("Body").lower()
        return self._auditor.objects.known(kind, str(name))


async def keep_trail(
    auditor: Auditor, keeper: Keeper, every_s: float, trouble: Callable[[BaseException], None]
) -> None:
    """Anchor the trail now and then, and write what was counted; until cancelled.  trouble: told when it is not sound."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(every_s)
        try:
            await auditor.settle()
            await loop.run_in_executor(None, keeper.anchor)
        except TarimError as error:
            structlog.get_logger("tarim.audit").error("audit-trail", detail=error.detail)
            trouble(error)


async def end_trail(auditor: Auditor, recorder: Recorder, keeper: Keeper) -> None:
    """Write what waits and anchor it, at the end of a process; what cannot be written is said."""
    loop = asyncio.get_running_loop()
    try:
        await auditor.settle(all_of_them=True)
        await loop.run_in_executor(None, recorder.close)
        await loop.run_in_executor(None, keeper.anchor)
    except TarimError as error:
        structlog.get_logger("tarim.audit").error("audit-trail", detail=error.detail)


def _kind(path: str, name: str) -> str:
    """The kind of object that a name in a path stands for: of `/v1/cases/{id}/notes` a case, of `{event_id}` an event."""
    if name != "id" and name.endswith("_id"):
        return name.removesuffix("_id")
    before = path.partition("/{" + name)[0].rpartition("/")[2].partition(":")[0]
    for ending, singular in (("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("s", "")):
        if before.endswith(ending):
            return before.removesuffix(ending) + singular
    return before
