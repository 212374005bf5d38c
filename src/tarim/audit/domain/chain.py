"""The chain: each entry's digest covers its number, its content and the digest of the entry before it.

    digest(n) = SHA-256("tarim-audit-1" 0x00 | digest(n - 1), 32 bytes | n, 8 bytes big endian | content of entry n)

Entries are numbered from 1 without gaps; the digest before the first is GENESIS.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tarim.audit.domain.entry import Entry, content

_DOMAIN: Final = b"tarim-audit-1\x00"
GENESIS: Final = sha256(_DOMAIN).digest()
DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a trail: its number (0 for none) and its digest."""

    seq: int = 0
    digest: bytes = GENESIS


@dataclass(frozen=True, slots=True)
class Chained:
    """An entry with its place; before, digest: 32 bytes each."""

    seq: int
    entry: Entry
    before: bytes
    digest: bytes


def digest_of(seq: int, before: bytes, of: bytes) -> bytes:
    """The digest of entry `seq` with this content."""
    return sha256(_DOMAIN + before + seq.to_bytes(8, "big", signed=True) + of).digest()


def chained(head: Head, entry: Entry) -> Chained:
    """The entry, as the one after `head`."""
    seq = head.seq + 1
    return Chained(seq, entry, head.digest, digest_of(seq, head.digest, content(entry)))
