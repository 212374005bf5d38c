"""Signing in and out: the login, then the reserved phrase with password and code, the bank's own sign-on, the language.

What is answered never tells whether an account exists: an unknown login has a phrase too, and every refusal is the same.
"""

from __future__ import annotations

import contextlib
from typing import Final

import msgspec

from tarim.console import session as own
from tarim.console.pages import ANYBODY, SIGNED_IN, Answer, Go, Page, View, Visit
from tarim.console.rendering import instant
from tarim.console.services import Refused
from tarim.console.words import LANGUAGES, _

FLOW_COOKIE: Final = "__Host-tarim-flow"
FLOW_S: Final = 600
_LOCKED: Final = 429


class _Ways(msgspec.Struct):
    openid: bool


class _Started(msgspec.Struct):
    phrase: str
    second_factor: bool


class SignedIn(msgspec.Struct):
    """A new session, with the sign-in before."""

    login: str
    token: str
    device: str = ""
    pending: list[str] = []
    unusual: bool = False
    last_at: str = ""
    last_address: str = ""
    recovery_left: int = 0


class _Begun(msgspec.Struct):
    url: str
    browser: str


async def show_sign_in(visit: Visit) -> View | Go:
    """The first step: who.  Whoever is signed in goes on: the session was renewed while the request before was under way."""
    if visit.desk.token:
        with contextlib.suppress(Refused):
            await visit.desk.get("/v1/account")
            return Go(address=own.ours(visit.query.get("next", "/")))
    return await _first(visit)


async def _first(visit: Visit, error: Refused | None = None) -> View:
    with contextlib.suppress(Refused):
        ways = await visit.desk.get("/v1/sign-in:ways", _Ways)
        return _shown(visit, "signing/sign_in.html", error, openid=ways.openid)
    return _shown(visit, "signing/sign_in.html", error, openid=False)


def _shown(visit: Visit, template: str, error: Refused | None, **values: object) -> View:
    given = {
        "error": error,
        "locked": error is not None and error.status == _LOCKED,
        "login": visit.form.get("login", "")[:64],
        "after": own.ours(visit.form.get("next") or visit.query.get("next", "/")),
        "over": visit.query.get("over") == "1",
    }
    return View(template, given | values, status=error.status if error else 200)


async def start_sign_in(visit: Visit) -> View:
    """The second step: the phrase that only our page shows, then password and code."""
    try:
        return await _second(visit)
    except Refused as error:
        if error.unreachable:
            raise
        return await _first(visit, error)


async def _second(visit: Visit, error: Refused | None = None) -> View:
    started = await visit.desk.post("/v1/sign-in:start", {"login": visit.form.get("login", "")[:64]}, _Started)
    return _shown(visit, "signing/proof.html", error, started=started)


async def sign_in(visit: Visit) -> View | Go:
    """A session for login, password and code."""
    form = visit.form
    body = {"login": form.get("login", "")[:64], "password": form.get("password", ""), "code": form.get("code", "")}
    try:
        signed = await visit.desk.post("/v1/sign-in", body, SignedIn)
    except Refused as error:
        if error.unreachable:
            raise
        if error.status == _LOCKED:
            return await _first(visit, error)
        return await _second(visit, error)
    return entered(visit, signed, own.ours(form.get("next", "/")))


def entered(visit: Visit, signed: SignedIn, after: str) -> View | Go:
    """Into the console with a new session: past a notice of an unusual place, to what is to be done first, or where one was."""
    if signed.unusual:
        return unusual_view(signed, after)
    cookies = session_cookies(signed)
    if signed.pending:
        return Go("pending", {"next": after if after != "/" else ""}, cookies=cookies)
    toast = ""
    if signed.last_at:
        toast = _("上次登录：{when}，来自 {address}").format(
            when=instant(signed.last_at, "minutes"), address=signed.last_address
        )
    return Go(address=after, toast=toast, cookies=cookies)


def unusual_view(signed: SignedIn, after: str) -> View:
    """That this is an unusual place, with the sign-in before."""
    values = {"signed": signed, "after": after, "csrf": own.csrf_of(signed.token)}
    return View("signing/unusual.html", values, cookies=session_cookies(signed))


def session_cookies(signed: SignedIn, first: str = "") -> tuple[str, ...]:
    """The cookies of a new session.  first: the first token of the one that it renews."""
    forms = own.cookie(own.FORM_COOKIE, first, age_s=None if first else 0)
    cookies = [own.cookie(own.COOKIE, signed.token), forms]
    if signed.device:
        cookies.append(own.cookie(own.DEVICE_COOKIE, signed.device, age_s=own.YEAR_S))
    return tuple(cookies)


async def begin_openid(visit: Visit) -> Answer:
    """To the bank's own sign-on, the one address of another host that anything leads to."""
    begun = await visit.desk.get("/v1/sign-in/openid", _Begun, cookie="false")
    flow = own.cookie(FLOW_COOKIE, begun.browser, age_s=FLOW_S).replace("SameSite=Strict", "SameSite=Lax")
    return Answer(b"", "text/plain", 303, {"location": begun.url, "set-cookie": flow})


async def finish_openid(visit: Visit) -> View:
    """Back from there.  Browsers send our cookies to no page that another host's led to, so this page leads on by itself."""
    body = {
        "state": visit.query.get("state", "")[:2_048],
        "code": visit.query.get("code", "")[:2_048],
        "browser": visit.cookies.get(FLOW_COOKIE, ""),
    }
    try:
        signed = await visit.desk.post("/v1/sign-in/openid:finish", body, SignedIn)
    except Refused as error:
        if error.unreachable:
            raise
        return await _first(visit, error)
    if signed.unusual:
        return unusual_view(signed, "/")
    return View("signing/entered.html", {"pending": bool(signed.pending)}, cookies=session_cookies(signed))


async def sign_out(visit: Visit) -> Go:
    """End the session; one that is over already is forgotten all the same."""
    with contextlib.suppress(Refused):
        await visit.desk.post("/v1/account:sign-out")
    return Go("sign_in", cookies=(own.cookie(own.COOKIE, "", age_s=0),))


async def sign_out_everywhere(visit: Visit) -> Go:
    """End all of one's own sessions."""
    await visit.desk.post("/v1/account:sign-out-everywhere")
    return Go("sign_in", toast=_("已退出全部会话"), cookies=(own.cookie(own.COOKIE, "", age_s=0),))


async def choose_language(visit: Visit) -> Go:
    """Chinese or English from now on."""
    wanted = visit.path["language"]
    language = wanted if wanted in LANGUAGES else "zh"
    cookie = own.cookie(own.LANGUAGE_COOKIE, language, age_s=own.YEAR_S)
    return Go(address=own.ours(visit.query.get("next", "/")), cookies=(cookie,))


PAGES: Final = (
    Page("GET", "/sign-in", "sign_in", ANYBODY, show_sign_in),
    Page("POST", "/sign-in", "sign_in_start", ANYBODY, start_sign_in),
    Page("POST", "/sign-in/proof", "sign_in_now", ANYBODY, sign_in),
    Page("GET", "/sign-in/openid", "openid_begin", ANYBODY, begin_openid),
    Page("GET", "/sign-in/openid/return", "openid_return", ANYBODY, finish_openid),
    Page("POST", "/sign-out", "sign_out", SIGNED_IN, sign_out, pending=True),
    Page("POST", "/sign-out-everywhere", "sign_out_everywhere", SIGNED_IN, sign_out_everywhere, pending=True),
    Page("GET", "/language/{language}", "language", ANYBODY, choose_language),
)
