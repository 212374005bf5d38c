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
from tarim.api.doors import Admitted, Door
from tarim.api.echoes import not_repeating
from tarim.api.lookups import thing_of
from tarim.base.errors import FieldError, NotAllowed, TarimError, TooLarge
from tarim.identity import Caller, Scope, Visitor

_PLACE: Final = re.compile(r" - at `\$\.?([a-zA-Z0-9_.\[\]]*)`")
_NAMES: Final = re.compile(r"\{([a-z_]+)(?::path)?\}")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who makes it, names in the path, query and body as they were decoded, and what to say of it on the trail.

    visitor: where it comes from.  token: of the session that was shown, "" for none.  target: method and path, as asked for.
    idempotency_key: the header Idempotency-Key, "" for none.  headers (names in lower case), content: as they came over the
    wire, of a route whose messages are signed, else empty.  pieces: the body as it came, of a route that reads it aside.
    """

    caller: Caller
    path: Mapping[str, str]
    query: Any
    body: Any
    note: Note = field(default_factory=Note)
    visitor: Visitor = field(default_factory=Visitor)
    token: str = field(default="", repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    target: str = ""
    idempotency_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    pieces: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def person(self) -> str:
        """The name that four eyes tell apart."""
        return self.caller.name


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that sets cookies.  cookies: Set-Cookie lines."""

    body: Any
    cookies: tuple[str, ...] = ()


Handler = Callable[[Call], Awaitable[Any]]
"""Gives a value that msgspec can encode, or a `Reply` with one.  Raises TarimError."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    path: FastAPI's form (`/v1/proposals/{id}`).  takes, query: msgspec structs, None for none; every field of `query` is a
    text, a number or a truth.  gives: the type of the answer.  body_bytes_max: of a body; where the path has no names a longer
    one is refused before it is read.  refused: told the name on the key ("" = no valid key) when somebody may not.  personal:
    it shows personal data, so that who reads is on the audit trail as well.  open: anybody may, without key or session; the
    scope is then of no account.  signed: the handler checks a signature over the request as it came.  works_out: it takes a
    body and changes nothing, so that it is on the trail as reading is.  own_work: it changes, every
    few moments, what the caller alone keeps and sees; it is on the trail as reading is, and to begin and end it are acts.
    aside: its body may be so large that decisions would wait for reading it; the handler gets it in pieces and has another
    process read it.
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
    open: bool = False
    signed: bool = False
    works_out: bool = False
    own_work: bool = False
    aside: bool = False


def mount(app: FastAPI, door: Door, routes: Iterable[Route], auditor: Auditor) -> None:
    """Serve the routes.

    Each of them needs a key or session with its scope, and is on the audit trail as `tarim.api.auditing` says.
    """
    for route in routes:
        app.add_api_route(
            route.path,
            _Endpoint(door, route, auditor).answer,
            methods=[route.method],
            name=route.operation,
            response_model=None,
        )


class _Endpoint:
    """One route as it is served: who may, what was sent, the trail before and after, and the handler between."""

    def __init__(self, door: Door, route: Route, auditor: Auditor) -> None:
        self._door, self._route, self._auditor = door, route, auditor
        self._decode: Callable[[bytes], Any] | None = (
            msgspec.json.Decoder(route.takes).decode if route.takes is not None and not route.aside else None
        )

    async def answer(self, request: Request) -> Response:
        """What the handler gives.  Raises what it raises, none of it repeating what was sent."""
        route = self._route
        method = "GET" if route.works_out or route.own_work else route.method
        act = self._auditor.begin(
            request, method, route.path, route.operation, personal=route.personal, anybody=route.open
        )
        query = body = None
        try:
            who = await self._admitted(request, act)
            query, body = await self._decoded(request)
            if not route.open:
                await act.look(thing_of(request.path_params, body))
            await act.intend()
            answer = await route.handler(await self._call(request, who, act.note, query, body))
            value, cookies = (answer.body, answer.cookies) if isinstance(answer, Reply) else (answer, ())
            encoded = _encode(value)
        except BaseException as error:
            if isinstance(error, TarimError):
                error.detail = not_repeating(error.detail, request.path_params, query, body)
            await act.failed(error)
            raise
        await act.done(value)
        response = Response(encoded, route.status, media_type="application/json")
        for cookie in cookies:
            response.headers.append("set-cookie", cookie)
        return response

    async def _admitted(self, request: Request, act: Audited) -> Admitted:
        route = self._route
        if route.open:
            return self._door.anybody(request)
        try:
            found = await self._door.admit(request, route.scope)
        except NotAllowed:
            name, kind = await self._door.name_of(request)
            act.actor = Actor(name, kind)
            if route.refused is not None:
                route.refused(name)
            raise
        act.actor = Actor(found.caller.name, found.caller.kind.value, found.id)
        return found

    async def _decoded(self, request: Request) -> tuple[Any, Any]:
        """(query, body); None where the route takes none."""
        route = self._route
        query: Any = None
        body: Any = None
        try:
            if route.query is not None:
                query = msgspec.convert(dict(request.query_params), route.query, strict=False)
            if self._decode is not None:
                content = await request.body()
                if len(content) > route.body_bytes_max:
                    raise self._too_large()
                body = self._decode(content)
        except msgspec.ValidationError as error:
            place = _PLACE.search(str(error))
            raise FieldError(
                place[1] if place and place[1] else "body", f"must be as {route.operation} takes it"
            ) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise FieldError("body", "must be JSON") from None
        return query, body

    async def _call(self, request: Request, who: Admitted, note: Note, query: Any, body: Any) -> Call:
        route = self._route
        return Call(
            who.caller,
            dict(request.path_params),
            query,
            body,
            note,
            who.visitor,
            who.token,
            request.cookies,
            f"{route.method} {request.url.path}",
            request.headers.get("idempotency-key", ""),
            request.headers if route.signed else {},
            await request.body() if route.signed else b"",
            await self._pieces(request) if route.aside else (),
        )

    async def _pieces(self, request: Request) -> tuple[bytes, ...]:
        pieces: list[bytes] = []
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > self._route.body_bytes_max:
                raise self._too_large()
            pieces.append(piece)
        return tuple(pieces)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"{self._route.operation} takes a body of at most {self._route.body_bytes_max} bytes")


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
            (shape,), named = msgspec.json.schema_components([each.type], ref_template=reference)
            components |= named
            parameters.append({"name": each.encode_name, "in": "query", "required": each.required, "schema": shape})
        operation: dict[str, Any] = {
            "operationId": route.operation,
            "summary": route.summary,
            "description": _needs(route),
            "security": [] if route.open else [{"key": []}],
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


def _needs(route: Route) -> str:
    if route.open:
        return "Open to all: needs neither key nor session."
    if route.scope is Scope.SELF:
        return "Needs a session of a person."
    return f"Needs a key, or a session of a person, with the scope `{route.scope.value}`."
