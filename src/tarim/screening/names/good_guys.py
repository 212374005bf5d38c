"""Good guys: matches that two persons found to be false, so that the same customer does not alarm again every night.

A good guy is one customer beside one list entry, as the entry stood when it was looked at, until a day.  When the entry
changes, the match counts again.  Nobody makes one alone: `tarim.base.four_eyes`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from tarim.base.errors import DefinitionError, NotAllowed
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX, Proposal, ProposalState, require_person
from tarim.base.instants import DAY_MS
from tarim.screening.names.domain import ListEntry
from tarim.screening.names.matching import Match

VALID_DAYS_MAX: Final = 731
GOOD_GUYS_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class GoodGuy:
    """A customer (token) who is not this list entry.  entry_digest: of the entry as it was judged; until_ms is excluded."""

    customer: int
    entry_id: str
    entry_digest: str
    until_ms: int

    @property
    def digest(self) -> str:
        """SHA-256 of the content, hex: what the second person approves."""
        return hashlib.sha256(
            f"{self.customer} {self.entry_id} {self.entry_digest} {self.until_ms}".encode()
        ).hexdigest()


def entry_digest(entry: ListEntry) -> str:
    """SHA-256 of everything an entry says, hex."""
    return hashlib.sha256(msgspec.json.encode(entry)).hexdigest()


def propose_good_guy(
    proposal_id: str, customer: int, entry: ListEntry, until_ms: int, *, author: str, at_ms: int, reason: str
) -> tuple[GoodGuy, Proposal]:
    """A good guy and the proposal another person has to approve.

    Raises DefinitionError without a reason, or for an end that is past or more than 731 days ahead.
    """
    require_person(author)
    if not 1 <= len(reason.strip()) <= NOTE_CHARACTERS_MAX:
        raise DefinitionError(f"a good guy needs a reason of 1 to {NOTE_CHARACTERS_MAX} characters")
    if not at_ms < until_ms <= at_ms + VALID_DAYS_MAX * DAY_MS:
        raise DefinitionError(f"a good guy ends in the future, at most {VALID_DAYS_MAX} days ahead")
    good_guy = GoodGuy(customer, entry.id, entry_digest(entry), until_ms)
    what = f"good guy: entry {entry.id} is another person"
    return good_guy, Proposal(proposal_id, what, good_guy.digest, author, at_ms, reason.strip())


class GoodGuys:
    """The good guys in force."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], GoodGuy] = {}

    def add(self, good_guy: GoodGuy, proposal: Proposal) -> None:
        """Take in a good guy that another person approved.

        Raises NotAllowed (403) when the proposal is not approved or approves something else, DefinitionError when full.
        """
        if proposal.state is not ProposalState.APPROVED or proposal.digest != good_guy.digest:
            raise NotAllowed(f"proposal {proposal.id} does not approve this good guy", known=True)
        if proposal.decider in ("", proposal.author):
            raise NotAllowed(f"proposal {proposal.id} was not approved by another person", known=True)
        if len(self._known) >= GOOD_GUYS_MAX:
            raise DefinitionError(f"at most {GOOD_GUYS_MAX} good guys are kept")
        self._known[good_guy.customer, good_guy.entry_id] = good_guy

    def split(self, customer: int, matches: Iterable[Match], at_ms: int) -> tuple[tuple[Match, ...], tuple[Match, ...]]:
        """The customer's matches that count at that moment, and those that are known to be false."""
        kept: list[Match] = []
        known: list[Match] = []
        for match in matches:
            (known if self._covers(customer, match.entry, at_ms) else kept).append(match)
        return tuple(kept), tuple(known)

    def _covers(self, customer: int, entry: ListEntry, at_ms: int) -> bool:
        good_guy = self._known.get((customer, entry.id))
        return good_guy is not None and at_ms < good_guy.until_ms and good_guy.entry_digest == entry_digest(entry)
