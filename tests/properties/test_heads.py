"""A head that is looked up means what the parser said of it, however the bytes of a connection arrive."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tarim.api import heads
from tarim.api.connection import Asked, Connection, Headers, HttpLimits, Request, Respond, Site
from tarim.api.heads import HEAD_BYTES_MAX, HEADS_MAX, Head, Heads
from tarim.api.problems import Problem
from tarim.base.errors import TarimError
from tarim.identity import KeyId, Scope

KEY = KeyId("1", "key", frozenset({Scope.DECIDE}))
BODY = b'{"a":"\r\n\r\n"}'


class Route:
    """Takes every key but `no`, and answers with what it was asked."""

    body_bytes_max = 100

    def __init__(self) -> None:
        self.read_count = 0
        self.refused: set[str] = {"no"}

    def read(self, headers: Headers, query: bytes) -> Asked:
        self.read_count += 1
        found = dict(headers)
        trouble = TarimError("trouble") if query == b"trouble" else None
        return Asked(found.get(b"authorization", b"").decode(), found.get(b"content-digest"), query == b"late", trouble)

    def admit(self, asked: Asked, address: str) -> KeyId | Problem:
        return Problem(401, "no-key", "no") if asked.presented in self.refused else KEY

    def handle(self, request: Request, respond: Respond) -> None:
        respond(200, repr((tuple(request.asked), request.body)).encode())


class Wire:
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        self.sent = b""
        self.closing = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def can_write_eof(self) -> bool:
        return False

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return "127.0.0.1", 1

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Loop:
    """A clock that stands, and nothing later."""

    def time(self) -> float:
        return 0.0

    def call_later(self, *_: object) -> None: ...


def site_of(route: Route) -> Site:
    return Site({b"/d": route}, None, HttpLimits(), lambda _code: None, lambda _error: None)  # type: ignore[arg-type]


def opened(site: Site) -> tuple[Connection, Wire]:
    connection, wire = Connection(site, set(), Loop()), Wire()  # type: ignore[arg-type]
    connection.connection_made(wire)  # type: ignore[arg-type]
    return connection, wire


def post(body: bytes = BODY, key: str = "k", query: str = "", more: str = "", length: int | None = None) -> bytes:
    head = f"POST /d{query} HTTP/1.1\r\nHost: h\r\nAuthorization: {key}\r\n{more}"
    return f"{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


REQUESTS = st.sampled_from(
    [
        post(),
        post(b""),
        post(b"other body!!"),
        post(key="no"),
        post(query="?late"),
        post(query="?trouble"),
        post(more="Content-Digest: x\r\n"),
        post(more="Expect: 100-continue\r\n"),
        post(more="Connection: close\r\n"),
        post(more="X: " + "x" * HEAD_BYTES_MAX + "\r\n"),
        post(b"x" * 101),
        b"POST /d HTTP/1.1\r\nHost: h\r\nAuthorization: k\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"POST /d HTTP/1.1\r\nAuthorization: k\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /d HTTP/1.1\r\nHost: h\r\n\r\n",
        b"POST /d HTTP/1.1\nHost: h\nContent-Length: 6\n\n\r\n\r\nab",
        b"\r\n" + post(),
        b"nonsense\r\n\r\n",
    ]
)
STREAMS = st.lists(
    st.tuples(REQUESTS, st.lists(st.integers(1, 120), max_size=2), st.booleans()), min_size=1, max_size=12
)


@given(STREAMS)
@example([(post(), [], True), (post(), [], False), (post(query="?late"), [], True)])  # a known head, and more behind it
@example([(post(), [], False), (post(query="?late"), [], True), (post(), [], True)])  # two heads at once keep neither
@example([(post(), [], True), (post(), [60], True), (post(), [130], True)])  # a known head in pieces
def test_looking_a_head_up_changes_no_answer(stream: list[tuple[bytes, list[int], bool]]) -> None:
    """Requests cut anywhere, pipelined or one by one, over new connections: byte for byte what parsing each time answers."""
    remembering, forgetting = site_of(Route()), site_of(Route())
    for site in (remembering, forgetting):
        wires: list[bytes] = []
        connection, wire = opened(site)
        waiting = b""
        for request, cuts, alone in stream:
            waiting += request
            if not alone:
                continue
            at = 0
            for end in [*sorted(cuts), len(waiting)]:
                if site is forgetting:
                    site.heads = Heads()
                if at < min(end, len(waiting)):
                    connection.data_received(waiting[at:end])
                    at = end
            waiting = b""
            if wire.closing or connection._closing:
                wires.append(wire.sent)
                connection, wire = opened(site)
        wires.append(wire.sent)
        if site is remembering:
            expected = wires
    assert wires == expected


def test_a_client_that_repeats_its_head_is_read_once_and_admitted_every_time() -> None:
    route = Route()
    connection, wire = opened(site_of(route))
    for _ in range(5):
        connection.data_received(post())
    assert route.read_count == 1 and wire.sent.count(b"200 OK") == 5
    route.refused.add("k")
    connection.data_received(post())
    assert route.read_count == 1 and wire.sent.count(b"401 Unauthorized") == 1


def test_what_is_not_sure_to_be_the_same_again_is_not_kept() -> None:
    for request in (
        post(query="?trouble"),
        post(key="no"),
        post(more="Connection: close\r\n"),
        post(more="X: " + "x" * HEAD_BYTES_MAX + "\r\n"),
    ):
        site = site_of(Route())
        connection, _ = opened(site)
        connection.data_received(request)
        assert len(site.heads) == 0, request


def test_heads_are_bounded_and_show_no_key() -> None:
    kept = Heads()
    for number in range(2 * HEADS_MAX):
        kept.keep(b"%d\r\n\r\n" % number, Head(None, Asked("secret"), 0))
    assert len(kept) <= HEADS_MAX and kept.find(b"%d\r\n\r\n" % (2 * HEADS_MAX - 1))[1] is not None
    shown: Any = kept.find(b"%d\r\n\r\n" % (2 * HEADS_MAX - 1))
    assert "secret" not in repr(shown) and "secret" not in repr(shown[1].asked)
    assert heads.HEADS_MAX * heads.HEAD_BYTES_MAX <= 1 << 20
