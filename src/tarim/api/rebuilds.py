"""Decisions made again from the journal over HTTP: asked for, watched, and answered bit by bit (SE-16).

Each runs in a process of its own (`tarim decisions rebuild --report`, niced), one at a time, so that no decision waits for it.
What is known of them here is forgotten at a restart; making one again gives the same answer.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tarim.api.routes import Call, Route
from tarim.base.errors import Conflict, NotFound
from tarim.base.instants import Clock, instant_text
from tarim.bootstrap.children import Child
from tarim.bootstrap.views_looking import DecisionLook
from tarim.decisions import Decided, outcome_of, score_of
from tarim.identity import Caller, Scope
from tarim.stream import FeatureSet
from tarim.views import Known, features_seen

RUNNING_MAX: Final = 1
REMEMBERED_MAX: Final = 100


class SourceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The system that sent the event."""

    source: Annotated[str, Meta(min_length=1, max_length=32)]


class FeatureBody(msgspec.Struct, frozen=True):
    """A feature as an event was judged on it.  unit: fen, ms, count, flag, share, deviations or times; value: null, missing."""

    name: str
    value: float | None
    unit: str
    window_ms: int
    zh: str
    en: str


class MadeBody(msgspec.Struct, frozen=True):
    """A decision as it was recorded, or as it came out now; the score rounded for those who may not see it in full."""

    outcome: str
    score: float | None


class RebuildBody(msgspec.Struct, frozen=True):
    """Where it stands.

    state: running, done or failed.  done, of: positions of the journal gone through, of how many.  identical: whether every
    bit of the decision came out the same, null before.  features: what it was judged on, when it is done.  code, detail: why
    it failed.
    """

    id: str
    event_id: str
    source: str
    seq: int
    state: str
    person: str
    asked_at: str
    done: int
    of: int
    identical: bool | None
    recorded: MadeBody
    again: MadeBody | None
    features: list[FeatureBody]
    code: str
    detail: str


class _Line(msgspec.Struct, frozen=True):
    """A line of the child's report: progress, outcome or failure."""

    done: int = 0
    of: int = 0
    identical: bool | None = None
    outcome: str = ""
    score: float | None = None
    features: list[float | None] = []
    code: str = ""
    detail: str = ""


_line_decoder: Final = msgspec.json.Decoder(_Line)


@dataclass(slots=True)
class _Job:
    id: str
    person: str
    asked_ms: int
    recorded: Decided
    state: str = "running"
    line: _Line = field(default_factory=_Line)
    done: int = 0
    child: Child | None = None


def told_score(score: float | None, caller: Caller, decimals: int) -> float | None:
    """A score as the caller may know it (ML-23); decimals: for callers without the scope `score`, 0 for not at all."""
    if score is None or score != score:
        return None
    if Scope.SCORE in caller.scopes:
        return score
    return round(score, decimals) if decimals else None


def feature_bodies(features: FeatureSet, values: Sequence[float]) -> list[FeatureBody]:
    """Features with window, unit and meaning."""
    return [
        FeatureBody(each.name, each.value, each.unit, each.window_ms, each.zh, each.en)
        for each in features_seen(features, values)
    ]


class Rebuilds:
    """Decisions made again by a process; lives in its loop.

    nice: of the children.  seconds_max: of one.  decimals: as `told_score`.
    """

    def __init__(
        self,
        data: Path,
        features: FeatureSet,
        features_name: str,
        nice: int,
        seconds_max: int,
        decimals: int,
        clock: Clock,
    ) -> None:
        self._data = data
        self._features, self._features_name = features, features_name
        self._nice, self._seconds_max, self._decimals = nice, seconds_max, decimals
        self._clock = clock
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, recorded: Decided, caller: Caller) -> RebuildBody:
        """Begin one.  Raises Conflict while another one runs."""
        if sum(job.state == "running" for job in self._jobs.values()) >= RUNNING_MAX:
            raise Conflict("another decision is being made again; ask a little later. 另一项重建正在进行，请稍后再试。")
        job = _Job(secrets.token_hex(8), caller.name, self._clock.now_ms(), recorded)
        self._jobs[job.id] = job
        if len(self._jobs) > REMEMBERED_MAX:
            self._jobs.popitem(last=False)
        task = asyncio.get_running_loop().create_task(self._run(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return self._body(job, caller)

    def look(self, name: str, caller: Caller) -> RebuildBody:
        """One by its id.  Raises NotFound."""
        job = self._jobs.get(name)
        if job is None:
            raise NotFound("no rebuild of that id; after a restart, ask for it again")
        return self._body(job, caller)

    async def close(self) -> None:
        """End what runs."""
        for job in self._jobs.values():
            _end(job)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, job: _Job) -> None:
        """Runs beside the server: whatever goes wrong with the child is this job's failure, and no more."""
        failure = ("internal", "it could not be run")
        try:
            async with asyncio.timeout(self._seconds_max):
                status = await self._in_child(job)
            failure = ("internal", f"it ended with status {status}")
        except TimeoutError:
            failure = ("too-long", f"it took longer than {self._seconds_max} s")
        except Exception as error:
            failure = ("internal", f"it could not be run: {type(error).__name__}")
        done = job.line.identical is not None
        if not done and not job.line.code:
            job.line = _Line(code=failure[0], detail=failure[1])
        job.state = "done" if done else "failed"

    async def _in_child(self, job: _Job) -> int:
        decided = job.recorded
        arguments = ["decisions", "rebuild", "--source", decided.source, "--data", str(self._data), "--report"]
        arguments += ["--at", str(decided.seq), "--nice", str(self._nice), "--", decided.event_id]
        job.child = await Child.start(arguments, environment={"TARIM_ENGINE_FEATURES": self._features_name})
        try:
            while text := await job.child.stdout.readline():
                line = _line_decoder.decode(text)
                if line.of:
                    job.done = line.done
                else:
                    job.line = line
        finally:
            _end(job)
            status = await job.child.wait()
        return status

    def _body(self, job: _Job, caller: Caller) -> RebuildBody:
        decided, line = job.recorded, job.line
        made = MadeBody(
            outcome_of(decided.decision).name.lower(), told_score(score_of(decided.decision), caller, self._decimals)
        )
        again = MadeBody(line.outcome, told_score(line.score, caller, self._decimals)) if line.outcome else None
        values = [float("nan") if value is None else value for value in line.features]
        return RebuildBody(
            job.id,
            decided.event_id,
            decided.source,
            decided.seq,
            job.state,
            job.person,
            instant_text(job.asked_ms),
            decided.seq if job.state == "done" else job.done,
            decided.seq,
            line.identical,
            made,
            again,
            feature_bodies(self._features, values) if values else [],
            line.code,
            line.detail,
        )


def _end(job: _Job) -> None:
    if job.child is not None:
        job.child.kill()  # it holds nothing that could be left half done


def rebuild_routes(rebuilds: Rebuilds, known: Known, look: DecisionLook, current: Callable[[], None]) -> list[Route]:
    """The routes.  current: see `Views.current`."""

    def decided(source: str, event_id: str) -> Decided:
        current()
        return look.decided(known.find(source, event_id))

    async def start(call: Call) -> RebuildBody:
        found = await asyncio.get_running_loop().run_in_executor(
            None, decided, call.query.source, call.path["event_id"]
        )
        return rebuilds.start(found, call.caller)

    async def read(call: Call) -> RebuildBody:
        return rebuilds.look(call.path["id"], call.caller)

    return [
        Route("POST", "/v1/decisions/{event_id:path}:rebuild", "rebuild_decision",
              "Make a decision again from the journal / 由日志重建决策", Scope.EXPLAIN, start, RebuildBody, query=SourceQuery,
              status=202, refusals=(409,)),
        Route("GET", "/v1/rebuilds/{id}", "read_rebuild", "Where it stands, and what came out / 重建进度与结果",
              Scope.EXPLAIN, read, RebuildBody),
    ]  # fmt: skip
