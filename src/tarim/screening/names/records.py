"""What name screening writes to the journal: records of kind NAMES, MessagePack.

No name of a customer or payee is in any of them: parties are tokens, and what was registered is sealed bytes.

    edition       an edition of a watch list came into force
    register      names of customers, sealed, as they were registered
    matches       somebody matches a listed party
    screening     all customers were screened against editions; which entries' older matches are settled by it
    confirmed     a person found a match to be true
    good guy      two persons found a match to be false, until an instant
    good guy end  a person ended that early
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from tarim.base.errors import Damaged

REGISTERED_MAX: Final = 1_000
"""Customers of one register record."""
FOUND_MAX: Final = 5_000
"""Matches of one record."""


class PartyKind(StrEnum):
    """Whose name it is."""

    CUSTOMER = "customer"
    PAYEE = "payee"


class Party(msgspec.Struct, frozen=True, array_like=True):
    """Who may be listed: token of a customer, or of a payee's account."""

    kind: PartyKind
    token: int


class Edition(msgspec.Struct, frozen=True, tag="edition", tag_field="what"):
    """An edition in force from here on.

    digest: of the kept bytes, hex.  replaces: digest of the edition it was compared with, "" for none.  source_digest: of the
    publisher's files.  entries, added, changed, removed: counts.  author and approver are persons.
    """

    list_name: str
    digest: str
    replaces: str
    source_digest: str
    dated: str
    entries: int
    added: int
    changed: int
    removed: int
    author: str
    approver: str
    reason: str
    at_ms: int


class Registered(msgspec.Struct, frozen=True, array_like=True):
    """One customer's sealed name.  digest: keyed hash of what was sealed, to know a repetition."""

    customer: int
    digest: int
    sealed: bytes


class Register(msgspec.Struct, frozen=True, tag="register", tag_field="what"):
    """Customers as they were registered, each once, at most REGISTERED_MAX."""

    customers: list[Registered]
    at_ms: int


class Found(msgspec.Struct, frozen=True, array_like=True):
    """A match.

    entry_digest: of the entry as it was compared; score in hundredths, 1 to 100; listed: its name that is most alike.
    """

    party: Party
    list_name: str
    entry: str
    entry_digest: str
    score: int
    listed: str


class Matches(msgspec.Struct, frozen=True, tag="matches", tag_field="what"):
    """Matches.  screening: the id of the screening of all customers that found them, "" for an event's payee."""

    screening: str
    found: list[Found]
    at_ms: int


class Screening(msgspec.Struct, frozen=True, tag="screening", tag_field="what"):
    """All customers registered before journal position `register_seq` were screened against `editions` (list: digest).

    full: every customer against every entry.  settled: entries (list, id), renewed: tokens of customers, whose earlier matches
    are replaced by what this screening found.  threshold: hundredths.  result: digest of the kept result, hex.
    """

    id: str
    editions: dict[str, str]
    threshold: int
    register_seq: int
    full: bool
    settled: list[tuple[str, str]]
    renewed: list[int]
    result: str
    customers: int
    entries: int
    found: int
    at_ms: int


class Confirmed(msgspec.Struct, frozen=True, tag="confirmed", tag_field="what"):
    """A person found a match to be true."""

    party: Party
    list_name: str
    entry: str
    author: str
    reason: str
    at_ms: int


class GoodGuy(msgspec.Struct, frozen=True, tag="good-guy", tag_field="what"):
    """This party is not that entry, as the entry stood when it was looked at; until_ms is excluded.

    Two persons found it so, that the same match does not alarm again every night.  When the entry changes, it counts again.
    """

    party: Party
    list_name: str
    entry: str
    entry_digest: str
    until_ms: int
    reason: str
    author: str
    approver: str
    at_ms: int


class GoodGuyEnd(msgspec.Struct, frozen=True, tag="good-guy-end", tag_field="what"):
    """The match counts again from here on: what restores protection needs one person."""

    party: Party
    list_name: str
    entry: str
    author: str
    reason: str
    at_ms: int


Record = Edition | Register | Matches | Screening | Confirmed | GoodGuy | GoodGuyEnd

_encode = msgspec.msgpack.Encoder().encode
_decoder: Final[msgspec.msgpack.Decoder[Record]] = msgspec.msgpack.Decoder(Record)


def encode_record(record: Record) -> bytes:
    """Payload of a NAMES record; the same content gives the same bytes."""
    return _encode(record)


def decode_record(payload: bytes | memoryview) -> Record:
    """The content of a NAMES record.  Raises Damaged."""
    try:
        return _decoder.decode(payload)
    except msgspec.MsgspecError:
        raise Damaged("a record of name screening in the journal cannot be read") from None
