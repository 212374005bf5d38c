"""Acts as bytes of the desk's journal.

One command is one record of kind ACTS; it takes a position for each act.  Its payload is MessagePack:

    person, at_ms     whose command, and when
    followed_seq      up to which position of the decisions' journal the desk had followed: a refill interleaves both journals
                      in the same order
    key, content      idempotency key, and SHA-256 of what was asked; "" and b"" without
    acts              (kind, subject, body) of each
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Final

import msgspec

from tarim.base.errors import Damaged
from tarim.desk.domain import Act, Draft
from tarim.journal import Record


class ActsKind(IntEnum):
    """Kinds of records in the desk's journal."""

    ACTS = 1


class Performed(msgspec.Struct, frozen=True, array_like=True):
    """One command as it is recorded."""

    person: str
    at_ms: int
    followed_seq: int
    key: str
    content: bytes
    acts: list[tuple[str, str, dict[str, Any]]]

    def at(self, first_seq: int) -> list[Act]:
        """Its acts, the first at this position."""
        return [
            Act(seq, kind, subject, self.person, self.at_ms, body)
            for seq, (kind, subject, body) in enumerate(self.acts, first_seq)
        ]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Performed)


def performed(person: str, at_ms: int, followed_seq: int, key: str, content: bytes, drafts: list[Draft]) -> Performed:
    """A command's drafts on their way to the journal."""
    acts = [(draft.kind, draft.subject, draft.body) for draft in drafts]
    return Performed(person, at_ms, followed_seq, key, content, acts)


def encode(command: Performed) -> bytes:
    """Payload of its record."""
    return _encoder.encode(command)


def decode(record: Record) -> Performed:
    """The command of a record.  Raises Damaged."""
    try:
        found = _decoder.decode(record.payload)
    except msgspec.MsgspecError:
        raise Damaged(f"the desk's record at {record.first_seq} cannot be read") from None
    if record.kind != ActsKind.ACTS or len(found.acts) != record.count:
        raise Damaged(f"the desk's record at {record.first_seq} is of a kind or length this version does not know")
    return found


def sealed_in(body: Any) -> Iterator[tuple[int, str]]:
    """(customer, base64) of every sealed value in a body (`Texts.seal`)."""
    if isinstance(body, dict):
        if body.keys() == {"of", "sealed"}:
            yield int(body["of"]), str(body["sealed"])
            return
        body = list(body.values())
    if isinstance(body, list | tuple):
        for each in body:
            yield from sealed_in(each)
