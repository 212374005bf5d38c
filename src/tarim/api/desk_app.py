"""The desk's application: health, metrics, the description, and the routes of people's work."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from tarim.api.auditing import Auditor
from tarim.api.desk_figures import DeskFigures
from tarim.api.doors import Door
from tarim.api.openapi import refusals_of
from tarim.api.problems import ProblemBody
from tarim.api.refusals import answer_troubles
from tarim.api.routes import Route, described, mount
from tarim.base.errors import NotAllowed, TarimError
from tarim.desk import DeskState
from tarim.identity import Scope

_REF = "#/components/schemas/{name}"


class DeskHealthBody(msgspec.Struct, frozen=True):
    """status: ok; behind: decisions of the last seconds are not shown yet; broken: the tables stand still, and why.

    acts_seq, followed_seq: the next position of either journal in the tables.  behind: positions of the decisions' journal
    not shown yet.  waiting_commands: commands that wait for their turn.
    """

    status: str
    version: str
    acts_seq: int
    followed_seq: int
    behind: int
    waiting_commands: int
    trouble: str


def build_desk_app(
    state: Callable[[], DeskState],
    door: Door,
    figures: DeskFigures,
    version: str,
    auditor: Auditor,
    routes: Sequence[Route],
    stranger: Callable[[NotAllowed, str], TarimError],
    behind_max: int,
) -> Callable[..., Awaitable[None]]:
    """The application, as ASGI; every route but health and the description needs somebody who may.

    behind_max: with more positions not shown yet it says that it is behind.  stranger: as `answer_troubles`.
    """
    app = FastAPI(title="Tarim desk", version=version, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/v1/health")
    async def health() -> Response:
        now = state()
        status = "broken" if now.trouble else "behind" if now.behind > behind_max else "ok"
        body = DeskHealthBody(status, version, now.acts_seq, now.followed_seq, now.behind, now.waiting, now.trouble)
        return Response(msgspec.json.encode(body), 503 if now.trouble else 200, media_type="application/json")

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        await door.admit(request, Scope.METRICS)
        return Response(figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    mount(app, door, routes, auditor)
    description = msgspec.json.encode(describe_desk(version, routes))

    @app.get("/openapi.json")
    async def openapi() -> Response:
        return Response(description, media_type="application/json")

    answer_troubles(app, figures, stranger)

    async def timed(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        began = time.perf_counter()
        await app(scope, receive, send)
        figures.answered(scope.get("method", ""), time.perf_counter() - began)

    return timed


def describe_desk(version: str, routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI document of the desk."""
    paths, components = described(routes, refusals_of, _REF)
    _, own = msgspec.json.schema_components((ProblemBody, DeskHealthBody), ref_template=_REF)
    health = {"application/json": {"schema": {"$ref": _REF.format(name="DeskHealthBody")}}}

    def plain(operation: str, summary: str, media: str, shape: dict[str, Any], *statuses: int) -> dict[str, Any]:
        content = {media: {"schema": shape}}
        answers = {"200": {"description": summary, "content": content}, **refusals_of(413, *statuses)}
        security: list[dict[str, list[str]]] = [{"key": []}] if 401 in statuses else []
        return {"get": {"operationId": operation, "summary": summary, "security": security, "responses": answers}}

    paths |= {
        "/v1/health": {
            "get": {
                "operationId": "health",
                "summary": "Whether the desk works",
                "security": [],
                "responses": {
                    "200": {"description": "it does", "content": health},
                    **refusals_of(413),
                    "503": {"description": "its tables stand still", "content": health},
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
        "info": {"title": "Tarim desk", "version": version, "description": "What people do after a decision."},
        "paths": paths,
        "components": {
            "schemas": own | components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "an API key, or a session"}},
        },
    }
