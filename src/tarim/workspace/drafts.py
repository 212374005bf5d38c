"""Drafts of rulesets, by person."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, delete, func, or_, select, update

from tarim.base.errors import Conflict, NotFound
from tarim.base.instants import Clock
from tarim.records import Database
from tarim.workspace.adapters.tables import DRAFTS
from tarim.workspace.domain import DRAFTS_MAX, Draft, DraftMoved, Writing

_LISTED: Final = (DRAFTS.c.id, DRAFTS.c.title, DRAFTS.c.base, DRAFTS.c.revision, DRAFTS.c.begun_ms, DRAFTS.c.saved_ms)


class Drafts:
    """What is being written.  Blocks; threads may share it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def kept(self, person: str) -> list[Draft]:
        """The person's drafts without their texts, the one saved last first."""
        wanted = select(*_LISTED).where(DRAFTS.c.person == person).order_by(DRAFTS.c.saved_ms.desc(), DRAFTS.c.id)
        with self._database.reading() as connection:
            return [_draft(row, "") for row in connection.execute(wanted).mappings()]

    def read(self, person: str, draft: str) -> Draft:
        """One of them.  Raises NotFound."""
        with self._database.reading() as connection:
            return _read(connection, person, draft)

    def begin(self, person: str, writing: Writing) -> Draft:
        """Keep a new draft; sent again, it is the same one.  Raises what `save` raises, and Conflict beyond DRAFTS_MAX."""
        writing.check()
        mine = DRAFTS.c.person == person
        with self._database.writing() as connection:
            self._database.lock(connection, f"workspace-drafts {person}")
            known = connection.execute(select(DRAFTS.c.id).where(mine, DRAFTS.c.id == writing.id)).first()
            if known is not None:
                return self._saved(connection, person, writing)
            count = connection.execute(select(func.count()).select_from(DRAFTS).where(mine)).scalar_one()
            if count >= DRAFTS_MAX:
                raise Conflict(
                    f"{DRAFTS_MAX} drafts are kept already; discard one first. 草稿已满 {DRAFTS_MAX} 份，请先删除一份。"
                )
            now_ms = self._clock.now_ms()
            connection.execute(
                DRAFTS.insert().values(
                    person=person, id=writing.id, title=writing.title, text=writing.text, base=writing.base,
                    writer=writing.writer, revision=1, begun_ms=now_ms, saved_ms=now_ms,
                )
            )  # fmt: skip
            return _read(connection, person, writing.id)

    def save(self, person: str, writing: Writing) -> Draft:
        """Keep what the page holds now.

        Raises NotFound for a draft that was discarded, DraftMoved when another page has saved it since, FieldError, TooLarge.
        """
        writing.check()
        with self._database.writing() as connection:
            return self._saved(connection, person, writing)

    def discard(self, person: str, draft: str) -> None:
        """Let it go for good.  Raises NotFound."""
        with self._database.writing() as connection:
            gone = connection.execute(delete(DRAFTS).where(DRAFTS.c.person == person, DRAFTS.c.id == draft))
            if not gone.rowcount:
                raise _none()

    def _saved(self, connection: Connection, person: str, writing: Writing) -> Draft:
        """In one statement: of two pages that save at once the second finds that it is not the last writer any more."""
        done = connection.execute(
            update(DRAFTS)
            .where(
                DRAFTS.c.person == person,
                DRAFTS.c.id == writing.id,
                or_(DRAFTS.c.writer == writing.writer, DRAFTS.c.revision == writing.opened),
            )
            .values(
                title=writing.title, text=writing.text, base=writing.base, writer=writing.writer,
                revision=DRAFTS.c.revision + 1, saved_ms=self._clock.now_ms(),
            )
        )  # fmt: skip
        draft = _read(connection, person, writing.id)
        if not done.rowcount:
            raise DraftMoved("another page has saved this draft since. 草稿已在其他页面更新。")
        return draft


def _read(connection: Connection, person: str, draft: str) -> Draft:
    wanted = select(*_LISTED, DRAFTS.c.text).where(DRAFTS.c.person == person, DRAFTS.c.id == draft)
    row = connection.execute(wanted).mappings().first()
    if row is None:
        raise _none()
    return _draft(row, row["text"])


def _none() -> NotFound:
    return NotFound("you have no such draft; it was discarded or proposed. 没有此草稿，可能已删除或已提交。")


def _draft(row: Any, text: str) -> Draft:
    return Draft(row["id"], row["title"], text, row["base"], row["revision"], row["begun_ms"], row["saved_ms"])
