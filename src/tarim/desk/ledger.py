"""What persons do: a command reads the tables, and what it says is recorded and shown.  One thread at a time.

    read       the command looks at the tables, refuses, or gives drafts
    apply      the books take the drafts in, in a transaction that nobody sees yet; what a book cannot apply is never recorded
    append     the drafts lie in the desk's journal, and are made durable, for all commands of a group at once
    commit     the tables show them, with the positions of both journals

What is recorded and was not committed is applied again from the journal before anything else (`Shelf.catch_up_acts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from tarim.base.errors import RecordedNotShown, Unavailable
from tarim.base.instants import Clock
from tarim.desk.acts import ActsKind, Performed, decode, encode, performed
from tarim.desk.domain import Act, Once, check_drafts, require_person
from tarim.desk.ports import Command
from tarim.desk.position import Position, answered, digest_of, write_position
from tarim.desk.shelf import Shelf


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

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self.shelf = shelf
        self._journal = shelf.journal
        self._clock = clock
        self.broken = ""
        """Why nothing can be recorded any more until a restart, "" when it can."""

    def perform(self, asked: Sequence[Asked]) -> list[Answer]:
        """Carry out commands one after the other, durable together; the answer of each.

        Raises Unavailable when none was looked at.
        """
        self._require_working()
        self.shelf.catch_up_acts()
        answers: list[Answer] = []
        position = self.shelf.position
        assert position is not None
        before_seq = self._journal.next_seq
        try:
            with self.shelf.database.writing() as connection:
                for each in asked:
                    answer, position = self._answer(connection, position, each)
                    answers.append(answer)
                if self._journal.next_seq > before_seq:
                    self._durable()
                    position = msgspec.structs.replace(position, journal=self._journal.digest)
                    write_position(connection, position)
        except BaseException as error:
            self.shelf.forget()
            if self.broken or self._journal.next_seq == before_seq:
                raise
            self._durable()
            self.shelf.index_texts()
            recorded = [isinstance(answer, tuple) and bool(answer) for answer in answers]
            recorded.append(self._journal.next_seq > position.acts_seq)  # of the command that the database failed at
            return [_lost(answers, recorded, place, error) for place in range(len(asked))]
        self.shelf.position = position
        acts = [act for answer in answers if isinstance(answer, tuple) for act in answer if act.seq >= before_seq]
        if acts:
            with suppress(Unavailable):  # the vault destroys no key then, and a restart writes its index
                self.shelf.texts.index(acts, position.acts_seq)
        return answers

    def _require_working(self) -> None:
        if self.broken:
            raise Unavailable(self.broken)

    def _durable(self) -> None:
        """Make durable what was appended.  A disk that fails leaves a state that only a restart can look at."""
        try:
            self._journal.commit()
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
            if self.broken or self._journal.next_seq > position.acts_seq or connection.invalidated:
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
        acts = self.shelf.apply(connection, position.acts_seq, msgspec.msgpack.decode(payload, type=Performed))
        self._journal.reserve(len(payload))
        try:
            first_seq = self._journal.append(ActsKind.ACTS, [payload], len(acts))
        except Unavailable as error:
            self.broken = error.detail
            raise
        assert first_seq == position.acts_seq
        return acts, msgspec.structs.replace(position, acts_seq=first_seq + len(acts), at_ms=at_ms)

    def _recorded(self, first_seq: int) -> tuple[Act, ...]:
        """The acts of a command that was recorded before."""
        if first_seq >= self._journal.durable_seq:
            self._durable()
        return tuple(decode(self._journal.read_at(first_seq)).at(first_seq))


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
