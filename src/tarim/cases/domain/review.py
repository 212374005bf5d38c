"""Was the decision right?  The review of every block, hold, challenge and notice (RM-10, RM-11; TS-18, TS-19).

A verdict is right or wrong with a cause, and the traits that were seen.  It becomes a label event: a right decision met fraud,
a wrong one met a genuine payment; `undecided` closes a review without a label, with a cause that says why it stays open.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tarim.base.errors import DefinitionError

TRAITS_MAX: Final = 10


class Verdict(StrEnum):
    """Whether the decision was right."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"


class VerdictCause(StrEnum):
    """Why it was right or wrong."""

    CONFIRMED_BY_CUSTOMER = "confirmed_by_customer"
    """The customer says that it was not he, or that he was deceived."""
    CONFIRMED_BY_POLICE = "confirmed_by_police"
    CONFIRMED_BY_EVIDENCE = "confirmed_by_evidence"
    CUSTOMER_MADE_IT = "customer_made_it"
    """The customer made the payment, knows the payee, and stands by it."""
    USUAL_BEHAVIOUR = "usual_behaviour"
    """It is what this customer does; the rule or model took it for unusual."""
    RULE_TOO_WIDE = "rule_too_wide"
    DATA_WRONG = "data_wrong"
    """A field of the event, or an entry of a list, was wrong."""
    CUSTOMER_NOT_REACHED = "customer_not_reached"
    NOT_ENOUGH_KNOWN = "not_enough_known"


CAUSES: Final = {
    Verdict.RIGHT: (
        VerdictCause.CONFIRMED_BY_CUSTOMER,
        VerdictCause.CONFIRMED_BY_POLICE,
        VerdictCause.CONFIRMED_BY_EVIDENCE,
    ),
    Verdict.WRONG: (
        VerdictCause.CUSTOMER_MADE_IT,
        VerdictCause.USUAL_BEHAVIOUR,
        VerdictCause.RULE_TOO_WIDE,
        VerdictCause.DATA_WRONG,
    ),
    Verdict.UNDECIDED: (VerdictCause.CUSTOMER_NOT_REACHED, VerdictCause.NOT_ENOUGH_KNOWN),
}
"""The causes that go with each verdict."""


class Trait(StrEnum):
    """What was seen of the fraud, for statistics and for new rules."""

    SCREEN_SHARED = "screen_shared"
    IN_CALL = "in_call"
    NEW_PAYEE = "new_payee"
    NEW_DEVICE = "new_device"
    FAR_PLACE = "far_place"
    MULE_PAYEE = "mule_payee"
    SPLIT_AMOUNTS = "split_amounts"
    QUICK_EMPTYING = "quick_emptying"
    FALSE_IDENTITY = "false_identity"
    INSIDER = "insider"
    ELDERLY = "elderly"
    MINOR = "minor"
    CASH_OUT = "cash_out"
    GAMBLING = "gambling"
    MARKETING_ABUSE = "marketing_abuse"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with its cause and traits.  Raises DefinitionError when they do not go together."""

    verdict: Verdict
    cause: VerdictCause
    traits: tuple[Trait, ...] = ()

    def __post_init__(self) -> None:
        if self.cause not in CAUSES[self.verdict]:
            allowed = ", ".join(cause.value for cause in CAUSES[self.verdict])
            raise DefinitionError(f"the verdict {self.verdict.value} goes with one of the causes {allowed}")
        if len(set(self.traits)) != len(self.traits) or len(self.traits) > TRAITS_MAX:
            raise DefinitionError(f"at most {TRAITS_MAX} different traits")

    @property
    def label(self) -> str:
        """The label that the verdict is, `fraud` or `genuine`; "" for none."""
        return {Verdict.RIGHT: "fraud", Verdict.WRONG: "genuine"}.get(self.verdict, "")
