"""The two journals and the tables made from them, kept in step.  One thread at a time.

    perform    a command reads the tables and gives drafts; they are applied, then appended to the desk's journal, which is made
               durable, then the tables are committed.  What a book cannot apply is never recorded; what is recorded and was
               not committed is applied again from the journal before anything else
    follow     what is new in the decisions' journal is applied, together with the position it came from
    rebuild    every table is dropped and made anew from both journals, in the order in which the desk had met them

The order is in the journal: each command says up to which position of the decisions' journal the desk had followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.base.instants import Clock
from tarim.decisions import Holds
from tarim.desk.acts import ActsKind, Performed, decode, encode, performed
from tarim.desk.adapters.tables import MIGRATIONS
from tarim.desk.domain import Act, Facts, Once, check_drafts, require_person
from tarim.desk.follower import Follower
from tarim.desk.holds import load_holds, write_holds
from tarim.desk.labels import apply_label, follow_labels
from tarim.desk.ports import Book, Command
from tarim.desk.position import (
    Position,
    answered,
    digest_of,
    note_answer,
    read_position,
    write_position,
)
from tarim.desk.texts import Texts
from tarim.journal import Journal
from tarim.records import Database

FOLLOW_EVENTS: Final = 8_192
"""Events of one transaction while people work."""
CATCH_UP_EVENTS: Final = 65_536
CATCH_UP_ACTS: Final = 1_024

Progress = Callable[[int, int], None]
"""Told how many positions of both journals are applied, and how many there are."""


class RecordedNotShown(Unavailable):
    """The command is recorded for good; the tables will show it once the database answers again."""

    code = "recorded-not-shown"


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that waits for its turn."""

    person: str
    command: Command
    once: Once | None = None


Answer = tuple[Act, ...] | BaseException
"""The acts that a command led to, or why it was refused."""


class Ledger:
    """See the module.  `Desk` gives it a thread."""

    def __init__(
        self,
        journal: Journal,
        follower: Follower,
        database: Database,
        books: Sequence[Book],
        texts: Texts,
        clock: Clock,
    ) -> None:
        """Raises Damaged when a book's name or table is another's too."""
        names = [book.name for book in books] + ["desk"]
        if len(set(names)) != len(names):
            raise Damaged(f"two books of the desk have one name: {', '.join(sorted(names))}")
        self.journal = journal
        self.follower = follower
        self.database = database
        self.books = tuple(books)
        self.texts = texts
        self._clock = clock
        self._position: Position | None = None
        self._holds: Holds | None = None
        self.broken = ""
        """Why nothing can be recorded any more until a restart, "" when it can."""

    @property
    def position(self) -> Position | None:
        """Where the tables stand; None while that has to be found out."""
        return self._position

    # ---- what persons do -------------------------------------------------------------------------------------------

    def perform(self, asked: Sequence[Asked]) -> list[Answer]:
        """Carry out commands one after the other, durable together; the answer of each.

        Raises Unavailable when none was looked at.
        """
        self._require_working()
        self.catch_up_acts()
        answers: list[Answer] = []
        position = self._position
        assert position is not None
        before_seq = self.journal.next_seq
        try:
            with self.database.writing() as connection:
                for each in asked:
                    answer, position = self._answer(connection, position, each)
                    answers.append(answer)
                if self.journal.next_seq > before_seq:
                    self._durable()
                    position = msgspec.structs.replace(position, journal=self.journal.digest)
                    write_position(connection, position)
        except BaseException as error:
            self._forget()
            if self.broken or self.journal.next_seq == before_seq:
                raise
            self._durable()
            self._index_texts()
            recorded = [isinstance(answer, tuple) and bool(answer) for answer in answers]
            recorded.append(self.journal.next_seq > position.acts_seq)  # of the command that the database failed at
            return [_lost(answers, recorded, place, error) for place in range(len(asked))]
        self._position = position
        acts = [act for answer in answers if isinstance(answer, tuple) for act in answer if act.seq >= before_seq]
        if acts:
            with suppress(
                Unavailable
            ):  # while its index cannot be written the vault destroys no key; a restart mends it
                self.texts.index(acts, position.acts_seq)
        return answers

    def _require_working(self) -> None:
        if self.broken:
            raise Unavailable(self.broken)

    def _durable(self) -> None:
        """Make durable what was appended.  A disk that fails leaves a state that only a restart can look at."""
        try:
            self.journal.commit()
        except Unavailable as error:
            self.broken = error.detail
            raise

    def _answer(self, connection: Connection, position: Position, asked: Asked) -> tuple[Answer, Position]:
        """What one command leads to, and where the tables stand after it."""
        nested = connection.begin_nested()
        try:
            acts, position = self._carry_out(connection, position, asked)
            nested.commit()
        except Exception as error:  # the supervisor: one command that fails is answered, the others go on
            if self.broken or self.journal.next_seq > position.acts_seq or connection.invalidated:
                raise
            nested.rollback()
            if isinstance(error, OperationalError):
                return Unavailable("the database does not answer; nothing was done"), position
            return error, position
        return acts, position

    def _carry_out(self, connection: Connection, position: Position, asked: Asked) -> tuple[tuple[Act, ...], Position]:
        require_person(asked.person)
        once = asked.once
        if once is not None:
            first_seq = answered(connection, asked.person, once)
            if first_seq is not None:
                return self._recorded(first_seq), position
        drafts = list(asked.command(connection))
        if not drafts:
            return (), position
        check_drafts(drafts)
        key, content = (once.key, digest_of(once)) if once is not None else ("", b"")
        at_ms = max(self._clock.now_ms(), position.at_ms)
        payload = encode(performed(asked.person, at_ms, position.followed_seq, key, content, drafts))
        acts = self._apply(connection, position.acts_seq, msgspec.msgpack.decode(payload, type=Performed))
        self.journal.reserve(len(payload))
        try:
            first_seq = self.journal.append(ActsKind.ACTS, [payload], len(acts))
        except Unavailable as error:
            self.broken = error.detail
            raise
        assert first_seq == position.acts_seq
        return acts, msgspec.structs.replace(position, acts_seq=first_seq + len(acts), at_ms=at_ms)

    def _recorded(self, first_seq: int) -> tuple[Act, ...]:
        """The acts of a command that was recorded before."""
        if first_seq >= self.journal.durable_seq:
            self._durable()
        return tuple(decode(self.journal.read_at(first_seq)).at(first_seq))

    def _apply(self, connection: Connection, first_seq: int, command: Performed) -> tuple[Act, ...]:
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
        return max(0, self.follower.durable_seq - (self._position.followed_seq if self._position else 0))

    def follow(self, *, to_seq: int | None = None, events_max: int = FOLLOW_EVENTS) -> int:
        """Follow the decisions' journal by one transaction; how many positions."""
        self.catch_up_acts()
        return self._follow(to_seq, events_max)

    def _follow(self, to_seq: int | None, events_max: int) -> int:
        position = self._position
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
            self._forget()
            raise
        self._position = position
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
        self._index_texts()
        self.catch_up_acts(progress)
        while self._follow(None, CATCH_UP_EVENTS):
            self._tell(progress)

    def catch_up_acts(self, progress: Progress = lambda _done, _of: None) -> None:
        """Apply every act that is recorded and not in the tables, each after what the desk had followed before it."""
        if self._position is not None:
            return
        with self.database.reading() as connection:
            position = read_position(connection)
        self._check(position)
        self._position = position
        try:
            recorded = self.journal.read(position.acts_seq)
            commands = ((record.first_seq, decode(record)) for record in recorded)
            for followed_seq, group in groupby(commands, key=lambda each: each[1].followed_seq):
                self._follow_to(followed_seq, progress)
                for some in _pieces(group):
                    self._apply_again(some)
                    self._tell(progress)
        except BaseException:
            self._forget()
            raise

    def _follow_to(self, seq: int, progress: Progress) -> None:
        while self._position is not None and self._position.followed_seq < seq:
            if not self._follow(seq, CATCH_UP_EVENTS):
                raise Unavailable(
                    f"people's acts rest on position {seq} of the decisions' journal, which ends at "
                    f"{self.follower.durable_seq}: is it another journal, or was the service not started since?"
                )
            self._tell(progress)

    def _apply_again(self, commands: Sequence[tuple[int, Performed]]) -> None:
        position = self._position
        assert position is not None
        with self.database.writing() as connection:
            for first_seq, command in commands:
                assert first_seq == position.acts_seq
                self._apply(connection, first_seq, command)
                position = Position(
                    first_seq + len(command.acts), position.followed_seq, command.at_ms, position.journal
                )
            position = msgspec.structs.replace(position, journal=self._digest(position.acts_seq))
            write_position(connection, position)
        self._position = position

    def rebuild(self, progress: Progress = lambda _done, _of: None) -> None:
        """Drop every table of the books and of the desk, and fill them anew; as `catch_up`."""
        self._forget()
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

    def _index_texts(self) -> None:
        """Give the vault's index what an earlier process had not written."""
        for record in self.journal.read(min(self.texts.indexed_seq, self.journal.durable_seq)):
            acts = decode(record).at(record.first_seq)
            self.texts.index(acts, record.first_seq + record.count, recovering=True)

    def _forget(self) -> None:
        """A transaction failed: look at the tables again before the next one."""
        self._position, self._holds = None, None

    def _tell(self, progress: Progress) -> None:
        if self._position is not None:
            progress(
                self._position.acts_seq + self._position.followed_seq,
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


def _lost(answers: Sequence[Answer], recorded: Sequence[bool], place: int, error: BaseException) -> Answer:
    """What a command is answered whose transaction was lost with `error`, at the command after the last answer."""
    if place < len(recorded) and recorded[place]:
        return RecordedNotShown(
            "it is recorded, and shown as soon as the database answers again; ask with the same key"
        )
    if place < len(answers) and isinstance(answers[place], BaseException):
        return answers[place]
    if place == len(answers) and not isinstance(error, OperationalError):
        return error
    return Unavailable("the database does not answer; nothing was done")
