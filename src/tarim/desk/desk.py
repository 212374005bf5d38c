"""The desk with its threads: one that writes, some that read."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Self, TypeVar

import structlog
from sqlalchemy import Connection

from tarim.base.errors import TarimError, Unavailable
from tarim.base.instants import Clock
from tarim.desk.domain import Act, Once
from tarim.desk.ledger import Answer, Asked, Ledger
from tarim.desk.ports import Command
from tarim.desk.shelf import Progress, Shelf
from tarim.desk.texts import Texts

SYSTEM: Final = "tarim"
"""Who does what nobody asked for: deadlines that pass, answers that come in."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DeskLimits:
    """waiting_max: commands waiting for their turn, one more is refused.  group_max: of those made durable together.  readers:
    threads that read.  follow_ms: between two looks at the decisions' journal.  retry_s_max: between two tries of the database.
    """

    waiting_max: int = 1_024
    group_max: int = 64
    readers: int = 8
    follow_ms: int = 50
    retry_s_max: int = 10


@dataclass(frozen=True, slots=True)
class DeskState:
    """acts_seq, followed_seq: the next positions of either journal in the tables.  behind: positions of the decisions' journal
    not followed yet.  waiting: commands.  trouble: why the tables stand still, "" when they do not.
    """

    acts_seq: int
    followed_seq: int
    behind: int
    waiting: int
    trouble: str


class Desk:
    """What persons do, durably and in one order.  Close it, or use it as a context; `start` gives it its thread."""

    def __init__(self, shelf: Shelf, clock: Clock, limits: DeskLimits | None = None) -> None:
        self._shelf = shelf
        self._ledger = Ledger(shelf, clock)
        self._clock = clock
        self._limits = limits or DeskLimits()
        self._queue: queue.Queue[tuple[Asked, Future[tuple[Act, ...]]] | None] = queue.Queue(self._limits.waiting_max)
        self._readers = ThreadPoolExecutor(self._limits.readers, "desk-reader")
        self._writer: threading.Thread | None = None
        self._closing = threading.Event()
        self._trouble = ""
        self._log = structlog.get_logger("tarim.desk")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def texts(self) -> Texts:
        """Seals and opens free text."""
        return self._shelf.texts

    def now_ms(self) -> int:
        """The desk's clock, for commands and for reading what is due."""
        return self._clock.now_ms()

    # ---- use ---------------------------------------------------------------------------------------------------------

    def submit(self, person: str, command: Command, once: Once | None = None) -> Future[tuple[Act, ...]]:
        """Have a command carried out; the future gives its acts, or the first answer of the same command.

        The future raises what the command raises, and Unavailable; with RecordedNotShown the acts are recorded.
        Raises Unavailable when too many commands wait.
        """
        if self._writer is None or self._closing.is_set():
            raise Unavailable("the desk is not open")
        answer: Future[tuple[Act, ...]] = Future()
        try:
            self._queue.put_nowait((Asked(person, command, once), answer))
        except queue.Full:
            raise Unavailable(f"{self._limits.waiting_max} commands wait already; ask again") from None
        return answer

    def perform(self, person: str, command: Command, once: Once | None = None) -> tuple[Act, ...]:
        """`submit`, waited for; not in the writer's thread, and not in a thread that serves a loop."""
        return self.submit(person, command, once).result()

    def read(self, look: Callable[[Connection], T]) -> Future[T]:
        """What a function finds in the tables; it runs in a reader's thread, on what was committed."""

        def reading() -> T:
            with self._shelf.database.reading() as connection:
                return look(connection)

        return self._readers.submit(reading)

    @property
    def state(self) -> DeskState:
        """Where the desk stands."""
        position = self._shelf.position
        return DeskState(
            position.acts_seq if position else 0,
            position.followed_seq if position else 0,
            self._shelf.behind,
            self._queue.qsize(),
            self._ledger.broken or self._trouble,
        )

    # ---- life --------------------------------------------------------------------------------------------------------

    def catch_up(self, progress: Progress = lambda _done, _of: None) -> None:
        """`Shelf.catch_up`, before `start`."""
        assert self._writer is None
        self._shelf.catch_up(progress)

    def rebuild(self, progress: Progress = lambda _done, _of: None) -> None:
        """`Shelf.rebuild`, before `start`."""
        assert self._writer is None
        self._shelf.rebuild(progress)

    def start(self) -> None:
        """Take commands and follow the decisions' journal from now on."""
        assert self._writer is None
        self._writer = threading.Thread(target=self._work, name="desk-writer", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Carry out what waits, then let go of everything."""
        self._closing.set()
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join()
        self._readers.shutdown()
        self._shelf.close()

    # ---- the writer's thread -----------------------------------------------------------------------------------------

    def _work(self) -> None:
        wait_s = follow_s = self._limits.follow_ms / 1_000
        retry_s, look_at = follow_s, 0.0
        while True:
            asked, closing = self._taken(wait_s)
            if asked:
                self._carry_out(asked)
            now = time.monotonic()
            if now >= look_at:
                try:
                    more = self._shelf.follow() > 0 and self._shelf.behind > 0
                    wait_s, retry_s = 0.0 if more else follow_s, follow_s
                    look_at = now + wait_s
                    self._trouble = ""
                except Exception as error:  # the supervisor: said, and tried again; the journals are untouched
                    self._stumbled(error)
                    retry_s = min(2 * retry_s, self._limits.retry_s_max)
                    wait_s, look_at = follow_s, now + retry_s
            if closing and self._queue.empty():
                return

    def _taken(self, wait_s: float) -> tuple[list[tuple[Asked, Future[tuple[Act, ...]]]], bool]:
        """Commands that wait, up to a group; whether the desk is closing."""
        found: list[tuple[Asked, Future[tuple[Act, ...]]]] = []
        try:
            item = self._queue.get(timeout=wait_s) if wait_s else self._queue.get_nowait()
            while item is not None:
                if item[1].set_running_or_notify_cancel():
                    found.append(item)
                if len(found) >= self._limits.group_max:
                    return found, self._closing.is_set()
                item = self._queue.get_nowait()
        except queue.Empty:
            pass
        return found, self._closing.is_set()

    def _carry_out(self, asked: list[tuple[Asked, Future[tuple[Act, ...]]]]) -> None:
        try:
            answers: list[Answer] = self._ledger.perform([each for each, _ in asked])
        except Exception as error:  # the supervisor: everybody who waits is told
            self._stumbled(error)
            answers = [error if isinstance(error, TarimError) else Unavailable("the desk failed")] * len(asked)
        for (_, future), answer in zip(asked, answers, strict=True):
            if isinstance(answer, tuple):
                future.set_result(answer)
            else:
                future.set_exception(answer)

    def _stumbled(self, error: Exception) -> None:
        detail = error.detail if isinstance(error, TarimError) else type(error).__name__
        if detail != self._trouble:
            self._log.error("desk stands still", trouble=detail, exc_info=not isinstance(error, TarimError))
        self._trouble = detail
