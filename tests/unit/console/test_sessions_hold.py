"""Nobody is signed out by a busy machine, and nothing typed is lost: late requests, renewed sessions, acts that wait."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
import pytest

from tarim.console.services import Refused
from tarim.console.session import COOKIE, FORM_COOKIE, csrf_of
from tarim.console.waiting import CHARACTERS_MAX, act_in
from tests.unit.console.test_people_pages import ACCOUNT, HOST, OURS, FakeService, ask, opened, refusal, signed

OLD, NEW = "ts_" + "a" * 40, "ts_" + "b" * 40
OUTDATED = {"POST /v1/users/li.na:disable": refusal(403, "proof-outdated")}
PAGE = OURS | {"Referer": f"{HOST}/users/of/li.na"}
_ACT = re.compile(r'name="act" value="([^"]*)"')


class SlowDesk(FakeService):
    """Knows one session at a time; answers in whatever order its requests get their turn."""

    name = "desk"

    def __init__(self) -> None:
        super().__init__({})
        self.good = OLD
        self.held = asyncio.Event()
        self.seen: list[str] = []

    async def ask(self, method: str, path: str, *, token: str = "", body: object = None, **_rest: object) -> bytes:
        if path == "/v1/account:reauthenticate":
            self.good = NEW
            return msgspec.json.encode(signed(token=NEW))
        if len(self.seen) in range(0, 12, 3):
            self.seen.append(token)
            await self.held.wait()  # this one is slow: it is looked at after the session was renewed
        else:
            self.seen.append(token)
        if token != self.good:
            raise Refused(401, "not-allowed", "未登录", "over", service=self.name)
        if path != "/v1/account":
            raise refusal(404, "not-found")
        return msgspec.json.encode(ACCOUNT)


def test_requests_that_arrive_after_a_session_was_renewed_end_nothing() -> None:
    """Twelve requests of one session, a renewal in their midst, answers in any order: the browser keeps the new session."""
    jar = {COOKIE: OLD}

    def cookie() -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}

    async def run() -> tuple[list[httpx.Response], httpx.Response]:
        console, application = opened()
        desk = SlowDesk()
        console.desk = console.serve = console.views = desk  # type: ignore[assignment]

        async def ask_for(path: str, **headers: str) -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url=HOST) as client:
                return await client.get(path, headers=cookie() | headers)

        paths = ["/cases/badge", "/notices/badge", "/account/here"] * 4
        pieces = [{"HX-Request": "true"} if "badge" in path else {} for path in paths]
        sent = [asyncio.ensure_future(ask_for(path, **piece)) for path, piece in zip(paths, pieces, strict=True)]
        await asyncio.sleep(0.01)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url=HOST) as client:
            form = {"csrf": csrf_of(OLD), "password": "x", "code": "1", "next": "/account/here"}
            jar.update(_cookies(await client.post("/account/prove", data=form, headers=dict(OURS) | cookie())))
        desk.held.set()
        late = list(await asyncio.gather(*sent))
        for answer in late:  # as a browser does with what arrives last
            jar.update(_cookies(answer))
        led = next((each.headers["location"] for each in late if "location" in each.headers), "/sign-in?next=/cases")
        return late, await ask_for(led)

    late, back = asyncio.run(run())
    over = [each for each in late if each.status_code in (303, 401)]
    assert over, "some were late, or this shows nothing"
    assert jar[COOKIE] == NEW
    assert all("hx-redirect" not in each.headers for each in late), "a page that asks by itself leads nobody away"
    assert back.status_code == 303 and not back.headers["location"].startswith("/sign-in")


def _cookies(answer: httpx.Response) -> dict[str, str]:
    found = {}
    for line in answer.headers.get_list("set-cookie"):
        name, _, rest = line.partition("=")
        found[name] = rest.split(";")[0]
    return found


def test_an_act_that_waits_for_a_proof_takes_its_form_along_and_is_done_after_it() -> None:
    found, _desk = ask("POST", "/users/of/li.na/disable", OUTDATED, {"reason": "left <b> 离职"}, headers=PAGE)
    assert "location" not in found.headers and "离职" not in str(found.headers)
    act = html.unescape(_ACT.findall(found.text)[0])
    answers = {"POST /v1/account:reauthenticate": signed(token=NEW), "POST /v1/users/li.na:disable": {}}
    done, desk = ask("POST", "/account/prove", answers, {"password": "x", "code": "1", "act": act})
    assert ("POST /v1/users/li.na:disable", {"reason": "left <b> 离职"}) in desk.asked
    assert done.status_code == 303 and done.headers["location"] == "/users/of/li.na"
    assert _cookies(done)[COOKIE] == NEW
    assert _cookies(done)[FORM_COOKIE] == OLD, "forms in other tabs are still of this session"


def test_a_wrong_proof_keeps_the_form_and_one_that_is_refused_keeps_the_session() -> None:
    act = html.unescape(_ACT.findall(ask("POST", "/users/of/li.na/disable", OUTDATED, {"reason": "left"})[0].text)[0])
    wrong = {"POST /v1/account:reauthenticate": refusal(401)}
    found, desk = ask("POST", "/account/prove", wrong, {"password": "x", "code": "1", "act": act})
    assert found.status_code == 422 and html.unescape(_ACT.findall(found.text)[0]) == act
    assert all("disable" not in path for path, _body in desk.asked)
    refused = {
        "POST /v1/account:reauthenticate": signed(token=NEW),
        "POST /v1/users/li.na:disable": Refused(409, "conflict", "冲突", "…"),
    }
    found, _desk = ask("POST", "/account/prove", refused, {"password": "x", "code": "1", "act": act})
    assert _cookies(found)[COOKIE] == NEW


def test_a_fragment_is_asked_for_its_proof_in_place_of_the_page() -> None:
    headers = PAGE | {"HX-Request": "true", "HX-Current-URL": f"{HOST}/users/of/li.na"}
    found, _desk = ask("POST", "/users/of/li.na/disable", OUTDATED, {"reason": "left"}, headers=headers)
    assert found.headers["hx-retarget"] == "#main" and "<html" not in found.text and _ACT.search(found.text)


@pytest.mark.parametrize(
    "act",
    [
        {"page": "prove_now"}, {"page": "sign_in_now"}, {"page": "nothing"}, {"page": "users"},
    ],
    ids=lambda act: str(act["page"]),
)  # fmt: skip
def test_only_acts_of_signed_in_people_are_done_after_a_proof(act: Mapping[str, Any]) -> None:
    text = json.dumps({"path": {}, "query": {}, "form": {"password": ["x"]}, "back": "/"} | act)
    answers = {"POST /v1/account:reauthenticate": signed(token=NEW)}
    found, desk = ask("POST", "/account/prove", answers, {"password": "x", "code": "1", "act": text})
    assert found.status_code in (303, 422)
    assert [path for path, _body in desk.asked if path == "POST /v1/sign-in"] == []


def test_an_act_leads_back_to_a_page_of_ours_only() -> None:
    text = json.dumps({"page": "nothing", "path": {}, "query": {}, "form": {}, "back": "https://evil.example/"})
    answers = {"POST /v1/account:reauthenticate": signed(token=NEW)}
    found, _desk = ask("POST", "/account/prove", answers, {"password": "x", "code": "1", "act": text})
    assert found.headers["location"] == "/"


def test_what_is_no_act_or_too_long_is_none() -> None:
    assert [act_in(text) for text in ("", "{", '{"page": 1}', "x" * (CHARACTERS_MAX + 1), "\ud800")] == [None] * 5


def test_a_form_of_another_tab_holds_after_the_session_was_renewed() -> None:
    """The anchor of forms is the first token; a form of an earlier sign-in is refused as before."""

    async def run(anchor: str) -> int:
        console, application = opened()
        desk = FakeService({"POST /v1/account:sign-out-everywhere": {"ended": 1}})
        console.desk = console.serve = console.views = desk  # type: ignore[assignment]
        transport = httpx.ASGITransport(app=application)
        cookies = {COOKIE: NEW, FORM_COOKIE: anchor}
        async with httpx.AsyncClient(transport=transport, base_url=HOST, cookies=cookies) as client:
            form = {"csrf": csrf_of(OLD)}
            return (await client.post("/sign-out-everywhere", data=form, headers=OURS)).status_code

    assert asyncio.run(run(OLD)) == 303
    assert asyncio.run(run("ts_" + "c" * 40)) == 403


def test_a_service_that_does_not_know_a_good_session_signs_nobody_out() -> None:
    lost = Refused(401, "unknown-key", "未登录", "not known", service="serve")
    found, _desk = ask("GET", "/rules", {f"GET {path}": lost for path in _asked_by("/rules")})
    assert found.status_code == 503 and "登录会话有效" in found.text


def _asked_by(path: str) -> list[str]:
    _found, desk = ask("GET", path)
    return [each.partition(" ")[2] for each, _body in desk.asked if each != "GET /v1/account"]
