"""Routes that do not decide, declared once: what is served is what is described.

A `Route` says path, scope, what it takes and gives; `mount` adds it to the application and `described` to the OpenAPI
document.  Bodies are decoded strictly by msgspec; an error names the place and never repeats a value.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response

from tarim.api.doors import Door
from tarim.base.errors import FieldError, NotAllowed
from tarim.identity import Caller, Scope, caller_of_key

_PLACE: Final = re.compile(r" - at `\$\.?([a-zA-Z0-9_.\[\]]*)`")
_NAMES: Final = re.compile(r"\{([a-z_]+)(?::path)?\}")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who makes it, names in the path, and query and body as they were decoded."""

    caller: Caller
    path: Mapping[str, str]
    query: Any
    body: Any

    @property
    def person(self) -> str:
        """The name that four eyes tell apart."""
        return self.caller.name


Handler = Callable[[Call], Awaitable[Any]]
"""Gives a value that msgspec can encode.  Raises TarimError."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    path: FastAPI's form (`/v1/proposals/{id}`).  takes, query: msgspec structs, None for none; every field of `query` is a
    text, a number or a truth.  gives: the type of the answer.  body_bytes_max counts for exact paths only; elsewhere the
    server's own limit is the limit.  refused: told the name on the key ("" = no valid key) when somebody may not.
    """

    method: str
    path: str
    operation: str
    summary: str
    scope: Scope
    handler: Handler
    gives: type
    takes: type | None = None
    query: type | None = None
    status: int = 200
    refusals: tuple[int, ...] = ()
    body_bytes_max: int = 64 << 10
    refused: Callable[[str], None] | None = None


def mount(app: FastAPI, door: Door, routes: Iterable[Route]) -> None:
    """Serve the routes; each of them needs a key with its scope."""
    for route in routes:
        app.add_api_route(
            route.path, _endpoint(door, route), methods=[route.method], name=route.operation, response_model=None
        )


def _endpoint(door: Door, route: Route) -> Callable[[Request], Awaitable[Response]]:
    decode: Callable[[bytes], Any] | None = (
        msgspec.json.Decoder(route.takes).decode if route.takes is not None else None
    )

    async def endpoint(request: Request) -> Response:
        header = request.headers.get("authorization")
        authorization = None if header is None else header.encode("latin-1")
        try:
            key = door.check(authorization, route.scope)
        except NotAllowed:
            if route.refused is not None:
                route.refused(door.name_of(authorization))
            raise
        body: Any = None
        query: Any = None
        try:
            if route.query is not None:
                query = msgspec.convert(dict(request.query_params), route.query, strict=False)
            if decode is not None:
                body = decode(await request.body())
        except msgspec.ValidationError as error:
            place = _PLACE.search(str(error))
            raise FieldError(
                place[1] if place and place[1] else "body", f"must be as {route.operation} takes it"
            ) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise FieldError("body", "must be JSON") from None
        address = request.client.host if request.client else ""
        answer = await route.handler(Call(caller_of_key(key, address), dict(request.path_params), query, body))
        return Response(_encode(answer), route.status, media_type="application/json")

    return endpoint


def described(
    routes: Iterable[Route], refusals: Callable[..., dict[str, Any]], reference: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(paths, components) of the routes for the OpenAPI document; `refusals` gives the answers of these statuses."""
    listed = list(routes)
    types = list(dict.fromkeys(each for route in listed for each in (route.gives, route.takes) if each is not None))
    schemas, components = msgspec.json.schema_components(types, ref_template=reference)
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, Any] = {}
    for route in listed:
        parameters = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string", "minLength": 1, "maxLength": 128},
            }
            for name in _NAMES.findall(route.path)
        ]
        for field in msgspec.structs.fields(route.query) if route.query is not None else ():
            (shape,), _ = msgspec.json.schema_components([field.type], ref_template=reference)
            parameters.append({"name": field.encode_name, "in": "query", "required": field.required, "schema": shape})
        operation: dict[str, Any] = {
            "operationId": route.operation,
            "summary": route.summary,
            "description": f"Needs a key with the scope `{route.scope.value}`.",
            "security": [{"key": []}],
            "parameters": parameters,
            "responses": {
                str(route.status): {
                    "description": HTTPStatus(route.status).phrase,
                    "content": {"application/json": {"schema": schema_of[route.gives]}},
                },
                **refusals(401, 403, 413, 422, *(404,) * ("{" in route.path), *route.refusals),
            },
        }
        if route.takes is not None:
            operation["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": schema_of[route.takes]}},
            }
        paths.setdefault(route.path.replace(":path}", "}"), {})[route.method.lower()] = operation
    return paths, components
