"""Carrying out deletions that two persons agreed to: in the vault of the decisions, then in that of the desk.

    approved ──nothing stands in the way──► erasing ──both vaults have destroyed the keys──► erased
        └──something does──► requested again, with what it was

A desk that dies on the way does the same again: both vaults know by instant what they have destroyed.  Between looking and
beginning nothing gets in: a legal hold and the beginning are commands of the same desk, one after the other, and the decisions
service refuses where the customer has done something since.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from tarim.base.errors import InputError, NotFound
from tarim.base.repeating import Repeater
from tarim.desk import SYSTEM, Draft, Post
from tarim.redress.adapters.rows import Filter, list_files, read_file
from tarim.redress.book import step_draft
from tarim.redress.domain.erasure import ERASURE, Begin, Erasure, Finish, NotErasable, Obstacle, State, Stop
from tarim.redress.domain.files import Event, Hand
from tarim.redress.domain.steps import step
from tarim.redress.work import Redress

PATH: Final = "/v1/customers:erase"
AT_ONCE: Final = 64
_LOOK_S: Final = 2.0
_CONFLICT: Final = "409"
"""How a refusal begins that says that the customer has done something since."""


class Eraser(Repeater):
    """Starts with `start`; `close` waits for the deletion under way.  `trouble`: why deletions wait."""

    def __init__(self, redress: Redress, link: Post, retry_s_max: float) -> None:
        super().__init__(
            "desk-erasures",
            self.carry_out,
            every_s=_LOOK_S,
            retry_s_max=retry_s_max,
            log="tarim.redress",
            waits="deletions wait",
        )
        self._redress, self._link = redress, link
        self._desk = redress.parts.desk

    def carry_out(self) -> int:
        """Carry out every deletion that waits; how many were finished or stopped.  Raises what the service raises."""
        done = 0
        for file in self._waiting():
            if self.closing:
                break
            if file.state == State.APPROVED:
                if not self._begun(file):
                    done += 1
                    continue
                file = self._read(file.id)
            self._destroy(file)
            done += 1
        return done

    def _waiting(self) -> list[Erasure]:
        def waiting(connection: Connection) -> list[Erasure]:
            found = [
                file
                for state in (State.ERASING, State.APPROVED)
                for _, file in list_files(connection, Filter(ERASURE.name, state=state.value), AT_ONCE)
            ]
            return [file for file in found if isinstance(file, Erasure)]

        return self._desk.read(waiting).result()

    def _read(self, file_id: str) -> Erasure:
        file = self._desk.read(lambda connection: read_file(connection, file_id)[1]).result()
        assert isinstance(file, Erasure)
        return file

    def _begun(self, file: Erasure) -> bool:
        """Whether nothing stands in the way; what does is recorded."""
        last_ms, through_seq = self._redress.parts.decisions.last_event(file.customer)

        def command(connection: Connection) -> Sequence[Draft]:
            _, found = read_file(connection, file.id)
            try:
                self._redress.require_erasable(connection, found, last_ms)
            except NotErasable as error:
                return [self._draft(connection, file.id, Stop(error.obstacle))]
            return [self._draft(connection, file.id, Begin(through_seq))]

        (act,) = self._desk.perform(SYSTEM, command)
        return act.kind.endswith("_begin")

    def _destroy(self, file: Erasure) -> None:
        order = {
            "erasure": file.id,
            "customer": f"{file.customer:016x}",
            "people": [file.asked_by, file.approved_by],
            "through_seq": file.through_seq,
            "begun_ms": file.begun_ms,
        }
        try:
            self._link.post(PATH, order)
        except InputError as error:
            if not error.detail.startswith(_CONFLICT):
                raise  # not this customer's matter: it waits, and is told as trouble
            self.log.warning("a deletion was refused", erasure=file.id, trouble=error.detail)
            self._perform(file.id, Stop(Obstacle.NEW_EVENTS))
            return
        texts = self._desk.texts
        keys = texts.destroyed_at(file.customer, file.begun_ms)
        if keys is None:
            try:
                keys = texts.destroy(file.customer, file.begun_ms, texts.indexed_seq)
            except NotFound:  # nobody ever wrote about this customer
                keys = 0
        self._perform(file.id, Finish(keys))

    def _perform(self, file_id: str, event: Event) -> None:
        self._desk.perform(SYSTEM, lambda connection: [self._draft(connection, file_id, event)])

    def _draft(self, connection: Connection, file_id: str, event: Event) -> Draft:
        kind, found = read_file(connection, file_id)
        step(kind, found, event, Hand(SYSTEM, self._desk.now_ms()))  # refused now rather than when applied
        return step_draft(kind, file_id, event)
