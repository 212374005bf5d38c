"""Changing what is in force while decisions go on: propose, approve, and only then it counts.

    propose ──► PROPOSAL record ──► another person approves exactly this content
                                        │  a ruleset is compiled aside first
                                        ▼
                        RULESET, SWITCH or OVERRIDE record between two groups of events

Everything but compiling happens in the thread that decides, so a change stands between two events and not beside one.
What one person may do alone makes nothing new: pause a rule, stop a kind of business, go back to the ruleset before.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from tarim.base.errors import Conflict, DefinitionError, NotFound, Unavailable
from tarim.base.four_eyes import Proposal, require_person
from tarim.base.instants import Clock
from tarim.decisions.governance import (
    PROPOSALS_OPEN_MAX,
    SUPPRESSIONS_MAX,
    Governance,
    Override,
    Proposed,
    check_override,
    check_reason,
    check_switch,
    decode_override,
    decode_switch,
    encode_content,
    encode_proposal,
)
from tarim.decisions.ports import Judge
from tarim.decisions.records import Control, RecordKind
from tarim.decisions.service import DecisionService
from tarim.decisions.switch_reviews import REVIEWS_OPEN_MAX
from tarim.decisions.switches import ALONE, Switch, SwitchKind
from tarim.decisions.treatment import Treatment, read_treatment

RULESET: Final = "ruleset"
TREATMENT: Final = "treatment"
SWITCH: Final = "switch"
OVERRIDE: Final = "override"
_ID_BYTES: Final = 8
_control_decoder: Final = msgspec.msgpack.Decoder(Control)

Prepare = Callable[[Proposal, bytes], Awaitable[Callable[[], None]]]
"""Makes ready, aside, what a proposal is about, and gives the function that appends its records at once.

Both raise TarimError with nothing changed.
"""

Compile = Callable[[Control, Sequence[str]], Awaitable[Judge]]
"""Makes the judge of a ruleset that is kept under `digest`, with the models of these versions, aside, without holding up
decisions."""


class Governor:
    """The use cases; called in the thread of the decisions.  Every method is durable when it returns.

    keep: keeps the bytes of an artefact and gives their digest.
    """

    def __init__(
        self, service: DecisionService, clock: Clock, keep: Callable[[bytes], str], compile_aside: Compile
    ) -> None:
        self._service = service
        self._clock = clock
        self._keep = keep
        self._compile = compile_aside
        self._publishing = False
        self._prepare: dict[str, Prepare] = {}

    @property
    def state(self) -> Governance:
        """What is in force and what is proposed."""
        return self._service.governance

    # ---- proposing -------------------------------------------------------------------------------------------------

    def propose_ruleset(self, text: str, name: str, version: str, person: str, reason: str) -> Proposal:
        """Propose a checked ruleset.  Raises DefinitionError, Conflict when it is in force already, Unavailable."""
        check_reason(reason)
        if self.state.ruleset is not None and self.state.ruleset.version == version:
            raise Conflict("this ruleset is in force already")
        control = Control(version, name, self._keep(text.encode()), 0, person, "", reason)
        return self._propose(RULESET, encode_content(control), person, reason)

    def propose_treatment(self, text: str, person: str, reason: str) -> Proposal:
        """Propose what follows from an outcome.  Raises DefinitionError, Conflict when it is in force already, Unavailable."""
        check_reason(reason)
        treatment, present = read_treatment(text), self._service.treatment
        if present is not None and present.version == treatment.version:
            raise Conflict("this treatment is in force already")
        return self._propose(TREATMENT, text.encode(), person, reason)

    def propose_switch(self, switch: Switch) -> Proposal:
        """Propose a switch that needs two.  Raises DefinitionError, Unavailable."""
        self._check_switch(switch)
        return self._propose(SWITCH, encode_content(switch), switch.author, switch.reason)

    def propose_override(self, override: Override) -> Proposal:
        """Propose another outcome for one decision.  Raises DefinitionError, NotFound, Unavailable."""
        check_override(override)
        self._service.decided_at(override.seq)
        return self._propose(OVERRIDE, encode_content(override), override.author, override.reason)

    def govern(self, what: str, prepare: Prepare) -> None:
        """From now on, also decide on proposals about `what`; `prepare` gives what puts an approved one in force."""
        assert what not in (RULESET, TREATMENT, SWITCH, OVERRIDE) and what not in self._prepare
        self._prepare[what] = prepare

    def propose(self, what: str, content: bytes, person: str, reason: str) -> Proposal:
        """Propose something that another context puts in force (`govern`).  Raises DefinitionError, Unavailable."""
        assert what in self._prepare
        check_reason(reason)
        return self._propose(what, content, person, reason)

    def _propose(self, what: str, content: bytes, person: str, reason: str) -> Proposal:
        require_person(person)
        if len(self.state.proposals) >= PROPOSALS_OPEN_MAX:
            raise Unavailable(f"{PROPOSALS_OPEN_MAX} proposals are open; decide on some of them first")
        digest = hashlib.sha256(content).hexdigest()
        proposal = Proposal(secrets.token_hex(_ID_BYTES), what, digest, person, self._clock.now_ms(), reason)
        self._note(proposal, content)
        return proposal

    # ---- deciding on proposals -------------------------------------------------------------------------------------

    def proposed(self, proposal_id: str) -> Proposed:
        """An open proposal.  Raises NotFound."""
        found = self.state.proposals.get(proposal_id)
        if found is None:
            raise NotFound("no open proposal of that id")
        return found

    def ruleset_of(self, proposed: Proposed) -> Control:
        """The ruleset that a proposal is about.  Raises Conflict when it is about something else."""
        if proposed.proposal.what != RULESET:
            raise Conflict(f"proposal {proposed.proposal.id} is about a {proposed.proposal.what}")
        return _control_decoder.decode(proposed.content)

    def treatment_of(self, proposed: Proposed) -> Treatment:
        """The treatment that a proposal is about.  Raises Conflict when it is about something else, DefinitionError."""
        if proposed.proposal.what != TREATMENT:
            raise Conflict(f"proposal {proposed.proposal.id} is about a {proposed.proposal.what}")
        return read_treatment(proposed.content.decode())

    def switch_of(self, proposed: Proposed) -> Switch:
        """The switch that a proposal is about.  Raises Conflict when it is about something else."""
        if proposed.proposal.what != SWITCH:
            raise Conflict(f"proposal {proposed.proposal.id} is about a {proposed.proposal.what}")
        return decode_switch(proposed.content)

    def override_of(self, proposed: Proposed) -> Override:
        """The override that a proposal is about.  Raises Conflict when it is about something else."""
        if proposed.proposal.what != OVERRIDE:
            raise Conflict(f"proposal {proposed.proposal.id} is about a {proposed.proposal.what}")
        return decode_override(proposed.content)

    async def approve(self, proposal_id: str, person: str, digest: str, note: str = "") -> Proposal:
        """Approve what has this digest, and have it in force.

        Raises NotFound, NotAllowed for the author, Conflict for other content or a proposal that is decided, DefinitionError
        when it no longer makes sense, Unavailable.
        """
        approved = self.proposed(proposal_id).proposal.approve(person, digest, self._clock.now_ms(), note)
        content = self.proposed(proposal_id).content
        if approved.what == RULESET:
            control = _of_approved(_control_decoder.decode(content), approved)
            judge = await self.compiled(control, self.state.registry.live)
            self.proposed(proposal_id)  # somebody may have decided on it meanwhile
            self._service.publish(judge, control)
        elif approved.what == TREATMENT:
            treatment = self.treatment_of(self.proposed(proposal_id))
            control = Control(treatment.version, "", self._keep(content), 0, "", "", approved.reason)
            self._service.use_treatment(treatment, _of_approved(control, approved))
        elif approved.what in self._prepare:
            put_in_force = await self._prepare[approved.what](approved, content)
            self.proposed(proposal_id)  # somebody may have decided on it meanwhile
            put_in_force()
        elif approved.what == SWITCH:
            switch = msgspec.structs.replace(decode_switch(content), approver=person, at_ms=approved.decided_ms)
            self._check_switch(switch)
            self._service.control(RecordKind.SWITCH, encode_content(switch))
        else:
            override = msgspec.structs.replace(decode_override(content), approver=person, at_ms=approved.decided_ms)
            self._service.control(RecordKind.OVERRIDE, encode_content(override))
        self._note(approved, content)
        return approved

    def reject(self, proposal_id: str, person: str, note: str) -> Proposal:
        """Reject it, with why.  Raises NotFound, NotAllowed for the author, DefinitionError."""
        found = self.proposed(proposal_id)
        rejected = found.proposal.reject(person, self._clock.now_ms(), note)
        self._note(rejected, found.content)
        return rejected

    def withdraw(self, proposal_id: str, person: str) -> Proposal:
        """Take back one's own.  Raises NotFound, NotAllowed."""
        found = self.proposed(proposal_id)
        withdrawn = found.proposal.withdraw(person, self._clock.now_ms())
        self._note(withdrawn, found.content)
        return withdrawn

    # ---- alone -----------------------------------------------------------------------------------------------------

    def throw(self, switch: Switch) -> Switch:
        """Throw a switch that one person may throw; what it pauses or stops waits for another person's review from then on.

        Raises Conflict for any other, DefinitionError, Unavailable while too many of these reviews are open.
        """
        if (switch.what, switch.value) not in ALONE:
            raise Conflict(f"{switch.what.value} = {switch.value} needs a second person: propose it")
        require_person(switch.author)
        if switch.value and len(self.state.reviews.open) >= REVIEWS_OPEN_MAX:
            raise Unavailable(
                f"{REVIEWS_OPEN_MAX} switches wait for a second person's review; review some first. 待复核事项过多，请先复核。"
            )
        self._check_switch(switch)
        self._service.control(RecordKind.SWITCH, encode_content(switch))
        self._service.commit()
        return switch

    async def roll_back(self, person: str, reason: str) -> Control:
        """Back to the ruleset that was in force before this one, which two persons approved then.  Raises Conflict."""
        require_person(person)
        check_reason(reason)
        before = self.state.ruleset_before
        if before is None:
            raise Conflict("no other ruleset was in force before this one")
        control = msgspec.structs.replace(before, at_ms=self._clock.now_ms(), author=person, approver="", reason=reason)
        judge = await self.compiled(control, self.state.registry.live)
        self._service.publish(judge, control)
        self._service.commit()
        return control

    async def compiled(self, control: Control, models: Sequence[str]) -> Judge:
        """The judge of a ruleset and models, one at a time: what it is made for is still so when it is put in force.

        Raises Conflict while another one is being made, NotFound, DefinitionError, Unavailable.
        """
        if self._publishing:
            raise Conflict("another ruleset or model is being compiled; try again when it is in force")
        self._publishing = True
        try:
            return await self._compile(control, models)
        finally:
            self._publishing = False

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _check_switch(self, switch: Switch) -> None:
        check_switch(switch, {rule.id: rule for rule in self._service.judge.rules}, self.state.registry.live)
        if len(self.state.of_kind(SwitchKind.SUPPRESS)) >= SUPPRESSIONS_MAX and switch.what is SwitchKind.SUPPRESS:
            raise DefinitionError(f"there are {SUPPRESSIONS_MAX} suppressions; end some of them first")

    def _note(self, proposal: Proposal, content: bytes) -> None:
        self._service.control(RecordKind.PROPOSAL, encode_proposal(proposal, content))
        self._service.commit()


def _of_approved(control: Control, approved: Proposal) -> Control:
    """The control record of an approved proposal."""
    return msgspec.structs.replace(
        control, at_ms=approved.decided_ms, author=approved.author, approver=approved.decider
    )
