"""The three services, asked over HTTP in the name of the person who looks at a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, overload
from urllib.parse import quote

import httpx
import msgspec
import structlog

from tarim.console import refusals
from tarim.console.settings import ConsoleSettings
from tarim.console.words import _, either

_T = TypeVar("_T")
NO_ANSWER: Final = 503
_BEYOND_FORMS: Final = (401, 404)
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger("tarim.console")


class Refused(Exception):
    """A service said no, or nothing.  status: HTTP, 503 for no answer; code: the word for machines; title, detail: for people.

    field: the place in the body that was wrong, "" for none.  service: which of them.  original: what it said in English,
    where a Chinese page has no Chinese for it.
    """

    def __init__(
        self, status: int, code: str, title: str, detail: str, field: str = "", service: str = "", original: str = ""
    ) -> None:
        super().__init__(f"{status} {code}")
        self.original = original
        self.status, self.code, self.title, self.detail, self.field = status, code, title, detail, field
        self.service = service

    @property
    def unreachable(self) -> bool:
        """Whether nothing answered."""
        return self.code == "no_answer"


def inline(error: Refused) -> Refused:
    """The refusal, if a form can show it beside itself.  Raises it else: somebody signed out, nothing there, a service down."""
    if error.status >= 500 or error.status in _BEYOND_FORMS:
        raise error
    return error


class _Problem(msgspec.Struct):
    title: str = ""
    title_zh: str = ""
    code: str = ""
    detail: str = ""
    field: str = ""
    rule: str = ""
    rule_zh: str = ""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from, as the services are told."""

    address: str = ""
    agent: str = ""
    device: str = ""
    background: bool = False


class Service:
    """One service.  `httpx.AsyncClient` keeps its connections; a call that finds no answer is not repeated.

    leaving: the console is about to stop, and what asks again and again ends.
    """

    def __init__(self, name: str, url: str, settings: ConsoleSettings) -> None:
        self.name, self.settings = name, settings
        self.leaving = False
        self._answer_bytes_max = settings.answer_bytes_max
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(settings.request_s_max, connect=5.0, pool=settings.request_s_max),
            limits=httpx.Limits(max_connections=settings.requests_max, max_keepalive_connections=64),
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ask(
        self, method: str, path: str, *, token: str = "", visitor: Visitor, query: Mapping[str, Any] | None = None,
        body: object = None, key: str = "",
    ) -> bytes:  # fmt: skip
        """The content of the answer.  Raises Refused."""
        headers = {"X-Forwarded-For": visitor.address, "User-Agent": visitor.agent, "Accept": "application/json"}
        if visitor.background:
            headers["Tarim-Background"] = "1"
        if visitor.device:
            headers["Cookie"] = f"__Host-tarim-device={visitor.device}"
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if key:
            headers["Idempotency-Key"] = key
        content = None
        if body is not None:
            content, headers["Content-Type"] = _encode(body), "application/json"
        given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        try:
            async with self._client.stream(
                method, path, params=given or None, content=content, headers=headers
            ) as answer:
                parts, size = [], 0
                async for part in answer.aiter_bytes():
                    size += len(part)
                    if size > self._answer_bytes_max:
                        raise self._unheard(f"the answer is longer than {self._answer_bytes_max} bytes")
                    parts.append(part)
                content = b"".join(parts)
                if answer.is_success:
                    return content
                raise self._refused(answer.status_code, content)
        except httpx.HTTPError as error:
            raise self._unheard(type(error).__name__) from None

    def _unheard(self, why: str) -> Refused:
        _log.warning("service_unheard", service=self.name, why=why)
        detail = _("稍后重试；若持续出现，请联系运维人员。")
        return Refused(NO_ANSWER, "no_answer", _("服务没有应答"), detail, service=self.name)

    def _refused(self, status: int, content: bytes) -> Refused:
        try:
            said = msgspec.json.decode(content, type=_Problem)
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = _Problem()
        title = either(said.title_zh, said.title) or f"HTTP {status}"
        sentence = either(said.rule_zh, said.rule) or said.rule or said.detail
        detail, original = refusals.said(sentence), refusals.original_of(sentence)
        return Refused(status, said.code, title, detail, said.field, self.name, original)


@dataclass(frozen=True, slots=True)
class Client:
    """A service in the name of one person."""

    service: Service
    token: str = field(repr=False)
    visitor: Visitor

    @overload
    async def get(self, path: str, shape: type[_T], /, **query: Any) -> _T: ...
    @overload
    async def get(self, path: str, shape: None = None, /, **query: Any) -> Any: ...
    async def get(self, path: str, shape: Any = None, /, **query: Any) -> Any:
        """The answer in this shape; None: as plain JSON.  Query values None and "" are left out.  Raises Refused."""
        return _decoded(await self._ask("GET", path, query=query), shape)

    @overload
    async def post(self, path: str, body: object, shape: type[_T], /, *, key: str = "") -> _T: ...
    @overload
    async def post(self, path: str, body: object = None, shape: None = None, /, *, key: str = "") -> Any: ...
    async def post(self, path: str, body: object = None, shape: Any = None, /, *, key: str = "") -> Any:
        """body: anything msgspec can encode, None for none.  key: Idempotency-Key.  Raises Refused."""
        return _decoded(await self._ask("POST", path, body=body, key=key), shape)

    async def put(self, path: str, body: object, shape: Any = None) -> Any:
        """As `post`."""
        return _decoded(await self._ask("PUT", path, body=body), shape)

    async def delete(self, path: str, shape: Any = None) -> Any:
        """As `get`."""
        return _decoded(await self._ask("DELETE", path), shape)

    async def text(self, path: str) -> str:
        """An answer that is not JSON, such as figures for monitoring.  Raises Refused."""
        return (await self._ask("GET", path)).decode(errors="replace")

    async def _ask(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: object = None, key: str = ""
    ) -> bytes:
        return await self.service.ask(
            method, path, token=self.token, visitor=self.visitor, query=query, body=body, key=key
        )


def segment(value: str) -> str:
    """A name as one part of a path."""
    return quote(value, safe="")


def _decoded(content: bytes, shape: Any) -> Any:
    if not content:
        return None
    return json.loads(content) if shape is None else msgspec.json.decode(content, type=shape, strict=False)
