"""Screenings of all customers' names over HTTP: start one, look, break off."""

from __future__ import annotations

from dataclasses import dataclass

from tarim.api.name_requests import StartBody
from tarim.api.name_views import ScreeningBody, ScreeningsBody, screening_body
from tarim.api.routes import Call, Route
from tarim.bootstrap.screenings import Screenings
from tarim.identity import Scope


@dataclass(frozen=True, slots=True)
class ScreeningHandlers:
    """What answers about screenings."""

    screenings: Screenings

    async def start(self, call: Call) -> ScreeningBody:
        return screening_body(self.screenings.start(call.person, full=call.body.full))

    async def listed(self, call: Call) -> ScreeningsBody:
        return ScreeningsBody([screening_body(job) for job in self.screenings.jobs()])

    async def look(self, call: Call) -> ScreeningBody:
        name = call.path["id"]
        if len(name) == 64:
            return screening_body(None, name, await self.screenings.kept(name))
        job = self.screenings.job(name)
        return screening_body(job, job.digest, await self.screenings.kept(job.digest) if job.state == "done" else None)

    async def cancel(self, call: Call) -> ScreeningBody:
        return screening_body(self.screenings.cancel(call.path["id"]))


def name_screening_routes(screenings: Screenings) -> list[Route]:
    """The routes of screenings."""
    do, runs = ScreeningHandlers(screenings), "/v1/name-screenings"
    return [
        Route("POST", runs, "start_name_screening", "Screen all customers now / 立即筛查全部客户", Scope.OPERATE, do.start,
              ScreeningBody, StartBody, status=202, refusals=(404,)),
        Route("GET", runs, "list_name_screenings", "Screenings since the start / 筛查任务", Scope.READ, do.listed,
              ScreeningsBody),
        Route("GET", runs + "/{id}", "read_name_screening", "One screening, or a kept result by digest / 筛查结果",
              Scope.READ, do.look, ScreeningBody),
        Route("DELETE", runs + "/{id}", "cancel_name_screening", "Break a screening off / 中止筛查", Scope.OPERATE, do.cancel,
              ScreeningBody),
    ]  # fmt: skip
