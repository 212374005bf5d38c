"""Screening one name against the lists, and all customers against what changed in a list.

Both ways give the same matches: candidates come from an index over the listed names or over the customers' names, and
`match_entry` judges the pair.  When a list changes, only its changed entries are asked about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tarim.base.errors import DefinitionError
from tarim.screening.names.domain import ListedName, ListEntry, NameList, Subject
from tarim.screening.names.index import NameIndex
from tarim.screening.names.matching import NAME_THRESHOLD, Match, match_entry
from tarim.screening.names.normal import prepare_name

CANDIDATES_MAX: Final = 80
"""Listed names compared exactly for one asked name."""
MATCHES_MAX: Final = 50
CUSTOMERS_MAX: Final = 5_000_000


class Screener:
    """Answers who on the lists a subject may be.  Read only after it was built."""

    def __init__(self, lists: Sequence[NameList], threshold: float = NAME_THRESHOLD) -> None:
        if not 0.5 <= threshold <= 1:
            raise DefinitionError("a threshold lies between 0.5 and 1")
        self.threshold = threshold
        self.entries: list[ListEntry] = [entry for given in lists for entry in given.entries]
        carriers: dict[str, list[tuple[int, ListedName]]] = defaultdict(list)
        for number, entry in enumerate(self.entries):
            for name in entry.names:
                carriers[name.text].append((number, name))
        self._carriers = list(carriers.values())
        self._index = NameIndex(carriers)

    def screen(self, subject: Subject) -> tuple[Match, ...]:
        """Matches at or above the threshold, best first, at most 50; ties in the order of the lists."""
        asked = prepare_name(subject.name)
        names: dict[int, dict[str, ListedName]] = defaultdict(dict)
        for prepared in asked:
            for candidate in self._index.candidates(prepared, CANDIDATES_MAX):
                for number, name in self._carriers[candidate]:
                    names[number][name.text] = name
        found = [match_entry(subject, asked, self.entries[n], names[n].values()) for n in sorted(names)]
        kept = [match for match in found if match is not None and match.score >= self.threshold]
        return tuple(sorted(kept, key=lambda match: -match.score)[:MATCHES_MAX])


@dataclass(frozen=True, slots=True)
class ListChange:
    """What differs between two editions of a list: entries to ask about, and ids that are gone."""

    changed: tuple[ListEntry, ...]
    removed: tuple[str, ...]


def compare_editions(before: NameList, after: NameList) -> ListChange:
    """Entries of `after` that are new or differ in anything, and ids that only `before` has, each in order."""
    known = {entry.id: entry for entry in before.entries}
    present = {entry.id for entry in after.entries}
    changed = tuple(entry for entry in after.entries if known.get(entry.id) != entry)
    return ListChange(changed, tuple(entry.id for entry in before.entries if entry.id not in present))


class CustomerNames:
    """The names of all customers, indexed like a list, to be asked about the entries that changed.

    customers: by token.  Customers of one name share an index entry.
    """

    def __init__(self, customers: Mapping[int, Subject]) -> None:
        if len(customers) > CUSTOMERS_MAX:
            raise DefinitionError(f"at most {CUSTOMERS_MAX} customers are screened together")
        self._customers = customers
        bearers: dict[str, list[int]] = defaultdict(list)
        for token, subject in customers.items():
            bearers[subject.name].append(token)
        self._bearers = list(bearers.values())
        self._index = NameIndex(bearers)

    def rescreen(self, entries: Iterable[ListEntry], threshold: float = NAME_THRESHOLD) -> dict[int, tuple[Match, ...]]:
        """Customers that match one of the entries, with their matches, best first."""
        found: dict[int, list[Match]] = defaultdict(list)
        for entry in entries:
            names: dict[int, dict[str, ListedName]] = defaultdict(dict)
            for name in entry.names:
                for prepared in prepare_name(name.text):
                    for candidate in self._index.candidates(prepared, None):
                        names[candidate][name.text] = name
            for candidate, alike in sorted(names.items()):
                for token in self._bearers[candidate]:
                    subject = self._customers[token]
                    match = match_entry(subject, prepare_name(subject.name), entry, alike.values())
                    if match is not None and match.score >= threshold:
                        found[token].append(match)
        return {token: tuple(sorted(matches, key=lambda match: -match.score)) for token, matches in found.items()}
