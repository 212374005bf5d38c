"""The decisions' journal, looked at in another process beside whoever writes it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tarim.base.errors import Unavailable
from tarim.decisions import Records
from tarim.journal import FolderReader


class JournalLook:
    """Opens the journal's files when they are first looked at, and keeps them open.  Any thread may look, one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._open: tuple[FolderReader, Records] | None = None

    @property
    def there(self) -> bool:
        """Whether the writer has begun the journal."""
        return (self._folder / "durable").exists()

    @contextmanager
    def looking(self) -> Iterator[tuple[FolderReader, Records]]:
        """The log, and the decided events in it: for this thread alone, until the block ends.  Raises Unavailable."""
        with self._lock:
            if self._open is None:
                if not self.there:
                    raise Unavailable("the decisions' journal is not there yet")
                log = FolderReader(self._folder)
                self._open = log, Records(log)
            yield self._open

    def close(self) -> None:
        """Let the files go, once nobody looks any more; who looks later opens them again."""
        with self._lock:
            if self._open is not None:
                self._open[0].close()
                self._open = None
