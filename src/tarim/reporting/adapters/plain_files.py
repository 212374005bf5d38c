"""Files of figures, nothing personal: written whole or not at all, mode 0600, checked against their digest when read."""

from __future__ import annotations

import os
import secrets
from hashlib import sha256
from pathlib import Path

from tarim.base.errors import Damaged, NotFound, Unavailable


class ReportFiles:
    """A folder.  Any thread may call it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, content: bytes) -> None:
        """Keep a file durably; one of that name is replaced.  Raises Unavailable."""
        write_whole(self._folder / name, content)

    def get(self, name: str, digest: str) -> bytes:
        """A file.  Raises NotFound, Damaged when it is not as it was written."""
        try:
            content = (self._folder / name).read_bytes()
        except OSError:
            raise NotFound(f"the file {name} is not there") from None
        if sha256(content).hexdigest() != digest:
            raise Damaged(f"the file {name} is not as it was written")
        return content


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place at once, durably, mode 0600; nobody ever sees a part of it.  Raises Unavailable."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Unavailable(f"{path.name} cannot be written: {error.strerror}") from None
