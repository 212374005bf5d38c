"""Screening all customers beside a running service: started when something changed, followed, broken off, taken over.

The work is a child's (`tarim.bootstrap.rescreening`), niced, one at a time; it reads the disk and writes its result by
digest.  Only then are its matches appended to the journal, with the SCREENING record last: a child or a service that is
killed before leaves nothing half done, and the next screening covers the same.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from tarim.base.errors import NotFound, TarimError, Unavailable
from tarim.base.instants import Clock
from tarim.bootstrap.children import Child
from tarim.bootstrap.names import NameDesk
from tarim.bootstrap.places import Places
from tarim.bootstrap.rescreening import ScreeningResult, decode_screening, kept_screenings
from tarim.screening import Party, PartyKind, Screening

REMEMBERED_MAX: Final = 100
CHECK_S: Final = 1.0
RETRY_S: Final = 60.0
CHUNK: Final = 500
"""Matches appended between two groups of events."""
_LINE_BYTES_MAX: Final = 1 << 20


class _Line(msgspec.Struct, frozen=True):
    """A line of the child's report: progress, outcome or failure."""

    done: int = 0
    of: int = 0
    digest: str = ""
    code: str = ""
    detail: str = ""


_line_decoder: Final = msgspec.json.Decoder(_Line)


@dataclass(slots=True)
class ScreeningJob:
    """One screening of all customers.

    person: who asked, "" when a change did.  state: running, done, failed or cancelled.  done, of: customers.  digest: of the
    kept result.
    """

    id: str
    person: str
    asked_ms: int
    full: bool
    state: str = "running"
    done: int = 0
    of: int = 0
    digest: str = ""
    code: str = ""
    detail: str = ""
    child: Child | None = None


class Screenings:
    """The screenings of a service; lives in its loop."""

    def __init__(self, desk: NameDesk, places: Places, clock: Clock) -> None:
        self._desk = desk
        self._places = places
        self._clock = clock
        self._jobs: OrderedDict[str, ScreeningJob] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._due_since = 0.0
        self._not_before = 0.0
        self._held: tuple[dict[str, str], int] | None = None
        self._log = structlog.get_logger("tarim.names")

    @property
    def running(self) -> ScreeningJob | None:
        """The one under way."""
        return next((job for job in self._jobs.values() if job.state == "running"), None)

    @property
    def behind(self) -> bool:
        """Whether a list or the register has changed since the last screening, or none was made by this threshold."""
        state, last = self._desk.state, self._desk.state.last_screening
        editions, register_seq = self._present
        if not editions:
            return False
        return (
            last is None
            or last.editions != editions
            or last.threshold != self._desk.settings.threshold_percent
            or (state.register_seq > last.register_seq and register_seq > 0)
        )

    @property
    def _present(self) -> tuple[dict[str, str], int]:
        state = self._desk.state
        return {name: edition.digest for name, edition in state.in_force.items()}, state.register_seq

    def start(self, person: str, *, full: bool = False) -> ScreeningJob:
        """Begin one.  Raises Unavailable while another one runs, NotFound when no list is in force."""
        if self.running is not None:
            raise Unavailable("customers are being screened already; wait for it, or break it off")
        if not self._desk.state.editions:
            raise NotFound("no watch list is in force; import one first (tarim names import)")
        job = ScreeningJob(secrets.token_hex(8), person, self._clock.now_ms(), full)
        self._jobs[job.id] = job
        if len(self._jobs) > REMEMBERED_MAX:
            self._jobs.popitem(last=False)
        self._held = None
        self._task = asyncio.get_running_loop().create_task(self._run(job))
        return job

    def job(self, name: str) -> ScreeningJob:
        """One by its id.  Raises NotFound."""
        found = self._jobs.get(name)
        if found is None:
            raise NotFound("no screening of that id since the service was started")
        return found

    def jobs(self) -> list[ScreeningJob]:
        """All since the start, newest first."""
        return list(reversed(self._jobs.values()))

    async def kept(self, digest: str) -> ScreeningResult:
        """A kept result.  Raises NotFound, Damaged."""
        content = await asyncio.get_running_loop().run_in_executor(None, kept_screenings(self._places).get, digest)
        return decode_screening(content)

    def cancel(self, name: str) -> ScreeningJob:
        """Break one off; none is started by itself until something changes again.  Raises NotFound."""
        job = self.job(name)
        if job.state == "running":
            job.state = "cancelled"
            self._held = self._present
            _end(job)
        return job

    async def run(self) -> None:
        """Beside the server until cancelled: start a screening some seconds after a change."""
        while True:
            await asyncio.sleep(CHECK_S)
            now = time.monotonic()
            if self.running is not None or not self.behind or self._held == self._present or now < self._not_before:
                self._due_since = 0.0
                continue
            self._due_since = self._due_since or now
            if now - self._due_since >= self._desk.settings.rescreen_after_s:
                self._due_since = 0.0
                self.start("")

    async def close(self) -> None:
        """End what runs."""
        for job in self._jobs.values():
            _end(job)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # ---- one screening ---------------------------------------------------------------------------------------------

    async def _run(self, job: ScreeningJob) -> None:
        """Whatever goes wrong is this job's failure, and no more."""
        begun = time.monotonic()
        try:
            line = await self._in_child(job)
            if job.state == "running" and line.digest:
                await self._take_over(job, line.digest)
                job.digest, job.state = line.digest, "done"
        except TarimError as error:
            line = _Line(code=error.code, detail=error.detail)
        except Exception as error:
            line = _Line(code="internal", detail=f"it could not be run: {type(error).__name__}")
        if job.state == "running":
            job.state, job.code = "failed", line.code or "internal"
            job.detail = line.detail or "the child ended without a result"
            self._not_before = time.monotonic() + RETRY_S
        took_s = round(time.monotonic() - begun, 2)
        self._log.info("screening", id=job.id, state=job.state, customers=job.of, took_s=took_s, detail=job.detail)

    async def _in_child(self, job: ScreeningJob) -> _Line:
        """The child's last word."""
        desk = self._desk
        desk.commit()
        to_seq = desk.next_seq
        await asyncio.get_running_loop().run_in_executor(None, desk.book.flush)
        command = ["names", "screen-all", "--data", str(self._places.data)]
        command += ["--threshold", str(desk.settings.threshold_percent), "--to-seq", str(to_seq)]
        command += ["--nice", str(desk.settings.nice), *(("--full",) if job.full else ())]
        job.child = await Child.start(command, line_bytes_max=_LINE_BYTES_MAX)
        last = _Line()
        try:
            while job.state == "running" and (text := await job.child.stdout.readline()):
                last = _line_decoder.decode(text)
                if last.of:
                    job.done, job.of = last.done, last.of
        finally:
            _end(job)
            await job.child.wait()
        return last

    async def _take_over(self, job: ScreeningJob, digest: str) -> None:
        """Append what was found, and then that it was."""
        result, desk = await self.kept(digest), self._desk
        book = desk.book
        fresh = await asyncio.get_running_loop().run_in_executor(
            None, book.registered, result.from_seq, result.register_seq
        )
        renewed = [token for token in fresh if Party(PartyKind.CUSTOMER, token) in desk.state.matches]
        for start in range(0, len(result.found), CHUNK):
            desk.append_matches(job.id, result.found[start : start + CHUNK])
            await asyncio.sleep(0)
        desk.append(
            Screening(
                job.id,
                result.editions,
                result.threshold,
                result.register_seq,
                result.full,
                result.settled,
                renewed,
                digest,
                result.customers,
                result.entries,
                len(result.found),
                desk.now_ms(),
            )
        )
        desk.commit()


def _end(job: ScreeningJob) -> None:
    if job.child is not None:
        job.child.kill()  # it holds nothing that could be left half done
