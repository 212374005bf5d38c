"""What is done again and again in a thread of its own, later and later while it fails: telling other services, mostly."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

import structlog

from tarim.base.errors import TarimError


class Repeater:
    """Starts with `start`; `close` waits for the round under way.

    A round that raises is said once for each trouble; the next one waits twice as long as the one before it did.
    """

    def __init__(
        self, name: str, work: Callable[[], object], *, every_s: float, retry_s_max: float, log: str, waits: str
    ) -> None:
        """name: of the thread.  work: one round, in that thread; a long one looks at `closing` now and then.

        every_s: before each round; retry_s_max: before the next one after rounds that raised, at the most.  log: name of
        the logger; waits: what it says, such as "labels wait".
        """
        self._work, self._every_s, self._retry_s_max = work, every_s, retry_s_max
        self._waits, self.log = waits, structlog.get_logger(log)
        self._closing = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self.trouble = ""
        """Why it waits, "" when it does not."""

    @property
    def closing(self) -> bool:
        """Whether no more is to be begun."""
        return self._closing.is_set()

    def start(self) -> None:
        """Work from now on."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the round under way."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        wait_s = self._every_s
        while not self._closing.wait(wait_s):
            try:
                self._work()
                wait_s, self.trouble = self._every_s, ""
            except Exception as error:  # the supervisor: said, and tried again later and later
                detail = error.detail if isinstance(error, TarimError) else type(error).__name__
                if detail != self.trouble:
                    self.log.warning(self._waits, trouble=detail, exc_info=not isinstance(error, TarimError))
                wait_s, self.trouble = min(2 * wait_s, self._retry_s_max), detail
