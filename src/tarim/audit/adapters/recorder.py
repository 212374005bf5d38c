"""A thread that writes the entries of many callers: those that wait are one transaction, so that a busy trail waits for the
disk once for many acts, and nobody's event loop waits for SQL.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

from tarim.audit.domain.entry import Entry
from tarim.audit.ports import Trail
from tarim.base.errors import Unavailable

_CLOSE_S_MAX: Final = 30.0


class Recorder:
    """Takes entries from any thread.  Close it: what waits is written first."""

    def __init__(self, trail: Trail, *, waiting_entries_max: int, group_entries_max: int) -> None:
        """waiting_entries_max: more than these at once are refused; group_entries_max: of one transaction."""
        self._trail = trail
        self._waiting: queue.Queue[tuple[Entry, Future[int]] | None] = queue.Queue(waiting_entries_max)
        self._group_entries_max = group_entries_max
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def submit(self, entry: Entry) -> Future[int]:
        """The entry's number, once it is durable; the future raises Unavailable when it cannot be written.

        Raises Unavailable when too many wait already, or after `close`.
        """
        if self._closing:
            raise Unavailable("the audit trail is closed")
        future: Future[int] = Future()
        try:
            self._waiting.put_nowait((entry, future))
        except queue.Full:
            raise Unavailable("too much waits to be written to the audit trail") from None
        return future

    def close(self) -> None:
        """Write what waits, and stop."""
        if not self._closing:
            self._closing = True
            self._waiting.put(None)
            self._thread.join(_CLOSE_S_MAX)

    def _run(self) -> None:
        closing = False
        while not closing:
            first = self._waiting.get()
            group = [] if first is None else [first]
            closing = first is None
            while not closing and len(group) < self._group_entries_max:
                try:
                    each = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if each is None:
                    closing = True
                else:
                    group.append(each)
            if group:
                self._write(group)

    def _write(self, group: Sequence[tuple[Entry, Future[int]]]) -> None:
        """Supervises: whatever goes wrong is the callers' answer, and the thread lives on."""
        try:
            numbers = self._trail.record_all([entry for entry, _ in group])
        except Exception as error:
            trouble = (
                error if isinstance(error, Unavailable) else Unavailable(f"the audit trail: {type(error).__name__}")
            )
            for _, future in group:
                future.set_exception(trouble)
            return
        for (_, future), number in zip(group, numbers, strict=True):
            future.set_result(number)
