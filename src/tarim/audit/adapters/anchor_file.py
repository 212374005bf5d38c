"""Anchors in a file that only grows: one JSON object a line, in a folder that should lie where the database does not."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from tarim.audit.domain.anchors import LINE_BYTES_MAX, Anchor
from tarim.base.errors import Damaged, Unavailable

FILE: Final = "anchors.jsonl"
FILE_BYTES_MAX: Final = 1 << 30
"""About 3 million anchors: six years at one a minute, day and night."""


class AnchorFile:
    """The anchors of one trail; several processes may append."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def read(self) -> list[Anchor]:
        """All anchors in the order they were written.  Raises Damaged for a line that is none, Unavailable."""
        return anchors_of(self.path)

    def newest(self) -> Anchor | None:
        """The last anchor.  Raises Damaged, Unavailable."""
        try:
            with self.path.open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - 2 * LINE_BYTES_MAX))
                lines = file.read().splitlines()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be read: {error.strerror}") from None
        return _anchor(lines[-1], self.path) if lines else None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While one process looks and appends, others wait.  Raises Unavailable."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be opened: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def append(self, anchor: Anchor) -> None:
        """Add one, durably.  Raises Unavailable."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                line = msgspec.json.encode(anchor) + b"\n"
                if os.write(descriptor, line) != len(line):
                    raise Unavailable(f"{self.path} took only part of an anchor: is the disk full?")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be written: {error.strerror}") from None


def anchors_of(path: Path) -> list[Anchor]:
    """The anchors of a file, ours or a copy that somebody kept; none when it is not there.  Raises Damaged, Unavailable."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise Damaged(f"{path} is larger than {FILE_BYTES_MAX} bytes")
        return [_anchor(line, path) for line in path.read_bytes().splitlines()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}") from None


def _anchor(line: bytes, path: Path) -> Anchor:
    try:
        return msgspec.json.decode(line, type=Anchor)
    except msgspec.MsgspecError:
        raise Damaged(f"{path} holds a line that is no anchor") from None
