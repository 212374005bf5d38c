"""Changing what is in force, over HTTP: propose, look, decide; and what one person may do alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tarim.api.governance_bodies import (
    RULESET_BYTES_MAX,
    AgainstQuery,
    EventQuery,
    OverrideBody,
    OverrideOfBody,
    ProposalsBody,
    ProposalsQuery,
    ReasonBody,
    RulesetBody,
    RulesetInForceBody,
    RulesetsBody,
    RulesetTextBody,
    SwitchBody,
    SwitchesBody,
    SwitchSetBody,
    ruleset_body,
    switch_body,
)
from tarim.api.proposals import ProposalBody, deciding_routes, proposal_body
from tarim.api.routes import Call, Route
from tarim.base.errors import Conflict, NotFound
from tarim.base.instants import Clock, instant_text
from tarim.bootstrap.ruleset_texts import Looked, RulesetDifference
from tarim.decisions import Control, DecisionService, Governor, Override, Switch
from tarim.identity import Scope
from tarim.intake import event_key


class BaseMoved(Conflict):
    """A text was begun from a ruleset that is not in force any more; to publish it would take back what came since."""

    code = "base-moved"


class Texts(Protocol):
    """Where the texts of rulesets are kept, and how they are looked at; to look takes a second."""

    def text_of(self, digest: str) -> str:
        """Raises NotFound."""

    def publishable(self, text: str) -> Looked:
        """What a text is that may come into force.  Raises RulesetInvalid, DefinitionError for lists that do not exist."""

    def difference(self, before: str, after: str) -> RulesetDifference:
        """What a text changes.  Raises RulesetInvalid."""


@dataclass(frozen=True, slots=True)
class GovernanceHandlers:
    """What answers about rulesets, proposals, switches and overrides.  token_of: token of a customer's identifier."""

    governor: Governor
    service: DecisionService
    texts: Texts
    clock: Clock
    token_of: Callable[[str], int]

    async def propose_ruleset(self, call: Call) -> ProposalBody:
        text, call.note.reason = call.body.text, call.body.reason
        present = self.governor.state.ruleset
        if call.body.base and present is not None and call.body.base != present.version:
            raise BaseMoved(
                "another ruleset came into force since this one was begun. 在用规则集已更换，草稿基于较早的版本。"
            )
        checked = await asyncio.get_running_loop().run_in_executor(None, self.texts.publishable, text)
        return proposal_body(
            self.governor.propose_ruleset(text, checked.name, checked.version, call.person, call.body.reason)
        )

    async def rulesets(self, call: Call) -> RulesetsBody:
        return RulesetsBody([ruleset_body(each.control, each.seq) for each in reversed(self.governor.state.rulesets)])

    async def ruleset_text(self, call: Call) -> RulesetTextBody:
        control = self._known(call.path["version"])
        return RulesetTextBody(control.version, self.texts.text_of(control.digest))

    async def ruleset_diff(self, call: Call) -> RulesetDifference:
        after = self._known(call.path["version"])
        before = self._known(call.query.against) if call.query.against else self.governor.state.ruleset
        if before is None:
            raise Conflict("no ruleset is in force to compare with; say against which one")
        pair = self.texts.text_of(before.digest), self.texts.text_of(after.digest)
        return await asyncio.get_running_loop().run_in_executor(None, self.texts.difference, *pair)

    async def roll_back(self, call: Call) -> RulesetInForceBody:
        call.note.reason = call.body.reason
        control = await self.governor.roll_back(call.person, call.body.reason)
        return ruleset_body(control, self.governor.state.rulesets[-1].seq)

    async def proposals(self, call: Call) -> ProposalsBody:
        if call.query.state == "decided":
            return ProposalsBody([proposal_body(each) for each in reversed(self.governor.state.decided)])
        return ProposalsBody([proposal_body(each.proposal) for each in self.governor.state.proposals.values()])

    async def approve(self, proposal_id: str, person: str, digest: str, note: str) -> ProposalBody:
        return proposal_body(await self.governor.approve(proposal_id, person, digest, note))

    async def reject(self, proposal_id: str, person: str, note: str) -> ProposalBody:
        return proposal_body(self.governor.reject(proposal_id, person, note))

    async def withdraw(self, proposal_id: str, person: str) -> ProposalBody:
        return proposal_body(self.governor.withdraw(proposal_id, person))

    async def throw_switch(self, call: Call) -> SwitchSetBody:
        return switch_body(self.governor.throw(self._switch_of(call)))

    async def propose_switch(self, call: Call) -> ProposalBody:
        return proposal_body(self.governor.propose_switch(self._switch_of(call)))

    async def switches(self, call: Call) -> SwitchesBody:
        return SwitchesBody([switch_body(each) for each in self.governor.state.switches.values()])

    async def propose_override(self, call: Call) -> ProposalBody:
        body = call.body
        decided = self.service.decided(event_key(body.source, body.event_id))
        override = Override(decided.seq, body.outcome, body.reason, call.person, self.clock.now_ms())
        proposal = self.governor.propose_override(override)
        call.note.object = f"event:{decided.source}/{decided.event_id}"
        call.note.detail["proposal"] = proposal.id
        return proposal_body(proposal)

    async def override_of(self, call: Call) -> OverrideOfBody:
        found = self.governor.state.overrides.get(
            self.service.decided(event_key(call.query.source, call.query.event_id)).seq
        )
        if found is None:
            raise NotFound("no person has overridden the decision on that event")
        return OverrideOfBody(found.outcome, found.reason, found.author, found.approver, instant_text(found.at_ms))

    def _known(self, version: str) -> Control:
        for each in reversed(self.governor.state.rulesets):
            if each.control.version == version:
                return each.control
        for proposed in self.governor.state.proposals.values():
            if proposed.proposal.what == "ruleset":
                control = self.governor.ruleset_of(proposed)
                if control.version == version:
                    return control
        raise NotFound("no ruleset of that version was in force or is proposed")

    def _switch_of(self, call: Call) -> Switch:
        body, call.note.reason = call.body, call.body.reason
        customer = self.token_of(body.customer) if body.customer.strip() else 0
        return Switch(
            body.what, body.target, body.value, body.reason, call.person, self.clock.now_ms(), customer, body.until_ms
        )


def governance_routes(
    governor: Governor, service: DecisionService, texts: Texts, clock: Clock, token_of: Callable[[str], int]
) -> list[Route]:
    """The routes; see `GovernanceHandlers`."""
    do = GovernanceHandlers(governor, service, texts, clock, token_of)
    ruled, waiting = "/v1/rulesets", "/v1/proposals"
    return [
        Route("POST", ruled, "propose_ruleset", "Propose a ruleset / 提交规则集", Scope.AUTHOR, do.propose_ruleset,
              ProposalBody, RulesetBody, status=201, refusals=(409,), body_bytes_max=RULESET_BYTES_MAX),
        Route("GET", ruled, "list_rulesets", "Rulesets as they came into force / 规则集生效历史", Scope.READ, do.rulesets,
              RulesetsBody),
        Route("GET", ruled + "/{version}", "read_ruleset", "The text of a ruleset / 规则集全文", Scope.READ, do.ruleset_text,
              RulesetTextBody),
        Route("GET", ruled + "/{version}/diff", "diff_ruleset", "What it changes / 与现行规则集的差异", Scope.READ,
              do.ruleset_diff, RulesetDifference, query=AgainstQuery, refusals=(409,)),
        Route("POST", ruled + ":rollback", "roll_back_ruleset", "Back to the ruleset before / 回退到上一规则集",
              Scope.OPERATE, do.roll_back, RulesetInForceBody, ReasonBody, refusals=(404, 409)),
        Route("GET", waiting, "list_proposals", "Open proposals, or those decided last / 待审批事项", Scope.READ,
              do.proposals, ProposalsBody, query=ProposalsQuery),
        *deciding_routes(waiting, "proposal", "提案", ProposalBody, do.approve, do.reject, do.withdraw),
        Route("GET", "/v1/switches", "list_switches", "Switches that are set / 现行开关", Scope.READ, do.switches,
              SwitchesBody),
        Route("POST", "/v1/switches", "propose_switch", "Propose a switch / 提交开关变更", Scope.AUTHOR, do.propose_switch,
              ProposalBody, SwitchBody, status=201),
        Route("POST", "/v1/switches:throw", "throw_switch", "Pause a rule, stop a kind of business / 暂停规则、停办业务",
              Scope.OPERATE, do.throw_switch, SwitchSetBody, SwitchBody, refusals=(409,)),
        Route("POST", "/v1/overrides", "propose_override", "Propose another outcome for a decision / 提交人工改判",
              Scope.AUTHOR, do.propose_override, ProposalBody, OverrideBody, status=201, refusals=(404,)),
        Route("GET", "/v1/overrides", "read_override", "What a person put in a decision's place / 人工改判结果", Scope.READ,
              do.override_of, OverrideOfBody, query=EventQuery, refusals=(404,)),
    ]  # fmt: skip
