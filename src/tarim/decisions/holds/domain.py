"""A hold: a payment that waits, for what, how long, and everything that may become of it (RM-06; TS-08, TS-14).

The states and what leads from one to another are the table `TRANSITIONS`; a pair that is not in it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

import msgspec

from tarim.base.errors import Conflict, DefinitionError
from tarim.base.four_eyes import Proposal
from tarim.stream import Outcome

REASON_CHARACTERS_MAX: Final = 500

HELD: Final = (Outcome.CHALLENGE, Outcome.DELAY, Outcome.SUSPEND)
"""Outcomes that open a hold: until a challenge's result, until a time, until the customer's confirmation."""


class HoldState(IntEnum):
    """Where a hold stands."""

    WAITING = 0
    """For the customer, or for its time."""
    ESCALATED = 1
    """Its time is over and a person has to decide."""
    RELEASED = 2
    """The channel may settle."""
    REFUSED = 3
    """The channel must not settle."""


class Cause(IntEnum):
    """What happened to a hold."""

    OPENED = 0
    VERIFIED = 1
    """The customer of a delayed payment has shown the strength that its amount needs; the time goes on."""
    ATTEMPT_FAILED = 2
    CONFIRMED = 3
    """The customer has confirmed, or passed the challenge."""
    DENIED = 4
    """The customer has denied, or failed the challenge for good."""
    REVERSED = 5
    """The payment was taken back."""
    TIME_RELEASED = 6
    TIME_REFUSED = 7
    TIME_ESCALATED = 8
    RELEASE_PROPOSED = 9
    """A person wants it released and a second one has to agree."""
    RELEASED_BY_PERSON = 10
    REFUSED_BY_PERSON = 11
    OVERRIDDEN_TO_RELEASE = 12
    """Two persons put pass or notice in the place of the decision."""
    OVERRIDDEN_TO_REFUSE = 13
    """Two persons put block in the place of the decision."""


TRANSITIONS: Final[Mapping[tuple[HoldState, Cause], HoldState]] = MappingProxyType(
    {
        (HoldState.WAITING, Cause.VERIFIED): HoldState.WAITING,
        (HoldState.WAITING, Cause.ATTEMPT_FAILED): HoldState.WAITING,
        (HoldState.WAITING, Cause.CONFIRMED): HoldState.RELEASED,
        (HoldState.WAITING, Cause.DENIED): HoldState.REFUSED,
        (HoldState.WAITING, Cause.REVERSED): HoldState.REFUSED,
        (HoldState.WAITING, Cause.TIME_RELEASED): HoldState.RELEASED,
        (HoldState.WAITING, Cause.TIME_REFUSED): HoldState.REFUSED,
        (HoldState.WAITING, Cause.TIME_ESCALATED): HoldState.ESCALATED,
        (HoldState.WAITING, Cause.RELEASE_PROPOSED): HoldState.WAITING,
        (HoldState.WAITING, Cause.RELEASED_BY_PERSON): HoldState.RELEASED,
        (HoldState.WAITING, Cause.REFUSED_BY_PERSON): HoldState.REFUSED,
        (HoldState.WAITING, Cause.OVERRIDDEN_TO_RELEASE): HoldState.RELEASED,
        (HoldState.WAITING, Cause.OVERRIDDEN_TO_REFUSE): HoldState.REFUSED,
        (HoldState.ESCALATED, Cause.DENIED): HoldState.REFUSED,
        (HoldState.ESCALATED, Cause.REVERSED): HoldState.REFUSED,
        (HoldState.ESCALATED, Cause.TIME_REFUSED): HoldState.REFUSED,
        (HoldState.ESCALATED, Cause.RELEASE_PROPOSED): HoldState.ESCALATED,
        (HoldState.ESCALATED, Cause.RELEASED_BY_PERSON): HoldState.RELEASED,
        (HoldState.ESCALATED, Cause.REFUSED_BY_PERSON): HoldState.REFUSED,
        (HoldState.ESCALATED, Cause.OVERRIDDEN_TO_RELEASE): HoldState.RELEASED,
        (HoldState.ESCALATED, Cause.OVERRIDDEN_TO_REFUSE): HoldState.REFUSED,
    }
)
"""The state after a cause.  What is released or refused stays so."""


class Expiry(IntEnum):
    """What the end of a hold's time does; a matter of policy for each outcome."""

    RELEASE = 0
    REFUSE = 1
    ESCALATE = 2


class IllegalTransition(Conflict):
    """The hold is in a state in which that cannot happen to it."""


def next_state(state: HoldState, cause: Cause) -> HoldState:
    """The state after `cause`.  Raises IllegalTransition for a pair outside the table."""
    try:
        return TRANSITIONS[state, cause]
    except KeyError:
        raise IllegalTransition(
            f"the hold is {state.name.lower()}: {cause.name.lower().replace('_', ' ')} is not possible any more"
        ) from None


class Hold(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A hold.  There may be many, and garbage collection need not look through them: nothing in them points back.

    seq: journal position of the event held, its id; instants in ms since the epoch.

    until_ms: when its time ends, of a closed one when it would have.  verification: methods stated by the event held.
    strength: kinds of factors a confirmation has to show, together with `verification`; verified: it has.  failures_left:
    so many failed attempts refuse it.  escalation_ms: how long a person then has.  changed_seq: position of the last change.
    proposer, proposed_ms, proposed_reason: of an open proposal to release it, "" without one.
    """

    seq: int
    kind: Outcome
    state: HoldState
    cause: Cause
    customer: int
    amount_fen: int
    opened_ms: int
    until_ms: int
    expiry: Expiry
    escalation_ms: int
    failures_left: int
    strength: int
    verification: int
    verified: bool
    changed_seq: int
    changed_ms: int
    proposer: str = ""
    proposed_ms: int = 0
    proposed_reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether anything may still happen to it."""
        return self.state in (HoldState.WAITING, HoldState.ESCALATED)

    def after(self, cause: Cause, seq: int, at_ms: int, **changes: object) -> Hold:
        """The hold after `cause`, found at journal position `seq`.  Raises IllegalTransition."""
        state = next_state(self.state, cause)
        return msgspec.structs.replace(self, state=state, cause=cause, changed_seq=seq, changed_ms=at_ms, **changes)

    def proposal(self) -> Proposal | None:
        """The open proposal to release it."""
        if not self.proposer:
            return None
        return Proposal(
            f"hold-{self.seq}", "release", self.digest, self.proposer, self.proposed_ms, self.proposed_reason
        )

    @property
    def digest(self) -> str:
        """What a proposal to release it is about; a hold's event never changes, so its position says it all."""
        return f"hold-{self.seq}"


class Change(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One change of a hold, at journal position `seq`; several holds may change at one tick.  `id`: the hold's."""

    seq: int
    id: int
    kind: Outcome
    state: HoldState
    cause: Cause
    at_ms: int
    until_ms: int


class Step(IntEnum):
    """What a person does with a hold."""

    PROPOSE = 0
    """To release it; somebody else has to agree."""
    RELEASE = 1
    """Alone, or, after another person's proposal, as the second."""
    REFUSE = 2


class Action(msgspec.Struct, frozen=True, array_like=True):
    """What a person did with the hold of the event at `id`: the content of a HOLD record."""

    id: int
    step: Step
    person: str
    role: str
    reason: str
    at_ms: int


def check_reason(reason: str) -> None:
    """Nothing for a reason that says something.  Raises DefinitionError."""
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX or not reason.isprintable():
        raise DefinitionError(f"a reason of 1 to {REASON_CHARACTERS_MAX} printable characters is needed")
