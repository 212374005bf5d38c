"""Which runs a living process of this party is carrying out: a locked file each, with what was opened so far.

The system lets go of a lock when its process ends, however it ends; so a run that the book says is under way and that nobody
holds was left by a process that is no more.  What it had opened stands in the file: each opening is written down before
anything of it is sent, and a write outlives its process.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tarim.federation.node.transcripts import Opened


class Claims:
    """Files of a party's folder.  Several processes use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def held(self, run: str) -> Iterator[None]:
        """The run is this process's; until the end of the block, or of the process."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / run
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)

    def note(self, run: str, opened: Opened) -> None:
        """Write down that something is about to be opened in a run that is held."""
        with (self._folder / run).open("ab", buffering=0) as file:
            file.write(msgspec.json.encode(opened) + b"\n")

    def noted(self, run: str) -> list[Opened]:
        """What a run that nobody holds any more had opened."""
        try:
            lines = (self._folder / run).read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        return [msgspec.json.decode(line, type=Opened) for line in lines[:-1]]  # what has no end was not sent

    def drop(self, run: str) -> None:
        """Nothing more is to be known of a run that nobody holds."""
        (self._folder / run).unlink(missing_ok=True)

    def is_held(self, run: str) -> bool:
        """Whether a living process carries the run out."""
        try:
            descriptor = os.open(self._folder / run, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)
