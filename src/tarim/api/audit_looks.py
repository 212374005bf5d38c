"""Long looks at the trail over HTTP: where its chain stands, whether it is as it was written, one decision's trace (SE-16).

    GET  /v1/audit/state         the end, the newest anchor, what was dropped, the last examination
    POST /v1/audit/looks         begin a look: examine the whole chain, or trace one decision
    GET  /v1/audit/looks/{id}    how it goes, and what it found

A look reads a whole trail or a whole journal, so it runs in a process of its own, one after the other.  What was found is kept
in memory and is gone with the process; the trail keeps who looked at what.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from tarim.api.audit import aside
from tarim.api.routes import Call, Route
from tarim.audit import Anchor, Bridge
from tarim.base.errors import FieldError, NotFound, TarimError, Unavailable
from tarim.base.instants import instant_text
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.audit_looking import ExaminationFound, Found, TraceFound
from tarim.identity import Scope

KEPT_MAX: Final = 32
"""Looks remembered; the oldest finished one is forgotten first."""
WAITING_MAX: Final = 8

Run = Callable[["Look"], Found]
"""Carries a look out; blocks.  Raises TarimError."""


class LookBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to look at.  trace: source and event_id name the decision; examine: both are empty."""

    what: Literal["examine", "trace"]
    source: Annotated[str, Meta(pattern="^[a-z0-9-]{0,32}$")] = ""
    event_id: Annotated[str, Meta(pattern="^[!-~]{0,64}$")] = ""


class Look(msgspec.Struct, kw_only=True):
    """A look and how it goes.  state: waiting, running, done, failed; trouble: why it failed; took_ms: once it is over."""

    id: str
    what: str
    source: str
    event_id: str
    by: str
    begun_at: str
    state: str = "waiting"
    took_ms: int = 0
    trouble: str = ""
    examination: ExaminationFound | None = None
    trace: TraceFound | None = None

    def shown_to(self, person: str) -> bool:
        """Whether a person sees it: a trace is about somebody's payment, so whoever looks at one begins it, on the trail."""
        return self.what == "examine" or self.by == person


class LooksBody(msgspec.Struct, frozen=True):
    """Looks, the newest first, without what they found."""

    looks: list[Look]


class AuditStateBody(msgspec.Struct, frozen=True):
    """seq, head: number and digest (hex) of the newest entry.  anchor: the newest, None before the first; unanchored: entries
    after it.  keep_days: how long entries are kept at least.  dropped: what was dropped since, with the export that holds it.
    examined: the last examination of this process.
    """

    seq: int
    head: str
    anchor: Anchor | None
    unanchored: int
    anchor_every_s: int
    keep_days: int
    dropped: list[Bridge]
    examined: Look | None


class Looks:
    """Looks of one process, carried out one after the other.  One loop."""

    def __init__(self, run: Run, now_ms: Callable[[], int]) -> None:
        self._run = run
        self._now_ms = now_ms
        self._turn = asyncio.Lock()
        self._looks: OrderedDict[str, Look] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, what: str, source: str, event_id: str, person: str) -> Look:
        """A look that waits for its turn; one on the same that the person may see and that is not over is given instead.

        Raises Unavailable when too many wait.
        """
        waiting = [each for each in self._looks.values() if each.state in ("waiting", "running")]
        for each in waiting:
            if (each.what, each.source, each.event_id) == (what, source, event_id) and each.shown_to(person):
                return each
        if len(waiting) >= WAITING_MAX:
            raise Unavailable(f"{WAITING_MAX} looks at the trail wait already: try again when one is over")
        now = instant_text(self._now_ms())
        look = Look(id=secrets.token_hex(8), what=what, source=source, event_id=event_id, by=person, begun_at=now)
        self._looks[look.id] = look
        for old in [each.id for each in self._looks.values() if each.state in ("done", "failed")][:-KEPT_MAX]:
            del self._looks[old]
        task = asyncio.get_running_loop().create_task(self._carry_out(look))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return look

    def get(self, look_id: str, person: str) -> Look:
        """One look that the person may see.  Raises NotFound."""
        look = self._looks.get(look_id)
        if look is None or not look.shown_to(person):
            raise NotFound("there is no such look of yours: they are forgotten when the desk is restarted")
        return look

    def listed(self, person: str) -> list[Look]:
        """All that the person may see, the newest first."""
        return [look for look in reversed(self._looks.values()) if look.shown_to(person)]

    async def _carry_out(self, look: Look) -> None:
        async with self._turn:
            look.state, began = "running", time.perf_counter()
            try:
                found = await aside(lambda: self._run(look))
                look.examination, look.trace = found.examination, found.trace
                look.state = "done"
            except TarimError as error:
                look.state, look.trouble = "failed", error.detail
            finally:
                look.took_ms = round(1_000 * (time.perf_counter() - began))
                if look.state == "running":
                    look.state, look.trouble = "failed", "it was broken off"


@dataclass(frozen=True, slots=True)
class LookHandlers:
    """What answers about looks at the trail."""

    trail: OpenTrail
    looks: Looks

    async def state(self, call: Call) -> AuditStateBody:
        head = await aside(self.trail.store.head)
        anchor = await aside(self.trail.keeper.anchors.newest)
        dropped = await aside(self.trail.store.bridges)
        examined = next(
            (each for each in self.looks.listed(call.person) if each.what == "examine" and each.state == "done"), None
        )
        return AuditStateBody(
            head.seq,
            head.digest.hex(),
            anchor,
            max(0, head.seq - (anchor.seq if anchor else 0)),
            self.trail.settings.anchor_every_s,
            self.trail.settings.keep_days,
            dropped,
            examined,
        )

    async def begin(self, call: Call) -> Look:
        asked: LookBody = call.body
        if (asked.what == "trace") != bool(asked.source and asked.event_id):
            raise FieldError("event_id", "and source name the decision to trace; an examination names none")
        if asked.what == "trace":
            call.note.object = self.trail.objects.unproven("event", f"{asked.source}/{asked.event_id}")
        call.note.detail["what"] = asked.what
        return self.looks.begin(asked.what, asked.source, asked.event_id, call.person)

    async def read(self, call: Call) -> Look:
        return self.looks.get(call.path["id"], call.person)

    async def listed(self, call: Call) -> LooksBody:
        return LooksBody([_bare(each) for each in self.looks.listed(call.person)])


def audit_look_routes(trail: OpenTrail, looks: Looks) -> list[Route]:
    """The routes."""
    do = LookHandlers(trail, looks)
    base = "/v1/audit/looks"
    return [
        Route("GET", "/v1/audit/state", "read_audit_state", "Where the chain stands / 审计链状态", Scope.AUDIT_READ, do.state,
              AuditStateBody),
        Route("POST", base, "begin_audit_look", "Examine the chain, or trace a decision / 校验审计链或追溯一笔决策",
              Scope.AUDIT_READ, do.begin, Look, LookBody, status=201, refusals=(503,)),
        Route("GET", base, "list_audit_looks", "Examinations and traces / 校验与追溯记录", Scope.AUDIT_READ, do.listed,
              LooksBody),
        Route("GET", base + "/{id}", "read_audit_look", "How one goes, and what it found / 校验或追溯结果", Scope.AUDIT_READ,
              do.read, Look),
    ]  # fmt: skip


def _bare(look: Look) -> Look:
    return msgspec.structs.replace(look, examination=None, trace=None)
