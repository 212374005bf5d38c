"""How name screening looks outside: bodies of answers, and what makes them.  Personal values are masked here or not in it."""

from __future__ import annotations

from typing import Any

import msgspec

from tarim.api.proposals import ProposalBody
from tarim.base.instants import instant_text
from tarim.bootstrap.rescreening import ScreeningResult
from tarim.bootstrap.screenings import ScreeningJob
from tarim.screening import Edition, EditionDiff, Found, GoodGuy, KnownMatch, Standing, token_text

FOUND_SHOWN_MAX = 1_000


class EditionBody(msgspec.Struct, frozen=True):
    """An edition of a watch list.  replaces: the digest it was compared with.  added, changed, removed: against that."""

    list_name: str
    digest: str
    replaces: str
    source_digest: str
    dated: str
    entries: int
    added: int
    changed: int
    removed: int
    author: str
    approver: str
    reason: str
    at: str


class EditionsBody(msgspec.Struct, frozen=True):
    """Editions of a list as they came into force, newest first."""

    editions: list[EditionBody]


class InForceBody(msgspec.Struct, frozen=True):
    """Lists in force.  customers: registered now; behind: whether a screening of all is due; screening: digest of the last."""

    lists: list[EditionBody]
    customers: int
    behind: bool
    screening: str


class ImportedBody(msgspec.Struct, frozen=True):
    """What files hold and what they would change; proposal: if one was made."""

    digest: str
    source_digest: str
    dated: str
    diff: EditionDiff
    proposal: ProposalBody | None


class ScreenedBody(msgspec.Struct, frozen=True):
    """Answer to one person's question.  editions: list to digest; matches: each with list, entry, score and explanation."""

    editions: dict[str, str]
    matches: list[dict[str, Any]]


class GoodGuyBody(msgspec.Struct, frozen=True):
    """A match that two persons found to be false, until when."""

    party: str
    token: str
    list_name: str
    entry: str
    entry_digest: str
    until: str
    reason: str
    author: str
    approver: str


class GoodGuysBody(msgspec.Struct, frozen=True):
    """Good guys in force."""

    good_guys: list[GoodGuyBody]


class GoodGuyProposedBody(msgspec.Struct, frozen=True):
    """A good guy that waits, with the match it would quiet."""

    good_guy: GoodGuyBody
    listed: str
    score: int


class NameProposalBody(msgspec.Struct, frozen=True):
    """A proposal with what it is about: an edition (diff: when read alone), or a good guy.  Decided on under /v1/proposals."""

    proposal: ProposalBody
    edition: EditionBody | None
    good_guy: GoodGuyProposedBody | None
    diff: EditionDiff | None


class NameProposalsBody(msgspec.Struct, frozen=True):
    """Open proposals."""

    proposals: list[NameProposalBody]


class MatchBody(msgspec.Struct, frozen=True):
    """A match.  masked: a customer's name, masked; "" for a payee.  score: hundredths.  listed: the listed name most alike."""

    party: str
    token: str
    masked: str
    list_name: str
    entry: str
    entry_digest: str
    listed: str
    score: int
    standing: str
    since: str
    screening: str
    confirmed_by: str
    reason: str


class MatchesBody(msgspec.Struct, frozen=True):
    """A page of `count` matches."""

    count: int
    matches: list[MatchBody]


class FoundBody(msgspec.Struct, frozen=True):
    """A match in a kept result."""

    token: str
    list_name: str
    entry: str
    score: int


class ScreeningBody(msgspec.Struct, frozen=True):
    """A screening of all customers.

    state: running, done, failed or cancelled.  done, of: customers.  digest: of the kept result; editions, full, customers,
    unreadable, entries, found_count and the first thousand of `found` are read off it.
    """

    id: str
    state: str
    person: str
    asked_at: str
    full: bool
    done: int
    of: int
    digest: str
    code: str
    detail: str
    editions: dict[str, str]
    customers: int
    unreadable: int
    entries: int
    found_count: int
    found: list[FoundBody]


class ScreeningsBody(msgspec.Struct, frozen=True):
    """Screenings, newest first."""

    screenings: list[ScreeningBody]


def edition_body(edition: Edition) -> EditionBody:
    """An edition."""
    return EditionBody(
        edition.list_name,
        edition.digest,
        edition.replaces,
        edition.source_digest,
        edition.dated,
        edition.entries,
        edition.added,
        edition.changed,
        edition.removed,
        edition.author,
        edition.approver,
        edition.reason,
        instant_text(edition.at_ms),
    )


def good_guy_body(found: GoodGuy) -> GoodGuyBody:
    """A good guy."""
    return GoodGuyBody(
        found.party.kind.value,
        token_text(found.party.token),
        found.list_name,
        found.entry,
        found.entry_digest,
        instant_text(found.until_ms),
        found.reason,
        found.author,
        found.approver,
    )


def match_body(known: KnownMatch, standing: Standing, masked: str) -> MatchBody:
    """A match; masked: what is shown of the party's name."""
    found, confirmed = known.found, known.confirmed
    return MatchBody(
        found.party.kind.value,
        token_text(found.party.token),
        masked,
        found.list_name,
        found.entry,
        found.entry_digest,
        found.listed,
        found.score,
        standing.value,
        instant_text(known.at_ms),
        known.screening,
        "" if confirmed is None else confirmed.author,
        "" if confirmed is None else confirmed.reason,
    )


def screening_body(job: ScreeningJob | None, digest: str = "", result: ScreeningResult | None = None) -> ScreeningBody:
    """A screening as it is known here (job None: only its kept result), with its result."""
    found = [] if result is None else [_found(each) for each in result.found[:FOUND_SHOWN_MAX]]
    return ScreeningBody(
        "" if job is None else job.id,
        "done" if job is None else job.state,
        "" if job is None else job.person,
        "" if job is None else instant_text(job.asked_ms),
        result.full if result is not None else job is not None and job.full,
        0 if job is None else job.done,
        0 if job is None else job.of,
        digest or ("" if job is None else job.digest),
        "" if job is None else job.code,
        "" if job is None else job.detail,
        {} if result is None else result.editions,
        0 if result is None else result.customers,
        0 if result is None else result.unreadable,
        0 if result is None else result.entries,
        0 if result is None else len(result.found),
        found,
    )


def _found(each: Found) -> FoundBody:
    return FoundBody(token_text(each.party.token), each.list_name, each.entry, each.score)
