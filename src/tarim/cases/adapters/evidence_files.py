"""Files of evidence, sealed, in a folder: named by customer and by the SHA-256 of what they hold.

    <folder>/<first two digits of the digest>/<digest>-<customer token>

    4 bytes   magic, TEV1
    4 bytes   length of the sealed key, little-endian
    n bytes   a key of 32 bytes, sealed under the customer's key (`tarim.desk.Texts`, as JSON)
    12 bytes  nonce
    n bytes   AES-256-GCM of the content; additional data: digest and customer token

The same file of two customers is kept twice: destroying the key of one must not destroy the other's.
"""

from __future__ import annotations

import base64
import os
import secrets
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.base.errors import Damaged, NotFound, Unavailable
from tarim.cases.domain.evidence import EVIDENCE_BYTES_MAX
from tarim.cases.ports import Sealing

_HEAD: Final = Struct("<4sI")
_MAGIC: Final = b"TEV1"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_SEALED_KEY_BYTES_MAX: Final = 4_096


class EvidenceFiles:
    """The folder.  Any thread may call it."""

    def __init__(self, folder: Path, texts: Sealing) -> None:
        self._folder = folder
        self._texts = texts

    def put(self, customer: int, digest: str, content: bytes) -> None:
        """Keep a file durably; one that is there and opens stays.  Raises Unavailable."""
        path = self._path(customer, digest)
        if path.exists():
            return
        key, nonce = secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
        sealed_key = msgspec.json.encode(self._texts.seal(customer, base64.b64encode(key).decode()))
        sealed = AESGCM(key).encrypt(nonce, content, _about(customer, digest))
        temporary = path.with_name(f".{secrets.token_hex(8)}.new")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                for part in (_HEAD.pack(_MAGIC, len(sealed_key)), sealed_key, nonce, sealed):
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
            _sync(path.parent)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise Unavailable(f"evidence cannot be kept: {error.strerror}") from None

    def get(self, customer: int, digest: str) -> bytes:
        """The file.  Raises NotFound when it is not there or its customer's key was destroyed, Damaged when it was altered."""
        try:
            raw = self._path(customer, digest).read_bytes()
        except OSError:
            raise NotFound(f"there is no evidence {digest}") from None
        magic, length = _HEAD.unpack_from(raw) if len(raw) >= _HEAD.size else (b"", 0)
        if magic != _MAGIC or length > _SEALED_KEY_BYTES_MAX or len(raw) > EVIDENCE_BYTES_MAX + _SEALED_KEY_BYTES_MAX:
            raise Damaged(f"evidence {digest} is not as it was written")
        key_end = _HEAD.size + length
        try:
            key = self._texts.open_or_none(msgspec.json.decode(raw[_HEAD.size : key_end]))
            if key is None:
                raise NotFound(f"evidence {digest} was destroyed with its customer's key")
            nonce, sealed = raw[key_end : key_end + _NONCE_BYTES], raw[key_end + _NONCE_BYTES :]
            content = AESGCM(base64.b64decode(key)).decrypt(nonce, sealed, _about(customer, digest))
        except (InvalidTag, ValueError, KeyError, msgspec.MsgspecError):
            raise Damaged(f"evidence {digest} is not as it was written") from None
        if sha256(content).hexdigest() != digest:
            raise Damaged(f"evidence {digest} holds another file")
        return content

    def _path(self, customer: int, digest: str) -> Path:
        assert len(digest) == 64 and digest.isalnum(), "digests are made here or read from the tables"
        return self._folder / digest[:2] / f"{digest}-{customer % (1 << 64):016x}"


def _about(customer: int, digest: str) -> bytes:
    return f"{digest}-{customer % (1 << 64):016x}".encode()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
