"""A change of a list as journal records: any number of parts, then one closing record that makes all of it effective.

    part      MessagePack: change, list, index, columns of at most PART_ENTRIES entries
    closing   MessagePack: change, list, its definition when the list is new, parts, entries, digest, who and when

The digest is SHA-256 over the definition and all parts as they are written: it is what two persons agree on.  Parts that no
closing record follows have no effect; part 0 of another change takes their place.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec
import numpy as np

from tarim.base.errors import Damaged
from tarim.screening.lists.domain import Entries, ListDefinition

PART_ENTRIES: Final = 256
PART_BYTES_MAX: Final = 1 << 20
"""256 entries with texts of their own, all at their longest, take 0.3 MB."""


class Part(msgspec.Struct, frozen=True, array_like=True, tag="part"):
    """Some entries of a change.  customers: "" when all are 0.  texts: pairs (source, reason); text_of: uint16[n]."""

    change: str
    list_name: str
    index: int
    customers: bytes
    tokens: bytes
    periods: bytes
    texts: list[tuple[str, str]]
    text_of: bytes
    masked: list[str]

    def __len__(self) -> int:
        return len(self.masked)

    def __repr__(self) -> str:
        return f"<Part {self.index} of change {self.change}, {len(self)} entries>"

    def entries(self) -> Entries:
        """The entries as columns."""
        count = len(self)
        pairs = [self.texts[index] for index in np.frombuffer(self.text_of, np.uint16).tolist()]
        return Entries(
            np.frombuffer(self.customers, np.int64) if self.customers else np.zeros(count, np.int64),
            np.frombuffer(self.tokens, np.int64),
            np.frombuffer(self.periods, np.int64),
            [source for source, _ in pairs],
            [reason for _, reason in pairs],
            self.masked,
        )


class Closing(msgspec.Struct, frozen=True, array_like=True, tag="closing"):
    """A change is complete and effective: what it is, and who wanted and who released it, in milliseconds."""

    change: str
    list_name: str
    definition: ListDefinition | None
    parts: int
    entries: int
    digest: str
    author: str
    approver: str
    reason: str
    note: str
    proposed_ms: int
    at_ms: int


Record = Part | Closing

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[Record]] = msgspec.msgpack.Decoder(Record)


def encode_part(change: str, list_name: str, index: int, entries: Entries) -> bytes:
    """Part `index` of a change, of at most PART_ENTRIES entries."""
    assert 0 < len(entries) <= PART_ENTRIES
    places: dict[tuple[str, str], int] = {}
    text_of = [places.setdefault(pair, len(places)) for pair in zip(entries.sources, entries.reasons, strict=True)]
    part = Part(
        change,
        list_name,
        index,
        entries.customers.tobytes() if entries.customers.any() else b"",
        entries.tokens.tobytes(),
        entries.periods.tobytes(),
        list(places),
        np.array(text_of, np.uint16).tobytes(),
        entries.masked,
    )
    payload = _encoder.encode(part)
    assert len(payload) <= PART_BYTES_MAX
    return payload


def encode_closing(closing: Closing) -> bytes:
    """The closing record."""
    return _encoder.encode(closing)


def decode_record(payload: bytes | memoryview) -> Record:
    """A part or a closing record.  Raises Damaged."""
    try:
        record = _decoder.decode(payload)
    except msgspec.MsgspecError:
        raise Damaged("a list's record in the journal cannot be read") from None
    if isinstance(record, Part):
        words, count = 8 * len(record), len(record)
        text_of = np.frombuffer(record.text_of, np.uint16) if len(record.text_of) % 2 == 0 else None
        if (
            len(record.tokens) != words
            or len(record.periods) != words
            or len(record.customers) not in (0, words)
            or text_of is None
            or len(text_of) != count
            or (count and int(text_of.max()) >= len(record.texts))
        ):
            raise Damaged("a list's record in the journal has columns of different lengths")
    return record


class ContentDigest:
    """SHA-256 over what a change holds: the definition of a new list, then its parts in order."""

    def __init__(self) -> None:
        self._parts = hashlib.sha256()

    def add(self, payload: bytes | memoryview) -> None:
        """The next part, as written."""
        self._parts.update(payload)

    def hexdigest(self, definition: ListDefinition | None) -> str:
        """The digest, hexadecimal."""
        head = b"" if definition is None else _encoder.encode(definition)
        return hashlib.sha256(head + b"\x00" + self._parts.digest()).hexdigest()
