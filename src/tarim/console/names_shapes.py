"""What pages of name screening take from the service: only the fields they show.  Instants are ISO texts; scores hundredths."""

from __future__ import annotations

import msgspec

from tarim.console.proposals import Proposal


class Edition(msgspec.Struct):
    """An edition of a watch list.  dated: as its publisher dates it."""

    list_name: str
    digest: str
    replaces: str
    dated: str
    entries: int
    added: int
    changed: int
    removed: int
    author: str
    approver: str
    reason: str
    at: str


class Editions(msgspec.Struct):
    """As they came into force, newest first."""

    editions: list[Edition]


class InForce(msgspec.Struct):
    """Lists in force.  customers: registered; behind: a screening of all is due."""

    lists: list[Edition]
    customers: int
    behind: bool
    screening: str


class EntryShown(msgspec.Struct):
    """An entry, as a difference shows it."""

    id: str
    name: str
    kind: str
    programme: str


class EditionDiff(msgspec.Struct):
    """What an edition changes: counts, and the first entries of each."""

    entries: int
    added: int
    changed: int
    removed: int
    added_examples: list[EntryShown]
    changed_examples: list[EntryShown]
    removed_examples: list[EntryShown]


class Imported(msgspec.Struct):
    """What files hold and would change; proposal: if one was made."""

    digest: str
    dated: str
    diff: EditionDiff
    proposal: Proposal | None


class Pair(msgspec.Struct):
    """A word that was asked beside one that is listed; either may be "".  similarity in [0, 1]."""

    asked: str
    listed: str
    similarity: float


class Said(msgspec.Struct):
    """A sentence in both languages."""

    zh: str
    en: str


class Match(msgspec.Struct):
    """Who on a list a name could be.  score: evidence included; name_score: of the names alone; both in [0, 1]."""

    entry: str
    source: str
    programme: str
    kind: str
    name: str
    quality: str
    score: float
    name_score: float
    pairs: list[Pair]
    evidence: list[str]
    countries: list[str]
    births: list[str]
    explanation: list[Said]
    list_name: str = msgspec.field(default="", name="list")


class Screened(msgspec.Struct):
    """Answer to one question.  editions: list to digest."""

    editions: dict[str, str]
    matches: list[Match]


class KnownMatch(msgspec.Struct):
    """A match that screening found.  party: customer or payee; masked: a customer's name; score: hundredths."""

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


class KnownMatches(msgspec.Struct):
    """A page of `count`."""

    count: int
    matches: list[KnownMatch]


class GoodGuy(msgspec.Struct):
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


class GoodGuys(msgspec.Struct):
    """Those in force."""

    good_guys: list[GoodGuy]


class GoodGuyProposed(msgspec.Struct):
    """One that waits, with the match it would quiet."""

    good_guy: GoodGuy
    listed: str
    score: int


class NameProposal(msgspec.Struct):
    """A proposal with what it is about: an edition or a good guy."""

    proposal: Proposal
    edition: Edition | None
    good_guy: GoodGuyProposed | None
    diff: EditionDiff | None


class NameProposals(msgspec.Struct):
    """Open ones."""

    proposals: list[NameProposal]


class Found(msgspec.Struct):
    """A match in a kept result."""

    token: str
    list_name: str
    entry: str
    score: int


class Screening(msgspec.Struct):
    """A screening of all customers.  state: running, done, failed or cancelled."""

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
    found: list[Found]


class Screenings(msgspec.Struct):
    """Newest first."""

    screenings: list[Screening]
