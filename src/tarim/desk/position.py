"""Where the desk's tables stand, and commands that were given before; in the same transaction as what was applied."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select

from tarim.base.errors import Conflict
from tarim.desk.adapters.tables import ANSWERS, POSITION
from tarim.desk.domain import Once

_ROW: Final = 1


class Position(msgspec.Struct, frozen=True):
    """acts_seq, followed_seq: the next positions of the desk's and of the decisions' journal; at_ms: of the last act.

    journal: the chain's digest of the desk's journal up to there, "" before the first act.
    """

    acts_seq: int = 0
    followed_seq: int = 0
    at_ms: int = 0
    journal: str = ""


def read_position(connection: Connection) -> Position:
    """Where the tables stand; the beginning when they are empty."""
    row = connection.execute(select(POSITION).where(POSITION.c.id == _ROW)).one_or_none()
    return Position() if row is None else Position(row.acts_seq, row.followed_seq, row.at_ms, row.journal)


def write_position(connection: Connection, position: Position) -> None:
    """Say where the tables stand."""
    connection.execute(delete(POSITION).where(POSITION.c.id == _ROW))
    connection.execute(insert(POSITION), {"id": _ROW, **msgspec.structs.asdict(position)})


def digest_of(once: Once) -> bytes:
    """What stands for the content of a command that may be repeated."""
    return hashlib.sha256(once.content).digest()


def answered(connection: Connection, person: str, once: Once) -> int | None:
    """Position of the acts that this command led to before, None for a new one.  Raises Conflict for other content."""
    chosen = select(ANSWERS).where(ANSWERS.c.person == person, ANSWERS.c.key == once.key)
    row = connection.execute(chosen).one_or_none()
    if row is None:
        return None
    if bytes(row.content) != digest_of(once):
        raise Conflict("this idempotency key was used for something else; use another one")
    return int(row.first_seq)


def note_answer(connection: Connection, person: str, key: str, content: bytes, first_seq: int) -> None:
    """Know a command by its key from now on."""
    connection.execute(insert(ANSWERS), {"person": person, "key": key, "content": content, "first_seq": first_seq})
