"""One HTTP/1.1 connection: bytes in, requests to the routes, answers out in the order of the requests.

Written on httptools (llhttp) itself, because the generic path costs more than the decision does: see
`docs/decisions/0006-http-by-hand.md` for the figures.  The server around it (sockets, signals, graceful stop) is uvicorn.

    idle ──begin──► head ──headers complete──► body ──message complete──► idle
                     │                          │
                     └── too long, malformed ───┴──► answered, then closed after lingering

A *decision route* gets its body whole and answers through a callback.  A whole request to one whose head was parsed before
(`heads`) does not go through the parser again.  Everything else goes to an ASGI application with
its whole body, and its answer is sent whole.  Limits: bytes of a head, bytes of a body by route, requests in the pipeline,
seconds for a request, seconds of idleness.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol, cast
from urllib.parse import unquote_to_bytes

import httptools

from tarim.api.heads import Head, Heads
from tarim.api.problems import Problem, problem_bytes
from tarim.base.errors import TarimError
from tarim.identity import KeyId

Headers = list[tuple[bytes, bytes]]
Application = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Any]], Callable[[MutableMapping[str, Any]], Awaitable[None]]],
    Awaitable[None],
]

_IDLE, _HEAD, _BODY = 0, 1, 2
_LINGER_S: Final = 1.0
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_PROBLEM: Final = b"content-type: application/problem+json\r\n"
_STATUS_LINES: Final = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """head_bytes_max: request line and headers.  other_body_bytes_max: bodies of routes that are not decision routes."""

    head_bytes_max: int = 16 << 10
    other_body_bytes_max: int = 64 << 10
    pipelined_requests_max: int = 16
    connections_max: int = 1_024
    other_requests_max: int = 64
    request_s_max: float = 30.0
    idle_s_max: float = 75.0


class Asked(NamedTuple):
    """What a decision route reads in a head.

    presented: the API key that is shown, "" for none.  content_digest: what the body is said to have.  trouble: why the request
    will be refused, whatever its body.
    """

    presented: str
    content_digest: bytes | None = None
    backfill: bool = False
    trouble: TarimError | None = None

    def __repr__(self) -> str:
        return "<Asked>"  # it holds a key


class Request(NamedTuple):
    """A request to a decision route: what it reads in the head, the whole body, and whose key it has."""

    asked: Asked
    body: bytes
    key: KeyId


class Respond(Protocol):
    """Sends the answer to one request; called once, in the loop."""

    def __call__(self, status: int, body: bytes, headers: bytes = b"content-type: application/json\r\n") -> None: ...


class DecisionRoute(Protocol):
    """A route that is served without the ASGI application."""

    @property
    def body_bytes_max(self) -> int: ...

    def read(self, headers: Headers, query: bytes) -> Asked:
        """What the head says: header names are in lower case.  Depends on nothing else, and must not raise."""

    def admit(self, asked: Asked, address: str) -> KeyId | Problem:
        """Whose request it is, or why it is refused before its body is read.  address: the caller's, "" when unknown."""

    def handle(self, request: Request, respond: Respond) -> None:
        """Answer through `respond`, now or later.  Must not raise."""


class Site:
    """What all connections share: routes, application, limits, and the connections themselves."""

    def __init__(
        self,
        routes: dict[bytes, DecisionRoute],
        application: Application,
        limits: HttpLimits,
        on_refused: Callable[[str], None],
        on_failure: Callable[[BaseException], None],
        body_bytes_max_of: Mapping[bytes, int] = MappingProxyType({}),
    ) -> None:
        """body_bytes_max_of: limits of single paths of the application, where they differ from the common one."""
        self.body_bytes_max_of = body_bytes_max_of
        self.routes = routes
        self.application = application
        self.limits = limits
        self.on_refused = on_refused
        self.on_failure = on_failure
        self.heads = Heads()
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    def connection(
        self, config: object, server_state: Any, app_state: object, _loop: asyncio.AbstractEventLoop | None = None
    ) -> Connection:
        """A new connection; the signature is what uvicorn calls for each accepted socket."""
        return Connection(self, server_state.connections, _loop or asyncio.get_running_loop())

    async def sweep(self, every_s: float = 1.0) -> None:
        """Close what is idle or slow for too long, again and again; runs beside the server until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(every_s)
            now = loop.time()
            for connection in list(self.connections):
                connection.check_time(now)


class _Slot:
    """The place of one answer in a connection's order."""

    __slots__ = ("_connection", "bodiless", "data", "keep_alive")

    def __init__(self, connection: Connection, keep_alive: bool, bodiless: bool) -> None:
        self._connection = connection
        self.keep_alive = keep_alive
        self.bodiless = bodiless
        self.data: bytes | None = None

    def respond(self, status: int, body: bytes, headers: bytes = b"content-type: application/json\r\n") -> None:
        """Send the answer as soon as those before it are sent."""
        if self.data is not None:
            return
        close = b"" if self.keep_alive else b"connection: close\r\n"
        length = b"content-length: %d\r\n\r\n" % len(body) if status >= 200 and status != 204 else b"\r\n"
        self.data = b"".join((_STATUS_LINES[status], headers, close, length, b"" if self.bodiless else body))
        self._connection.flush()


class Connection(asyncio.Protocol):
    """One client's connection."""

    __slots__ = (
        "_address",
        "_all",
        "_asked",
        "_body",
        "_body_bytes",
        "_body_bytes_max",
        "_closing",
        "_head_bytes",
        "_head_length",
        "_headers",
        "_key",
        "_loop",
        "_method",
        "_parser",
        "_path",
        "_paused",
        "_query",
        "_route",
        "_site",
        "_slot",
        "_slots",
        "_state",
        "_stopping",
        "_transport",
        "_url",
        "_when",
        "_whole",
    )

    def __init__(self, site: Site, every: set[Any], loop: asyncio.AbstractEventLoop) -> None:
        self._site = site
        self._all = every
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self._slots: deque[_Slot] = deque()
        self._state = _IDLE
        self._when = loop.time()
        self._head_bytes = self._head_length = 0
        self._closing = self._stopping = self._paused = False
        self._url = self._method = self._path = self._query = b""
        self._headers: Headers = []
        self._body: list[bytes] = []
        self._body_bytes = self._body_bytes_max = 0
        self._route: DecisionRoute | None = None
        self._address = ""
        self._asked: Asked | None = None
        self._key: KeyId | None = None
        self._slot: _Slot | None = None
        self._whole: Head | None = None

    # ---- the transport's calls -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass
        self._all.add(self)
        self._site.connections.add(self)
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if isinstance(peer, tuple) else ""
        if len(self._site.connections) > self._site.limits.connections_max:
            self._refuse(Problem(503, "unavailable", "too many connections"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self._slots.clear()
        self._all.discard(self)
        self._site.connections.discard(self)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._pause()

    def resume_writing(self) -> None:
        self._resume()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        end = 0
        if self._state == _IDLE:
            self._whole = None
            end, head = self._site.heads.find(data)
            if head is not None:
                self._ask_again(head, data[end:])
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._slot is not None:
                self._slot.keep_alive = False
        except httptools.HttpParserError:
            self._refuse(Problem(400, "malformed-request", "the bytes received are not an HTTP/1.1 request"))
            return
        if self._state == _HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > self._site.limits.head_bytes_max:
                self._refuse(Problem(431, "too-large", "the head of the request is too long"))
        # The parser took all behind the first blank line for one body: so what is before it is the head.
        elif end and self._whole is not None and self._whole.body_bytes == len(data) - end:
            self._site.heads.keep(data[:end], self._whole)

    def _ask_again(self, head: Head, body: bytes) -> None:
        """A whole request whose head was parsed before: as `on_headers_complete` and `on_message_complete` do it."""
        slot = self._slot = _Slot(self, not self._stopping, False)
        self._slots.append(slot)
        if len(self._slots) >= self._site.limits.pipelined_requests_max:
            self._pause()
        admitted = head.route.admit(head.asked, self._address)
        if isinstance(admitted, Problem):
            self._answer(slot, admitted)
        else:
            head.route.handle(Request(head.asked, body, admitted), slot.respond)

    # ---- the parser's calls ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._state = _HEAD
        self._when = self._loop.time()
        self._url = b""
        self._headers = []
        self._body = []
        self._body_bytes = self._head_bytes = self._head_length = 0
        self._slot = None

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._head_length += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))
        self._head_length += len(name) + len(value) + 4

    def on_headers_complete(self) -> None:
        self._state = _BODY
        if self._closing:
            return
        parser, limits = self._parser, self._site.limits
        self._method = method = parser.get_method()
        path, _, self._query = self._url.partition(b"?")
        self._path = path = unquote_to_bytes(path) if b"%" in path else path
        slot = self._slot = _Slot(self, parser.should_keep_alive() and not self._stopping, method == b"HEAD")
        self._slots.append(slot)
        if len(self._slots) >= limits.pipelined_requests_max:
            self._pause()
        if self._head_length > limits.head_bytes_max:
            self._refuse(Problem(431, "too-large", "the head of the request is too long"))
            return
        route = self._site.routes.get(path)
        self._route = route
        if route is not None:
            self._body_bytes_max = route.body_bytes_max
        else:
            self._body_bytes_max = self._site.body_bytes_max_of.get(path, limits.other_body_bytes_max)
        expects = False
        for name, value in self._headers:
            if name == b"content-length" and len(value) <= 19 and int(value) > self._body_bytes_max:
                self._refuse(self._too_large())
                return
            expects = expects or (name == b"expect" and value.lower() == b"100-continue")
        if route is not None:
            if method != b"POST":
                self._answer(slot, _NOT_POST)
                return
            self._asked = route.read(self._headers, self._query)
            admitted = route.admit(self._asked, self._address)
            if isinstance(admitted, Problem):
                self._answer(slot, admitted)  # its body, within the limit, is read and dropped
                return
            self._key = admitted
        if expects and len(self._slots) == 1:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        if self._closing:
            return
        self._body_bytes += len(body)
        if self._body_bytes > self._body_bytes_max:
            self._body = []
            self._refuse(self._too_large())
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._state = _IDLE
        slot = self._slot
        if self._closing or slot is None or slot.data is not None:
            return
        if self._route is not None:
            assert self._asked is not None and self._key is not None
            expects = any(name == b"expect" for name, _ in self._headers)
            if slot.keep_alive and not expects and self._asked.trouble is None:
                self._whole = Head(self._route, self._asked, self._body_bytes)
            self._route.handle(Request(self._asked, b"".join(self._body), self._key), slot.respond)
            return
        site = self._site
        if len(site.tasks) >= site.limits.other_requests_max:
            self._answer(slot, Problem(503, "unavailable", "too many requests"))
            return
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": self._parser.get_http_version(),
            "method": self._method.decode("ascii"),
            "scheme": "http",
            "path": self._path.decode("utf-8", "replace"),
            "raw_path": self._url.partition(b"?")[0],
            "query_string": self._query,
            "root_path": "",
            "headers": self._headers,
            "server": None,
            "client": (self._address, 0) if self._address else None,
            "state": {},
        }
        task = self._loop.create_task(_run(site, scope, self._body, slot))
        site.tasks.add(task)
        task.add_done_callback(site.tasks.discard)

    # ---- answers ---------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Send every answer whose turn it is."""
        slots = self._slots
        while slots and (data := slots[0].data) is not None:
            slot = slots.popleft()
            self._transport.write(data)
            if not slot.keep_alive:
                self._slots.clear()
                self._close()
                return
        if self._paused and len(slots) < self._site.limits.pipelined_requests_max:
            self._resume()
        if not slots:
            self._when = self._loop.time()
            if self._stopping and self._state == _IDLE:
                self._close()

    def _answer(self, slot: _Slot, problem: Problem) -> None:
        self._site.on_refused(problem.code)
        slot.respond(problem.status, problem_bytes(problem), _PROBLEM + problem.headers)

    def _refuse(self, problem: Problem) -> None:
        """Answer the request at hand, or none in particular, and close once that is sent."""
        slot = self._slot
        if slot is None or slot.data is not None:
            slot = _Slot(self, False, False)
            self._slots.append(slot)
        slot.keep_alive = False
        self._answer(slot, problem)
        self._slot = slot
        if not self._closing:  # earlier answers are still to come; nothing more is read
            self._closing = True
            self._pause()

    def _too_large(self) -> Problem:
        return Problem(413, "too-large", f"the body has more than {self._body_bytes_max} bytes")

    def _close(self) -> None:
        """Close after what was written is sent; linger, so that a client still sending gets to read its answer."""
        self._closing = True
        if self._transport.is_closing():
            return
        if self._state == _IDLE:
            self._transport.close()
            return
        self._resume()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._loop.call_later(_LINGER_S, self._transport.close)

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    # ---- time ------------------------------------------------------------------------------------------------------

    def check_time(self, now: float) -> None:
        """Close a connection that has been idle, or in the middle of a request, for too long."""
        if self._closing or (self._slots and self._state == _IDLE):
            return
        limits = self._site.limits
        if self._state == _IDLE:
            if now - self._when > limits.idle_s_max:
                self._transport.close()
        elif now - self._when > limits.request_s_max:
            self._refuse(Problem(408, "too-slow", "the request was not complete in time"))

    def shutdown(self) -> None:
        """The server stops: answer what was asked, then close (called by uvicorn)."""
        self._stopping = True
        for slot in self._slots:
            slot.keep_alive = slot is not self._slots[-1]
        if not self._slots and self._state == _IDLE:
            self._close()


async def _run(site: Site, scope: dict[str, Any], body: list[bytes], slot: _Slot) -> None:
    """Have the application answer one request, and send its answer whole.  body: in pieces, as it came."""
    waiting = deque(body or [b""])
    status, headers, chunks = 0, b"", []

    async def receive() -> dict[str, Any]:
        if not waiting:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": waiting.popleft(), "more_body": bool(waiting)}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = _joined(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    try:
        await site.application(scope, receive, send)
    except Exception as error:
        site.on_failure(error)
        status = 0
    if status:
        slot.respond(status, b"".join(chunks), headers)
    else:
        problem = Problem(500, "internal", "the request failed for a reason that is ours")
        slot.respond(500, problem_bytes(problem), _PROBLEM)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    kept = [b"%b: %b\r\n" % (name, value) for name, value in headers if name.lower() != b"content-length"]
    return b"".join(kept)


_NOT_POST: Final = Problem(405, "method-not-allowed", "this route takes POST", headers=b"allow: POST\r\n")
