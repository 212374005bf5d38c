"""What routes about cases give."""

from __future__ import annotations

import msgspec


class CaseBody(msgspec.Struct, frozen=True):
    """A case as a list shows it.

    customer: a short token, for telling cases apart.  priority: 1 critical to 4 low.  act_by: when acting comes too late; due:
    when its next review is due; "" for nothing left.  money_fen: still at risk.  wish: what a submitted case is to become.
    """

    id: str
    state: str
    priority: int
    scenario: str
    customer: str
    ring: str
    branch: str
    queue: str
    assignee: str
    locked_by: str
    locked_until: str
    act_by: str
    due: str
    overdue: bool
    money_fen: int
    amount_fen: int
    score: float | None
    alerts: int
    unreviewed: int
    wish: str
    submitted_by: str
    escalations: int
    opened_at: str
    changed_at: str
    closed_at: str
    reported_at: str
    version: int


class CasesBody(msgspec.Struct, frozen=True):
    """A page.  next: the cursor of the next one, "" when there is none.  count: how many fit, 1,000 for that many or more."""

    cases: list[CaseBody]
    next: str
    count: int


class ExportedCasesBody(msgspec.Struct, frozen=True):
    """A list taken out.  more: it has further cases, which are not in it.  watermark: who took it, and when."""

    cases: list[CaseBody]
    more: bool
    watermark: str


class WorkerBody(msgspec.Struct, frozen=True):
    """Somebody who may be given cases, and how many open ones there are on his name."""

    login: str
    open: int


class WorkersBody(msgspec.Struct, frozen=True):
    """The one with the fewest open cases first."""

    people: list[WorkerBody]


class AlertBody(msgspec.Struct, frozen=True):
    """A decision above pass.  Parties are short tokens.  due: of its review.  repeat_of: the alert that it repeats, 0 none."""

    id: int
    kind: str
    outcome: str
    scenario: str
    event_kind: str
    channel: str
    source: str
    event_id: str
    account: str
    payee: str
    device: str
    amount_fen: int
    occurred_at: str
    decided_at: str
    due: str
    overdue: bool
    score: float | None
    rules: list[str]
    ruleset: str
    model: str
    repeat_of: int
    hold: str
    held_until: str
    release_asked_by: str
    ordered: str
    verdict: str
    cause: str
    traits: list[str]
    reviewer: str
    reviewed_at: str
    label: str


class NoteBody(msgspec.Struct, frozen=True):
    """A note; text null when it was destroyed with its customer's data."""

    id: int
    person: str
    at: str
    text: str | None


class EvidenceBody(msgspec.Struct, frozen=True):
    """A file.  digest: SHA-256 of its content."""

    digest: str
    media_type: str
    size_bytes: int
    name: str | None
    person: str
    at: str


class DiaryBody(msgspec.Struct, frozen=True):
    """A date to come back to the case."""

    id: int
    due: str
    person: str
    text: str | None
    done_at: str
    done_by: str


class RestrictionBody(msgspec.Struct, frozen=True):
    """A restriction of the customer with the law it rests on."""

    id: int
    measure: str
    basis: str
    article: str
    state: str
    asked_by: str
    asked_at: str
    decided_by: str
    lift_asked_by: str
    lifted_by: str


class HistoryBody(msgspec.Struct, frozen=True):
    """A thing that happened.  person: "" where nobody did it."""

    n: int
    event: str
    before: str
    after: str
    person: str
    at: str
    about: str
    reason: str | None


class WholeCaseBody(msgspec.Struct, frozen=True):
    """A case with everything.  possible: what may happen to it next.  personal: values by field, masked unless `watermark` says
    who sees them in full and when.  more_alerts: there are more than the newest 500.
    """

    case: CaseBody
    possible: list[str]
    alerts: list[AlertBody]
    more_alerts: bool
    notes: list[NoteBody]
    evidence: list[EvidenceBody]
    diary: list[DiaryBody]
    restrictions: list[RestrictionBody]
    history: list[HistoryBody]
    tags: list[str]
    related: list[str]
    personal: dict[str, list[str]]
    watermark: str


class OverdueBody(msgspec.Struct, frozen=True):
    """Reviews of one kind that are overdue, the longest first."""

    reviews: list[OverdueReviewBody]


class OverdueReviewBody(msgspec.Struct, frozen=True):
    """An alert whose review is overdue."""

    case: str
    alert: int
    kind: str
    scenario: str
    amount_fen: int
    due: str
    assignee: str


class FollowUpsBody(msgspec.Struct, frozen=True):
    """One's own dates to come back to cases, the earliest first."""

    follow_ups: list[FollowUpDueBody]


class FollowUpDueBody(msgspec.Struct, frozen=True):
    """Such a date.  entry: of the case's diary."""

    case: str
    entry: int
    due: str
    overdue: bool


class FileBody(msgspec.Struct, frozen=True):
    """A file of evidence, with who was given it and when."""

    digest: str
    media_type: str
    content_base64: str
    watermark: str


class RulesBody(msgspec.Struct, frozen=True):
    """Assignment rules.  id: of their proposal, 0 for the built-in ones."""

    id: int
    version: str
    state: str
    author: str
    text: str


class DoneBody(msgspec.Struct, frozen=True):
    """It is recorded.  id: its number."""

    id: int
