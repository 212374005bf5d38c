"""Files by their digest: what was in force stays, byte for byte."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tarim.base.errors import NotFound


class Artefacts:
    """Rulesets and models that were in force, by the SHA-256 of their bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, content: bytes) -> str:
        """Keep the bytes, durably; their digest in hex."""
        digest = hashlib.sha256(content).hexdigest()
        path = self._folder / digest
        if path.exists():
            return digest
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes.  Raises NotFound when they are gone or are other bytes by now."""
        try:
            content = (self._folder / digest).read_bytes()
        except OSError:
            raise NotFound(f"the artefact {digest} is not kept") from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise NotFound(f"the artefact {digest} is not what was kept")
        return content
