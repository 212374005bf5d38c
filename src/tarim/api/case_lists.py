"""Lists of cases beside the queue itself: a list taken out of the house, and who may be given cases."""

from __future__ import annotations

import asyncio
from typing import Final

from tarim.api.case_bodies import ExportedCasesBody, WorkerBody, WorkersBody
from tarim.api.case_requests import CasesFilter, ExportCasesBody, WorkersQuery
from tarim.api.case_views import case_body, watermark
from tarim.api.desk_calls import looked_at
from tarim.api.routes import Call, Route
from tarim.cases import Filter, Means, Page, Sort, open_cases_of, page_of_cases
from tarim.desk import Desk
from tarim.identity import EVERYTHING, Caller, Scope

EXPORTED_MAX: Final = 10_000
NOBODY: Final = "nobody"


def scope_of(caller: Caller, **wanted: object) -> Filter:
    """A filter of what the caller may see at all."""
    branches = None if caller.branches == EVERYTHING else caller.branches
    queues = None if caller.queues == EVERYTHING else caller.queues
    return Filter(branches, queues, **wanted)  # type: ignore[arg-type]  # names of its fields, given below


def filter_of(call: Call, asked: CasesFilter, now_ms: int) -> Filter:
    """What was asked for, within what the caller may see."""
    names = {"": None, "me": call.person, NOBODY: ""}
    return scope_of(
        call.caller,
        open_only=not asked.closed,
        state=asked.state,
        queue=asked.queue,
        branch=asked.branch,
        assignee=names.get(asked.assignee, asked.assignee),
        scenario=asked.scenario,
        ring=asked.ring,
        priority=asked.priority,
        tag=asked.tag,
        overdue_at_ms=now_ms if asked.overdue else 0,
    )


def case_list_routes(desk: Desk, means: Means) -> list[Route]:
    """The routes; names of persons are asked for in the loop's executor."""

    async def export(call: Call) -> ExportedCasesBody:
        body: ExportCasesBody = call.body
        now_ms = desk.now_ms()
        wanted, page = filter_of(call, body, now_ms), Page(Sort(body.sort), EXPORTED_MAX)
        cases, more, _ = await looked_at(desk, lambda connection: page_of_cases(connection, wanted, page))
        call.note.reason = body.reason
        call.note.detail["cases"] = len(cases)
        rows = [case_body(case, now_ms) for case in cases]
        return ExportedCasesBody(rows, bool(more), watermark(call.caller, now_ms))

    async def workers(call: Call) -> WorkersBody:
        query: WorkersQuery = call.query
        loop = asyncio.get_running_loop()
        names = await loop.run_in_executor(None, means.people.workers, query.branch, query.queue)
        loads = await looked_at(desk, lambda connection: open_cases_of(connection, names))
        rows = [WorkerBody(name, loads[name]) for name in names]
        return WorkersBody(sorted(rows, key=lambda row: (row.open, row.login)))

    return [
        Route("POST", "/v1/cases:export", "export_cases", "Take a list of cases out, masked / 导出案件列表（脱敏）",
              Scope.CASES_READ, export, ExportedCasesBody, ExportCasesBody, personal=True),
        Route("GET", "/v1/cases:workers", "list_workers", "Who may be given cases / 可指派人员", Scope.CASES_ASSIGN, workers,
              WorkersBody, query=WorkersQuery),
    ]  # fmt: skip
