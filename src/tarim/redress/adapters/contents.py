"""Contents of documents, encrypted under a key of their own; that key is sealed like free text.

A content lies under the SHA-256 of its stored form: 12 bytes nonce, AES-256-GCM ciphertext, 16 bytes tag.  The key stands,
sealed, in the act that adds the document: destroying the customer's key destroys the content wherever it lies (DP-07).
"""

from __future__ import annotations

import os
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarim.base.errors import Damaged, DefinitionError, NotFound, TooLarge, Unavailable

CONTENT_BYTES_MAX: Final = 8 << 20
_NONCE_BYTES: Final = 12


class Contents:
    """A folder of contents.  Any thread may call it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> tuple[str, str]:
        """Keep a content durably: its name in the folder, and the key to be sealed (hexadecimal).

        Raises DefinitionError for an empty one, TooLarge, Unavailable when the disk cannot be written.
        """
        if not content:
            raise DefinitionError("the document is empty")
        if len(content) > CONTENT_BYTES_MAX:
            raise TooLarge(f"a document has at most {CONTENT_BYTES_MAX:,} bytes")
        key, nonce = AESGCM.generate_key(256), os.urandom(_NONCE_BYTES)
        stored = nonce + AESGCM(key).encrypt(nonce, content, None)
        name = sha256(stored).hexdigest()
        try:
            self._write(name, stored)
        except OSError as error:
            raise Unavailable(f"the document cannot be kept: {error.strerror}") from None
        return name, key.hex()

    def get(self, name: str, key: str, digest: str) -> bytes:
        """The content.  Raises NotFound when it is gone, Damaged when it is not what was kept."""
        try:
            stored = self._path(name).read_bytes()
        except OSError:
            raise NotFound("the document's content is not kept here") from None
        try:
            content = AESGCM(bytes.fromhex(key)).decrypt(stored[:_NONCE_BYTES], stored[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            raise Damaged("the document's content is not what was kept") from None
        if sha256(content).hexdigest() != digest:
            raise Damaged("the document's content is not what was kept")
        return content

    def _write(self, name: str, stored: bytes) -> None:
        path = self._path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(f"{name}.{secrets.token_hex(4)}.part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(stored)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        for folder in (path.parent, self._folder):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name
