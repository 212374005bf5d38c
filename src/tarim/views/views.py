"""The thread that keeps all views up with the journal."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final, Self

import structlog

from tarim.base.errors import TarimError
from tarim.views.follower import Follower, Progress

CURRENT_S_MAX: Final = 2.0
"""A look-up waits so long at most for what was durable when it was asked."""


@dataclass(frozen=True, slots=True)
class ViewsState:
    """Where the views stand.

    from_seq: the first position they know of.  followed_seq: the next position.  behind: positions that are durable and not
    followed yet.  trouble: why they stand still, "" when they do not.
    """

    from_seq: int
    followed_seq: int
    behind: int
    trouble: str


class Views:
    """All views of a process.  Close it, or use it as a context; `start` gives it its thread.

    After trouble it stands still and says so: what a consumer had taken of a block nobody knows, so the process is started
    again and reads the journal anew.
    """

    def __init__(self, follower: Follower, follow_ms: int) -> None:
        """follow_ms: between two looks at the journal."""
        self._follower = follower
        self._wait_s = follow_ms / 1_000
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._asked = threading.Event()
        self._followed = threading.Condition()
        self._followed_seq = 0
        self._trouble = ""
        self._log = structlog.get_logger("tarim.views")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def state(self) -> ViewsState:
        """Where the views stand.  Any thread may ask."""
        follower = self._follower
        return ViewsState(max(follower.started_at, 0), follower.at, follower.behind, self._trouble)

    def catch_up(self, progress: Progress = lambda _done, _of: None) -> None:
        """Read what is durable now, before `start`.  Raises Unavailable, Damaged."""
        assert self._thread is None
        self._follower.catch_up(progress)
        self._followed_seq = self._follower.at

    def start(self) -> None:
        """Follow the journal from now on."""
        assert self._thread is None
        self._thread = threading.Thread(target=self._work, name="views-follower", daemon=True)
        self._thread.start()

    def current(self) -> None:
        """Wait until everything that is durable now is in the views, so that who was answered finds what the answer was about.

        Blocks, for `CURRENT_S_MAX` at most: views that are further behind, or stand still, answer from what they have.
        """
        wanted = self._follower.end_seq
        with self._followed:
            if self._followed_seq < wanted:
                self._asked.set()
                self._followed.wait_for(lambda: self._followed_seq >= wanted or bool(self._trouble), CURRENT_S_MAX)

    def close(self) -> None:
        """Stop following and let the journal's files go."""
        self._closing.set()
        self._asked.set()
        if self._thread is not None:
            self._thread.join()
        self._follower.close()

    def _work(self) -> None:
        while not self._closing.is_set():
            self._asked.wait(self._wait_s)
            self._asked.clear()
            try:
                self._follower.follow()
            except Exception as error:  # the supervisor: said, and left as it is
                known = isinstance(error, TarimError)
                self._trouble = error.detail if isinstance(error, TarimError) else type(error).__name__
                self._log.error("views stand still", trouble=self._trouble, exc_info=not known)
            with self._followed:
                self._followed_seq = self._follower.at
                self._followed.notify_all()
            if self._trouble:
                return
