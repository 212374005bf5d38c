"""Files for segments to come: preallocated beside the segments, under names that recovery removes."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from tarim.base.errors import Unavailable
from tarim.journal.adapters.folder import cannot, list_segments
from tarim.journal.domain.values import JournalLimits

SPARE_SUFFIX: Final = ".tmp"


class Spare(NamedTuple):
    """A file of zeros of a segment's size, all of it allocated."""

    fd: int
    path: Path


class Spares:
    """At most one spare file.  `make` is for one thread at a time; another may `take` meanwhile."""

    def __init__(self, folder: Path, limits: JournalLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._numbers = count()
        self._spare: Spare | None = None

    @property
    def ready(self) -> bool:
        """Whether there is one."""
        return self._spare is not None

    def take(self) -> Spare:
        """The spare, which is the caller's from then on."""
        assert self._spare is not None
        spare, self._spare = self._spare, None
        return spare

    def make(self) -> None:
        """Have one.  Raises Unavailable with nothing changed."""
        if self._spare is not None:
            return
        folder, limits = self._folder, self._limits
        if len(list_segments(folder)) >= limits.segments_max:
            raise Unavailable(f"the journal has {limits.segments_max} segments, its limit; archive and drop old ones")
        path = folder / f"spare-{next(self._numbers)}{SPARE_SUFFIX}"
        fd = -1
        try:
            room = os.statvfs(folder)
            if room.f_bavail * room.f_frsize < limits.segment_bytes + limits.free_bytes_min:
                raise Unavailable(
                    f"the disk of {folder} is full: a segment of {limits.segment_bytes} bytes and "
                    f"{limits.free_bytes_min} spare bytes are needed; nothing was changed"
                )
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)
            os.posix_fallocate(fd, 0, limits.segment_bytes)
        except BaseException as error:
            if fd >= 0:
                os.close(fd)
                path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise cannot("make room for a new segment in", folder, error) from error
            raise
        self._spare = Spare(fd, path)

    def close(self) -> None:
        """Have none."""
        if self._spare is not None:
            os.close(self._spare.fd)
            self._spare.path.unlink(missing_ok=True)
            self._spare = None
