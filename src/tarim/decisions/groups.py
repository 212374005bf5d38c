"""Group commit: requests that arrive while the disk is busy share the next trip to it.

    the loop                              the clerk, a thread
    ────────                              ───────────────────
    submit ──────────► queue ───────────► read the bodies, recognise, judge, append     ┐ one group:
                         ▲                commit                                        ┘ all that waited
    answer each  ◄────── │ ◄───────────── hand the results back
                         └ what arrives meanwhile waits for the next group

An answer is durable before it is given, the disk is asked once for many answers, and a group is as large as the load
makes it.  Everything that touches engine, index or journal runs in the clerk, one thing after the other; the loop
never waits for a disk.  The queue is bounded: beyond it a request is refused at once, which costs the sender less than
a late answer.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from tarim.base.errors import InputError, TarimError, Unavailable
from tarim.decisions.ports import Batch, Log, Reader
from tarim.decisions.service import DecisionService, Result, Taken, join

T = TypeVar("T")

Answer = Callable[[list[Result] | TarimError], None]
"""Called once, in the loop, with one result for each event of the request, or with why there are none."""

CLOSED: Final = "the service is stopping"
FULL: Final = "too many requests are waiting"
BROKEN: Final = "the journal could not be written; the service must be restarted"
NOT_JUDGED: Final = "the events could not be judged"


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """requests_max, bytes_max: of one group.  waiting_requests_max, waiting_bytes_max: of all not yet answered."""

    requests_max: int
    bytes_max: int
    waiting_requests_max: int
    waiting_bytes_max: int


class Watcher(Protocol):
    """What wants to know how groups fare; called in the clerk's thread, must be quick."""

    def group(self, batch: Batch, taken: Taken, judged_s: float, durable_s: float) -> None:
        """A group became durable: how long reading and judging took, and how long the commit."""

    def failed(self, error: BaseException) -> None:
        """Something failed for a reason that is not the sender's."""


class _Request(NamedTuple):
    """Events to decide: one message, or many in one body."""

    body: bytes
    many: bool
    backfill: bool
    answer: Answer


@dataclass(frozen=True, slots=True)
class _Call:
    """Something else the clerk does between two groups."""

    run: Callable[[], Any]
    done: Callable[[Any, BaseException | None], None]


class GroupCommit:
    """The asynchronous front of the decision service; its methods are called in `loop`'s thread.

    on_accepted: told, by the clerk, of each batch whose new events have become durable.
    """

    def __init__(
        self,
        service: DecisionService,
        reader: Reader[Any],
        log: Log,
        loop: asyncio.AbstractEventLoop,
        limits: GroupLimits,
        watcher: Watcher,
        *,
        on_accepted: Callable[[Taken, Batch], None] | None = None,
    ) -> None:
        self._service = service
        self._reader = reader
        self._log = log
        self._loop = loop
        self._limits = limits
        self._watcher = watcher
        self._on_accepted = on_accepted
        self._queue: queue.SimpleQueue[_Request | _Call | None] = queue.SimpleQueue()
        self._waiting_requests = 0
        self._waiting_bytes = 0
        self._closed = False
        self._empty = asyncio.Event()
        self._empty.set()
        self._clerk = threading.Thread(target=self._work, name="clerk", daemon=True)
        self._clerk.start()

    @property
    def waiting_requests(self) -> int:
        """Requests not yet answered."""
        return self._waiting_requests

    def submit(self, body: bytes, answer: Answer, *, many: bool = False, backfill: bool = False) -> None:
        """Have the event (or, with `many`, the events) in `body` decided; `answer` is called when that is durable.

        Raises Unavailable, and never calls `answer`, when the queue is full or the service stopped or broken.
        """
        if self._closed or self._service.broken:
            raise Unavailable(self._service.broken or CLOSED)
        size = len(body)
        if self._waiting_requests >= self._limits.waiting_requests_max or (
            self._waiting_requests and self._waiting_bytes + size > self._limits.waiting_bytes_max
        ):
            raise Unavailable(FULL)
        self._waiting_requests += 1
        self._waiting_bytes += size
        self._queue.put(_Request(body, many, backfill, answer))

    async def ask(self, body: bytes, *, many: bool = False, backfill: bool = False) -> list[Result]:
        """The results of a request, durable.  Raises TarimError when there are none."""
        future: asyncio.Future[list[Result]] = self._loop.create_future()

        def answer(results: list[Result] | TarimError) -> None:
            if future.done():
                return
            if isinstance(results, TarimError):
                future.set_exception(results)
            else:
                future.set_result(results)

        self.submit(body, answer, many=many, backfill=backfill)
        return await future

    async def run(self, function: Callable[[], T]) -> T:
        """What `function` gives, called by the clerk between two groups.  Raises what it raises, and Unavailable."""
        if self._closed:
            raise Unavailable(CLOSED)
        if self._waiting_requests >= self._limits.waiting_requests_max:
            raise Unavailable(FULL)
        future: asyncio.Future[T] = self._loop.create_future()

        def done(value: T, error: BaseException | None) -> None:
            self._answered(0)
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)

        self._waiting_requests += 1
        self._queue.put(_Call(function, done))
        return await future

    async def close(self) -> None:
        """Take nothing more, answer what is waiting, and stop the clerk."""
        self._closed = True
        while self._waiting_requests:
            self._empty.clear()
            await self._empty.wait()
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._clerk.join)

    def _answered(self, size: int) -> None:
        self._waiting_requests -= 1
        self._waiting_bytes -= size
        if not self._waiting_requests:
            self._empty.set()

    def _deliver(self, answers: Sequence[tuple[_Request, list[Result] | TarimError]]) -> None:
        """In the loop: every answer of a group."""
        for request, results in answers:
            self._answered(len(request.body))
            try:
                request.answer(results)
            except Exception as error:  # one broken connection must not cost the others their answers
                self._watcher.failed(error)

    # ---- the clerk -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        waiting = self._queue
        while (item := waiting.get()) is not None:
            group: list[_Request] = []
            size = 0
            while True:
                if isinstance(item, _Call):
                    self._call(item)
                elif item is None:
                    waiting.put(None)
                    break
                else:
                    group.append(item)
                    size += len(item.body)
                    if len(group) >= self._limits.requests_max or size >= self._limits.bytes_max:
                        break
                try:
                    item = waiting.get_nowait()
                except queue.Empty:
                    break
            if group:
                answers, finish = self._decide(group)
                self._loop.call_soon_threadsafe(self._deliver, answers)
                if finish is not None:
                    self._finish(finish)

    def _call(self, call: _Call) -> None:
        value, trouble = None, None
        try:
            value = call.run()
        except Exception as error:
            trouble = error
        self._loop.call_soon_threadsafe(call.done, value, trouble)

    def _decide(
        self, group: list[_Request]
    ) -> tuple[list[tuple[_Request, list[Result] | TarimError]], Callable[[], None] | None]:
        """Results of a group, durable, and what is to be done once they are on their way."""
        begin = time.perf_counter()
        answers: dict[int, list[Result] | TarimError] = {}
        finish = None
        try:
            batches, owners = self._read(group, answers)
            if batches:
                batch = join(batches)
                taken = self._service.take(batch)
                results = self._service.results(batch, taken)
                judged = time.perf_counter()
                if len(taken.rows):
                    self._commit()
                durable = time.perf_counter()
                at = 0
                for index, count in owners:
                    answers[index] = results[at : at + count]
                    at += count

                def finish() -> None:
                    self._account(batches, batch, taken)
                    self._watcher.group(batch, taken, judged - begin, durable - judged)

        except TarimError as error:
            answers = {index: answers.get(index, error) for index in range(len(group))}
            if not isinstance(error, InputError):
                self._watcher.failed(error)
        except Exception as error:
            self._watcher.failed(error)
            trouble = Unavailable(self._service.broken or NOT_JUDGED)
            answers = {index: answers.get(index, trouble) for index in range(len(group))}
        return [(request, answers[index]) for index, request in enumerate(group)], finish

    def _account(self, batches: Sequence[Batch], batch: Batch, taken: Taken) -> None:
        """Tell those who keep account of what lies in the journal."""
        if not len(taken.rows):
            return
        if len(taken.rows) == len(batch.event_ids):
            for each in batches:
                self._reader.accepted(each)
        if self._on_accepted is not None:
            self._on_accepted(taken, batch)

    def _finish(self, finish: Callable[[], None]) -> None:
        try:
            finish()
        except Exception as error:  # the answers are right and given; what failed can be made up for from the journal
            self._watcher.failed(error)

    def _commit(self) -> None:
        try:
            self._log.commit()
        except BaseException:
            self._service.break_down(BROKEN)
            raise

    def _read(
        self, group: list[_Request], answers: dict[int, list[Result] | TarimError]
    ) -> tuple[list[Batch], list[tuple[int, int]]]:
        """The group's events as batches, and (request, events) in their order; refused requests go to `answers`."""
        batches: list[Batch] = []
        owners: list[tuple[int, int]] = []
        single = [index for index, request in enumerate(group) if not request.many and not request.backfill]
        if single:
            batch, errors = self._reader.group([group[index].body for index in single])
            for index, error in zip(single, errors, strict=True):
                if error is None:
                    owners.append((index, 1))
                else:
                    answers[index] = error
            if len(batch.event_ids):
                batches.append(batch)
        for index, request in enumerate(group):
            if request.many or request.backfill:
                read = self._reader.messages if request.many else self._reader.message
                try:
                    batch = read(request.body, backfill=request.backfill)
                except TarimError as error:
                    answers[index] = error
                    continue
                batches.append(batch)
                owners.append((index, len(batch.event_ids)))
        return batches, owners
