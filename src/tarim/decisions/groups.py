"""Group commit: requests that arrive while the disk is busy share the next trip to it.

    submit ──► queue ──► take (recognise, judge, append) ──► commit, in a thread ──► every answer of the group
                 ▲                                                │
                 └────── what arrives meanwhile waits here ◄──────┘

So an answer is durable before it is given, the disk is asked once for many answers, and a group is as large as the load
makes it.  The queue is bounded: beyond it a request is refused at once, which costs the sender less than a late answer.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from tarim.base.errors import TarimError, Unavailable
from tarim.decisions.ports import Batch, Log
from tarim.decisions.service import DecisionService, Result, Taken, join

Answer = Callable[[list[Result] | TarimError], None]
"""Called once, in the loop, with one result for each event of the batch, or with why there are none."""

_CLOSED: Final = "the service is stopping"
_BROKEN: Final = "the journal could not be written; the service must be restarted"


class Watcher(Protocol):
    """What wants to know how groups fare; called in the loop, must be quick."""

    def group_taken(self, batch: Batch, taken: Taken, took_s: float) -> None:
        """A group was judged and appended."""

    def group_durable(self, events: int, took_s: float) -> None:
        """Its commit came back."""

    def failed(self, error: BaseException) -> None:
        """A group failed for a reason that is not the sender's."""


class _Committer(threading.Thread):
    """Runs commits one after the other, and tells the loop."""

    def __init__(self, log: Log, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name="journal-commit", daemon=True)
        self._log = log
        self._loop = loop
        self._wanted: queue.SimpleQueue[Callable[[BaseException | None], None] | None] = queue.SimpleQueue()

    def commit(self, done: Callable[[BaseException | None], None]) -> None:
        self._wanted.put(done)

    def stop(self) -> None:
        self._wanted.put(None)
        self.join()

    def run(self) -> None:
        while (done := self._wanted.get()) is not None:
            trouble: BaseException | None = None
            try:
                self._log.commit()
            except BaseException as error:
                trouble = error
            self._loop.call_soon_threadsafe(done, trouble)


class GroupCommit:
    """The asynchronous front of the decision service; every method is called in `loop`'s thread."""

    def __init__(
        self,
        service: DecisionService,
        log: Log,
        loop: asyncio.AbstractEventLoop,
        *,
        group_events_max: int,
        queue_events_max: int,
        watcher: Watcher | None = None,
    ) -> None:
        self._service = service
        self._loop = loop
        self._group_events_max = group_events_max
        self._queue_events_max = queue_events_max
        self._watcher = watcher
        self._queue: deque[tuple[Batch, Answer]] = deque()
        self._queued_events = 0
        self._busy = False
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._committer = _Committer(log, loop)
        self._committer.start()

    @property
    def queued_events(self) -> int:
        """Events waiting for the next group."""
        return self._queued_events

    def submit(self, batch: Batch, answer: Answer) -> None:
        """Queue a batch; `answer` is called when its decisions are durable.  Raises Unavailable when the queue is full."""
        if self._closed:
            raise Unavailable(_CLOSED)
        if self._service.broken:
            raise Unavailable(self._service.broken)
        count = len(batch.event_ids)
        if self._queued_events + count > self._queue_events_max and self._queue:
            raise Unavailable("too many events are waiting")
        self._queue.append((batch, answer))
        self._queued_events += count
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(self._turn)

    async def ask(self, batch: Batch) -> list[Result]:
        """The results of a batch, durable.  Raises TarimError when there are none."""
        future: asyncio.Future[list[Result]] = self._loop.create_future()

        def answer(results: list[Result] | TarimError) -> None:
            if future.done():
                return
            if isinstance(results, TarimError):
                future.set_exception(results)
            else:
                future.set_result(results)

        self.submit(batch, answer)
        return await future

    def _turn(self) -> None:
        """Take one group off the queue and send it to the disk."""
        if not self._queue:
            self._busy = False
            self._idle.set()
            return
        group = [self._queue.popleft()]
        events = len(group[0][0].event_ids)
        while self._queue and events + len(self._queue[0][0].event_ids) <= self._group_events_max:
            group.append(self._queue.popleft())
            events += len(group[-1][0].event_ids)
        self._queued_events -= events
        begin = time.perf_counter()
        try:
            batch = join([each for each, _ in group])
            taken = self._service.take(batch)
            results: list[Result] | TarimError = self._service.results(batch, taken)
        except TarimError as error:
            self._finish(group, error)
            return
        except Exception as error:
            if self._watcher is not None:
                self._watcher.failed(error)
            self._finish(group, Unavailable(self._service.broken or "the group could not be judged"))
            return
        now = time.perf_counter()
        if self._watcher is not None:
            self._watcher.group_taken(batch, taken, now - begin)
        if not len(taken.rows):
            self._finish(group, results)
            return

        def durable(trouble: BaseException | None) -> None:
            if trouble is not None:
                self._service.break_down(_BROKEN)
                if self._watcher is not None:
                    self._watcher.failed(trouble)
                self._finish(group, Unavailable(_BROKEN))
                return
            if self._watcher is not None:
                self._watcher.group_durable(events, time.perf_counter() - now)
            self._finish(group, results)

        self._committer.commit(durable)

    def _finish(self, group: list[tuple[Batch, Answer]], results: list[Result] | TarimError) -> None:
        """Give each request of a group its answers, and turn to the next group first thing."""
        self._loop.call_soon(self._turn)
        at = 0
        for batch, answer in group:
            count = len(batch.event_ids)
            mine = results if isinstance(results, TarimError) else results[at : at + count]
            at += count
            try:
                answer(mine)
            except Exception as error:  # one broken connection must not cost the others their answers
                if self._watcher is not None:
                    self._watcher.failed(error)

    async def close(self) -> None:
        """Take nothing more, answer what is queued, and stop the commit thread."""
        self._closed = True
        await self._idle.wait()
        self._committer.stop()
