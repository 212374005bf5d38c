"""What routes about cases take."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

NAME_CHARACTERS_MAX: Final = 64
EVIDENCE_BASE64_MAX: Final = 14 << 20

Reason = Annotated[str, Meta(min_length=1, max_length=500)]
Text = Annotated[str, Meta(min_length=1, max_length=4_000)]
Person = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
Number = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


class CasesFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which cases, in which order.  assignee: a person, `me`, or `nobody`."""

    sort: Literal["work", "due", "newest", "changed", "money"] = "work"
    state: Annotated[str, Meta(pattern="^[a-z_]{0,16}$")] = ""
    queue: Annotated[str, Meta(max_length=32)] = ""
    branch: Annotated[str, Meta(max_length=32)] = ""
    assignee: Annotated[str, Meta(max_length=64)] = ""
    scenario: Annotated[str, Meta(max_length=64)] = ""
    ring: Annotated[str, Meta(max_length=64)] = ""
    priority: Annotated[int, Meta(ge=0, le=4)] = 0
    tag: Annotated[str, Meta(max_length=32)] = ""
    overdue: bool = False
    closed: bool = False


class CasesQuery(CasesFilter, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A page of them.  cursor: `next` of the page before."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Annotated[str, Meta(max_length=256)] = ""


class ExportCasesBody(CasesFilter, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A list to be taken out, and what for; the reason stands on the audit trail, numbers taken out of it."""

    reason: Reason


class WorkersQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Persons for cases of which branch and queue; "" = of any."""

    branch: Annotated[str, Meta(max_length=32)] = ""
    queue: Annotated[str, Meta(max_length=32)] = ""


class OverdueQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reviews of which kind."""

    kind: Literal["block", "hold", "challenge", "notice"] = "block"
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class DecisionQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """seq: the decision's position in the journal."""

    seq: Number


class FollowUpsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class CustomerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer, by the bank's number."""

    customer: Annotated[str, Meta(min_length=1, max_length=64)]


class ActBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """version: of the case as it was looked at; a changed one is a conflict; 0 = any, where that is allowed."""

    version: Number = 0


class ReasonBody(ActBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why."""

    reason: Reason


class AssignBody(ActBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who gets it."""

    to: Person


class LockBody(ActBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """For how long."""

    minutes: Annotated[int, Meta(ge=1, le=60)] = 15


class SubmitBody(ReasonBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What it is to become."""

    wish: Literal["close", "report"]


class DecideBody(ReasonBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whether it is agreed to."""

    agreed: bool


class NoteTextBody(ActBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A note."""

    text: Text


class TagBody(ActBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A tag, put on or taken off."""

    tag: Annotated[str, Meta(min_length=1, max_length=32)]
    on: bool = True


class LinkBody(ActBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another case."""

    other: Annotated[str, Meta(min_length=1, max_length=20)]


class FollowUpBody(ActBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When to come back to it (ms since the epoch), and what for."""

    due_ms: Number
    text: Text


class EntryBody(ActBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An entry of the diary."""

    entry: Number


class ReviewBody(ReasonBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The verdict on an alert."""

    alert: Number
    verdict: Literal["right", "wrong", "undecided"]
    cause: Annotated[str, Meta(max_length=32)]
    traits: Annotated[list[Annotated[str, Meta(max_length=32)]], Meta(max_length=10)] = []


class PaymentBody(ReasonBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The alert whose payment is held."""

    alert: Number


class RestrictBody(ReasonBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is restricted, and on which article of which law."""

    measure: Annotated[str, Meta(max_length=24)]
    basis: Annotated[str, Meta(max_length=32)]
    article: Annotated[str, Meta(min_length=1, max_length=120)]


class RestrictionReasonBody(ReasonBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A restriction by its number."""

    restriction: Number


class RestrictionDecideBody(DecideBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A restriction by its number, agreed to or not."""

    restriction: Number


class RescoreBody(ActBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a model says of an alert by now."""

    alert: Number
    score: Annotated[float, Meta(ge=0, le=1)]
    model: Annotated[str, Meta(min_length=1, max_length=64)]


class AttachBody(ActBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file for a case: its name, and its content in base64."""

    case: Annotated[str, Meta(min_length=1, max_length=20)]
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    content_base64: Annotated[str, Meta(min_length=1, max_length=EVIDENCE_BASE64_MAX)]


class RulesProposedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Assignment rules to propose."""

    text: Annotated[str, Meta(min_length=1, max_length=200_000)]
    reason: Reason


class RulesDecideBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """version: of the text that was looked at."""

    version: Annotated[str, Meta(min_length=1, max_length=64)]
    agreed: bool
    reason: Reason


class RingsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ring of each account, by its token of 16 hexadecimal digits; "" = none."""

    rings: dict[str, Annotated[str, Meta(max_length=64)]]
