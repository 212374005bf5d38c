"""Whoever looks up unusually many different customers is told of, and stopped where the bank says so (SE-05)."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tarim.api.auditing import CRAWLING, Auditor
from tarim.api.case_requests import CustomerBody
from tarim.api.doors import Admitted
from tarim.api.lookups import WINDOW_MS, Lookups, thing_of
from tarim.api.refusals import answer_troubles
from tarim.api.routes import Call, Route, mount
from tarim.api.user_views import UserBody
from tarim.audit import Objects, Recorder
from tarim.base.errors import NotAllowed, TooOften
from tarim.identity import Caller, CallerKind, Scope
from tests.fakes.audit import ListTrail
from tests.fakes.clock import FakeClock


def test_different_things_count_and_the_same_one_counts_once() -> None:
    lookups = Lookups(FakeClock(1_800_000_000_000), alarm=3, limit=0)
    assert [lookups.look("li.na", f"CASE-{n}") for n in (1, 2, 1, 3, 2)] == [0] * 5
    assert lookups.look("li.na", "CASE-4") == 4 and lookups.alarms == 1
    assert lookups.look("li.na", "CASE-5") == 0, "one alarm an hour"
    assert lookups.look("wang.wei", "CASE-5") == 0, "somebody else's lookups are somebody else's"


def test_after_an_hour_it_begins_anew() -> None:
    clock = FakeClock(1_800_000_000_000)
    lookups = Lookups(clock, alarm=2, limit=3)
    for n in range(3):
        lookups.look("li.na", f"CASE-{n}")
        clock.at_ms += 1_000
    with pytest.raises(TooOften) as caught:
        lookups.look("li.na", "CASE-9")
    assert 3_590 <= caught.value.retry_after_s <= 3_600
    assert lookups.look("li.na", "CASE-1") == 0, "what was looked at may be looked at again"
    clock.at_ms += WINDOW_MS - 3_000
    assert lookups.look("li.na", "CASE-9") == 0, "the first is an hour ago"
    clock.at_ms += WINDOW_MS
    assert [lookups.look("li.na", f"NEW-{n}") for n in range(3)] == [0, 0, 3] and lookups.alarms == 2


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tarim.api.lookups.ACTORS_MAX", 3)
    monkeypatch.setattr("tarim.api.lookups.REMEMBERED_MAX", 4)
    lookups = Lookups(FakeClock(1_800_000_000_000), alarm=100, limit=0)
    for actor in range(9):
        for n in range(9):
            lookups.look(f"person-{actor}", f"CASE-{n}")
    assert len(lookups._seen) == 3 and all(len(seen) == 4 for seen in lookups._seen.values())


def test_a_thing_is_what_the_path_or_the_body_names_and_a_list_is_none() -> None:
    assert thing_of({"id": "CASE-1"}, None) == "CASE-1"
    assert thing_of({}, CustomerBody("C1")) == "customer C1" != thing_of({}, CustomerBody("C2"))
    assert thing_of({}, None) == thing_of({}, SimpleNamespace(limit=3)) == ""


def test_routes_that_show_personal_data_are_counted_and_an_alarm_is_on_the_trail() -> None:
    class Door:
        async def admit(self, request: Any, scope: Scope) -> Admitted:
            return Admitted(Caller("li.na", CallerKind.PERSON, frozenset({scope})))

        async def name_of(self, request: Any) -> tuple[str, str]:
            raise NotAllowed("nobody")

    async def show(call: Call) -> dict[str, str]:
        return dict(call.path)

    trail = ListTrail()
    recorder = Recorder(trail, waiting_entries_max=100, group_entries_max=10)
    auditor = Auditor(
        recorder, Objects(bytes(32)), FakeClock(), Lookups(FakeClock(1_800_000_000_000), alarm=2, limit=4)
    )
    app, door = FastAPI(), Door()
    routes = [
        Route("GET", "/v1/cases/{id}", "read_case", "", Scope.CASES_READ, show, UserBody, personal=True),
        Route("GET", "/v1/rules/{id}", "read_rule", "", Scope.READ, show, UserBody),
    ]
    mount(app, door, routes, auditor)  # type: ignore[arg-type]
    figures: Any = SimpleNamespace(refused=lambda code: None, failed=lambda error: None)
    answer_troubles(app, figures, lambda error, address: error)

    async def asked(*paths: str) -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
            return [await client.get(path) for path in paths]

    answers = asyncio.run(asked(*(f"/v1/cases/CASE-{n}" for n in (1, 2, 3, 3, 4, 5)), "/v1/rules/any"))
    assert [each.status_code for each in answers] == [200, 200, 200, 200, 200, 429, 200], "rules are not personal"
    assert answers[5].headers["retry-after"] and answers[5].json()["code"] == "too-often"
    recorder.close()
    acts = [each.act for each in trail.entries]
    assert acts.count(CRAWLING) == 1 and acts.index(CRAWLING) == acts.index("read_case") + 2
    (alarm,) = (each for each in trail.entries if each.act == CRAWLING)
    assert (alarm.who, alarm.detail) == ("li.na", {"count": 3})
