"""What an open proposal is about, for whoever has to decide on it."""

from __future__ import annotations

import msgspec

from tarim.api.governance_bodies import SwitchSetBody, switch_body
from tarim.api.proposals import ProposalBody, proposal_body
from tarim.api.routes import Call, Route
from tarim.decisions import DecisionService, Governor, outcome_of
from tarim.identity import Scope


class ProposedRulesetBody(msgspec.Struct, frozen=True):
    """A proposed ruleset; its text and difference are read by its version."""

    version: str
    name: str


class ProposedOverrideBody(msgspec.Struct, frozen=True):
    """A proposed outcome for one event: `recorded` is what was decided, `outcome` what shall stand in its place."""

    event_id: str
    source: str
    seq: int
    recorded: str
    outcome: str


class ProposalViewBody(msgspec.Struct, frozen=True):
    """An open proposal with what it is about; which of the parts is there follows from `proposal.what`."""

    proposal: ProposalBody
    ruleset: ProposedRulesetBody | None = None
    switch: SwitchSetBody | None = None
    override: ProposedOverrideBody | None = None


def proposal_view_routes(governor: Governor, service: DecisionService) -> list[Route]:
    """The route."""

    async def view(call: Call) -> ProposalViewBody:
        proposed = governor.proposed(call.path["id"])
        about = proposal_body(proposed.proposal)
        match about.what:
            case "ruleset":
                control = governor.ruleset_of(proposed)
                return ProposalViewBody(about, ruleset=ProposedRulesetBody(control.version, control.name))
            case "switch":
                return ProposalViewBody(about, switch=switch_body(governor.switch_of(proposed)))
            case "override":
                override = governor.override_of(proposed)
                decided = service.decided_at(override.seq)
                recorded = outcome_of(decided.decision).name.lower()
                found = ProposedOverrideBody(decided.event_id, decided.source, override.seq, recorded, override.outcome)
                return ProposalViewBody(about, override=found)
            case _:
                return ProposalViewBody(about)

    return [
        Route("GET", "/v1/proposals/{id}", "read_proposal", "What an open proposal is about / 待审批事项的内容", Scope.READ,
              view, ProposalViewBody),
    ]  # fmt: skip
