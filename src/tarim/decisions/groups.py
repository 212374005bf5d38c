"""Group commit: requests that arrive together share a trip to the disk.

    arrive ──► waiting ──► [ read the bodies, recognise, judge, append ] ──► commit ──► answer each ──► keep account
                  ▲                        one group: all that waited                         │  the loop sends  │
                  └──────────────── what arrived meanwhile is the next group ◄────────────────┴──────────────────┘

A request that cannot be read yet (`Later`: a name is being screened) steps aside, and waits again when it can.

An answer is durable before it is given, the disk is asked once for many answers, and a group is as large as the load
makes it.  All but the wait for the disk happens in the event loop's own thread: a second thread would have to share the
interpreter's lock, and handing it back and forth costs several times what the disk does (decision record 0009).  What
waits is bounded: beyond it a request is refused at
once, which costs the sender less than a late answer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tarim.base.errors import InputError, TarimError, Unavailable
from tarim.base.later import Later
from tarim.decisions.decided import Result, Taken
from tarim.decisions.joining import join
from tarim.decisions.ports import Batch, Log, Reader
from tarim.decisions.service import DecisionService
from tarim.stream import Rows

Answer = Callable[[list[Result] | TarimError], None]
"""Called once, in the loop, with one result for each event of the request, or with why there are none."""

CLOSED: Final = "the service is stopping"
FULL: Final = "too many requests are waiting"
BROKEN: Final = "the journal could not be written; the service must be restarted"
NOT_JUDGED: Final = "the events could not be judged"

ACCOUNT_AFTER_S: Final = 0.05
ACCOUNTS_MAX: Final = 256
"""`on_accepted` is told of this many groups, or of those of this long, at once."""

OVERLAPPED_REQUESTS_MIN: Final = 6
"""Groups of so many requests wait for the disk in another thread, while this one reads what comes next; for smaller ones
waking that thread would take longer than it saves."""


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


class Guard(Protocol):
    """What looks for attempts to feel the rules out; must be quick."""

    def look(self, rows: Rows, senders: npt.NDArray[np.int64]) -> dict[int, TarimError]:
        """Events that are refused, by index: rows (n, 32) as they came, senders (n,), 0 for one that is not watched."""


class _Request(NamedTuple):
    """Events to decide: one message, or many in one body.  sender: number of the key it came with."""

    body: bytes
    many: bool
    backfill: bool
    answer: Answer
    sender: int = 0


@dataclass(slots=True)
class _Judged:
    """A group on its way: what its requests are answered, which results belong to which request, and since when."""

    group: list[_Request]
    begun_s: float
    answers: dict[int, list[Result] | TarimError] = field(default_factory=dict)
    aside: set[int] = field(default_factory=set)
    owners: list[tuple[int, int]] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    batches: Sequence[Batch] = ()
    batch: Any = None
    taken: Taken | None = None
    judged_s: float = 0.0
    durable_s: float = 0.0


class GroupCommit:
    """The asynchronous front of the decision service; its methods are called in `loop`'s thread.

    guard: asked about every group before it is judged.  on_accepted: told of the groups whose new events have become durable,
    some time after the answers are given.
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
        guard: Guard | None = None,
        on_accepted: Callable[[Sequence[tuple[Taken, Batch]]], None] | None = None,
    ) -> None:
        self._service = service
        self._reader = reader
        self._log = log
        self._loop = loop
        self._limits = limits
        self._watcher = watcher
        self._guard = guard
        self._on_accepted = on_accepted
        self._waiting: deque[_Request] = deque()
        self._waiting_bytes = 0
        self._aside = 0
        self._accepted: list[tuple[Taken, Batch]] = []
        self._remembered: list[Any] = []
        self._scheduled = False
        self._committer: SimpleQueue[_Judged | None] = SimpleQueue()
        self._committing = Thread(target=self._commit_others, name="commit", daemon=True)
        self._committing.start()
        self._closed = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def waiting_requests(self) -> int:
        """Requests not yet answered."""
        return len(self._waiting) + self._aside

    def submit(
        self, body: bytes, answer: Answer, *, many: bool = False, backfill: bool = False, sender: int = 0
    ) -> None:
        """Have the event (or, with `many`, the events) in `body` decided; `answer` is called when that is durable.

        sender: number of the key it came with, for the guard; 0 for one that is not watched.
        Raises Unavailable, and never calls `answer`, when the queue is full or the service stopped or broken.
        """
        if self._closed or self._service.broken:
            raise Unavailable(self._service.broken or CLOSED)
        size = len(body)
        if self.waiting_requests >= self._limits.waiting_requests_max or (
            self.waiting_requests and self._waiting_bytes + size > self._limits.waiting_bytes_max
        ):
            raise Unavailable(FULL)
        self._waiting_bytes += size
        self._wait(_Request(body, many, backfill, answer, sender))

    def _wait(self, request: _Request) -> None:
        self._waiting.append(request)
        if not self._scheduled:
            self._scheduled = True
            self._empty.clear()
            self._loop.call_soon(self._work)  # after what else has arrived by now: one group

    def _step_aside(self, request: _Request, later: Later) -> None:
        """Let a request wait again when it is told to; it counts as waiting all the time."""
        self._aside += 1
        self._waiting_bytes += len(request.body)

        def again() -> None:
            self._aside -= 1
            self._wait(request)

        later.then(again)

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
        self._tell()
        self._committer.put(None)
        self._committing.join()

    # ---- one group -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        group: list[_Request] = []
        size = 0
        while self._waiting and len(group) < self._limits.requests_max and size < self._limits.bytes_max:
            request = self._waiting.popleft()
            group.append(request)
            size += len(request.body)
        self._waiting_bytes -= size
        judged = self._judge(group)
        if judged.taken is None or not len(judged.taken.rows):
            self._settle(judged, None)
        elif len(group) < OVERLAPPED_REQUESTS_MIN:
            self._settle(judged, self._commit())
        else:
            self._committer.put(judged)

    def _settle(self, judged: _Judged, trouble: Exception | None) -> None:
        """Answer a group that is durable, or say why it is not; the rest is seen to when the answers are sent."""
        answers = judged.answers
        if trouble is not None:
            self._watcher.failed(trouble)
            refused = trouble if isinstance(trouble, TarimError) else Unavailable(BROKEN)
            answers = {index: answers.get(index, refused) for index in range(len(judged.group))}
            judged.taken = None
        else:
            at = 0
            for index, count in judged.owners:
                answers[index] = judged.results[at : at + count]
                at += count
        for index, request in enumerate(judged.group):
            if index in judged.aside:
                continue
            try:
                request.answer(answers[index])
            except Exception as error:  # one broken connection must not cost the others their answers
                self._watcher.failed(error)
        judged.durable_s = time.perf_counter() - judged.judged_s
        self._loop.call_soon(self._finish, judged)  # the loop sends what was written before it goes on

    def _finish(self, judged: _Judged) -> None:
        """Keep account of a group that was answered, and see to the next one."""
        taken = judged.taken
        if taken is not None:
            try:
                self._watcher.group(judged.batch, taken, judged.judged_s - judged.begun_s, judged.durable_s)
                self._account(judged.batches, judged.batch, taken)
            except (
                Exception
            ) as error:  # the answers are right and given; what failed can be made up for from the journal
                self._watcher.failed(error)
        self._scheduled = bool(self._waiting)
        if self._scheduled:
            self._work()
        elif not self._aside:
            self._empty.set()

    def _judge(self, group: list[_Request]) -> _Judged:
        """A group read, recognised, judged and appended; durable only after the commit."""
        judged = _Judged(group, time.perf_counter())
        try:
            batches, judged.owners = self._read(group, judged.answers)
            for index, answer in list(judged.answers.items()):
                if isinstance(answer, Later):
                    judged.aside.add(index)
                    self._step_aside(group[index], answer)
            if batches:
                judged.batches = batches
                judged.batch = join(batches)
                judged.taken = self._service.take(judged.batch, self._refused(judged))
                judged.results = self._service.results(judged.batch, judged.taken)
        except Exception as error:
            if not isinstance(error, InputError):
                self._watcher.failed(error)
            trouble = error if isinstance(error, TarimError) else Unavailable(self._service.broken or NOT_JUDGED)
            judged.answers = {index: judged.answers.get(index, trouble) for index in range(len(group))}
            judged.owners, judged.taken = [], None
        judged.judged_s = time.perf_counter()
        return judged

    def _refused(self, judged: _Judged) -> dict[int, TarimError]:
        """Events that the guard refuses, by their index in the group's batch."""
        if self._guard is None:
            return {}
        senders = [judged.group[index].sender for index, count in judged.owners for _ in range(count)]
        return self._guard.look(judged.batch.rows, np.array(senders, np.int64))

    def _account(self, batches: Sequence[Batch], batch: Batch, taken: Taken) -> None:
        """Soon tell those who keep account of what lies in the journal."""
        if not len(taken.rows):
            return
        if len(taken.rows) == len(batch.event_ids):
            self._remembered += batches
        self._accepted.append((taken, batch))
        if len(self._accepted) == 1:
            self._loop.call_later(ACCOUNT_AFTER_S, self._tell)
        elif len(self._accepted) >= ACCOUNTS_MAX:
            self._tell()

    def _tell(self) -> None:
        """Tell of all groups since the last time at once: each telling wakes a thread, which then wants the interpreter."""
        accepted, self._accepted = self._accepted, []
        remembered, self._remembered = self._remembered, []
        try:
            if remembered:
                self._reader.accepted(remembered)
            if accepted and self._on_accepted is not None:
                self._on_accepted(accepted)
        except Exception as error:  # what failed can be made up for from the journal
            self._watcher.failed(error)

    def _commit_others(self) -> None:
        """In a thread of its own: wait for the disk for the larger groups, one after the other."""
        while (judged := self._committer.get()) is not None:
            self._loop.call_soon_threadsafe(self._settle, judged, self._commit())

    def _commit(self) -> Exception | None:
        """Why the journal is not durable, None when it is."""
        try:
            self._log.commit()
        except Exception as error:
            self._service.break_down(BROKEN)
            return error
        return None

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
