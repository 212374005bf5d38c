"""Which runs a living process of this party is carrying out: a locked file each.

The system lets go of a lock when its process ends, however it ends; so a run that the book says is under way and that nobody
holds was left by a process that is no more.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
