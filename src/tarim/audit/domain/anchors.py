"""Anchors and bridges: signed statements about the chain that are kept where the entries are not.

An anchor says how many entries there were at an instant and what the last digest was: who holds it finds truncation and
rewriting, even by somebody who could compute every digest anew.  A bridge stands for entries that were dropped when their
time was over; it names the export that holds them.
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from tarim.base.canonical import canonical_json
from tarim.base.errors import Damaged

FORMAT: Final = 1
LINE_BYTES_MAX: Final = 2_048


class Seal(Protocol):
    """Signs and checks; `tarim.privacy.Signer` is one."""

    @property
    def public_key_hex(self) -> str:
        """64 hexadecimal digits."""

    def sign(self, content: bytes, /) -> bytes:
        """The signature."""

    def verify(self, content: bytes, signature: bytes, /) -> None:
        """Raises Damaged when it is not this key's signature of the content."""


class Anchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """seq: how many entries there were, from the first ever; head: the digest of the last, hex; at_ms: when.

    key: the public key, hex; signature: over `signed_bytes`, hex.
    """

    seq: int
    head: str
    at_ms: int
    key: str
    signature: str = ""
    format: int = FORMAT


class Bridge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """first_seq, last_seq: the entries dropped; before, head: digests before the first and of the last, hex.

    export: id of the approved export that holds them; lines_sha256: digest of its lines, hex; who: by whom; at_ms: when.
    """

    first_seq: int
    last_seq: int
    before: str
    head: str
    export: str
    lines_sha256: str
    who: str
    at_ms: int
    key: str
    signature: str = ""
    format: int = FORMAT


def signed_bytes(statement: Anchor | Bridge) -> bytes:
    """What is signed: its kind and every field but the signature."""
    fields = msgspec.structs.asdict(statement)
    del fields["signature"]
    return canonical_json({"tarim": f"audit {type(statement).__name__.lower()}", **fields})


def signed_anchor(seq: int, head: bytes, at_ms: int, seal: Seal) -> Anchor:
    """An anchor of this installation."""
    bare = Anchor(seq, head.hex(), at_ms, seal.public_key_hex)
    return msgspec.structs.replace(bare, signature=seal.sign(signed_bytes(bare)).hex())


def signed_bridge(bridge: Bridge, seal: Seal) -> Bridge:
    """The bridge, signed by this installation."""
    bare = msgspec.structs.replace(bridge, key=seal.public_key_hex, signature="")
    return msgspec.structs.replace(bare, signature=seal.sign(signed_bytes(bare)).hex())


def is_genuine(statement: Anchor | Bridge, seal: Seal) -> bool:
    """Whether this installation signed it."""
    try:
        seal.verify(signed_bytes(statement), bytes.fromhex(statement.signature))
    except (Damaged, ValueError):
        return False
    return statement.key == seal.public_key_hex and statement.format == FORMAT
