"""What may happen to a complaint: the words of `complaint.py`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Generic

from msgspec import Meta

from tarim.redress.domain.files import Department, Event, Instant, Name, Reference, W, Word


class ComplaintKind(StrEnum):
    """What somebody came with; it decides which clocks run."""

    COMPLAINT = "complaint"
    PRIVACY_QUESTION = "privacy-question"
    RIGHTS_REQUEST = "rights-request"


class Channel(StrEnum):
    """How it came in (CM-01)."""

    BRANCH_MANAGER = "branch-manager"
    COMMENT_BOOK = "comment-book"
    HOTLINE = "hotline"
    MAIL = "mail"
    PHONE = "phone"
    FAX = "fax"
    ONLINE = "online"
    FORM = "form"


class Category(StrEnum):
    """What it is about; routing and statistics go by it."""

    BLOCKED_PAYMENT = "blocked-payment"
    HELD_PAYMENT = "held-payment"
    LOSS = "loss"
    PRIVACY = "privacy"
    FEES = "fees"
    SYSTEM_FAULT = "system-fault"
    SERVICE = "service"
    STAFF = "staff"
    MARKETING = "marketing"
    OTHER = "other"


class Cause(StrEnum):
    """Why it came to that."""

    RULE = "rule"
    MODEL = "model"
    SYSTEM = "system"
    PROCESS = "process"
    STAFF = "staff"
    PARTNER = "partner"
    CUSTOMER = "customer"
    NONE = "none"
    """Nothing was wrong."""


class Take(Event, Generic[W], frozen=True, tag="take"):
    """It comes in.  contact: how to reach who complains; mandatory (CM-06).  received_ms: when the bank had it."""

    free = ("text", "contact")
    kind: ComplaintKind
    channel: Channel
    category: Category
    text: W
    contact: W
    received_ms: Instant
    case: Reference = ""


class Assign(Event, frozen=True, tag="assign"):
    """Somebody is in charge from now on, in this department."""

    owner: Name
    department: Department


class Verify(Event, frozen=True, tag="verify"):
    """Who asks is who he says; the clock of a rights request starts (RT-02)."""

    how: Word


class Contacted(Event, Generic[W], frozen=True, tag="contact"):
    """The complainant was spoken to (CM-06)."""

    free = ("text",)
    channel: Channel
    text: W


class Understand(Event, Generic[W], frozen=True, tag="understand"):
    """What the matter is."""

    free = ("text",)
    text: W


class FindCause(Event, Generic[W], frozen=True, tag="find_cause"):
    """Why it came to that."""

    free = ("text",)
    cause: Cause
    text: W


class Ask(Event, Generic[W], frozen=True, tag="ask_department"):
    """Another department is asked."""

    free = ("text",)
    department: Department
    text: W


class Replied(Event, Generic[W], frozen=True, tag="department_replied"):
    """The department's reply."""

    free = ("text",)
    department: Department
    text: W


class Settle(Event, Generic[W], frozen=True, tag="settle"):
    """What is done about it; founded: whether the complaint is right.  loss: the file of a loss that is made good."""

    free = ("text",)
    founded: bool
    text: W
    loss: Reference = ""


class Answer(Event, Generic[W], frozen=True, tag="answer"):
    """The complainant is told."""

    free = ("text",)
    channel: Channel
    text: W


class Object(Event, Generic[W], frozen=True, tag="object"):
    """The complainant is not content: a new round."""

    free = ("text",)
    text: W


class Refer(Event, frozen=True, tag="refer"):
    """The complainant goes to a body outside, the payment and clearing association or another (CM-05)."""

    body: Word
    reference: Annotated[str, Meta(max_length=100)] = ""
    outcome: Annotated[str, Meta(max_length=200)] = ""


class PauseClock(Event, frozen=True, tag="pause"):
    """The clock of handling stands still, for a reason that names nobody."""

    reason: Word


class ResumeClock(Event, frozen=True, tag="resume"):
    """It runs again."""


class Close(Event, frozen=True, tag="close"):
    """It is over."""


class TakeBack(Event, Generic[W], frozen=True, tag="take_back"):
    """The complainant withdraws it."""

    free = ("text",)
    text: W
