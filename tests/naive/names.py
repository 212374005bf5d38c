"""Name screening's state, from the definition: for every question the whole history of records is looked through."""

from __future__ import annotations

from collections.abc import Sequence

from tarim.screening import Edition, GoodGuy, GoodGuyEnd, Matches, Party, PartyKind, Record, Screening


def edition_at(records: Sequence[Record], list_name: str, at_ms: int) -> str:
    """Digest of the edition of a list in force at an instant, "" for none."""
    of_list = [
        each for each in records if isinstance(each, Edition) and each.list_name == list_name and each.at_ms <= at_ms
    ]
    return of_list[-1].digest if of_list else ""


def score_at(records: Sequence[Record], party: Party, at_ms: int) -> int:
    """Highest score of a party's matches that count at an instant."""
    until = [each for each in records if each.at_ms <= at_ms]
    best = 0
    entries = {
        (found.list_name, found.entry)
        for each in until
        if isinstance(each, Matches)
        for found in each.found
        if found.party == party
    }
    for key in entries:
        last = None
        for place, each in enumerate(until):
            if isinstance(each, Matches):
                for found in each.found:
                    if found.party == party and (found.list_name, found.entry) == key:
                        last = (place, each.screening, found)
        assert last is not None
        place, screening, found = last
        if any(_settles(each, party, key, screening) for each in until[place:]):
            continue
        quiet = [
            each
            for each in until
            if isinstance(each, GoodGuy | GoodGuyEnd) and each.party == party and (each.list_name, each.entry) == key
        ]
        word = quiet[-1] if quiet else None
        if isinstance(word, GoodGuy) and word.entry_digest == found.entry_digest and at_ms < word.until_ms:
            continue
        best = max(best, found.score)
    return best


def _settles(record: Record, party: Party, key: tuple[str, str], screening: str) -> bool:
    if not isinstance(record, Screening) or record.id == screening:
        return False
    customer = party.kind is PartyKind.CUSTOMER
    return key in record.settled or (customer and (record.full or party.token in record.renewed))
