"""Screening all customers: what the child process does.

    customers registered before, and entries that changed since the last screening      customers asked about these entries
    customers registered since                                                          asked about every entry

With nothing before, with another threshold, or when asked to, everybody is asked about everything.  Names are opened from the
vault's bytes for the time this takes; what is written has tokens and entry ids only.  The result is a function of the register,
the editions and the threshold: repeated, it has the same digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from tarim.base.canonical import canonical_json
from tarim.base.errors import Damaged, FieldError, NotFound
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.name_helper import ListScreener, hundredths
from tarim.bootstrap.places import Places
from tarim.privacy import SealedReader, load_master_key
from tarim.screening import (
    BirthSpan,
    CustomerNames,
    Found,
    ListEntry,
    NameList,
    NamesState,
    Party,
    PartyKind,
    Sealed,
    Subject,
    decode_edition,
    differing,
    entry_digest,
    read_register,
    read_state,
)

FORMAT: Final = 1
SCREENINGS_FOLDER: Final = "screenings"
CHUNK_CUSTOMERS: Final = 50_000
_EVERY: Final = 200
"""New customers between two reports of progress."""

Progress = Callable[[int, int], None]
"""Told how many customers of how many are through."""


class ScreeningResult(msgspec.Struct, frozen=True):
    """What a screening found, and what it was made from.

    before, editions: list to digest.  threshold: hundredths.  customers: asked about; unreadable: registered, but their key was
    destroyed.  entries: asked about.  settled: entries (list, id) that differ between `before` and `editions`.
    """

    format: int
    before: dict[str, str]
    editions: dict[str, str]
    threshold: int
    from_seq: int
    register_seq: int
    full: bool
    customers: int
    unreadable: int
    entries: int
    settled: list[tuple[str, str]]
    found: list[Found]


_result_decoder: Final = msgspec.json.Decoder(ScreeningResult)


def decode_screening(content: bytes) -> ScreeningResult:
    """A kept result.  Raises Damaged."""
    try:
        return _result_decoder.decode(content)
    except msgspec.MsgspecError:
        raise Damaged("a kept screening cannot be read") from None


def kept_screenings(places: Places) -> Artefacts:
    """Results by digest."""
    return Artefacts(places.data / SCREENINGS_FOLDER)


@dataclass(slots=True)
class _Plan:
    """What is to be asked.  changed: entries by list; from_seq: customers before it were asked about all others."""

    before: dict[str, str]
    editions: dict[str, str]
    changed: dict[str, list[ListEntry]]
    settled: list[tuple[str, str]]
    from_seq: int
    full: bool


def screen_all(
    places: Places,
    environment: Mapping[str, str],
    threshold: int,
    to_seq: int,
    *,
    full: bool = False,
    progress: Progress = lambda _done, _of: None,
) -> str:
    """Screen the customers registered before a journal position; the digest of the kept result.

    Raises NotFound (no register, an edition is gone), Damaged, DefinitionError (another master key), Unavailable.
    """
    artefacts = Artefacts(places.artefacts)
    plan = _plan(read_state(places.names, to_seq), artefacts, threshold, full=full)
    total = sum(1 for _ in read_register(places.names, to_seq))
    with SealedReader(places.vault, load_master_key(places.master_key, environment)) as reader:
        asking = _Asking(plan, artefacts, threshold, reader, lambda asked: progress(asked, total))
        asking.about_changes(each for each in read_register(places.names, to_seq) if each.seq < plan.from_seq)
        asking.about_all(each for each in read_register(places.names, to_seq) if each.seq >= plan.from_seq)
    result = ScreeningResult(
        FORMAT,
        plan.before,
        plan.editions,
        threshold,
        plan.from_seq,
        to_seq,
        plan.full,
        asking.asked,
        asking.unreadable,
        asking.entries,
        plan.settled,
        sorted(asking.found, key=lambda each: (each.party.token, each.list_name, each.entry)),
    )
    progress(total, total)
    return kept_screenings(places).keep(canonical_json(result))


class _Asking:
    """Asks about customers and gathers what is found.

    asked: customers so far; unreadable: those whose key was destroyed; entries: that the last of them were asked about.
    """

    def __init__(
        self,
        plan: _Plan,
        artefacts: Artefacts,
        threshold: int,
        reader: SealedReader,
        told: Callable[[int], None],
    ) -> None:
        self._plan, self._artefacts, self._threshold = plan, artefacts, threshold
        self._reader, self._told = reader, told
        self.found: list[Found] = []
        self.asked = self.unreadable = 0
        self.entries = sum(len(of_list) for of_list in plan.changed.values())

    def about_changes(self, customers: Iterable[Sealed]) -> None:
        """Ask about the entries that changed, so many customers at once."""
        if not any(self._plan.changed.values()):
            return
        chunk: dict[int, Subject] = {}
        for customer, subject in self._opened(customers):
            chunk[customer] = subject
            self.asked += 1
            if len(chunk) == CHUNK_CUSTOMERS:
                self.found += _ask_changed(chunk, self._plan.changed, self._threshold)
                chunk = {}
                self._told(self.asked)
        if chunk:
            self.found += _ask_changed(chunk, self._plan.changed, self._threshold)

    def about_all(self, customers: Iterable[Sealed]) -> None:
        """Ask about every entry; who is called alike is asked about once.  The lists are read when somebody is there."""
        screener: ListScreener | None = None
        answers: dict[Subject, list[Found]] = {}
        for customer, subject in self._opened(customers):
            if screener is None:
                screener = ListScreener(self._artefacts, list(self._plan.editions.values()), self._threshold)
                self.entries = screener.entries
            party = Party(PartyKind.CUSTOMER, customer)
            if subject not in answers:
                answers[subject] = [
                    Found(party, hit.list_name, hit.entry, hit.entry_digest, hit.score, hit.listed)
                    for hit in screener.screen(subject)[0]
                ]
            self.found += [msgspec.structs.replace(each, party=party) for each in answers[subject]]
            self.asked += 1
            if self.asked % _EVERY == 0:
                self._told(self.asked)

    def _opened(self, customers: Iterable[Sealed]) -> Iterator[tuple[int, Subject]]:
        for sealed in customers:
            subject = _opened(self._reader, sealed)
            if subject is None:
                self.unreadable += 1
            else:
                yield sealed.customer, subject


def _plan(state: NamesState, artefacts: Artefacts, threshold: int, *, full: bool) -> _Plan:
    last = state.last_screening
    editions = {name: edition.digest for name, edition in state.in_force.items()}
    before = {} if last is None else last.editions
    whole = full or last is None or last.threshold != threshold

    def kept(digest: str) -> NameList | None:
        return decode_edition(artefacts.get(digest)) if digest else None

    changed: dict[str, list[ListEntry]] = {}
    settled: list[tuple[str, str]] = []
    for name, digest in editions.items():
        if before.get(name, "") != digest:
            after = kept(digest)
            assert after is not None
            found = differing(kept(before.get(name, "")), after)
            ids = {*found.added, *found.changed}
            changed[name] = [entry for entry in after.entries if entry.id in ids]
            settled += [(name, entry_id) for entry_id in (*found.added, *found.changed, *found.removed)]
    if whole:
        return _Plan(before, editions, {}, settled, 0, True)
    assert last is not None
    return _Plan(before, editions, changed, settled, last.register_seq, False)


def _opened(reader: SealedReader, sealed: Sealed) -> Subject | None:
    """The registered name; None when the customer's key was destroyed: nobody can screen that person any more."""
    try:
        values = reader.open_sealed(sealed.customer, sealed.sealed)
    except NotFound:
        return None
    return subject_of(values)


def subject_of(values: Mapping[str, list[str]]) -> Subject:
    """The subject of opened register values.  Raises Damaged."""
    try:
        birth = values.get("customer_birth", [""])[0]
        countries = values.get("customer_countries", [""])[0]
        return Subject(values["customer_name"][0], BirthSpan.parse(birth) if birth else None, tuple(countries.split()))
    except (KeyError, IndexError, FieldError):
        raise Damaged("a registered name is not what was sealed") from None


def _ask_changed(
    customers: Mapping[int, Subject], changed: Mapping[str, list[ListEntry]], threshold: int
) -> Iterator[Found]:
    known = CustomerNames(customers)
    for name, entries in changed.items():
        for token, matches in known.rescreen(entries, threshold / 100).items():
            for match in matches:
                yield Found(
                    Party(PartyKind.CUSTOMER, token),
                    name,
                    match.entry.id,
                    entry_digest(match.entry),
                    hundredths(match.score),
                    match.name.text,
                )
