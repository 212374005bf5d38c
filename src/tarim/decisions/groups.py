"""Group commit: requests that arrive together share a trip to the disk.

    arrive ──► waiting ──► [ read the bodies, recognise, judge, append ] ──► commit ──► answer each ──► keep account
                  ▲                        one group: all that waited                                        │
                  └──────────────── what arrived meanwhile is the next group ◄───────────────────────────────┘

An answer is durable before it is given, the disk is asked once for many answers, and a group is as large as the load
makes it.  All of it happens in the event loop's own thread, the wait for the disk included: a second thread would have to
share the interpreter's lock, and handing it back and forth cost several times what the disk does (0.2 ms; decision record
0009).  While the disk works the kernel collects what arrives.  What waits is bounded: beyond it a request is refused at
once, which costs the sender less than a late answer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from tarim.base.errors import InputError, TarimError, Unavailable
from tarim.decisions.ports import Batch, Log, Reader
from tarim.decisions.service import DecisionService, Result, Taken, join

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
    """What wants to know how groups fare; must be quick."""

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


class GroupCommit:
    """The asynchronous front of the decision service; its methods are called in `loop`'s thread.

    on_accepted: told of each batch whose new events have become durable, after the answers are given.
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
        self._waiting: deque[_Request] = deque()
        self._waiting_bytes = 0
        self._scheduled = False
        self._closed = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def waiting_requests(self) -> int:
        """Requests not yet answered."""
        return len(self._waiting)

    def submit(self, body: bytes, answer: Answer, *, many: bool = False, backfill: bool = False) -> None:
        """Have the event (or, with `many`, the events) in `body` decided; `answer` is called when that is durable.

        Raises Unavailable, and never calls `answer`, when the queue is full or the service stopped or broken.
        """
        if self._closed or self._service.broken:
            raise Unavailable(self._service.broken or CLOSED)
        size = len(body)
        if len(self._waiting) >= self._limits.waiting_requests_max or (
            self._waiting and self._waiting_bytes + size > self._limits.waiting_bytes_max
        ):
            raise Unavailable(FULL)
        self._waiting_bytes += size
        self._waiting.append(_Request(body, many, backfill, answer))
        if not self._scheduled:
            self._scheduled = True
            self._empty.clear()
            self._loop.call_soon(self._work)  # after what else has arrived by now: one group

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

    async def close(self) -> None:
        """Take nothing more, and return when what is waiting has been answered."""
        self._closed = True
        await self._empty.wait()

    # ---- one group -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        group: list[_Request] = []
        size = 0
        while self._waiting and len(group) < self._limits.requests_max and size < self._limits.bytes_max:
            request = self._waiting.popleft()
            group.append(request)
            size += len(request.body)
        self._waiting_bytes -= size
        answers, finish = self._decide(group)
        for request, results in answers:
            try:
                request.answer(results)
            except Exception as error:  # one broken connection must not cost the others their answers
                self._watcher.failed(error)
        if finish is not None:
            self._finish(finish)
        self._scheduled = bool(self._waiting)
        if self._scheduled:
            self._loop.call_soon(self._work)
        else:
            self._empty.set()

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
