"""The application of a process that serves people: health, metrics, the description, and its routes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from tarim.api.auditing import Auditor
from tarim.api.doors import Door
from tarim.api.openapi import refusals_of
from tarim.api.problems import ProblemBody
from tarim.api.process_figures import ProcessFigures
from tarim.api.refusals import answer_troubles
from tarim.api.routes import Route, described, mount
from tarim.base.errors import NotAllowed, TarimError
from tarim.identity import Scope

_REF = "#/components/schemas/{name}"


@dataclass(frozen=True, slots=True)
class Process:
    """What a process says of itself.

    title, about: of its description.  works: what its health is about.  health_body: type of `health`'s answer, which is a
    body and whether the process works.
    """

    title: str
    about: str
    works: str
    version: str
    health_body: type[msgspec.Struct]
    health: Callable[[], tuple[msgspec.Struct, bool]]


def build_process_app(
    process: Process,
    door: Door,
    figures: ProcessFigures,
    auditor: Auditor,
    routes: Sequence[Route],
    stranger: Callable[[NotAllowed, str], TarimError],
) -> Callable[..., Awaitable[None]]:
    """The application, as ASGI; every route but health and the description needs somebody who may.

    stranger: as `answer_troubles`.
    """
    app = FastAPI(title=process.title, version=process.version, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/v1/health")
    async def health() -> Response:
        body, works = process.health()
        return Response(msgspec.json.encode(body), 200 if works else 503, media_type="application/json")

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        await door.admit(request, Scope.METRICS)
        return Response(figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    mount(app, door, routes, auditor)
    description = msgspec.json.encode(describe_process(process, routes))

    @app.get("/openapi.json")
    async def openapi() -> Response:
        return Response(description, media_type="application/json")

    answer_troubles(app, figures, stranger)

    async def timed(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        began = time.perf_counter()
        await app(scope, receive, send)
        figures.answered(scope.get("method", ""), time.perf_counter() - began)

    return timed


def describe_process(process: Process, routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI document of a process."""
    paths, components = described(routes, refusals_of, _REF)
    _, own = msgspec.json.schema_components((ProblemBody, process.health_body), ref_template=_REF)
    health = {"application/json": {"schema": {"$ref": _REF.format(name=process.health_body.__name__)}}}

    def plain(operation: str, summary: str, media: str, shape: dict[str, Any], *statuses: int) -> dict[str, Any]:
        content = {media: {"schema": shape}}
        answers = {"200": {"description": summary, "content": content}, **refusals_of(413, *statuses)}
        security: list[dict[str, list[str]]] = [{"key": []}] if 401 in statuses else []
        return {"get": {"operationId": operation, "summary": summary, "security": security, "responses": answers}}

    paths |= {
        "/v1/health": {
            "get": {
                "operationId": "health",
                "summary": f"Whether {process.works}",
                "security": [],
                "responses": {
                    "200": {"description": "it does", "content": health},
                    **refusals_of(413),
                    "503": {"description": "it stands still", "content": health},
                },
            }
        },
        "/metrics": plain(
            "metrics", "Figures in the Prometheus text format", "text/plain", {"type": "string"}, 401, 403
        ),
        "/openapi.json": plain("description", "This description", "application/json", {"type": "object"}),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": process.title, "version": process.version, "description": process.about},
        "paths": paths,
        "components": {
            "schemas": own | components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "an API key, or a session"}},
        },
    }
