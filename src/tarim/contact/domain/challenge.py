"""A challenge: what a customer is asked for one held payment, and what came of it (RM-17, RM-18, RM-20, RM-21, RM-31).

The states and what leads from one to another are the table `TRANSITIONS`; a pair that is not in it is refused.  A challenge
never decides on the hold: what is confirmed, failed or denied here goes to the decisions as an event, and they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from tarim.base.errors import Conflict
from tarim.contact.domain.codes import CodeTerms
from tarim.contact.domain.methods import bits
from tarim.decisions import strength

CODES_MAX: Final = 3
"""One-time codes of one challenge; each takes the place of the one before."""
CODE_LASTS_MS: Final = 120_000
"""Long enough for a text message to arrive and be typed."""


class ChallengeState(StrEnum):
    """Where a challenge stands."""

    OPEN = "open"
    PASSED = "passed"
    """The customer has confirmed, with the strength needed."""
    FAILED = "failed"
    """The attempts are used up."""
    DENIED = "denied"
    """The customer says that the payment is not theirs."""
    CLOSED = "closed"
    """The hold ended some other way: by time, a person, a reversal."""


class Happening(StrEnum):
    """What happened to a challenge."""

    CODE_ISSUED = "code_issued"
    METHOD_PASSED = "method_passed"
    """One method passed, and more is needed."""
    METHOD_FAILED = "method_failed"
    METHOD_REFUSED = "method_refused"
    """The customer does not want this method; the others are left."""
    CONFIRMED = "confirmed"
    """One method passed, and that is enough."""
    USED_UP = "used_up"
    """A method failed, and that was the last attempt."""
    DENIED = "denied"
    HOLD_ENDED = "hold_ended"


TRANSITIONS: Final[Mapping[tuple[ChallengeState, Happening], ChallengeState]] = MappingProxyType(
    {
        (ChallengeState.OPEN, Happening.CODE_ISSUED): ChallengeState.OPEN,
        (ChallengeState.OPEN, Happening.METHOD_PASSED): ChallengeState.OPEN,
        (ChallengeState.OPEN, Happening.METHOD_FAILED): ChallengeState.OPEN,
        (ChallengeState.OPEN, Happening.METHOD_REFUSED): ChallengeState.OPEN,
        (ChallengeState.OPEN, Happening.CONFIRMED): ChallengeState.PASSED,
        (ChallengeState.OPEN, Happening.USED_UP): ChallengeState.FAILED,
        (ChallengeState.OPEN, Happening.DENIED): ChallengeState.DENIED,
        (ChallengeState.OPEN, Happening.HOLD_ENDED): ChallengeState.CLOSED,
    }
)
"""The state after a happening.  What is not open any more stays as it is."""


class IllegalTransition(Conflict):
    """The challenge is in a state in which that cannot happen to it."""


def next_state(state: ChallengeState, happening: Happening) -> ChallengeState:
    """The state after `happening`.  Raises IllegalTransition for a pair outside the table."""
    try:
        return TRANSITIONS[state, happening]
    except KeyError:
        raise IllegalTransition(
            f"the challenge is {state}: {happening.replace('_', ' ')} is not possible any more"
        ) from None


class Challenge(msgspec.Struct, frozen=True):
    """A challenge.  Instants are milliseconds since the epoch.

    id, nonce: random, 32 hexadecimal digits.  seq, source, event_id: of the payment held.  until_ms: when its hold ends, and
    results come too late.  needed: kinds of factors, 1 to 3; shown: methods (bits) the payment came with; passed: methods
    (bits) passed since, that count.  offered: methods the channel may ask; refused: those the customer refused.  device:
    token of the device the payment came from, 0 = unknown.  codes: one-time codes issued; of the last one: when it expires,
    whether it is spent, and whether it arrived on the device the order came from.
    """

    id: str
    nonce: str
    seq: int
    source: str
    event_id: str
    opened_ms: int
    until_ms: int
    needed: int
    shown: int
    offered: tuple[str, ...]
    device: int
    attempts_left: int
    state: ChallengeState = ChallengeState.OPEN
    passed: int = 0
    refused: tuple[str, ...] = ()
    codes: int = 0
    code_expires_ms: int = 0
    code_spent: bool = False
    code_on_device: bool = False
    changed_ms: int = 0

    @property
    def is_open(self) -> bool:
        """Whether anything may still happen to it."""
        return self.state is ChallengeState.OPEN

    @property
    def methods_left(self) -> tuple[str, ...]:
        """What may still be asked."""
        return tuple(each for each in self.offered if each not in self.refused)

    @property
    def is_passable(self) -> bool:
        """Whether the methods that are left can still confirm it; otherwise only a person can help."""
        return self.is_open and self.enough(self.passed | bits(self.methods_left))

    @property
    def missing(self) -> int:
        """Kinds of factors that are still needed."""
        return max(0, self.needed - strength(self.shown | self.passed))

    def enough(self, passed: int) -> bool:
        """Whether these methods (bits), together with what was shown before, confirm the payment; never none at all."""
        return strength(passed) > 0 and strength(self.shown | passed) >= self.needed

    def code_terms(self, digest: str) -> CodeTerms:
        """What its last code is bound to.  digest: of what is shown."""
        return CodeTerms(self.id, self.codes, digest, self.device, self.code_expires_ms)

    # ---- what happens to it ------------------------------------------------------------------------------------------

    def after_code(self, at_ms: int, *, on_device: bool) -> Challenge:
        """The challenge with one more code.  Raises IllegalTransition."""
        return msgspec.structs.replace(
            self._moved(Happening.CODE_ISSUED, at_ms),
            codes=self.codes + 1,
            code_expires_ms=min(at_ms + CODE_LASTS_MS, self.until_ms),
            code_spent=False,
            code_on_device=on_device,
        )

    def after(self, happening: Happening, method: str, at_ms: int, *, spends_code: bool = False) -> Challenge:
        """The challenge after anything else.  spends_code: the last code was right, so it is worth nothing from now on.

        Raises IllegalTransition.
        """
        moved = msgspec.structs.replace(self._moved(happening, at_ms), code_spent=self.code_spent or spends_code)
        if happening in (Happening.METHOD_PASSED, Happening.CONFIRMED):
            counts = not (spends_code and self.code_on_device)
            return msgspec.structs.replace(moved, passed=moved.passed | (bits([method]) if counts else 0))
        if happening in (Happening.METHOD_FAILED, Happening.USED_UP):
            return msgspec.structs.replace(moved, attempts_left=moved.attempts_left - 1)
        if happening is Happening.METHOD_REFUSED:
            return msgspec.structs.replace(moved, refused=(*moved.refused, method))
        return moved

    def _moved(self, happening: Happening, at_ms: int) -> Challenge:
        return msgspec.structs.replace(self, state=next_state(self.state, happening), changed_ms=at_ms)
