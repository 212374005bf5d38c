"""The routes that do not decide: read a decision, health, metrics, the description of it all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.params import Path

from tarim.api.answers import Answers
from tarim.api.auditing import Auditor
from tarim.api.doors import Door
from tarim.api.figures import Figures
from tarim.api.openapi import describe
from tarim.api.probing import Probes
from tarim.api.refusals import answer_troubles
from tarim.api.routes import Route, mount
from tarim.base.errors import NotFound
from tarim.decisions import DecisionService
from tarim.identity import Caller, Scope
from tarim.intake import event_key


class HealthBody(msgspec.Struct, frozen=True):
    """`status` is ok or broken; broken: refuses to decide and has to be restarted.  `next_seq`: the journal's next position."""

    status: str
    version: str
    next_seq: int


def build_app(
    service: DecisionService,
    door: Door,
    answers: Answers,
    figures: Figures,
    probes: Probes,
    version: str,
    auditor: Auditor,
    routes: Sequence[Route] = (),
) -> FastAPI:
    """The application, with these routes beside its own; every route but health and the description needs a key."""
    app = FastAPI(title="Tarim", version=version, docs_url=None, redoc_url=None, openapi_url=None)

    def needs(scope: Scope) -> Any:
        async def check(request: Request) -> Caller:
            return (await door.admit(request, scope)).caller

        return Depends(check)

    @app.get("/v1/decisions/{event_id:path}")
    async def read_decision(
        event_id: Annotated[str, Path(max_length=64)],
        source: Annotated[str, Query(max_length=32)],
        caller: Caller = needs(Scope.READ),  # noqa: B008  FastAPI's way to depend on something
    ) -> Response:
        decided = service.decided(event_key(source, event_id))
        if (decided.source, decided.event_id) != (source, event_id):
            raise NotFound("no decision for that event")
        return Response(answers.bytes_of(decided, fine=Scope.SCORE in caller.scopes), media_type="application/json")

    @app.get("/v1/health")
    async def health() -> Response:
        body = HealthBody("broken" if service.broken else "ok", version, service.next_seq)
        return Response(msgspec.json.encode(body), 503 if service.broken else 200, media_type="application/json")

    @app.get("/metrics", dependencies=[needs(Scope.METRICS)])
    async def metrics() -> Response:
        return Response(figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    mount(app, door, routes, auditor)
    description = msgspec.json.encode(describe(version, routes))

    @app.get("/openapi.json")
    async def openapi() -> Response:
        return Response(description, media_type="application/json")

    answer_troubles(app, figures, probes.stranger)
    return app
