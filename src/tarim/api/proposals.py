"""Proposals over HTTP: how one looks, and how another person decides on it, whatever it is about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from tarim.api.routes import Call, Route
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX, Proposal
from tarim.base.instants import instant_text
from tarim.identity import Scope


class DecisionOnBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decision on a proposal.  digest: of what was looked at, needed to approve; note: why, needed to reject."""

    verdict: Annotated[str, Meta(pattern="^(approve|reject)$")]
    digest: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    note: Annotated[str, Meta(max_length=NOTE_CHARACTERS_MAX)] = ""


class ProposalBody(msgspec.Struct, frozen=True):
    """A proposal and where it stands.  `digest` is what an approval has to name."""

    id: str
    what: str
    digest: str
    author: str
    proposed_at: str
    reason: str
    state: str
    decider: str
    note: str


Body = TypeVar("Body", bound=ProposalBody)


def proposal_body(proposal: Proposal) -> ProposalBody:
    """How a proposal looks outside."""
    return ProposalBody(
        proposal.id,
        proposal.what,
        proposal.digest,
        proposal.author,
        instant_text(proposal.proposed_ms),
        proposal.reason,
        proposal.state.value,
        proposal.decider,
        proposal.note,
    )


def deciding_routes(
    path: str,
    noun: str,
    summary_zh: str,
    gives: type[Body],
    approve: Callable[[str, str, str, str], Awaitable[Body]],
    reject: Callable[[str, str, str], Awaitable[Body]],
    withdraw: Callable[[str, str], Awaitable[Body]],
) -> list[Route]:
    """What persons do with the proposals under `path`.

    approve(id, person, digest, note), reject(id, person, note) and withdraw(id, person) give the proposal as it then is.
    """

    async def decide_on(call: Call) -> Body:
        proposal_id, body = call.path["id"], call.body
        call.note.detail["verdict"], call.note.reason = body.verdict, body.note
        if body.verdict == "approve":
            return await approve(proposal_id, call.person, body.digest, body.note)
        return await reject(proposal_id, call.person, body.note)

    async def take_back(call: Call) -> Body:
        return await withdraw(call.path["id"], call.person)

    one, words = path + "/{id}", noun.replace("_", " ")
    return [
        Route("POST", one, f"decide_on_{noun}", f"Approve or reject another person's {words} / 审批他人的{summary_zh}",
              Scope.APPROVE, decide_on, gives, DecisionOnBody, refusals=(409,)),
        Route("DELETE", one, f"withdraw_{noun}", f"Withdraw one's own {words} / 撤回自己的{summary_zh}", Scope.AUTHOR,
              take_back, gives, refusals=(409,)),
    ]  # fmt: skip
