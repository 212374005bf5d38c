"""What the routes of suspicious transaction reports take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tarim.base.instants import instant_text
from tarim.reporting import Fault, Filing

Word = Annotated[str, Meta(max_length=64)]
Reason = Annotated[str, Meta(min_length=1, max_length=500)]
OptionalReason = Annotated[str, Meta(max_length=500)]
Version = Annotated[int, Meta(ge=1, le=1 << 31)]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
RECEIPT_BASE64_MAX = 1_400_000


class FilingBody(msgspec.Struct, frozen=True):
    """A suspicious transaction report and where it stands.  Instants are RFC 3339, "" = never; digests SHA-256, "" = none.

    due_at: when it is to be sent; standing: running, warned, overdue, met, missed.
    """

    number: str
    case: str
    state: str
    version: int
    digest: str
    author: str
    created_at: str
    changed_at: str
    submitted_by: str
    submitted_at: str
    approved_by: str
    approved_at: str
    package: str
    exported_by: str
    exported_at: str
    message: str
    sent_by: str
    sent_at: str
    receipt: str
    receipt_at: str
    due_at: str
    standing: str


class FaultBody(msgspec.Struct, frozen=True):
    """A field that breaks a rule, the rule quoted in both languages.  The value is never repeated."""

    path: str
    element: str
    field_zh: str
    field_en: str
    rule: str
    zh: str
    en: str


class ReportBody(msgspec.Struct, frozen=True):
    """A report with its content (masked, or in full after a reveal), its faults, and who had a hand in it."""

    filing: FilingBody
    content: dict[str, Any]
    faults: list[FaultBody]
    hands: list[str]


class FilingsBody(msgspec.Struct, frozen=True):
    """Reports, newest first; ask again with `before` = `next` for older ones, 0: there are none."""

    reports: list[FilingBody]
    next: int


class FilingsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """state: one state, "" = all.  before: reports with a smaller number."""

    state: Literal["", "draft", "submitted", "approved", "exported", "sent", "received", "returned", "discarded"] = ""
    before: Annotated[int, Meta(ge=0, le=1 << 53)] = 0
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class DraftBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The case to draft from; customer: the bank's number of its customer, "" = to be filled in."""

    case: Annotated[str, Meta(min_length=1, max_length=20)]
    customer: Annotated[str, Meta(max_length=32)] = ""


class ChangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Other values by place: `{"subjects[0].phones": ["0991-2345678"]}`."""

    version: Version
    values: dict[str, Any]


class ActBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """version: of the report as it was seen."""

    version: Version


class ReasonedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An act with why."""

    version: Version
    reason: Reason


class ApproveBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Agree to exactly the content of this digest."""

    version: Version
    digest: Digest
    reason: OptionalReason = ""


class SentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """message: name under which it was sent."""

    version: Version
    message: Annotated[str, Meta(min_length=1, max_length=64)]


class ReceiptBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came back from the authority.  reason: what it says is wrong, when it refuses."""

    version: Version
    accepted: bool
    content_base64: Annotated[str, Meta(min_length=4, max_length=RECEIPT_BASE64_MAX)]
    reason: OptionalReason = ""


class WhyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why personal data is looked at in full."""

    reason: Reason


class ReaderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let a person read a report, or not any more."""

    person: Annotated[str, Meta(min_length=1, max_length=64)]
    on: bool = True


class StaffRowBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person who is a customer: the name it signs in with, and the bank's number."""

    person: Annotated[str, Meta(min_length=1, max_length=64)]
    customer: Annotated[str, Meta(min_length=1, max_length=32)]


class StaffBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole register anew."""

    staff: list[StaffRowBody]


class CountBody(msgspec.Struct, frozen=True):
    """How many rows were taken in."""

    rows: int


class HappenedBody(msgspec.Struct, frozen=True):
    """One thing that happened to a report."""

    n: int
    event: str
    before: str
    after: str
    person: str
    at: str
    about: str
    reason: str


class HistoryBody(msgspec.Struct, frozen=True):
    """Everything that happened to a report."""

    history: list[HappenedBody]


class FileBody(msgspec.Struct, frozen=True):
    """A file.  sha256: of its bytes."""

    name: str
    sha256: str
    content_base64: str


class TableBody(msgspec.Struct, frozen=True):
    """A code table.  mark: how far it is known (standard, secondary, ours, bank).  words: Chinese and English by code."""

    mark: str
    words: dict[str, tuple[str, str]]


class ReferenceBody(msgspec.Struct, frozen=True):
    """What a report is made of: its schema, and the code tables in force."""

    schema: str
    codes: dict[str, TableBody]


def filing_body(filing: Filing, due_ms: int, standing: str) -> FilingBody:
    """A report as it is shown."""
    of = filing
    return FilingBody(
        of.number, of.case_ref, of.state, of.version, of.digest, of.author, at_text(of.created_ms), at_text(of.changed_ms),
        of.submitted_by, at_text(of.submitted_ms), of.approved_by, at_text(of.approved_ms), of.package, of.exported_by,
        at_text(of.exported_ms), of.message, of.sent_by, at_text(of.sent_ms), of.receipt, at_text(of.receipt_ms),
        at_text(due_ms), standing,
    )  # fmt: skip


def fault_body(fault: Fault) -> FaultBody:
    """A fault as it is shown."""
    return FaultBody(fault.path, fault.element, fault.field_zh, fault.field_en, fault.rule, fault.zh, fault.en)


def happened_body(row: dict[str, Any]) -> HappenedBody:
    """A row of the history."""
    shown = {name: row[name] for name in ("n", "event", "before", "after", "person", "about", "reason")}
    return HappenedBody(**shown, at=at_text(row["at_ms"]))


def at_text(at_ms: int) -> str:
    """RFC 3339, "" for never."""
    return instant_text(at_ms) if at_ms else ""
