"""Snapshots of a running service: a child writes one every so many events or seconds, and nothing here stops for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from tarim.api.figures import Figures
from tarim.base.errors import TarimError, Unavailable
from tarim.bootstrap.children import finished
from tarim.bootstrap.house import House
from tarim.decisions import Snapshots

_CHECK_S: Final = 1.0
_SNAPSHOT_S_MAX: Final = 3_600


class SnapshotKeeper:
    """Starts a child process that writes a snapshot, every so many events or seconds."""

    def __init__(self, house: House, figures: Figures, written: Callable[[], None]) -> None:
        """written: told when a snapshot is there."""
        self._house = house
        self._figures = figures
        self._written = written
        self._log = structlog.get_logger("tarim.snapshots")
        self._snapshots = Snapshots(house.places.snapshots)
        self.newest_seq = next(iter(self._snapshots.offsets()), 0)
        self._last = time.monotonic()

    async def run(self) -> None:
        """Runs beside the server until cancelled."""
        settings = self._house.settings.snapshots
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_CHECK_S)
            events = self._house.journal.durable_seq - self.newest_seq
            waited_s = time.monotonic() - self._last
            if events >= settings.every_events or (events and waited_s >= settings.every_s):
                await loop.run_in_executor(None, self._write)

    def _write(self) -> None:
        """In a thread of its own: the child reads the journal beside us, so nothing here stops for it."""
        settings = self._house.settings.snapshots
        begin = self._last = time.monotonic()
        try:
            child = finished(
                ["snapshot", "--data", str(self._house.places.data), "--nice", str(settings.nice)],
                purpose="a snapshot could not be written",
                seconds_max=_SNAPSHOT_S_MAX,
            )
        except Unavailable as error:
            self._figures.failed(error)
            return
        if child.status:
            self._figures.failed(_SnapshotFailed(child.errors[-500:]))
            return
        self.newest_seq = next(iter(self._snapshots.offsets()), 0)
        self._written()
        self._log.info("snapshot", seq=self.newest_seq, took_s=round(time.monotonic() - begin, 2))


class _SnapshotFailed(TarimError):
    """The child that writes snapshots failed."""
