"""What is in force in name screening, as a fold over the NAMES records: editions, matches, good guys.  No clock.

A match stands open until a person confirms it, two persons clear it (a good guy), or its entry or its customer's name
changes and the next screening no longer finds it.  A good guy counts for the entry as it was judged: `entry_digest`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from tarim.base.errors import Conflict, DefinitionError, NotFound, Unavailable
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX, require_person
from tarim.base.instants import DAY_MS
from tarim.screening.names.domain import ListEntry
from tarim.screening.names.records import (
    Confirmed,
    Edition,
    Found,
    GoodGuy,
    GoodGuyEnd,
    Matches,
    Party,
    PartyKind,
    Record,
    Register,
    Screening,
)

VALID_DAYS_MAX: Final = 731
GOOD_GUYS_MAX: Final = 1_000_000
MATCHES_MAX: Final = 1_000_000
LISTS_MAX: Final = 100
SCREENINGS_REMEMBERED: Final = 100

EntryKey = tuple[str, str]
"""List and id of an entry."""


class Standing(StrEnum):
    """Where a match stands at an instant."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    CLEARED = "cleared"
    """A good guy is in force."""


@dataclass(frozen=True, slots=True)
class KnownMatch:
    """A match as it is known.  screening: id of the one that found it last, "" for an event's payee."""

    found: Found
    at_ms: int
    screening: str
    confirmed: Confirmed | None = None


@dataclass(slots=True)
class NamesState:
    """The state.

    editions: of each list, (journal position, record) as they came into force, oldest first.  matches: by party, then entry.
    register_seq: position behind the last record of customers' names.
    """

    editions: dict[str, list[tuple[int, Edition]]] = field(default_factory=dict)
    matches: dict[Party, dict[EntryKey, KnownMatch]] = field(default_factory=dict)
    good_guys: dict[tuple[Party, str, str], GoodGuy] = field(default_factory=dict)
    screenings: list[tuple[int, Screening]] = field(default_factory=list)
    register_seq: int = 0
    match_count: int = 0

    # ---- folding ---------------------------------------------------------------------------------------------------

    def take(self, seq: int, record: Record) -> None:
        """Take in the record at a journal position."""
        match record:
            case Edition():
                self.editions.setdefault(record.list_name, []).append((seq, record))
            case Register():
                self.register_seq = seq + 1
            case Matches():
                for found in record.found:
                    self._note(found, record)
            case Screening():
                self._settle(record)
                self.screenings.append((seq, record))
                del self.screenings[:-SCREENINGS_REMEMBERED]
            case Confirmed():
                known = self.matches.get(record.party, {}).get((record.list_name, record.entry))
                if known is not None:
                    self.matches[record.party][record.list_name, record.entry] = KnownMatch(
                        known.found, known.at_ms, known.screening, record
                    )
            case GoodGuy():
                self.good_guys[record.party, record.list_name, record.entry] = record
            case GoodGuyEnd():
                self.good_guys.pop((record.party, record.list_name, record.entry), None)

    def _note(self, found: Found, record: Matches) -> None:
        of_party = self.matches.setdefault(found.party, {})
        known = of_party.get((found.list_name, found.entry))
        if known is None:
            self.match_count += 1
        same = known is not None and known.found.entry_digest == found.entry_digest
        of_party[found.list_name, found.entry] = KnownMatch(
            found,
            known.at_ms if known is not None and same else record.at_ms,
            record.screening,
            known.confirmed if known is not None and same else None,
        )

    def _settle(self, record: Screening) -> None:
        """Drop the matches that this screening asked about and did not find."""
        settled, renewed = set(record.settled), set(record.renewed)
        for party, of_party in list(self.matches.items()):
            customer = party.kind is PartyKind.CUSTOMER
            for key, known in list(of_party.items()):
                asked = key in settled or (customer and (record.full or party.token in renewed))
                if asked and known.screening != record.id:
                    del of_party[key]
                    self.match_count -= 1
            if not of_party:
                del self.matches[party]

    # ---- asking ----------------------------------------------------------------------------------------------------

    @property
    def in_force(self) -> dict[str, Edition]:
        """The newest edition of each list, in the order of their names."""
        return {name: of_list[-1][1] for name, of_list in sorted(self.editions.items())}

    @property
    def last_screening(self) -> Screening | None:
        """The newest screening of all customers."""
        return self.screenings[-1][1] if self.screenings else None

    def cleared(self, party: Party, list_name: str, entry: str, entry_digest: str, at_ms: int) -> GoodGuy | None:
        """The good guy that quiets a match at an instant."""
        known = self.good_guys.get((party, list_name, entry))
        return known if known is not None and known.entry_digest == entry_digest and at_ms < known.until_ms else None

    def standing(self, known: KnownMatch, at_ms: int) -> Standing:
        """Where a match stands at an instant."""
        found = known.found
        if self.cleared(found.party, found.list_name, found.entry, found.entry_digest, at_ms) is not None:
            return Standing.CLEARED
        return Standing.OPEN if known.confirmed is None else Standing.CONFIRMED

    def score(self, party: Party, at_ms: int) -> int:
        """The highest score of a party's matches that count at an instant, 0 for none."""
        of_party = self.matches.get(party)
        if of_party is None:
            return 0
        return self.counting(party, (known.found for known in of_party.values()), at_ms)

    def is_news(self, found: Found) -> bool:
        """Whether the match is not known yet, or was of another edition of the entry, or scored lower."""
        known = self.matches.get(found.party, {}).get((found.list_name, found.entry))
        return known is None or known.found.entry_digest != found.entry_digest or known.found.score < found.score

    def counting(self, party: Party, found: Iterable[Found], at_ms: int) -> int:
        """The highest score of those of the matches that no good guy quiets, 0 for none."""
        return max(
            (
                each.score
                for each in found
                if self.cleared(party, each.list_name, each.entry, each.entry_digest, at_ms) is None
            ),
            default=0,
        )

    def known(self, party: Party, list_name: str, entry: str) -> KnownMatch:
        """A match.  Raises NotFound."""
        found = self.matches.get(party, {}).get((list_name, entry))
        if found is None:
            raise NotFound("no such match is known: give the party and the entry as the list of matches shows them")
        return found

    def every_match(self) -> list[KnownMatch]:
        """All matches, in no order."""
        return [known for of_party in self.matches.values() for known in of_party.values()]


def entry_digest(entry: ListEntry) -> str:
    """The first 32 hexadecimal digits of SHA-256 of everything an entry says."""
    return hashlib.sha256(msgspec.json.encode(entry)).hexdigest()[:32]


# ---- checks ----------------------------------------------------------------------------------------------------------


def check_good_guy(state: NamesState, wanted: GoodGuy, at_ms: int) -> None:
    """Nothing for a good guy that makes sense at an instant.

    Raises DefinitionError, NotFound, Conflict when the entry has changed since, Unavailable when there are too many.
    """
    require_reason(wanted.reason)
    if not at_ms < wanted.until_ms <= at_ms + VALID_DAYS_MAX * DAY_MS:
        raise DefinitionError(f"a good guy ends in the future, at most {VALID_DAYS_MAX} days ahead")
    known = state.known(wanted.party, wanted.list_name, wanted.entry)
    if known.found.entry_digest != wanted.entry_digest:
        raise Conflict(f"entry {wanted.entry} has changed since; look at the match again")
    if len(state.good_guys) >= GOOD_GUYS_MAX:
        raise Unavailable(f"at most {GOOD_GUYS_MAX} good guys are kept")


def check_edition(state: NamesState, wanted: Edition) -> None:
    """Nothing for an edition that may come into force.

    Raises Conflict when it is in force, or another one is than it was compared with; Unavailable when there are too many lists.
    """
    present = state.in_force.get(wanted.list_name)
    if present is not None and present.digest == wanted.digest:
        raise Conflict(f"this edition of {wanted.list_name} is in force already: nothing would change")
    if (present.digest if present is not None else "") != wanted.replaces:
        raise Conflict(
            f"list {wanted.list_name} has changed since the file was compared with it; import the file again"
        )
    if present is None and len(state.editions) >= LISTS_MAX:
        raise Unavailable(f"there are {LISTS_MAX} watch lists already")


def require_reason(reason: str) -> None:
    """Nothing for a reason that says something.  Raises DefinitionError."""
    if not 1 <= len(reason.strip()) <= NOTE_CHARACTERS_MAX:
        raise DefinitionError(f"a reason of 1 to {NOTE_CHARACTERS_MAX} characters is needed")


def confirmed_by(state: NamesState, record: Confirmed) -> Confirmed:
    """The record, when the match is there and open.  Raises NotFound, Conflict, DefinitionError."""
    require_person(record.author)
    require_reason(record.reason)
    if state.known(record.party, record.list_name, record.entry).confirmed is not None:
        raise Conflict("this match is confirmed already")
    return record
