"""Signing in and out, and the language."""

from __future__ import annotations

import contextlib
from typing import Final

import msgspec

from tarim.console import session as own
from tarim.console.pages import ANYBODY, SIGNED_IN, Go, Page, View, Visit
from tarim.console.services import Refused
from tarim.console.words import LANGUAGES


class _SignedIn(msgspec.Struct):
    token: str
    device: str = ""


async def show_sign_in(visit: Visit) -> View:
    """The form."""
    return View("signing/sign_in.html", {"error": None, "login": "", "after": own.ours(visit.query.get("next", "/"))})


async def sign_in(visit: Visit) -> View | Go:
    """A session for login, password and code."""
    form = visit.form
    login, after = form.get("login", "")[:64], own.ours(form.get("next", "/"))
    body = {
        "login": login,
        "password": form.get("password", ""),
        "code": form.get("code", ""),
        "device": visit.visitor.device,
    }
    try:
        signed = await visit.desk.post("/v1/sign-in", body, _SignedIn)
    except Refused as error:
        if error.unreachable:
            raise
        return View("signing/sign_in.html", {"error": error, "login": login, "after": after}, status=error.status)
    cookies = [own.cookie(own.COOKIE, signed.token)]
    if signed.device:
        cookies.append(own.cookie(own.DEVICE_COOKIE, signed.device, age_s=own.YEAR_S))
    return Go(address=after, cookies=tuple(cookies))


async def sign_out(visit: Visit) -> Go:
    """End the session; one that is over already is forgotten all the same."""
    with contextlib.suppress(Refused):
        await visit.desk.post("/v1/account:sign-out")
    return Go("sign_in", cookies=(own.cookie(own.COOKIE, "", age_s=0),))


async def choose_language(visit: Visit) -> Go:
    """Chinese or English from now on."""
    wanted = visit.path["language"]
    language = wanted if wanted in LANGUAGES else "zh"
    cookie = own.cookie(own.LANGUAGE_COOKIE, language, age_s=own.YEAR_S)
    return Go(address=own.ours(visit.query.get("next", "/")), cookies=(cookie,))


PAGES: Final = (
    Page("GET", "/sign-in", "sign_in", ANYBODY, show_sign_in),
    Page("POST", "/sign-in", "sign_in_now", ANYBODY, sign_in),
    Page("POST", "/sign-out", "sign_out", SIGNED_IN, sign_out, pending=True),
    Page("GET", "/language/{language}", "language", ANYBODY, choose_language),
)
