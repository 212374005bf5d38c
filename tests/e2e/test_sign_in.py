"""From an empty data folder to a person with rights, by command and over HTTP, on a real desk; and what its door refuses."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyotp
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from typer.testing import CliRunner

from bench.people_identity import HERE, attacks, authority
from bench.people_staff import PASSWORD, QUICK_SETTINGS, staff_of
from bench.serving import Served, desk_serving, new_data
from tarim.cli import build_app
from tests.e2e.test_openapi import CHECKS

AGENT = {"User-Agent": "page"}
OURS = ("/v1/sign-in", "/v1/account", "/v1/users", "/v1/changes", "/v1/grants", "/v1/roles")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("people") / "data"
    with desk_serving(data, new_data(data), **QUICK_SETTINGS) as running:
        yield running


class Command:
    """`tarim users ...` in this process."""

    def __init__(self, desk: Served) -> None:
        self._app = build_app(["users"])
        self._url = desk.url

    def __call__(self, *arguments: str, token: str = "", typed: tuple[str, ...] = ()) -> str:
        environment = QUICK_SETTINGS | {"TARIM_DESK_URL": self._url, "TARIM_KEY": token}
        done = CliRunner().invoke(
            self._app, ["users", *arguments], input="".join(f"{line}\n" for line in typed), env=environment
        )
        assert done.exit_code == 0, done.output
        return done.stdout


def set_up(desk: Served, login: str, initial: str) -> list[str]:
    """A first sign-in over HTTP; the recovery codes."""
    with httpx.Client(base_url=desk.url, headers=AGENT, timeout=30) as client:
        assert len(client.post("/v1/sign-in:start", json={"login": login}).json()["phrase"].split()) == 3
        signed = client.post("/v1/sign-in", json={"login": login, "password": initial}).json()
        assert signed["pending"] == ["second-factor", "password"]
        client.headers["Authorization"] = f"Bearer {signed['token']}"
        assert client.get("/v1/users").status_code == 403
        setup = client.post("/v1/account/codes").json()
        code = pyotp.TOTP(setup["secret"]).now()
        answer = client.post("/v1/account/codes:confirm", json={"setup": setup["setup"], "code": code})
        changed = client.put("/v1/account/password", json={"old": initial, "new": PASSWORD})
        assert changed.status_code == 200, changed.text
        assert client.get("/v1/account").json()["pending"] == []
        assert client.post("/v1/account:sign-out").json() == {"ended": 1}
        assert client.get("/v1/account").status_code == 401
        return list(answer.json()["recovery"])


def test_two_administrators_give_a_person_a_role_by_command(desk: Served) -> None:
    """The whole way; the trail holds who did what, and nobody's secret."""
    users, tokens = Command(desk), []
    for number, login in enumerate(("adam", "beth")):
        person = ("--login", login, "--staff-number", f"S{number}0", "--name", login.title())
        initial = users("create-admin", *person, "--data", str(desk.data)).strip()
        recovery = set_up(desk, login, initial)
        printed = users("sign-in", login, typed=(PASSWORD, recovery[0]))
        tokens.append(re.findall(r"^ts_\S+$", printed, re.MULTILINE)[0])
    adam, beth = tokens
    made = users("create", "carl", "--staff-number", "S77", "--name", "卡尔", "--reason", "new", token=adam)
    set_up(desk, "carl", made.strip().splitlines()[-1])
    users("grant", "carl", "--role", "analyst", "--lasts", "90d", "--reason", "joins the team", token=adam)
    users("reach", "carl", "--branch", "b1", "--queue", "*", "--reason", "joins the team", token=adam)
    for change, digest in re.findall(r"^(\w{16}) .*\n    digest (\w{64})", users("changes", token=beth), re.MULTILINE):
        users("approve", change, "--digest", digest, token=beth)
    assert re.search(r"carl +active +S77 +卡尔  analyst", users("list", token=beth))
    assert '"b1"' in users("show", "carl", token=beth) and "model_engineer" in users("roles", token=beth)
    assert "adam" in users("me", token=adam)
    users("disable", "carl", "--reason", "left", token=adam)
    assert "disabled" in users("list", token=beth) and users("alarms", token=beth) == ""
    assert "1 ended" in users("sign-out", token=adam)
    with desk.client("audit:read") as client:
        entries = client.get("/v1/audit/entries", params={"limit": 200}).json()["entries"]
    told = {(entry["who"], entry["act"], entry["result"]) for entry in entries}
    assert {("adam", "sign_in", "done"), ("adam", "create_user", "done"), ("beth", "approve_change", "done")} <= told
    assert ("command line", "identity.user.create-admin", "done") in told
    everything = repr(entries)
    assert PASSWORD not in everything and adam not in everything and "卡尔" not in everything


def test_a_page_of_somebody_else_cannot_use_the_cookie(desk: Served) -> None:
    with httpx.Client(base_url=desk.url, headers=AGENT, timeout=30) as client:
        cookie = {"Cookie": "__Host-tarim=ts_" + "A" * 43}
        for headers, status in (
            ({}, 401),
            ({"Origin": "https://evil.example"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
        ):
            assert client.get("/v1/account", headers=cookie | headers).status_code == status
        assert client.post("/v1/account:sign-out", headers=cookie).status_code == 403
        foreign = {"Origin": "https://evil.example"}
        assert client.post("/v1/sign-in", json={"login": "a", "password": "x"}, headers=foreign).status_code == 403
        began = time.monotonic()
        assert client.post("/v1/sign-in", json={"login": "nobody", "password": "x"}).status_code == 401
        assert time.monotonic() - began < 5


@pytest.mark.slow
def test_every_answer_of_sign_in_and_users_is_as_described(tmp_path: Path) -> None:
    """Requests made from the description, and broken ones, by an administrator: no server error, nothing undocumented."""
    data = tmp_path / "data"
    keys = new_data(data)
    with staff_of(data) as staff:
        administrator = staff.administrators()[0]
        staff.clock.at_ms = time.time_ns() // 1_000_000 - 90_000
        staff.signed(administrator, HERE)
        token = staff.signed(administrator, HERE).token  # from a place that is usual by now
    statuses: set[int] = set()
    with desk_serving(data, keys, **QUICK_SETTINGS) as desk:
        schema = schemathesis.openapi.from_url(desk.url + "/openapi.json")
        headers = {"User-Agent": HERE.agent, "Authorization": f"Bearer {token}"}
        for path, operations in schema.raw_schema["paths"].items():
            if not path.startswith(OURS) or "sign-out" in path:
                continue
            for method in operations:
                operation = schema[path][method.upper()]
                good, broken = (
                    operation.as_strategy(generation_mode=mode)
                    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
                )

                @settings(max_examples=12, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
                          suppress_health_check=list(HealthCheck))  # fmt: skip
                @given(good if method == "get" else st.one_of(good, broken))
                def check(case: schemathesis.Case) -> None:
                    statuses.add(case.call_and_validate(headers=headers, checks=CHECKS).status_code)

                check()
    assert {200, 404, 422} <= statuses and max(statuses) < 500


@pytest.mark.slow
def test_every_route_and_command_is_as_the_matrix_says() -> None:
    found = authority(quick=False)
    assert found.tried > 1_000 and found.holes == []


@pytest.mark.slow
def test_no_attack_comes_through() -> None:
    found, alarms = attacks()
    assert found.holes == [] and {"locked", "spraying", "stuffing", "theft", "replay", "unusual"} <= alarms
