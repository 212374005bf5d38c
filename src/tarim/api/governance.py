"""Changing what is in force, over HTTP: propose, look, decide; and what one person may do alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from tarim.api.proposals import ProposalBody, deciding_routes, proposal_body
from tarim.api.routes import Call, Route
from tarim.base.errors import Conflict, NotFound
from tarim.base.instants import Clock, instant_text
from tarim.bootstrap.ruleset_texts import Looked, RulesetDifference
from tarim.decisions import (
    REASON_CHARACTERS_MAX,
    WHOLE,
    Control,
    DecisionService,
    Governor,
    Override,
    Switch,
    SwitchKind,
)
from tarim.identity import Scope
from tarim.intake import event_key

RULESET_BYTES_MAX: Final = 4 << 20

Reason = Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
Target = Annotated[str, Meta(pattern=r"^([a-z][a-z0-9_]{0,63}|[0-9a-f]{64}|\*)$")]


class RulesetBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ruleset to propose: its TOML text and why it is needed.  base: the version it was begun from, "" = not said."""

    text: Annotated[str, Meta(min_length=1, max_length=1_000_000)]
    reason: Reason
    base: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""


class BaseMoved(Conflict):
    """A text was begun from a ruleset that is not in force any more; to publish it would take back what came since."""

    code = "base-moved"


class SwitchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A switch.  target: a rule's id, `*` for every rule or every model, a kind of event, or a model's version; customer: the
    bank's identifier.
    """

    what: SwitchKind
    target: Target
    value: Annotated[int, Meta(ge=0, le=WHOLE)]
    reason: Reason
    customer: Annotated[str, Meta(max_length=64)] = ""
    until_ms: Annotated[int, Meta(ge=0, le=4_102_444_800_000)] = 0


class OverrideBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another outcome for one decision."""

    event_id: Annotated[str, Meta(pattern="^[!-~]{1,64}$")]
    source: Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}$")]
    outcome: Annotated[str, Meta(pattern="^(pass|notice|challenge|delay|suspend|block)$")]
    reason: Reason


class ReasonBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class ProposalsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """state: those that wait, or the last ones that were decided."""

    state: Annotated[str, Meta(pattern="^(open|decided)$")] = "open"


class ProposalsBody(msgspec.Struct, frozen=True):
    """Open proposals, the oldest first; or decided ones, the latest first."""

    proposals: list[ProposalBody]


class RulesetInForceBody(msgspec.Struct, frozen=True):
    """A ruleset that came into force at journal position `seq`."""

    version: str
    name: str
    seq: int
    at: str
    author: str
    approver: str
    reason: str


class RulesetsBody(msgspec.Struct, frozen=True):
    """Rulesets as they came into force, the newest first."""

    rulesets: list[RulesetInForceBody]


class RulesetTextBody(msgspec.Struct, frozen=True):
    """The text of a ruleset."""

    version: str
    text: str


class SwitchSetBody(msgspec.Struct, frozen=True):
    """A switch that is set.  customer: the token, as text, "" for all customers."""

    what: SwitchKind
    target: str
    value: int
    reason: str
    author: str
    approver: str
    at: str
    customer: str
    until: str


class SwitchesBody(msgspec.Struct, frozen=True):
    """Switches that are set."""

    switches: list[SwitchSetBody]


class OverrideOfBody(msgspec.Struct, frozen=True):
    """A person's outcome in the place of a decision's."""

    outcome: str
    reason: str
    author: str
    approver: str
    at: str


class AgainstQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """against: version of another ruleset; the one in force when it is not given."""

    against: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None


class EventQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event by its source and id."""

    event_id: Annotated[str, Meta(pattern="^[!-~]{1,64}$")]
    source: Annotated[str, Meta(pattern="^[a-z0-9-]{1,32}$")]


class Texts(Protocol):
    """Where the texts of rulesets are kept, and how they are looked at; to look takes a second."""

    def text_of(self, digest: str) -> str:
        """Raises NotFound."""

    def publishable(self, text: str) -> Looked:
        """What a text is that may come into force.  Raises RulesetInvalid, DefinitionError for lists that do not exist."""

    def difference(self, before: str, after: str) -> RulesetDifference:
        """What a text changes.  Raises RulesetInvalid."""


def governance_routes(
    governor: Governor, service: DecisionService, texts: Texts, clock: Clock, token_of: Callable[[str], int]
) -> list[Route]:
    """The routes.  token_of: token of a customer's identifier."""
    state = governor.state

    async def propose_ruleset(call: Call) -> ProposalBody:
        text, call.note.reason = call.body.text, call.body.reason
        present = state.ruleset
        if call.body.base and present is not None and call.body.base != present.version:
            raise BaseMoved(
                "another ruleset came into force since this one was begun. 在用规则集已更换，草稿基于较早的版本。"
            )
        checked = await asyncio.get_running_loop().run_in_executor(None, texts.publishable, text)
        return proposal_body(
            governor.propose_ruleset(text, checked.name, checked.version, call.person, call.body.reason)
        )

    async def rulesets(call: Call) -> RulesetsBody:
        return RulesetsBody(
            [
                RulesetInForceBody(
                    each.control.version,
                    each.control.name,
                    each.seq,
                    instant_text(each.control.at_ms),
                    each.control.author,
                    each.control.approver,
                    each.control.reason,
                )
                for each in reversed(state.rulesets)
            ]
        )

    def known(version: str) -> Control:
        for each in reversed(state.rulesets):
            if each.control.version == version:
                return each.control
        for proposed in state.proposals.values():
            if proposed.proposal.what == "ruleset":
                control = governor.ruleset_of(proposed)
                if control.version == version:
                    return control
        raise NotFound("no ruleset of that version was in force or is proposed")

    async def ruleset_text(call: Call) -> RulesetTextBody:
        control = known(call.path["version"])
        return RulesetTextBody(control.version, texts.text_of(control.digest))

    async def ruleset_diff(call: Call) -> RulesetDifference:
        after = known(call.path["version"])
        before = known(call.query.against) if call.query.against else state.ruleset
        if before is None:
            raise Conflict("no ruleset is in force to compare with; say against which one")
        pair = texts.text_of(before.digest), texts.text_of(after.digest)
        return await asyncio.get_running_loop().run_in_executor(None, texts.difference, *pair)

    async def roll_back(call: Call) -> RulesetInForceBody:
        call.note.reason = call.body.reason
        control = await governor.roll_back(call.person, call.body.reason)
        return RulesetInForceBody(
            control.version,
            control.name,
            state.rulesets[-1].seq,
            instant_text(control.at_ms),
            control.author,
            control.approver,
            control.reason,
        )

    async def proposals(call: Call) -> ProposalsBody:
        if call.query.state == "decided":
            return ProposalsBody([proposal_body(each) for each in reversed(state.decided)])
        return ProposalsBody([proposal_body(each.proposal) for each in state.proposals.values()])

    async def approve(proposal_id: str, person: str, digest: str, note: str) -> ProposalBody:
        return proposal_body(await governor.approve(proposal_id, person, digest, note))

    async def reject(proposal_id: str, person: str, note: str) -> ProposalBody:
        return proposal_body(governor.reject(proposal_id, person, note))

    async def withdraw(proposal_id: str, person: str) -> ProposalBody:
        return proposal_body(governor.withdraw(proposal_id, person))

    def switch_of(call: Call) -> Switch:
        body, call.note.reason = call.body, call.body.reason
        customer = token_of(body.customer) if body.customer.strip() else 0
        return Switch(
            body.what, body.target, body.value, body.reason, call.person, clock.now_ms(), customer, body.until_ms
        )

    async def throw_switch(call: Call) -> SwitchSetBody:
        return switch_body(governor.throw(switch_of(call)))

    async def propose_switch(call: Call) -> ProposalBody:
        return proposal_body(governor.propose_switch(switch_of(call)))

    async def switches(call: Call) -> SwitchesBody:
        return SwitchesBody([switch_body(each) for each in state.switches.values()])

    async def propose_override(call: Call) -> ProposalBody:
        body = call.body
        decided = service.decided(event_key(body.source, body.event_id))
        override = Override(decided.seq, body.outcome, body.reason, call.person, clock.now_ms())
        proposal = governor.propose_override(override)
        call.note.object = f"event:{decided.source}/{decided.event_id}"
        call.note.detail["proposal"] = proposal.id
        return proposal_body(proposal)

    async def override_of(call: Call) -> OverrideOfBody:
        found = state.overrides.get(service.decided(event_key(call.query.source, call.query.event_id)).seq)
        if found is None:
            raise NotFound("no person has overridden the decision on that event")
        return OverrideOfBody(found.outcome, found.reason, found.author, found.approver, instant_text(found.at_ms))

    ruled, waiting = "/v1/rulesets", "/v1/proposals"
    return [
        Route("POST", ruled, "propose_ruleset", "Propose a ruleset / 提交规则集", Scope.AUTHOR, propose_ruleset,
              ProposalBody, RulesetBody, status=201, refusals=(409,), body_bytes_max=RULESET_BYTES_MAX),
        Route("GET", ruled, "list_rulesets", "Rulesets as they came into force / 规则集生效历史", Scope.READ, rulesets,
              RulesetsBody),
        Route("GET", ruled + "/{version}", "read_ruleset", "The text of a ruleset / 规则集全文", Scope.READ, ruleset_text,
              RulesetTextBody),
        Route("GET", ruled + "/{version}/diff", "diff_ruleset", "What it changes / 与现行规则集的差异", Scope.READ,
              ruleset_diff, RulesetDifference, query=AgainstQuery, refusals=(409,)),
        Route("POST", ruled + ":rollback", "roll_back_ruleset", "Back to the ruleset before / 回退到上一规则集",
              Scope.OPERATE, roll_back, RulesetInForceBody, ReasonBody, refusals=(404, 409)),
        Route("GET", waiting, "list_proposals", "Open proposals, or those decided last / 待审批事项", Scope.READ, proposals,
              ProposalsBody, query=ProposalsQuery),
        *deciding_routes(waiting, "proposal", "提案", ProposalBody, approve, reject, withdraw),
        Route("GET", "/v1/switches", "list_switches", "Switches that are set / 现行开关", Scope.READ, switches,
              SwitchesBody),
        Route("POST", "/v1/switches", "propose_switch", "Propose a switch / 提交开关变更", Scope.AUTHOR, propose_switch,
              ProposalBody, SwitchBody, status=201),
        Route("POST", "/v1/switches:throw", "throw_switch", "Pause a rule, stop a kind of business / 暂停规则、停办业务",
              Scope.OPERATE, throw_switch, SwitchSetBody, SwitchBody, refusals=(409,)),
        Route("POST", "/v1/overrides", "propose_override", "Propose another outcome for a decision / 提交人工改判",
              Scope.AUTHOR, propose_override, ProposalBody, OverrideBody, status=201, refusals=(404,)),
        Route("GET", "/v1/overrides", "read_override", "What a person put in a decision's place / 人工改判结果",
              Scope.READ, override_of, OverrideOfBody, query=EventQuery, refusals=(404,)),
    ]  # fmt: skip


def switch_body(switch: Switch) -> SwitchSetBody:
    """How a switch looks outside."""
    return SwitchSetBody(
        switch.what,
        switch.target,
        switch.value,
        switch.reason,
        switch.author,
        switch.approver,
        instant_text(switch.at_ms),
        f"{switch.customer & 0xFFFFFFFFFFFFFFFF:016x}" if switch.customer else "",
        instant_text(switch.until_ms) if switch.until_ms else "",
    )
