"""Where neighbouring systems fetch batch files: a folder; the file first, its manifest last, each whole or not there."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from tarim.reporting.adapters.plain_files import write_whole
from tarim.reporting.domain.batch import Batch


class OutboxFolder:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, batch: Batch) -> None:
        """Put file and manifest in their place.  Raises Unavailable."""
        (self._folder / batch.manifest_name).unlink(missing_ok=True)
        write_whole(self._folder / batch.file_name, batch.content)
        write_whole(self._folder / batch.manifest_name, batch.manifest)

    def holds(self, day: int, digest: str) -> bool:
        """Whether the file of a day is there as it was made, with its manifest."""
        file, manifest = (self._folder / f"risky-accounts-{day}{ending}" for ending in (".csv", ".manifest.json"))
        try:
            return manifest.exists() and sha256(file.read_bytes()).hexdigest() == digest
        except OSError:
            return False
