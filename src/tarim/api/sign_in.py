"""Signing in over HTTP: with password and code, or by the bank's own sign-on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from tarim.api.doors import COOKIE, DEVICE_COOKIE
from tarim.api.routes import Call, Reply, Route
from tarim.base.errors import NotFound
from tarim.base.instants import instant_text
from tarim.bootstrap.identity import OpenIdentity
from tarim.identity import OpenId, Scope, Session, SignedIn, SignIn, Visitor

THREADS: Final = 8
_T = TypeVar("_T")
_FLOW_COOKIE: Final = "__Host-tarim-flow"
_YEAR_S: Final = 365 * 86_400

Login = Annotated[str, Meta(min_length=1, max_length=64)]
Password = Annotated[str, Meta(max_length=256)]
Code = Annotated[str, Meta(max_length=32)]
Device = Annotated[str, Meta(max_length=64)]
Word = Annotated[str, Meta(max_length=2_048)]


class WaysBody(msgspec.Struct, frozen=True):
    """Ways of signing in.  openid: by the bank's own sign-on as well as by password."""

    openid: bool


class StartBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants to sign in.  device: what this device was given at an earlier sign-in; a browser's cookie says it too."""

    login: Login
    device: Device = ""


class StartedBody(msgspec.Struct, frozen=True):
    """What our page shows before the password.  second_factor: whether a code is asked for."""

    phrase: str
    second_factor: bool


class SignInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """code: a one-time or recovery code, empty where none is set up.  cookie: whether the session is a browser's."""

    login: Login
    password: Password
    code: Code = ""
    device: Device = ""
    cookie: bool = False


class AgainBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proof of who one is, again."""

    password: Password
    code: Code = ""
    cookie: bool = False


class SignedInBody(msgspec.Struct, frozen=True):
    """A session.  token, device: told this once, "" where a cookie holds it.  pending: what has to be done first, of
    `second-factor`, `password` and `code`.  last_at, last_address: of the sign-in before.
    """

    login: str
    session: str
    token: str
    device: str
    pending: list[str]
    until: str
    idle_s: int
    unusual: bool
    last_at: str
    last_address: str
    recovery_left: int


class OpenIdBody(msgspec.Struct, frozen=True):
    """Where to send the browser.  browser: what that browser has to show at the end, "" where a cookie holds it."""

    url: str
    browser: str = ""


class OpenIdBeginQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """cookie: whether the browser itself asks; a console that stands between keeps what the browser has to show."""

    cookie: bool = True


class OpenIdFinishBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the provider sent the browser back with, and what that browser was given at the beginning."""

    state: Word
    code: Word
    browser: Word


class OpenIdQuery(msgspec.Struct, frozen=True):
    """What the provider sends the browser back with; anything beside it is passed over."""

    state: Word = ""
    code: Word = ""


class CodeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A one-time or recovery code."""

    code: Code


class SessionBody(msgspec.Struct, frozen=True):
    """A session that can be used.  this: whether it is the one that asks."""

    id: str
    created_at: str
    seen_at: str
    until: str
    address: str
    unusual: bool
    this: bool


class SessionsBody(msgspec.Struct, frozen=True):
    """Sessions, the oldest first."""

    sessions: list[SessionBody]


class EndedBody(msgspec.Struct, frozen=True):
    """How many sessions ended."""

    ended: int


class DoneBody(msgspec.Struct, frozen=True):
    """It is done."""

    done: bool = True


def session_body(session: Session, this: str = "") -> SessionBody:
    """A session as it is shown."""
    return SessionBody(
        session.id,
        instant_text(session.created_ms),
        instant_text(session.seen_ms),
        instant_text(session.until_ms),
        session.address,
        session.unusual,
        session.id == this,
    )


class Threads:
    """Runs what blocks, a few at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, "identity")

    async def __call__(self, work: Callable[[], _T]) -> _T:
        """What the work gives, or its error."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


@dataclass(frozen=True, slots=True)
class SignInHandlers:
    """What answers before there is a session.  openid: the bank's own sign-on, None without one; run: runs what blocks."""

    door: SignIn
    openid: OpenId | None
    run: Threads

    async def ways(self, _call: Call) -> WaysBody:
        return WaysBody(self.openid is not None)

    async def start(self, call: Call) -> StartedBody:
        visitor = visitor_of(call, call.body.device)
        shown = await self.run(lambda: self.door.start(call.body.login, visitor))
        return StartedBody(shown.phrase, shown.second_factor)

    async def sign_in(self, call: Call) -> Reply:
        wanted: SignInBody = call.body
        visitor = visitor_of(call, wanted.device)
        signed = await self.run(
            lambda: self.door.sign_in(wanted.login, wanted.password, wanted.code, visitor, call.token)
        )
        return signed_reply(call, signed, cookie=wanted.cookie)

    async def openid_begin(self, call: Call) -> Reply:
        openid = self._sign_on()
        url, browser = await self.run(openid.begin)
        if not call.query.cookie:
            return Reply(OpenIdBody(url, browser))
        return Reply(OpenIdBody(url), (cookie_line(_FLOW_COOKIE, browser, "Lax", 600),))

    async def openid_return(self, call: Call) -> Reply:
        openid = self._sign_on()
        browser = call.cookies.get(_FLOW_COOKIE, "")
        signed = await self.run(lambda: openid.finish(call.query.state, call.query.code, browser, visitor_of(call)))
        answer = signed_reply(call, signed, cookie=True)
        return Reply(answer.body, (*answer.cookies, cookie_line(_FLOW_COOKIE, "", "Lax", 0)))

    async def openid_finish(self, call: Call) -> Reply:
        openid = self._sign_on()
        body: OpenIdFinishBody = call.body
        signed = await self.run(lambda: openid.finish(body.state, body.code, body.browser, visitor_of(call)))
        return signed_reply(call, signed, cookie=False)

    def _sign_on(self) -> OpenId:
        if self.openid is None:
            raise NotFound("there is no sign-on by another house. 未启用单点登录。")
        return self.openid


def sign_in_routes(identity: OpenIdentity, run: Threads) -> list[Route]:
    """The routes."""
    do, own = SignInHandlers(identity.sign_in, identity.openid, run), Scope.SELF
    return [
        Route("GET", "/v1/sign-in:ways", "list_sign_in_ways", "Ways of signing in / 登录方式", own, do.ways, WaysBody,
              open=True),
        Route("POST", "/v1/sign-in:start", "start_sign_in", "The phrase, before the password / 登录前显示预留信息", own,
              do.start, StartedBody, StartBody, refusals=(429, 503), open=True),
        Route("POST", "/v1/sign-in", "sign_in", "A session for login, password and code / 登录", own, do.sign_in,
              SignedInBody, SignInBody, refusals=(429, 503), open=True, personal=True),
        Route("GET", "/v1/sign-in/openid", "begin_openid", "Begin the bank's own sign-on / 单点登录", own, do.openid_begin,
              OpenIdBody, query=OpenIdBeginQuery, refusals=(404, 503), open=True),
        Route("GET", "/v1/sign-in/openid:return", "return_openid", "Back from the bank's own sign-on / 单点登录返回", own,
              do.openid_return, SignedInBody, query=OpenIdQuery, refusals=(404, 503), open=True, personal=True),
        Route("POST", "/v1/sign-in/openid:finish", "finish_openid", "The same, for a console / 单点登录返回（控制台）", own,
              do.openid_finish, SignedInBody, OpenIdFinishBody, refusals=(404, 503), open=True, personal=True),
    ]  # fmt: skip


def visitor_of(call: Call, device: str = "") -> Visitor:
    """Where a call comes from, on the device it says."""
    seen = call.visitor
    return Visitor(seen.address, seen.agent, device or seen.device)


def signed_reply(call: Call, signed: SignedIn, *, cookie: bool) -> Reply:
    """A session as the answer to who signed in; `cookie`: the browser keeps it."""
    session = signed.session
    call.note.who, call.note.object = signed.user.login, f"session:{session.id}"
    body = SignedInBody(
        signed.user.login,
        session.id,
        "" if cookie else signed.token,
        "" if cookie else signed.device,
        [each.value for each in session.pending],
        instant_text(session.until_ms),
        session.idle_ms // 1_000,
        session.unusual,
        instant_text(signed.last_ms) if signed.last_ms else "",
        signed.last_address,
        signed.recovery_left,
    )
    cookies = []
    if cookie:
        cookies.append(cookie_line(COOKIE, signed.token, "Strict"))
        if signed.device:
            cookies.append(cookie_line(DEVICE_COOKIE, signed.device, "Strict", _YEAR_S))
    return Reply(body, tuple(cookies))


def cookie_line(name: str, value: str, same_site: str, seconds: int | None = None) -> str:
    """A Set-Cookie line; without seconds it goes with the browser."""
    age = "" if seconds is None else f"; Max-Age={seconds}"
    return f"{name}={value}; Path=/; Secure; HttpOnly; SameSite={same_site}{age}"
