"""What pages of cases take from the desk: only the fields they show.  Instants are ISO texts, "" = never; money in fen."""

from __future__ import annotations

import msgspec


class Case(msgspec.Struct):
    """A case as a list shows it."""

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


class Cases(msgspec.Struct):
    """A page.  count: how many fit, 1,000 for that many or more."""

    cases: list[Case]
    next: str
    count: int


class Exported(msgspec.Struct):
    """A list taken out."""

    cases: list[Case]
    more: bool
    watermark: str


class Worker(msgspec.Struct):
    """Somebody who may be given cases."""

    login: str
    open: int


class Workers(msgspec.Struct):
    """The one with the fewest open cases first."""

    people: list[Worker]


class Alert(msgspec.Struct):
    """A decision above pass."""

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

    @property
    def waits(self) -> bool:
        """Whether its payment is held and no order about it is on its way."""
        return self.hold in ("waiting", "escalated") and not self.ordered


class Note(msgspec.Struct):
    """A note."""

    id: int
    person: str
    at: str
    text: str | None


class Evidence(msgspec.Struct):
    """A file."""

    digest: str
    media_type: str
    size_bytes: int
    name: str | None
    person: str
    at: str


class Diary(msgspec.Struct):
    """A date to come back to the case."""

    id: int
    due: str
    person: str
    text: str | None
    done_at: str
    done_by: str


class Restriction(msgspec.Struct):
    """A restriction of the customer."""

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


class Happened(msgspec.Struct):
    """A line of history; line n made version n of the case."""

    n: int
    event: str
    before: str
    after: str
    person: str
    at: str
    about: str
    reason: str | None


class WholeCase(msgspec.Struct):
    """A case with everything."""

    case: Case
    possible: list[str]
    alerts: list[Alert]
    more_alerts: bool
    notes: list[Note]
    evidence: list[Evidence]
    diary: list[Diary]
    restrictions: list[Restriction]
    history: list[Happened]
    tags: list[str]
    related: list[str]
    personal: dict[str, list[str]]
    watermark: str


class OverdueReview(msgspec.Struct):
    """An alert whose review is overdue."""

    case: str
    alert: int
    kind: str
    scenario: str
    amount_fen: int
    due: str
    assignee: str


class Overdue(msgspec.Struct):
    """The longest overdue first."""

    reviews: list[OverdueReview]


class FollowUp(msgspec.Struct):
    """One's own date to come back to a case."""

    case: str
    entry: int
    due: str
    overdue: bool


class FollowUps(msgspec.Struct):
    """The earliest first."""

    follow_ups: list[FollowUp]


class File(msgspec.Struct):
    """A file of evidence."""

    digest: str
    media_type: str
    content_base64: str
    watermark: str
