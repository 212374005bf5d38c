"""The one secret of an installation: a master key of 32 bytes, from which every other key is derived.

It comes from the environment (`TARIM_MASTER_KEY`, base64) or from a file that only its owner may read.  Keys of a purpose
are derived with HKDF-SHA256, so that the token key says nothing about the wrapping key.  `check` names a key without
revealing it; who stores something under a key stores the check beside it and refuses any other key with it.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tarim.base.errors import Conflict, DefinitionError, NotAllowed, NotFound

KEY_BYTES: Final = 32
ENVIRONMENT_NAME: Final = "TARIM_MASTER_KEY"
_FILE_BYTES_MAX: Final = 1024


class MasterKey:
    """A master key.  It is never shown: `repr` has its check value only."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise DefinitionError(f"a master key has {KEY_BYTES} bytes, this one has {len(key)}")
        self._key = bytes(key)

    def __repr__(self) -> str:
        return f"<MasterKey with check {self.check}>"

    def __reduce__(self) -> str:
        raise NotAllowed("a master key is not copied or pickled", known=True)

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, such as `tokens` or `vault`."""
        made: bytes = HKDF(hashes.SHA256(), KEY_BYTES, None, f"tarim/1/{purpose}".encode()).derive(self._key)
        return made

    @property
    def check(self) -> str:
        """16 hexadecimal digits that differ between keys and say nothing about them."""
        return self.derive("check")[:8].hex()

    @classmethod
    def from_text(cls, text: str, origin: str) -> MasterKey:
        """The key written as base64.  `origin` names the place in errors; the text never appears in one."""
        try:
            key = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise DefinitionError(f"{origin} is not base64") from None
        if len(key) != KEY_BYTES:
            raise DefinitionError(f"{origin} holds {len(key)} bytes instead of {KEY_BYTES}")
        return cls(key)


def load_master_key(path: Path | None, environment: Mapping[str, str]) -> MasterKey:
    """The key of the environment if it is set there, else of the file.

    Raises NotFound when there is neither, DefinitionError for a file that others may read or that holds no key.
    A key is never made silently: data that was written under a lost key would look like data of another installation.
    """
    text = environment.get(ENVIRONMENT_NAME)
    if text is not None:
        return MasterKey.from_text(text, f"the environment variable {ENVIRONMENT_NAME}")
    if path is None:
        raise NotFound(f"no master key: {ENVIRONMENT_NAME} is not set and no key file is named")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(f"no master key: {ENVIRONMENT_NAME} is not set and {path} does not exist") from None
    except PermissionError:
        raise DefinitionError(f"the master key file {path} may not be read by this user") from None
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        if mode & 0o077:
            raise DefinitionError(
                f"the master key file {path} has mode {mode:04o}: group or others may use it; run chmod 600 on it"
            )
        text = file.read(_FILE_BYTES_MAX).decode("ascii", "replace")
    return MasterKey.from_text(text, f"the master key file {path}")


def create_master_key(path: Path) -> MasterKey:
    """A new random key in a new file of mode 0600, written durably.  Raises Conflict when the file exists."""
    key = os.urandom(KEY_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Conflict(f"{path} exists; a master key is never overwritten") from None
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(base64.b64encode(key) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return MasterKey(key)
