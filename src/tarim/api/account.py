"""One's own account over HTTP: password, codes, phrase, limits and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from tarim.api.doors import COOKIE
from tarim.api.routes import Call, Reply, Route
from tarim.api.sign_in import (
    AgainBody,
    Code,
    CodeBody,
    DoneBody,
    EndedBody,
    Password,
    SessionsBody,
    SignedInBody,
    Threads,
    cookie_line,
    session_body,
    signed_reply,
    visitor_of,
)
from tarim.bootstrap.identity import OpenIdentity
from tarim.identity import WORDS, Account, Scope, SignIn


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


@dataclass(frozen=True, slots=True)
class AccountHandlers:
    """What answers about the caller's own account.  run: runs what blocks."""

    account: Account
    door: SignIn
    run: Threads

    async def read(self, call: Call) -> AccountBody:
        user, session, left = await self.run(lambda: self.account.read(call.caller))
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

    async def again(self, call: Call) -> Reply:
        wanted: AgainBody = call.body
        session = (await self.run(lambda: self.account.read(call.caller)))[1]
        signed = await self.run(
            lambda: self.door.reauthenticate(session, wanted.password, wanted.code, visitor_of(call))
        )
        return signed_reply(call, signed, cookie=wanted.cookie)

    async def set_password(self, call: Call) -> DoneBody:
        await self.run(lambda: self.account.set_password(call.caller, call.body.old, call.body.new))
        return DoneBody()

    async def begin_codes(self, call: Call) -> SetupBody:
        setup = await self.run(lambda: self.account.begin_codes(call.caller))
        return SetupBody(setup.setup, setup.secret, setup.url)

    async def confirm_codes(self, call: Call) -> RecoveryBody:
        return RecoveryBody(
            await self.run(lambda: self.account.confirm_codes(call.caller, call.body.setup, call.body.code))
        )

    async def give_code(self, call: Call) -> DoneBody:
        await self.run(lambda: self.account.give_code(call.caller, call.body.code))
        return DoneBody()

    async def renew_recovery(self, call: Call) -> RecoveryBody:
        return RecoveryBody(await self.run(lambda: self.account.renew_recovery(call.caller)))

    async def phrases(self, call: Call) -> PhrasesBody:
        return PhrasesBody((await self.run(lambda: self.account.read(call.caller)))[0].phrase, list(WORDS))

    async def set_phrase(self, call: Call) -> PhrasesBody:
        return PhrasesBody(await self.run(lambda: self.account.set_phrase(call.caller, call.body.words)), list(WORDS))

    async def set_limits(self, call: Call) -> DoneBody:
        await self.run(lambda: self.account.set_limits(call.caller, call.body.idle_min, call.body.session_h))
        return DoneBody()

    async def sessions(self, call: Call) -> SessionsBody:
        found = await self.run(lambda: self.account.sessions(call.caller))
        return SessionsBody([session_body(session, call.caller.session) for session in found])

    async def end_session(self, call: Call) -> EndedBody:
        await self.run(lambda: self.account.end_session(call.caller, call.path["id"]))
        return EndedBody(1)

    async def sign_out(self, call: Call) -> Reply:
        await self.run(lambda: self.account.end_session(call.caller, call.caller.session))
        return Reply(EndedBody(1), (cookie_line(COOKIE, "", "Strict", 0),))

    async def sign_out_everywhere(self, call: Call) -> Reply:
        ended = await self.run(lambda: self.account.end_all(call.caller))
        return Reply(EndedBody(ended), (cookie_line(COOKIE, "", "Strict", 0),))


def account_routes(identity: OpenIdentity, run: Threads) -> list[Route]:
    """The routes."""
    do, own = AccountHandlers(identity.account, identity.sign_in, run), Scope.SELF
    return [
        Route("GET", "/v1/account", "read_account", "The own account / 本人账号", own, do.read, AccountBody),
        Route("POST", "/v1/account:reauthenticate", "reauthenticate", "Prove again who one is / 重新验证身份", own, do.again,
              SignedInBody, AgainBody, refusals=(429, 503)),
        Route("POST", "/v1/account:sign-out", "sign_out", "End this session / 退出登录", own, do.sign_out, EndedBody),
        Route("POST", "/v1/account:sign-out-everywhere", "sign_out_everywhere", "End all own sessions / 退出全部会话", own,
              do.sign_out_everywhere, EndedBody),
        Route("PUT", "/v1/account/password", "set_password", "Set an own password / 修改口令", own, do.set_password, DoneBody,
              PasswordBody, refusals=(409, 429, 503)),
        Route("POST", "/v1/account/codes", "begin_codes", "Set up one-time codes / 设置动态口令", own, do.begin_codes,
              SetupBody),
        Route("POST", "/v1/account/codes:confirm", "confirm_codes", "Put one-time codes in force / 启用动态口令", own,
              do.confirm_codes, RecoveryBody, ConfirmBody),
        Route("POST", "/v1/account/codes:give", "give_code", "The code a session waits for / 提交动态口令", own, do.give_code,
              DoneBody, CodeBody, refusals=(409, 429)),
        Route("POST", "/v1/account/codes:recovery", "renew_recovery", "New recovery codes / 重新生成恢复码", own,
              do.renew_recovery, RecoveryBody),
        Route("GET", "/v1/account/phrase", "read_phrase", "The reserved phrase / 预留信息", own, do.phrases, PhrasesBody),
        Route("PUT", "/v1/account/phrase", "set_phrase", "Choose the reserved phrase / 设置预留信息", own, do.set_phrase,
              PhrasesBody, PhraseBody),
        Route("PUT", "/v1/account/limits", "set_session_limits", "How long own sessions last / 设置会话时长", own,
              do.set_limits, DoneBody, LimitsBody),
        Route("GET", "/v1/account/sessions", "list_own_sessions", "Own sessions / 本人会话", own, do.sessions, SessionsBody),
        Route("DELETE", "/v1/account/sessions/{id}", "end_own_session", "End one of them / 结束本人会话", own, do.end_session,
              EndedBody),
    ]  # fmt: skip
