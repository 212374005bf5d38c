"""Backtests over HTTP: asked for, watched, broken off, and read.

Each runs in a process of its own (`tarim backtest --report`, niced), one at a time, so no decision waits for it.  What is
known of them here is forgotten at a restart; results are kept under their digest and stay readable by it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from tarim.api.backtest_bodies import (
    BacktestBody,
    BacktestState,
    KeptBacktestBody,
    KeptBacktestsBody,
    OfDraftQuery,
    ProblemOfDraft,
)
from tarim.api.routes import Call, Route
from tarim.base.errors import Conflict, FieldError, NotFound
from tarim.base.instants import Clock, instant_text
from tarim.bootstrap.children import Child
from tarim.identity import Scope

RUNNING_MAX: Final = 1
REMEMBERED_MAX: Final = 100
BODY_BYTES_MAX: Final = 8 << 20
NICE: Final = 10
_LINE_BYTES_MAX: Final = 4 << 20
_DIGEST: Final = re.compile("[0-9a-f]{64}")


class _Line(msgspec.Struct, frozen=True):
    """A line of the child's report: progress, outcome or failure."""

    done: int = 0
    of: int = 0
    digest: str = ""
    took_s: float = 0.0
    code: str = ""
    detail: str = ""
    problems: list[ProblemOfDraft] = []


class _Answer(msgspec.Struct, frozen=True):
    """A BacktestState with the kept bytes of the result, which are passed on as they are."""

    id: str
    state: str
    person: str
    asked_at: str
    done: int
    of: int
    digest: str
    took_s: float
    code: str
    detail: str
    problems: list[ProblemOfDraft]
    result: msgspec.Raw


assert _Answer.__struct_fields__ == BacktestState.__struct_fields__
_NO_RESULT: Final = msgspec.Raw(b"null")
_line_decoder: Final = msgspec.json.Decoder(_Line)


@dataclass(slots=True)
class _Job:
    id: str
    person: str
    asked_ms: int
    state: str = "running"
    line: _Line = field(default_factory=_Line)
    done: int = 0
    of: int = 0
    child: Child | None = None

    def answer(self, result: msgspec.Raw = _NO_RESULT) -> _Answer:
        line = self.line
        return _Answer(
            self.id,
            self.state,
            self.person,
            instant_text(self.asked_ms),
            self.done,
            self.of,
            line.digest,
            line.took_s,
            line.code,
            line.detail,
            line.problems,
            result,
        )


class Backtests:
    """The backtests of a service; lives in its loop.

    features: name of the feature set in force.  kept: reads a result that was kept by its digest; raises NotFound.  of_draft:
    digests and instants (ms) of the results of a draft, by its version, the newest first.
    """

    def __init__(
        self,
        data: Path,
        features: str,
        kept: Callable[[str], bytes],
        of_draft: Callable[[str], list[tuple[str, int]]],
        clock: Clock,
    ) -> None:
        self._data = data
        self._features = features
        self._kept = kept
        self._of_draft = of_draft
        self._clock = clock
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, asked: BacktestBody, person: str) -> _Answer:
        """Begin one.  Raises FieldError, Conflict while another one runs."""
        for name, text in (("from", asked.from_), ("to", asked.to)):
            _check_time(name, text)
        if sum(job.state == "running" for job in self._jobs.values()) >= RUNNING_MAX:
            raise Conflict("another backtest is running; wait for it, or break it off")
        job = _Job(secrets.token_hex(8), person, self._clock.now_ms())
        self._jobs[job.id] = job
        if len(self._jobs) > REMEMBERED_MAX:
            self._jobs.popitem(last=False)
        task = asyncio.get_running_loop().create_task(self._run(job, asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job.answer()

    async def look(self, name: str) -> _Answer:
        """One by its id, or a kept result by its digest.  Raises NotFound."""
        job = self._jobs.get(name)
        if job is None:
            if _DIGEST.fullmatch(name) is None:
                raise NotFound("no backtest of that id")
            result = await self._result(name)
            return _Answer("", "done", "", "", 0, 0, name, 0.0, "", "", [], result)
        return job.answer(await self._result(job.line.digest) if job.state == "done" else _NO_RESULT)

    async def kept(self, version: str) -> KeptBacktestsBody:
        """The results of a draft."""
        found = await asyncio.get_running_loop().run_in_executor(None, self._of_draft, version)
        return KeptBacktestsBody([KeptBacktestBody(digest, instant_text(at_ms)) for digest, at_ms in found])

    def cancel(self, name: str) -> _Answer:
        """Break one off; one that has ended stays as it is.  Raises NotFound."""
        job = self._jobs.get(name)
        if job is None:
            raise NotFound("no backtest of that id")
        if job.state == "running":
            job.state = "cancelled"
            _end(job)
        return job.answer()

    async def close(self) -> None:
        """End what runs."""
        for job in self._jobs.values():
            _end(job)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _result(self, digest: str) -> msgspec.Raw:
        content = await asyncio.get_running_loop().run_in_executor(None, self._kept, digest)
        return msgspec.Raw(content)

    async def _run(self, job: _Job, asked: BacktestBody) -> None:
        """Runs beside the server: whatever goes wrong with the child is this job's failure, and no more."""
        try:
            status = await self._in_child(job, asked)
            line = job.line if job.line.code else _Line(code="internal", detail=f"it ended with status {status}")
        except Exception as error:
            line = _Line(code="internal", detail=f"it could not be run: {type(error).__name__}")
        if job.state == "running":
            job.state = "done" if job.line.digest else "failed"
            job.line = job.line if job.line.digest else line

    async def _in_child(self, job: _Job, asked: BacktestBody) -> int:
        with tempfile.TemporaryDirectory(prefix="tarim-backtest-") as folder:
            job.child = await Child.start(
                self._arguments(Path(folder), asked),
                line_bytes_max=_LINE_BYTES_MAX,
                environment={"TARIM_ENGINE_FEATURES": self._features},
            )
            try:
                if job.state == "running":
                    await self._follow(job)
            finally:
                _end(job)
                status = await job.child.wait()
        return status

    async def _follow(self, job: _Job) -> None:
        """Read the report to its end."""
        assert job.child is not None
        while text := await job.child.stdout.readline():
            line = _line_decoder.decode(text)
            if line.of:
                job.done, job.of = line.done, line.of
            else:
                job.line = line

    def _arguments(self, folder: Path, asked: BacktestBody) -> list[str]:
        draft = folder / "draft.toml"
        draft.write_text(asked.draft, encoding="utf-8")
        arguments = ["backtest", str(draft), "--data", str(self._data), "--report"]
        arguments += ["--labels", asked.labels, "--nice", str(NICE)]
        if asked.against is not None:
            other = folder / "against.toml"
            other.write_text(asked.against, encoding="utf-8")
            arguments += ["--against", str(other)]
        for option, value in (("--rule", asked.rule), ("--from", asked.from_), ("--to", asked.to)):
            if value:
                arguments += [option, value]
        return arguments


def _check_time(name: str, text: str | None) -> None:
    try:
        if text is not None:
            datetime.fromisoformat(text)
    except ValueError:
        raise FieldError(name, "must be a date, or a date and time, such as 2026-01-31T12:00:00") from None


def _end(job: _Job) -> None:
    if job.child is not None:
        job.child.kill()  # it holds nothing that could be left half done


@dataclass(frozen=True, slots=True)
class BacktestHandlers:
    """What answers about backtests."""

    backtests: Backtests

    async def start(self, call: Call) -> _Answer:
        return self.backtests.start(call.body, call.person)

    async def look(self, call: Call) -> _Answer:
        return await self.backtests.look(call.path["id"])

    async def kept(self, call: Call) -> KeptBacktestsBody:
        return await self.backtests.kept(call.query.version)

    async def cancel(self, call: Call) -> _Answer:
        return self.backtests.cancel(call.path["id"])


def backtest_routes(backtests: Backtests) -> list[Route]:
    """The routes."""
    do = BacktestHandlers(backtests)
    return [
        Route("POST", "/v1/backtests", "start_backtest", "Judge what has happened by a draft ruleset, in the background",
              Scope.AUTHOR, do.start, BacktestState, takes=BacktestBody, status=202, refusals=(409,),
              body_bytes_max=BODY_BYTES_MAX),
        Route("GET", "/v1/backtests", "list_backtests",
              "Results that were kept of a draft, by its version / 草稿已有的回测结果", Scope.READ, do.kept,
              KeptBacktestsBody, query=OfDraftQuery),
        Route("GET", "/v1/backtests/{id}", "read_backtest",
              "Where a backtest stands, and its result; also by the digest of a kept result", Scope.READ, do.look,
              BacktestState),
        Route("DELETE", "/v1/backtests/{id}", "cancel_backtest", "Break a backtest off", Scope.AUTHOR, do.cancel,
              BacktestState),
    ]  # fmt: skip
