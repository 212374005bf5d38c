"""Routes that do not decide, declared once: what is served is what is described.

A `Route` says path, scope, what it takes and gives; `mount` adds it to the application and `described` to the OpenAPI
document.  Bodies are decoded strictly by msgspec; an error names the place and never repeats a value.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response

from tarim.api.auditing import Actor, Audited, Auditor, Note
from tarim.api.doors import Door
from tarim.base.errors import FieldError, NotAllowed
from tarim.identity import Caller, Scope, caller_of_key

_PLACE: Final = re.compile(r" - at `\$\.?([a-zA-Z0-9_.\[\]]*)`")
_NAMES: Final = re.compile(r"\{([a-z_]+)(?::path)?\}")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who makes it, names in the path, query and body as they were decoded, and what to say of it on the trail."""

    caller: Caller
    path: Mapping[str, str]
    query: Any
    body: Any
    note: Note = field(default_factory=Note)

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
    personal: it shows personal data, so that who reads is on the audit trail as well.
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
    personal: bool = False


def mount(app: FastAPI, door: Door, routes: Iterable[Route], auditor: Auditor) -> None:
    """Serve the routes; each of them needs a key with its scope, and is on the audit trail as `tarim.api.auditing` says."""
    for route in routes:
        app.add_api_route(
            route.path,
            _endpoint(door, route, auditor),
            methods=[route.method],
            name=route.operation,
            response_model=None,
        )


def _endpoint(door: Door, route: Route, auditor: Auditor) -> Callable[[Request], Awaitable[Response]]:
    decode: Callable[[bytes], Any] | None = (
        msgspec.json.Decoder(route.takes).decode if route.takes is not None else None
    )

    def caller_of(request: Request, act: Audited) -> Caller:
        header = request.headers.get("authorization")
        authorization = None if header is None else header.encode("latin-1")
        address = request.client.host if request.client else ""
        try:
            key = door.check(authorization, route.scope)
        except NotAllowed:
            name = door.name_of(authorization)
            act.actor = Actor(name, "key") if name else Actor()
            if route.refused is not None:
                route.refused(name)
            raise
        act.actor = Actor(key.name, "key", key.id)
        return caller_of_key(key, address)

    async def decoded(request: Request) -> tuple[Any, Any]:
        query: Any = None
        body: Any = None
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
        return query, body

    async def endpoint(request: Request) -> Response:
        act = auditor.begin(request, route.method, route.path, route.operation, personal=route.personal)
        try:
            caller = caller_of(request, act)
            query, body = await decoded(request)
            await act.intend()
            answer = await route.handler(Call(caller, dict(request.path_params), query, body, act.note))
            encoded = _encode(answer)
        except BaseException as error:
            await act.failed(error)
            raise
        await act.done(answer)
        return Response(encoded, route.status, media_type="application/json")

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
        for each in msgspec.structs.fields(route.query) if route.query is not None else ():
            (shape,), _ = msgspec.json.schema_components([each.type], ref_template=reference)
            parameters.append({"name": each.encode_name, "in": "query", "required": each.required, "schema": shape})
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
