"""Redress put together: calendar, routing, documents, and the decisions' journal looked at, in the desk's process.

DATA/
    calendar.toml, deadlines.toml    in the place of what comes with the product (`tarim.deadlines`)
    routing.toml                     departments and channels of complaints, in the place of the product's
    desk/contents/                   documents, encrypted
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Final

from tarim.base.errors import NotFound
from tarim.base.files import text_of
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.customer_events import last_event
from tarim.bootstrap.half_year_pages import half_year_pages
from tarim.bootstrap.journal_looking import JournalLook
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import Settings
from tarim.cases import open_cases_about
from tarim.deadlines import load_schedule
from tarim.decisions import Decided, RecordKind, Word
from tarim.desk import Desk, RuleWords, ServiceLink
from tarim.privacy import MasterKey, Tokenizer
from tarim.redress import (
    Aliases,
    Contents,
    DecisionLink,
    Documents,
    Eraser,
    HalfYearView,
    Parts,
    Redress,
    Reviews,
    Routing,
    read_routing,
)
from tarim.stream import Outcome

ROUTING_NAME: Final = "routing.toml"
ROUTING_BYTES_MAX: Final = 256 << 10
LOOKED_BACK_MAX: Final = 10_000
"""Records without an event that may lie at the journal's end."""
_WHOLE: Final = 1 << 64


class JournalDecisions:
    """See `tarim.redress.Decisions`.  Any thread may call it."""

    def __init__(self, journal: Path, artefacts: Artefacts) -> None:
        self._folder = journal
        self._journal = JournalLook(journal)
        self._artefacts = artefacts

    def close(self) -> None:
        """Let the journal's files go."""
        self._journal.close()

    def link(self, seq: int) -> DecisionLink:
        """The decision at a position.  Raises NotFound, Unavailable, Damaged."""
        with self._journal.looking() as (log, records):
            if not log.first_seq <= seq < log.durable_seq:
                raise NotFound("no decision is kept at that position")
            decided: Decided = records.decided(seq)
        versions = decided.versions
        outcome = Outcome(int(decided.decision[Word.OUTCOME])).name.lower()
        return DecisionLink(
            decided.source, decided.event_id, seq, versions.ruleset, versions.features, decided.model, outcome
        )

    def rules_in_force(self) -> tuple[str, frozenset[str]]:
        """The ruleset that judged the newest event, and its rules.  Raises NotFound, Unavailable."""
        with self._journal.looking() as (log, records):
            seq = log.durable_seq - 1
            for _ in range(LOOKED_BACK_MAX):
                if seq < log.first_seq:
                    break
                record = log.read_at(seq)
                if record.kind == RecordKind.EVENTS:
                    version = records.decided(seq).versions.ruleset
                    words = RuleWords.of(self._artefacts.get(version))
                    return version, frozenset(ground.id for ground in words.rules)
                seq = record.first_seq - 1
        raise NotFound("no event was judged yet, so no rule is known to be in force")

    def last_event(self, customer: int) -> tuple[int, int]:
        """See `customer_events.last_event`."""
        return last_event(self._folder, customer)


class RedressHouse:
    """Use cases over an open desk.  Close it before the desk."""

    def __init__(
        self,
        desk: Desk,
        places: Places,
        settings: Settings,
        artefacts: Artefacts,
        master: MasterKey,
        same: Aliases,
        link: ServiceLink,
    ) -> None:
        """same: names of one human.  link: to the decisions service, for this house alone.

        Raises DefinitionError for files of the bank that say something wrong.
        """
        self._decisions = JournalDecisions(places.journal, artefacts)
        self._tokenizer = Tokenizer(master.derive("tokens"))
        self._lock = threading.Lock()
        routing = load_routing(places.data)
        self._bank = settings.reports.bank_name
        schedule, days = load_schedule(places.data), settings.desk.retention_days
        parts = Parts(desk, schedule, routing, self._decisions, same, days, open_cases_about)
        self.redress = Redress(parts)
        self.eraser = Eraser(self.redress, link, settings.desk.label_retry_s_max)
        self.documents = Documents(self.redress, Contents(places.data / "desk" / "contents"))
        self.reviews = Reviews(self.redress)

    def pages(self, view: HalfYearView, at_ms: int) -> bytes:
        """See `half_year_pages`."""
        return half_year_pages(view, self.redress.parts.schedule, self._bank, at_ms)

    @property
    def uses(self) -> tuple[Redress, Documents, Reviews, Callable[[str], int]]:
        """What the routes work with."""
        return self.redress, self.documents, self.reviews, self.token_of

    def token_of(self, customer: str) -> int:
        """Token, unsigned, of a customer's identifier."""
        with self._lock:
            return self._tokenizer.token("customer", customer) % _WHOLE

    def close(self) -> None:
        """Finish the deletion under way, and let the journal's files go."""
        self.eraser.close()
        self._decisions.close()


def load_routing(folder: Path) -> Routing:
    """The routing in a folder, the product's own where there is none.  Raises DefinitionError, TooLarge."""
    text = text_of(folder / ROUTING_NAME, ROUTING_BYTES_MAX)
    if text is None:
        text = resources.files("tarim.redress").joinpath(ROUTING_NAME).read_text(encoding="utf-8")
    return read_routing(text)
