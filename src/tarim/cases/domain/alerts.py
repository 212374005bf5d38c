"""An alert: a decision above pass, put into the words of people's work.  Grouping, repeats, and what is at stake.

Alerts that are one story are one case: those of a ring (a community found offline) with the same scenario; without a ring,
those of a customer with the same scenario.  The same payment tried again within `REPEAT_MS` is a repeat: it is there to be
seen, its money counts once, and the verdict on the first one covers it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tarim.base.instants import MINUTE_MS
from tarim.stream import Outcome

REPEAT_MS: Final = 10 * MINUTE_MS


class AlertKind(StrEnum):
    """What was done to the payment; each kind has a review and a limit of its own (RM-10, RM-11)."""

    BLOCK = "block"
    HOLD = "hold"
    CHALLENGE = "challenge"
    NOTICE = "notice"


_KIND_OF: Final = {
    Outcome.NOTICE: AlertKind.NOTICE,
    Outcome.CHALLENGE: AlertKind.CHALLENGE,
    Outcome.DELAY: AlertKind.HOLD,
    Outcome.SUSPEND: AlertKind.HOLD,
    Outcome.BLOCK: AlertKind.BLOCK,
}


@dataclass(frozen=True, slots=True)
class Alert:
    """A decision above pass.  seq: its journal position; tokens, 0 = absent; money in fen, instants in ms.

    scenario: that of the heaviest reason, `score` or `verification` where no rule has one; rules: ids of the rules with effect.
    score: in [0, 1], -1 without a model; until_ms: when its hold ends by itself, 0 without one; city: six-digit division code,
    0 unknown; ring: name of the community its customer's accounts lie in, "" for none.
    """

    seq: int
    event_id: str
    source: str
    outcome: Outcome
    scenario: str
    customer: int
    account: int
    payee: int
    device: int
    amount_fen: int
    occurred_ms: int
    decided_ms: int
    until_ms: int = 0
    score: float = -1.0
    rules: tuple[str, ...] = ()
    channel: str = ""
    kind_of_event: str = ""
    city: int = 0
    ring: str = ""

    @property
    def kind(self) -> AlertKind:
        """What was done to the payment."""
        return _KIND_OF[self.outcome]

    @property
    def group(self) -> str:
        """What it shares with the alerts of its story."""
        whose = f"ring:{self.ring}" if self.ring else f"customer:{self.customer}"
        return f"{whose}|{self.scenario}"

    @property
    def repeat_key(self) -> str:
        """What a repeat shares with the first."""
        return f"{self.account}|{self.payee}|{self.amount_fen}|{self.kind_of_event}|{self.outcome.value}"


def is_repeat(first_ms: int, alert: Alert) -> bool:
    """Whether an alert with the key of one that occurred at `first_ms` is its repeat."""
    return 0 <= alert.occurred_ms - first_ms <= REPEAT_MS
