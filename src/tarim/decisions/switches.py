"""Switches: what persons change for a while about rules, kinds of business and models (RM-26, RM-28)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from tarim.decisions.domain import WHOLE

EVERY_RULE: Final = "*"
EVERY_MODEL: Final = "*"


class SwitchKind(StrEnum):
    """What a switch changes."""

    PAUSE = "pause"
    """value 1: the rule is judged and recorded and has no effect until it is resumed.  One person may."""
    SHADOW = "shadow"
    """value 1: the same, as a trial: its hits are measured.  Two persons."""
    ROLLOUT = "rollout"
    """value 0 to WHOLE: the rule has effect for this part of the customers, always the same ones.  Two persons."""
    SUPPRESS = "suppress"
    """value 1: no effect for one customer, of one rule or of all, until `until_ms`.  Two persons."""
    STOP = "stop"
    """value 1: new events of a kind are refused (RM-28).  One person may stop, two let it go on."""
    PAUSE_MODEL = "pause_model"
    """value 1: a live model does not score until it is resumed; without its champion a decision is the rules' alone."""
    RULES_ONLY = "rules_only"
    """value 1: no model scores, whichever are live (ML-28).  One person may say so, two end it."""


OF_MODELS: Final = frozenset({SwitchKind.PAUSE_MODEL, SwitchKind.RULES_ONLY})
"""Switches about models; the others are about rules and kinds of business."""


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change.  target: a rule's id, EVERY_RULE, a kind of event, a model's version, or EVERY_MODEL; customer: a token, 0 =
    all; instants in ms.
    """

    what: SwitchKind
    target: str
    value: int
    reason: str
    author: str
    at_ms: int
    customer: int = 0
    until_ms: int = 0
    approver: str = ""


def neutral_of(what: SwitchKind) -> int:
    """The value at which a switch of this kind changes nothing."""
    return WHOLE if what is SwitchKind.ROLLOUT else 0


ALONE: Final = frozenset(
    {
        (SwitchKind.PAUSE, 0),
        (SwitchKind.PAUSE, 1),
        (SwitchKind.STOP, 1),
        (SwitchKind.PAUSE_MODEL, 0),
        (SwitchKind.PAUSE_MODEL, 1),
        (SwitchKind.RULES_ONLY, 1),
    }
)
"""Switches one person may throw: protection is restored, or business is stopped, or a rule or model that does harm is held
back.  Nothing comes into force by them that two persons have not approved.  The end of rules_only takes two, as that of a stop
does: somebody has to agree that the emergency is over."""
