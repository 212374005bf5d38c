"""The desk's house: journals, tables, books and vault opened and put together, for the process in which people work.

DATA/desk/
    journal/        what persons did; truth
    vault/          keys of the texts they wrote; truth, deletable
    tables.db       tables made from both journals, unless they lie in PostgreSQL; may be deleted
    service.key     the desk's own API key at the decisions service
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tarim.base.errors import Unavailable
from tarim.base.instants import Clock
from tarim.bootstrap.artefacts import Artefacts
from tarim.bootstrap.casework import CaseHouse
from tarim.bootstrap.clock import SystemClock
from tarim.bootstrap.contact import ContactHouse
from tarim.bootstrap.places import Places
from tarim.bootstrap.redress import RedressHouse
from tarim.bootstrap.reporting import ReportingHouse
from tarim.bootstrap.settings import Settings
from tarim.cases import CaseBook
from tarim.contact import ContactBook
from tarim.deadlines import Schedule, load_schedule
from tarim.desk import MIGRATIONS, Book, Desk, DeskLimits, Follower, RuleWords, ServiceLink, Shelf, Texts
from tarim.identity import Directory, Scope, create_key, read_keys
from tarim.journal import Journal, JournalLimits, Recovery
from tarim.privacy import MasterKey, Tokenizer, load_master_key
from tarim.records import Database, DatabaseLimits
from tarim.redress import Aliases, RedressBook
from tarim.reporting import ReportBook

DESK_KEY_NAME: Final = "desk"
_JOURNAL: Final = JournalLimits(segment_bytes=16 << 20, block_bytes_max=8 << 20)
_SECRET_BYTES_MAX: Final = 256
_SERVICE_SCOPES: Final = (Scope.DECIDE, Scope.HOLDS_ORDER, Scope.ERASURES_ORDER)


def all_books(schedule: Schedule) -> tuple[Book, ...]:
    """The books, in the order in which each act and each fact is given to them."""
    return (CaseBook(schedule), ContactBook(), RedressBook(), ReportBook())


class DeskHouse:
    """Everything open.  Close it, or use it as a context; `desk.catch_up()` and `desk.start()` are the caller's."""

    def __init__(
        self,
        settings: Settings,
        places: Places,
        environment: Mapping[str, str],
        *,
        clock: Clock | None = None,
        books: Sequence[Book] | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """books: others than the product's, for tests and benches.  say: told about recovery.

        Raises NotFound (no master key), DefinitionError, Unavailable (in use, disk, no database), Damaged.
        """
        self.settings = settings
        self.places = places
        self.clock = clock or SystemClock()
        self.folder = places.data / "desk"
        self.books = tuple(books) if books is not None else all_books(load_schedule(places.data))
        self.artefacts = Artefacts(places.artefacts)
        self._master: MasterKey = load_master_key(places.master_key, environment)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        journal = Journal.open(self.folder / "journal", _JOURNAL)
        try:
            self.recovery: Recovery = journal.recovery
            say(f"desk: {self.recovery}")
            texts = Texts(self.folder / "vault", self._master)
        except BaseException:
            journal.close()
            raise
        try:
            self.database = self._open_database()
            follower = Follower(places.journal, lambda version: RuleWords.of(self.artefacts.get(version)))
            shelf = Shelf(journal, follower, self.database, self.books, texts)
            self.desk = Desk(shelf, self.clock, self._limits())
            self.contact = ContactHouse(self.desk, places, settings.desk, self._master, self.service_key)
        except BaseException:
            texts.close()
            journal.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish what is under way and let go of the files."""
        self.contact.close()
        self.desk.close()

    def casework(self, directory: Directory) -> CaseHouse:
        """Cases over this desk, for the people of a directory; its sender is the caller's to start and close."""
        link = ServiceLink(self.settings.desk.service_url, self.service_key)
        return CaseHouse(self.desk, self.places, self.settings.desk, self._master, self.clock, directory, link)

    def redress(self, same: Aliases) -> RedressHouse:
        """Redress over the open desk; its eraser is the caller's to start.  same: names of one human."""
        link = ServiceLink(self.settings.desk.service_url, self.service_key)
        return RedressHouse(self.desk, self.places, self.settings, self.artefacts, self._master, same, link)

    def reporting(self, same: Aliases) -> ReportingHouse:
        """Reports over the open desk.  same: names of one human."""
        return ReportingHouse(self.desk, self.places, self.settings.reports, self.artefacts, self._master, same)

    def new_tokenizer(self) -> Tokenizer:
        """Turns an identifier into the token that facts and tables hold; for one thread."""
        return Tokenizer(self._master.derive("tokens"))

    def service_key(self) -> str:
        """The desk's own key at the decisions service: to send events, and to carry out orders about holds and deletions.

        Made when there is none, or when it was revoked.  Raises Unavailable, DefinitionError.
        """
        path = self.folder / "service.key"
        now_ms = self.clock.now_ms()
        keys = [key for key in read_keys(self.places.api_keys) if set(_SERVICE_SCOPES) <= set(key.scopes)]
        known = {key.id for key in keys if key.state(now_ms) == "active"}
        try:
            key_id, _, secret = path.read_text("ascii")[:_SECRET_BYTES_MAX].strip().partition(" ")
            if key_id in known and secret:
                return secret
        except (OSError, UnicodeDecodeError):
            pass
        made, secret = create_key(self.places.api_keys, DESK_KEY_NAME, _SERVICE_SCOPES, now_ms)
        _write_secret(path, f"{made.id} {secret}\n")
        return secret

    def _open_database(self) -> Database:
        desk = self.settings.desk
        url = desk.database_url or f"sqlite:///{(self.folder / 'tables.db').absolute()}"
        contexts = [MIGRATIONS, *(book.migrations for book in self.books)]
        # Not durable: what a power cut takes from the tables is applied again from the journals.
        return Database.open(url, contexts, DatabaseLimits(connections_max=desk.readers + 2, durable=False))

    def _limits(self) -> DeskLimits:
        desk = self.settings.desk
        return DeskLimits(desk.waiting_commands_max, desk.group_commands_max, desk.readers, desk.follow_ms)


def _write_secret(path: Path, content: str) -> None:
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from None
