"""Signing in, duties and proofs over HTTP, against a desk that only says what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest

from tarim.console.app import Console
from tarim.console.services import Refused
from tarim.console.session import COOKIE, csrf_of
from tarim.console.settings import ConsoleSettings
from tarim.console.site import PAGES
from tarim.identity import Scope

TOKEN = "ts_" + "a" * 40
HOST = "http://console.example"
OURS = {"Origin": HOST, "Sec-Fetch-Site": "same-origin"}
ACCOUNT = {
    "login": "li.na",
    "display_name": "李娜",
    "session": "s1",
    "scopes": [each.value for each in Scope],
    "phrase": "a b c",
}
STARTED = {"phrase": "青山 白云 明月", "second_factor": True}
WAYS = {"openid": True}


def refusal(status: int, code: str = "not-allowed") -> Refused:
    return Refused(status, code, "未登录", "detail")


class FakeService:
    """Answers by method and path; a `Refused` is raised."""

    name = "desk"

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = {
            "GET /v1/account": ACCOUNT,
            "GET /v1/sign-in:ways": WAYS,
            "POST /v1/sign-in:start": STARTED,
        } | dict(answers)
        self.asked: list[tuple[str, Any]] = []

    async def ask(self, method: str, path: str, *, body: object = None, **_rest: object) -> bytes:
        self.asked.append((f"{method} {path}", body))
        found = self.answers.get(f"{method} {path}", refusal(404, "not-found"))
        if isinstance(found, Refused):
            raise found
        return msgspec.json.encode(found)

    async def close(self) -> None:
        """Nothing to close."""


@cache
def opened() -> tuple[Console, Any]:
    """A console whose services are put in its place by each test: opening one reads all static files."""
    console = Console(ConsoleSettings(), PAGES)
    return console, console.application()


def ask(
    method: str, path: str, answers: Mapping[str, Any] | None = None, form: Mapping[str, str] | None = None, *,
    signed_in: bool = True, headers: Mapping[str, str] = OURS,
) -> tuple[httpx.Response, FakeService]:  # fmt: skip
    desk = FakeService(answers or {})

    async def run() -> httpx.Response:
        console, application = opened()
        console.desk = console.serve = console.views = desk  # type: ignore[assignment]
        transport = httpx.ASGITransport(app=application)
        cookies = {COOKIE: TOKEN} if signed_in else {}
        async with httpx.AsyncClient(transport=transport, base_url=HOST, cookies=cookies) as client:
            given = dict(form) | {"csrf": csrf_of(TOKEN)} if form is not None and signed_in else form
            return await client.request(method, path, data=given, headers=dict(headers) if method == "POST" else {})

    return asyncio.run(run()), desk


def signed(**changes: Any) -> dict[str, Any]:
    return {
        "login": "li.na",
        "token": TOKEN,
        "device": "td_1",
        "pending": [],
        "last_at": "2026-11-21T01:00:00Z",
        "last_address": "10.1.2.3",
    } | changes


def test_the_phrase_comes_before_the_password() -> None:
    first, _desk = ask("GET", "/sign-in", signed_in=False)
    assert 'name="password"' not in first.text and "单点登录" in first.text
    second, desk = ask("POST", "/sign-in", form={"login": "li.na"}, signed_in=False)
    assert STARTED["phrase"] in second.text and 'name="password"' in second.text
    assert ("POST /v1/sign-in:start", {"login": "li.na"}) in desk.asked


@pytest.mark.parametrize("detail", ["unknown login", "wrong password", "disabled"])
def test_every_refusal_reads_the_same(detail: str) -> None:
    found, _desk = ask(
        "POST", "/sign-in/proof", {"POST /v1/sign-in": Refused(401, "not-allowed", "x", detail)},
        {"login": "li.na", "password": "secret-typed"}, signed_in=False,
    )  # fmt: skip
    assert found.status_code == 401 and detail not in found.text and "账号、口令或验证码不正确" in found.text
    assert "secret-typed" not in found.text and "set-cookie" not in found.headers


def test_a_locked_login_is_told_nothing_of_the_account() -> None:
    found, _desk = ask(
        "POST", "/sign-in/proof", {"POST /v1/sign-in": refusal(429, "too-often")}, {"login": "li.na", "password": "x"},
        signed_in=False,
    )  # fmt: skip
    assert found.status_code == 429 and "暂时不能登录" in found.text and 'name="password"' not in found.text


@pytest.mark.parametrize(
    ("after", "goes"),
    [("/cases", "/cases"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil.example", "/"), ("", "/")],
)
def test_signing_in_leads_back_to_a_page_of_ours_only(after: str, goes: str) -> None:
    found, _desk = ask(
        "POST", "/sign-in/proof", {"POST /v1/sign-in": signed()}, {"login": "li.na", "password": "x", "next": after},
        signed_in=False,
    )  # fmt: skip
    assert (found.status_code, found.headers["location"]) == (303, goes)
    cookie = found.headers["set-cookie"]
    assert all(word in cookie for word in (COOKIE, "HttpOnly", "Secure", "SameSite=Strict", "Path=/"))


def test_an_unusual_place_is_told_with_the_sign_in_before() -> None:
    found, _desk = ask(
        "POST", "/sign-in/proof", {"POST /v1/sign-in": signed(unusual=True)}, {"login": "li.na", "password": "x"},
        signed_in=False,
    )  # fmt: skip
    assert found.status_code == 200 and "10.1.2.3" in found.text and "2026-11-21 09:00" in found.text
    assert csrf_of(TOKEN) in found.text, "all sessions can be ended from here"


def test_what_is_to_be_done_first_comes_before_every_page_and_leads_back() -> None:
    waiting = ACCOUNT | {"pending": ["second-factor"]}
    found, _desk = ask("GET", "/users?after=x", {"GET /v1/account": waiting})
    where = urlsplit(found.headers["location"])
    assert where.path == "/pending" and parse_qs(where.query) == {"next": ["/users?after=x"]}
    setup = {"setup": "s", "secret": "ABCDEFGH", "url": "otpauth://totp/x?secret=ABCDEFGH"}
    page, _desk = ask("GET", where.path, {"GET /v1/account": waiting, "POST /v1/account/codes": setup})
    assert "ABCD EFGH" in page.text and "<svg" in page.text and "style=" not in page.text
    assert page.headers["cache-control"] == "no-store"


def test_a_session_that_is_over_leads_to_signing_in_and_back() -> None:
    found, _desk = ask("GET", "/redress/complaints?state=received", {"GET /v1/account": refusal(401)})
    where = urlsplit(found.headers["location"])
    assert where.path == "/sign-in"
    assert parse_qs(where.query) == {"next": ["/redress/complaints?state=received"], "over": ["1"]}
    page, _desk = ask("GET", found.headers["location"], {"GET /v1/account": refusal(401)})
    assert "会话已结束" in page.text


def test_an_outdated_proof_asks_for_one_and_leads_back_to_the_page_of_the_form() -> None:
    outdated = {"POST /v1/users/li.na:disable": refusal(403, "proof-outdated")}
    headers = OURS | {"Referer": f"{HOST}/users/of/li.na"}
    found, _desk = ask("POST", "/users/of/li.na/disable", outdated, {"reason": "left"}, headers=headers)
    assert found.status_code == 403 and 'name="password"' in found.text
    assert 'name="next" value="/users/of/li.na"' in found.text
    stranger = OURS | {"Referer": "https://evil.example/users"}
    found, _desk = ask("POST", "/users/of/li.na/disable", outdated, {"reason": "left"}, headers=stranger)
    assert 'name="next" value="/"' in found.text


def test_a_proof_brings_a_new_session_in_the_old_ones_place() -> None:
    answers = {"POST /v1/account:reauthenticate": signed(token="ts_" + "b" * 40)}
    found, _desk = ask("POST", "/account/prove", answers, {"password": "x", "code": "123456", "next": "/users"})
    assert found.headers["location"] == "/users" and "ts_bbb" in found.headers["set-cookie"]


def test_two_new_passwords_have_to_be_the_same() -> None:
    answers = {
        "GET /v1/account/sessions": {"sessions": []},
        "GET /v1/account/phrase": {"phrase": "a b c", "words": ["a", "b", "c"]},
        "GET /v1/roles": {"roles": []},
    }
    form = {"old": "o", "new": "n1", "again": "n2"}
    found, desk = ask("POST", "/account/password", answers, form)
    assert found.status_code == 422 and "不一致" in found.text
    assert not any(path.startswith("PUT") for path, _body in desk.asked)


def test_an_initial_password_is_told_once_and_goes_into_no_address() -> None:
    user = {
        "id": "1", "login": "new", "staff_number": "1", "display_name": "新人", "state": "active", "roles": [], "scopes": [],
        "branches": [], "queues": [], "created_at": "2026-11-21T01:00:00Z", "created_by": "x", "last_at": "",
        "second_factor": False, "locked_until": "", "grants": [],
    }  # fmt: skip
    answers = {"POST /v1/users": {"user": user, "initial_password": "only-once"}}
    form = {"login": "new", "staff_number": "1", "display_name": "新人", "reason": "joins"}
    found, _desk = ask("POST", "/users", answers, form)
    assert found.status_code == 200 and found.text.count("only-once") == 2  # shown, and what the copy button copies
    assert found.headers["cache-control"] == "no-store" and "location" not in found.headers


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/proof", "/account/password", "/users"])
def test_no_other_site_begins_any_of_it(path: str) -> None:
    found, desk = ask(
        "POST", path, {}, {"login": "x"}, headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    )
    assert found.status_code == 403 and not desk.asked


def test_a_provider_is_left_and_come_back_from_by_the_same_browser() -> None:
    begun, _desk = ask(
        "GET",
        "/sign-in/openid",
        {"GET /v1/sign-in/openid": {"url": "https://id.bank.example/a", "browser": "tf_1"}},
        signed_in=False,
    )
    assert begun.headers["location"] == "https://id.bank.example/a"
    assert "tf_1" in begun.headers["set-cookie"] and "SameSite=Lax" in begun.headers["set-cookie"]
    back, desk = ask(
        "GET", "/sign-in/openid/return?state=s&code=c", {"POST /v1/sign-in/openid:finish": signed()}, signed_in=False
    )
    assert back.status_code == 200 and 'http-equiv="refresh"' in back.text and COOKIE in back.headers["set-cookie"]
    assert desk.asked[0] == ("POST /v1/sign-in/openid:finish", {"state": "s", "code": "c", "browser": ""})
