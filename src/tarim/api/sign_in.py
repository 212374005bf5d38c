"""Signing in, and one's own account, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from tarim.api.doors import COOKIE, DEVICE_COOKIE
from tarim.api.routes import Call, Reply, Route
from tarim.base.errors import NotFound
from tarim.base.instants import instant_text
from tarim.bootstrap.identity import OpenIdentity
from tarim.identity import WORDS, Scope, Session, SignedIn, Visitor

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


class AccountBody(msgspec.Struct, frozen=True):
    """The own account.  scopes: what may be done right now.  idle_min, session_h: own limits, 0 for the common ones."""

    login: str
    display_name: str
    session: str
    pending: list[str]
    scopes: list[str]
    branches: list[str]
    queues: list[str]
    phrase: str
    idle_min: int
    session_h: int
    recovery_left: int


class PasswordBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The old password and the new one."""

    old: Password
    new: Password


class SetupBody(msgspec.Struct, frozen=True):
    """New one-time codes: `setup` is given back with the first code; the secret is typed, or the URL scanned."""

    setup: str
    secret: str
    url: str


class ConfirmBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The setup, and its first code."""

    setup: Annotated[str, Meta(max_length=512)]
    code: Code


class CodeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A one-time or recovery code."""

    code: Code


class RecoveryBody(msgspec.Struct, frozen=True):
    """Recovery codes, each for one use; told this once."""

    recovery: list[str]


class PhraseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Three words of the list."""

    words: Annotated[list[Annotated[str, Meta(max_length=16)]], Meta(max_length=3)]


class PhrasesBody(msgspec.Struct, frozen=True):
    """The phrase now, and the words to choose from."""

    phrase: str
    words: list[str]


class LimitsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Own limits of sessions, in minutes and hours; 0 for the common one."""

    idle_min: Annotated[int, Meta(ge=0, le=1_440)] = 0
    session_h: Annotated[int, Meta(ge=0, le=720)] = 0


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


def sign_in_routes(identity: OpenIdentity, run: Threads) -> list[Route]:
    """The routes."""
    door, account = identity.sign_in, identity.account

    def visitor_of(call: Call, device: str = "") -> Visitor:
        seen = call.visitor
        return Visitor(seen.address, seen.agent, device or seen.device)

    def reply(call: Call, signed: SignedIn, cookie: bool) -> Reply:
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
            cookies.append(_cookie(COOKIE, signed.token, "Strict"))
            if signed.device:
                cookies.append(_cookie(DEVICE_COOKIE, signed.device, "Strict", _YEAR_S))
        return Reply(body, tuple(cookies))

    async def ways(_call: Call) -> WaysBody:
        return WaysBody(identity.openid is not None)

    async def start(call: Call) -> StartedBody:
        visitor = visitor_of(call, call.body.device)
        shown = await run(lambda: door.start(call.body.login, visitor))
        return StartedBody(shown.phrase, shown.second_factor)

    async def sign_in(call: Call) -> Reply:
        wanted: SignInBody = call.body
        visitor = visitor_of(call, wanted.device)
        signed = await run(lambda: door.sign_in(wanted.login, wanted.password, wanted.code, visitor, call.token))
        return reply(call, signed, wanted.cookie)

    async def again(call: Call) -> Reply:
        wanted: AgainBody = call.body
        session = (await run(lambda: account.read(call.caller)))[1]
        signed = await run(lambda: door.reauthenticate(session, wanted.password, wanted.code, visitor_of(call)))
        return reply(call, signed, wanted.cookie)

    async def openid_begin(call: Call) -> Reply:
        openid = identity.openid
        if openid is None:
            raise NotFound("there is no sign-on by another house. 未启用单点登录。")
        url, browser = await run(openid.begin)
        if not call.query.cookie:
            return Reply(OpenIdBody(url, browser))
        return Reply(OpenIdBody(url), (_cookie(_FLOW_COOKIE, browser, "Lax", 600),))

    async def openid_return(call: Call) -> Reply:
        openid = identity.openid
        if openid is None:
            raise NotFound("there is no sign-on by another house. 未启用单点登录。")
        browser = call.cookies.get(_FLOW_COOKIE, "")
        signed = await run(lambda: openid.finish(call.query.state, call.query.code, browser, visitor_of(call)))
        answer = reply(call, signed, True)
        return Reply(answer.body, (*answer.cookies, _cookie(_FLOW_COOKIE, "", "Lax", 0)))

    async def openid_finish(call: Call) -> Reply:
        openid = identity.openid
        if openid is None:
            raise NotFound("there is no sign-on by another house. 未启用单点登录。")
        body: OpenIdFinishBody = call.body
        signed = await run(lambda: openid.finish(body.state, body.code, body.browser, visitor_of(call)))
        return reply(call, signed, False)

    async def read(call: Call) -> AccountBody:
        user, session, left = await run(lambda: account.read(call.caller))
        return AccountBody(
            user.login,
            user.display_name,
            session.id,
            [each.value for each in session.pending],
            sorted(scope.value for scope in call.caller.scopes),
            list(user.branches),
            list(user.queues),
            user.phrase,
            user.idle_min,
            user.session_h,
            left,
        )

    async def set_password(call: Call) -> DoneBody:
        await run(lambda: account.set_password(call.caller, call.body.old, call.body.new))
        return DoneBody()

    async def begin_codes(call: Call) -> SetupBody:
        setup = await run(lambda: account.begin_codes(call.caller))
        return SetupBody(setup.setup, setup.secret, setup.url)

    async def confirm_codes(call: Call) -> RecoveryBody:
        return RecoveryBody(await run(lambda: account.confirm_codes(call.caller, call.body.setup, call.body.code)))

    async def give_code(call: Call) -> DoneBody:
        await run(lambda: account.give_code(call.caller, call.body.code))
        return DoneBody()

    async def renew_recovery(call: Call) -> RecoveryBody:
        return RecoveryBody(await run(lambda: account.renew_recovery(call.caller)))

    async def phrases(call: Call) -> PhrasesBody:
        return PhrasesBody((await run(lambda: account.read(call.caller)))[0].phrase, list(WORDS))

    async def set_phrase(call: Call) -> PhrasesBody:
        return PhrasesBody(await run(lambda: account.set_phrase(call.caller, call.body.words)), list(WORDS))

    async def set_limits(call: Call) -> DoneBody:
        await run(lambda: account.set_limits(call.caller, call.body.idle_min, call.body.session_h))
        return DoneBody()

    async def sessions(call: Call) -> SessionsBody:
        found = await run(lambda: account.sessions(call.caller))
        return SessionsBody([session_body(session, call.caller.session) for session in found])

    async def end_session(call: Call) -> EndedBody:
        await run(lambda: account.end_session(call.caller, call.path["id"]))
        return EndedBody(1)

    async def sign_out(call: Call) -> Reply:
        await run(lambda: account.end_session(call.caller, call.caller.session))
        return Reply(EndedBody(1), (_cookie(COOKIE, "", "Strict", 0),))

    async def sign_out_everywhere(call: Call) -> Reply:
        ended = await run(lambda: account.end_all(call.caller))
        return Reply(EndedBody(ended), (_cookie(COOKIE, "", "Strict", 0),))

    own = Scope.SELF
    # fmt: off
    return [
        Route("GET", "/v1/sign-in:ways", "list_sign_in_ways", "Ways of signing in / 登录方式", own, ways, WaysBody, open=True),
        Route("POST", "/v1/sign-in:start", "start_sign_in", "The phrase, before the password / 登录前显示预留信息", own, start,
              StartedBody, StartBody, refusals=(429, 503), open=True),
        Route("POST", "/v1/sign-in", "sign_in", "A session for login, password and code / 登录", own, sign_in, SignedInBody,
              SignInBody, refusals=(429, 503), open=True, personal=True),
        Route("GET", "/v1/sign-in/openid", "begin_openid", "Begin the bank's own sign-on / 单点登录", own, openid_begin,
              OpenIdBody, query=OpenIdBeginQuery, refusals=(404, 503), open=True),
        Route("GET", "/v1/sign-in/openid:return", "return_openid", "Back from the bank's own sign-on / 单点登录返回", own,
              openid_return, SignedInBody, query=OpenIdQuery, refusals=(404, 503), open=True, personal=True),
        Route("POST", "/v1/sign-in/openid:finish", "finish_openid", "The same, for a console / 单点登录返回（控制台）", own,
              openid_finish, SignedInBody, OpenIdFinishBody, refusals=(404, 503), open=True, personal=True),
        Route("GET", "/v1/account", "read_account", "The own account / 本人账号", own, read, AccountBody),
        Route("POST", "/v1/account:reauthenticate", "reauthenticate", "Prove again who one is / 重新验证身份", own, again,
              SignedInBody, AgainBody, refusals=(429, 503)),
        Route("POST", "/v1/account:sign-out", "sign_out", "End this session / 退出登录", own, sign_out, EndedBody),
        Route("POST", "/v1/account:sign-out-everywhere", "sign_out_everywhere", "End all own sessions / 退出全部会话", own,
              sign_out_everywhere, EndedBody),
        Route("PUT", "/v1/account/password", "set_password", "Set an own password / 修改口令", own, set_password, DoneBody,
              PasswordBody, refusals=(409, 429, 503)),
        Route("POST", "/v1/account/codes", "begin_codes", "Set up one-time codes / 设置动态口令", own, begin_codes, SetupBody),
        Route("POST", "/v1/account/codes:confirm", "confirm_codes", "Put one-time codes in force / 启用动态口令", own,
              confirm_codes, RecoveryBody, ConfirmBody),
        Route("POST", "/v1/account/codes:give", "give_code", "The code a session waits for / 提交动态口令", own, give_code,
              DoneBody, CodeBody, refusals=(409, 429)),
        Route("POST", "/v1/account/codes:recovery", "renew_recovery", "New recovery codes / 重新生成恢复码", own,
              renew_recovery, RecoveryBody),
        Route("GET", "/v1/account/phrase", "read_phrase", "The reserved phrase / 预留信息", own, phrases, PhrasesBody),
        Route("PUT", "/v1/account/phrase", "set_phrase", "Choose the reserved phrase / 设置预留信息", own, set_phrase,
              PhrasesBody, PhraseBody),
        Route("PUT", "/v1/account/limits", "set_session_limits", "How long own sessions last / 设置会话时长", own, set_limits,
              DoneBody, LimitsBody),
        Route("GET", "/v1/account/sessions", "list_own_sessions", "Own sessions / 本人会话", own, sessions, SessionsBody),
        Route("DELETE", "/v1/account/sessions/{id}", "end_own_session", "End one of them / 结束本人会话", own, end_session,
              EndedBody),
    ]
    # fmt: on


def _cookie(name: str, value: str, same_site: str, seconds: int | None = None) -> str:
    """A Set-Cookie line; without seconds it goes with the browser."""
    age = "" if seconds is None else f"; Max-Age={seconds}"
    return f"{name}={value}; Path=/; Secure; HttpOnly; SameSite={same_site}{age}"
