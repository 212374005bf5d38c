"""Holds over HTTP: what became of a payment that waits, what changed since, and what persons and customers decide."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
import structlog
from msgspec import Meta

from tarim.api.figures import Figures
from tarim.api.governance_bodies import Reason
from tarim.api.proposals import ProposalBody, proposal_body
from tarim.api.routes import Call, Route
from tarim.base.errors import TarimError
from tarim.base.instants import instant_text
from tarim.decisions import METHODS, DecisionService, Governor, Hold, HoldDesk, HoldState
from tarim.identity import Scope
from tarim.intake import event_key
from tarim.stream import AMOUNT_FEN_MAX

TICK_EVERY_S: Final = 1.0
LISTED_MAX: Final = 50
CHANGES_MAX: Final = 1_000
TREATMENT_CHARACTERS_MAX: Final = 64 << 10
TREATMENT_BYTES_MAX: Final = 256 << 10

Method = Annotated[str, Meta(pattern=f"^({'|'.join(METHODS)})$")]
Fen = Annotated[int, Meta(ge=0, le=10**15)]


class HoldBody(msgspec.Struct, frozen=True):
    """A hold.  strength: kinds of factors its confirmation has to show; proposed_by: who wants it released, "" for nobody."""

    id: int
    event_id: str
    source: str
    kind: str
    state: str
    cause: str
    amount_fen: int
    opened_at: str
    until: str
    strength: int
    verified: bool
    failures_left: int
    changed_seq: int
    changed_at: str
    proposed_by: str
    proposed_reason: str


class HoldsBody(msgspec.Struct, frozen=True):
    """Open holds, the earliest end first."""

    holds: list[HoldBody]


class HoldChangeBody(msgspec.Struct, frozen=True):
    """One change of the hold `id`, at journal position `seq`."""

    seq: int
    id: int
    kind: str
    state: str
    cause: str
    at: str
    until: str


class HoldChangesBody(msgspec.Struct, frozen=True):
    """Changes in the order of the journal; ask again with `since` = `next`."""

    changes: list[HoldChangeBody]
    next: int


class VerdictBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person does with a hold, and why."""

    verdict: Literal["release", "refuse"]
    reason: Reason


class OrderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What persons of the desk agreed to about the payment that this source named event_id, and why."""

    source: Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}$")]
    event_id: Annotated[str, Meta(min_length=1, max_length=64)]
    verdict: Literal["release", "refuse"]
    people: Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=2)]
    reason: Reason


class OwnLimitBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer's own limits for payments verified by these methods: of one payment, and of a day together."""

    customer: Annotated[str, Meta(min_length=1, max_length=64)]
    methods: Annotated[list[Method], Meta(max_length=len(METHODS))]
    single_fen_max: Annotated[int, Meta(ge=0, le=AMOUNT_FEN_MAX)]
    day_fen_max: Fen


class OwnLimitSetBody(msgspec.Struct, frozen=True):
    """Limits that count from the next payment on."""

    methods: list[str]
    single_fen_max: int
    day_fen_max: int
    at: str


class SourceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event's source."""

    source: Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}$")]


class HoldsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """state: waiting for the customer or a time, or escalated: over, and waiting for a person."""

    state: Literal["waiting", "escalated"] = "waiting"
    limit: Annotated[int, Meta(ge=1, le=LISTED_MAX)] = 20


class ChangesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """since: the first journal position asked for; all changes of a position are given together, beyond `limit` if need be."""

    since: Annotated[int, Meta(ge=0, le=1 << 62)] = 0
    limit: Annotated[int, Meta(ge=1, le=CHANGES_MAX)] = 200


class TreatmentProposedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A treatment to propose: its TOML text and why it is needed."""

    text: Annotated[str, Meta(min_length=1, max_length=TREATMENT_CHARACTERS_MAX)]
    reason: Reason


class TreatmentQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """proposal: the id of an open proposal; without it, what is in force."""

    proposal: Annotated[str, Meta(pattern="^[0-9a-f]{1,64}$")] | None = None


class TreatmentBody(msgspec.Struct, frozen=True):
    """A treatment; `version` is the digest of its text, which an approval has to name."""

    version: str
    text: str


@dataclass(frozen=True, slots=True)
class HoldHandlers:
    """What answers about holds.  token_of: token of a customer's identifier; durable_seq: positions below it are durable."""

    desk: HoldDesk
    governor: Governor
    service: DecisionService
    token_of: Callable[[str], int]
    durable_seq: Callable[[], int]

    async def read_hold(self, call: Call) -> HoldBody:
        return self._body(self.desk.holds.get(self._seq_of(call)))

    async def decide_on_hold(self, call: Call) -> HoldBody:
        release = call.body.verdict == "release"
        call.note.detail["verdict"] = call.body.verdict
        return self._body(self.desk.decide_on(self._seq_of(call), call.person, call.body.reason, release=release))

    async def order_hold(self, call: Call) -> HoldBody:
        asked: OrderBody = call.body
        call.note.object = f"event:{asked.source}/{asked.event_id}"
        seq = self.service.decided(event_key(asked.source, asked.event_id)).seq
        return self._body(self.desk.carry_out(seq, asked.people, asked.reason, release=asked.verdict == "release"))

    async def list_holds(self, call: Call) -> HoldsBody:
        state = HoldState[call.query.state.upper()]
        return HoldsBody([self._body(hold) for hold in self.desk.holds.earliest(state, call.query.limit)])

    async def hold_changes(self, call: Call) -> HoldChangesBody:
        end = self.durable_seq()
        found = self.desk.holds.changes(call.query.since, end, call.query.limit)
        changes = [
            HoldChangeBody(
                each.seq,
                each.id,
                each.kind.name.lower(),
                each.state.name.lower(),
                each.cause.name.lower(),
                instant_text(each.at_ms),
                instant_text(each.until_ms),
            )
            for each in found
        ]
        full = len(found) >= call.query.limit
        return HoldChangesBody(changes, found[-1].seq + 1 if full else max(call.query.since, end))

    async def set_limit(self, call: Call) -> OwnLimitSetBody:
        asked = call.body
        limit = self.desk.set_limit(
            self.token_of(asked.customer), asked.methods, asked.single_fen_max, asked.day_fen_max, call.person
        )
        return OwnLimitSetBody(asked.methods, limit.single_fen_max, limit.day_fen_max, instant_text(limit.at_ms))

    async def read_treatment(self, call: Call) -> TreatmentBody:
        if call.query.proposal is None:
            return TreatmentBody(self.desk.treatment.version, self.desk.treatment.text)
        found = self.governor.treatment_of(self.governor.proposed(call.query.proposal))
        return TreatmentBody(found.version, found.text)

    async def propose_treatment(self, call: Call) -> ProposalBody:
        call.note.reason = call.body.reason
        return proposal_body(self.governor.propose_treatment(call.body.text, call.person, call.body.reason))

    def _seq_of(self, call: Call) -> int:
        return self.service.decided(event_key(call.query.source, call.path["event_id"])).seq

    def _body(self, hold: Hold) -> HoldBody:
        if hold.changed_seq >= self.durable_seq():
            self.service.commit()
        decided = self.service.decided_at(hold.seq)
        return HoldBody(
            hold.seq,
            decided.event_id,
            decided.source,
            hold.kind.name.lower(),
            hold.state.name.lower(),
            hold.cause.name.lower(),
            hold.amount_fen,
            instant_text(hold.opened_ms),
            instant_text(hold.until_ms),
            hold.strength,
            hold.verified,
            hold.failures_left,
            hold.changed_seq,
            instant_text(hold.changed_ms),
            hold.proposer,
            hold.proposed_reason,
        )


def hold_routes(
    desk: HoldDesk,
    governor: Governor,
    service: DecisionService,
    token_of: Callable[[str], int],
    durable_seq: Callable[[], int],
) -> list[Route]:
    """The routes; see `HoldHandlers`."""
    do = HoldHandlers(desk, governor, service, token_of, durable_seq)
    of_event = "/v1/holds/{event_id:path}"
    return [
        Route("GET", "/v1/holds", "list_holds", "Open holds / 未决挂起", Scope.READ, do.list_holds, HoldsBody,
              query=HoldsQuery, refusals=(404,)),
        Route("GET", "/v1/holds:changes", "hold_changes", "What changed since / 挂起状态变更", Scope.READ, do.hold_changes,
              HoldChangesBody, query=ChangesQuery, refusals=(404,)),
        Route("POST", "/v1/holds:order", "order_hold", "Carry out what persons of the desk agreed to / 执行工作台复核结果",
              Scope.HOLDS_ORDER, do.order_hold, HoldBody, OrderBody, refusals=(404, 409)),
        Route("GET", of_event, "read_hold", "The hold of an event / 事件的挂起状态", Scope.READ, do.read_hold, HoldBody,
              query=SourceQuery),
        Route("POST", of_event, "decide_on_hold", "Release or refuse a hold / 释放或拒绝", Scope.OPERATE, do.decide_on_hold,
              HoldBody, VerdictBody, query=SourceQuery, refusals=(409,)),
        Route("PUT", "/v1/limits", "set_limit", "A customer's own limits / 客户自设限额", Scope.DECIDE, do.set_limit,
              OwnLimitSetBody, OwnLimitBody),
        Route("GET", "/v1/treatment", "read_treatment", "What follows from an outcome / 处置之后的安排", Scope.READ,
              do.read_treatment, TreatmentBody, query=TreatmentQuery, refusals=(404, 409)),
        Route("POST", "/v1/treatment", "propose_treatment", "Propose another one / 提交变更", Scope.AUTHOR,
              do.propose_treatment, ProposalBody, TreatmentProposedBody, status=201, refusals=(409,),
              body_bytes_max=TREATMENT_BYTES_MAX),
    ]  # fmt: skip


async def keep_time(desk: HoldDesk, service: DecisionService, figures: Figures) -> None:
    """Let time pass, at most once a second and only when something is due; runs beside the server until cancelled."""
    loop, log = asyncio.get_running_loop(), structlog.get_logger("tarim.holds")
    while True:
        await asyncio.sleep(TICK_EVERY_S)
        try:
            seq = desk.tick()
            if seq is not None:
                await loop.run_in_executor(None, service.commit)
                log.info("tick", seq=seq, open=desk.holds.open_count)
        except TarimError as error:  # nothing fired that is not journalled; the next second tries again
            figures.failed(error)
