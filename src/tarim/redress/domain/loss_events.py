"""What may happen to a loss: the words of `loss.py`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Generic

import msgspec
from msgspec import Meta

from tarim.identity import Scope
from tarim.redress.domain.files import Department, Event, Fen, Instant, Name, Reference, W, Word

WHOLE_BP: Final = 10_000
"""Hundredths of a percent in a whole."""


class Fault(StrEnum):
    """Who or what is at fault."""

    SYSTEM = "system"
    MODEL = "model"
    RULE = "rule"
    STAFF = "staff"
    PARTNER = "partner"
    CRIMINAL = "criminal"
    CUSTOMER = "customer"


class Step(StrEnum):
    """A step of recovery."""

    STOP_PAYMENT = "stop-payment"
    RECALL = "recall"
    FREEZE = "freeze"
    POLICE_REPORT = "police-report"
    LAWSUIT = "lawsuit"
    INSURANCE_CLAIM = "insurance-claim"
    REPAID = "repaid"
    IMPOSSIBLE = "impossible"


class DecisionLink(msgspec.Struct, frozen=True):
    """The decision the loss goes back to, and what judged (CM-10).  seq: its position; model "" = none."""

    source: str
    event_id: str
    seq: int
    ruleset: str
    features: str
    model: str
    outcome: str


class Open(Event, Generic[W], frozen=True, tag="open"):
    """A loss is confirmed.  confirmed_ms: when."""

    free = ("text",)
    amount_fen: Fen
    text: W
    confirmed_ms: Instant
    case: Reference = ""
    complaint: Reference = ""


class Assign(Event, frozen=True, tag="assign"):
    """Somebody is in charge from now on."""

    owner: Name
    department: Department


class Link(Event, frozen=True, tag="link_decision"):
    """The decision, where it was not known at first."""

    inner = True
    decision: DecisionLink


class Recover(Event, frozen=True, tag="recover"):
    """A step of recovery, and what came back.  to_customer: it went to the customer, otherwise it is the bank's."""

    step: Step
    amount_fen: Annotated[int, Meta(ge=0, le=10**15)] = 0
    to_customer: bool = True
    reference: Annotated[str, Meta(max_length=100)] = ""


class Decide(Event, Generic[W], frozen=True, tag="decide_liability"):
    """Who is liable, and which share the customer bears, in hundredths of a percent."""

    free = ("text",)
    second = True
    faults: Annotated[list[Fault], Meta(min_length=1, max_length=7)]
    customer_share_bp: Annotated[int, Meta(ge=0, le=WHOLE_BP)]
    text: W


class Pay(Event, frozen=True, tag="pay"):
    """Money was paid to the customer, booked against a fund or policy.  reference: of the booking."""

    scope = Scope.REDRESS_DECIDE
    fund: Word
    amount_fen: Fen
    reference: Word


class Contain(Event, frozen=True, tag="contain"):
    """A rule keeps it from happening again.  ruleset: the version in force that holds it; the desk fills it in."""

    rule: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
    ruleset: Annotated[str, Meta(max_length=64)] = ""


class Settle(Event, frozen=True, tag="settle"):
    """The customer has what he is owed."""


class Close(Event, frozen=True, tag="close"):
    """The file is complete."""

    second = True
