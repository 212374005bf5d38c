"""The books with their tables, kept in step with the two journals.  One thread at a time.

    follow     what is new in the decisions' journal is applied, together with the position it came from
    catch up   acts that are recorded and not in the tables are applied, in the order in which the desk had met both journals
    rebuild    every table is dropped and made anew from both journals

The order is in the desk's journal: each command says up to which position of the decisions' journal the desk had followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final

import msgspec
from sqlalchemy import Connection

from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.decisions import Holds
from tarim.desk.acts import Performed, decode
from tarim.desk.adapters.tables import MIGRATIONS
from tarim.desk.domain import Act, Facts
from tarim.desk.follower import Follower
from tarim.desk.holds import load_holds, write_holds
from tarim.desk.labels import apply_label, follow_labels
from tarim.desk.ports import Book
from tarim.desk.position import Position, note_answer, read_position, write_position
from tarim.desk.texts import Texts
from tarim.journal import Journal
from tarim.records import Database

FOLLOW_EVENTS: Final = 8_192
"""Events of one transaction while people work."""
CATCH_UP_EVENTS: Final = 65_536
CATCH_UP_ACTS: Final = 1_024

Progress = Callable[[int, int], None]
"""Told how many positions of both journals are applied, and how many there are."""


class Shelf:
    """See the module."""

    def __init__(
        self, journal: Journal, follower: Follower, database: Database, books: Sequence[Book], texts: Texts
    ) -> None:
        """Raises Damaged when two books have one name."""
        names = [book.name for book in books] + ["desk"]
        if len(set(names)) != len(names):
            raise Damaged(f"two books of the desk have one name: {', '.join(sorted(names))}")
        self.journal = journal
        self.follower = follower
        self.database = database
        self.books = tuple(books)
        self.texts = texts
        self.position: Position | None = None
        """Where the tables stand; None while that has to be found out."""
        self._holds: Holds | None = None

    def close(self) -> None:
        """Let go of everything."""
        self.texts.close()
        self.follower.close()
        self.journal.close()
        self.database.close()

    def forget(self) -> None:
        """A transaction failed: look at the tables again before the next one."""
        self.position, self._holds = None, None

    def apply(self, connection: Connection, first_seq: int, command: Performed) -> tuple[Act, ...]:
        """Apply one command to all books; its acts, the first at this position of the desk's journal."""
        acts = tuple(command.at(first_seq))
        if command.key:
            note_answer(connection, command.person, command.key, command.content, first_seq)
        for act in acts:
            apply_label(connection, act)
            for book in self.books:
                book.apply(connection, act)
        return acts

    # ---- what the decisions' journal says --------------------------------------------------------------------------

    @property
    def behind(self) -> int:
        """Positions of the decisions' journal that are not followed yet."""
        return max(0, self.follower.durable_seq - (self.position.followed_seq if self.position else 0))

    def follow(self, *, to_seq: int | None = None, events_max: int = FOLLOW_EVENTS) -> int:
        """Follow the decisions' journal by one transaction; how many positions."""
        self.catch_up_acts()
        return self._follow(to_seq, events_max)

    def _follow(self, to_seq: int | None, events_max: int) -> int:
        position = self.position
        assert position is not None
        if position.followed_seq >= self.follower.durable_seq:
            return 0
        try:
            with self.database.writing() as connection:
                if self._holds is None:
                    self._holds = load_holds(connection, position.followed_seq)
                facts = self.follower.facts(position.followed_seq, self._holds, to_seq=to_seq, events_max=events_max)
                self._take(connection, facts)
                position = msgspec.structs.replace(position, followed_seq=facts.to_seq)
                write_position(connection, position)
        except BaseException:
            self.forget()
            raise
        self.position = position
        return facts.to_seq - facts.from_seq

    def _take(self, connection: Connection, facts: Facts) -> None:
        if not facts.facts:
            return
        assert self._holds is not None
        write_holds(connection, self._holds, facts)
        follow_labels(connection, facts)
        for book in self.books:
            book.follow(connection, facts)

    # ---- after a stop, and from the start --------------------------------------------------------------------------

    def catch_up(self, progress: Progress = lambda _done, _of: None) -> None:
        """Bring the tables to the end of both journals.

        Raises Damaged when they were made from other journals, Unavailable when the database or positions are missing.
        """
        self.index_texts()
        self.catch_up_acts(progress)
        while self._follow(None, CATCH_UP_EVENTS):
            self._tell(progress)

    def catch_up_acts(self, progress: Progress = lambda _done, _of: None) -> None:
        """Apply every act that is recorded and not in the tables, each after what the desk had followed before it."""
        if self.position is not None:
            return
        with self.database.reading() as connection:
            position = read_position(connection)
        self._check(position)
        self.position = position
        try:
            recorded = self.journal.read(position.acts_seq)
            commands = ((record.first_seq, decode(record)) for record in recorded)
            for followed_seq, group in groupby(commands, key=lambda each: each[1].followed_seq):
                self._follow_to(followed_seq, progress)
                for some in _pieces(group):
                    self._apply_again(some)
                    self._tell(progress)
        except BaseException:
            self.forget()
            raise

    def _follow_to(self, seq: int, progress: Progress) -> None:
        while self.position is not None and self.position.followed_seq < seq:
            if not self._follow(seq, CATCH_UP_EVENTS):
                raise Unavailable(
                    f"people's acts rest on position {seq} of the decisions' journal, which ends at "
                    f"{self.follower.durable_seq}: is it another journal, or was the service not started since?"
                )
            self._tell(progress)

    def _apply_again(self, commands: Sequence[tuple[int, Performed]]) -> None:
        position = self.position
        assert position is not None
        with self.database.writing() as connection:
            for first_seq, command in commands:
                assert first_seq == position.acts_seq
                self.apply(connection, first_seq, command)
                position = Position(
                    first_seq + len(command.acts), position.followed_seq, command.at_ms, position.journal
                )
            position = msgspec.structs.replace(position, journal=self._digest(position.acts_seq))
            write_position(connection, position)
        self.position = position

    def rebuild(self, progress: Progress = lambda _done, _of: None) -> None:
        """Drop every table of the books and of the desk, and fill them anew; as `catch_up`."""
        self.forget()
        metadata = [*(book.migrations.metadata for book in self.books), MIGRATIONS.metadata]
        with self.database.writing() as connection:
            for each in metadata:
                each.drop_all(connection)
            for each in reversed(metadata):
                each.create_all(connection)
        self.catch_up(progress)

    def _check(self, position: Position) -> None:
        """The tables were made from this journal and are not ahead of it."""
        if position.acts_seq > self.journal.durable_seq or position.journal != self._digest(position.acts_seq):
            raise Damaged(
                f"the desk's tables stand at act {position.acts_seq} of another journal than this one, which ends at "
                f"{self.journal.durable_seq}: restore the journal that belongs to them, or run tarim desk rebuild"
            )

    def _digest(self, acts_seq: int) -> str:
        """The chain's digest of the desk's journal before a position."""
        try:
            return self.journal.digest_at(acts_seq - 1) if acts_seq else ""
        except NotFound as error:
            raise Damaged(f"the desk's journal does not hold what its tables were made from: {error.detail}") from None

    def index_texts(self) -> None:
        """Give the vault's index what an earlier process had not written."""
        for record in self.journal.read(min(self.texts.indexed_seq, self.journal.durable_seq)):
            acts = decode(record).at(record.first_seq)
            self.texts.index(acts, record.first_seq + record.count, recovering=True)

    def _tell(self, progress: Progress) -> None:
        if self.position is not None:
            progress(
                self.position.acts_seq + self.position.followed_seq,
                self.journal.durable_seq + self.follower.durable_seq,
            )


def _pieces(commands: Iterator[tuple[int, Performed]]) -> Iterator[list[tuple[int, Performed]]]:
    """Commands in groups of about CATCH_UP_ACTS acts."""
    waiting: list[tuple[int, Performed]] = []
    acts = 0
    for each in commands:
        waiting.append(each)
        acts += len(each[1].acts)
        if acts >= CATCH_UP_ACTS:
            yield waiting
            waiting, acts = [], 0
    if waiting:
        yield waiting
