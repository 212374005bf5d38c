"""The link graph's pages against views that only remember: what is asked and shown, and that no number is in an address."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from tarim.console.graph import PAGES, READ, asked, data, export, find, reveal, show, table
from tarim.console.pages import Account, Answer, Download, Go, View, Visit
from tarim.console.services import Refused, Visitor
from tarim.console.words import speak
from tarim.identity import Scope
from tests.fakes.console_pages import MAP, FakeService, html_of

AT = datetime(2026, 11, 22, 4, tzinfo=UTC)
NASTY = '"><img src=x onerror=alert(1)>{{ 7*7 }}'
SUMS = {
    "count": 3, "amount_fen": 1_234_500, "stopped_fen": 500, "first_at": "2026-11-01T00:00:00Z",
    "last_at": "2026-11-02T00:00:00Z", "worst": "delay", "alerts": 1,
}  # fmt: skip
GRAPH = {
    "nodes": [
        {"id": "account:00000000000000aa", "kind": "account", "label": "****2222", "convicted": False},
        {"id": "account:00000000000000bb", "kind": "account", "label": NASTY, "convicted": True},
    ],
    "links": [{"source": 0, "target": 1, "relation": "pays", "sums": SUMS}],
    "crowds": [{"of": 0, "relation": "pays", "outward": True, "kind": "account", "size": 37, "sums": SUMS}],
    "complete_from": "",
}  # fmt: skip


def visit(views: FakeService, query: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None) -> Visit:
    nothing: Any = None
    account = Account(login="li.na", scopes=[Scope.CASES_READ.value, Scope.REVEAL.value])
    return Visit(
        account=account, serve=nothing, desk=nothing, views=views, path={}, query=query or {}, form=form or {},  # type: ignore[arg-type]
        lists={}, uploads={}, language="zh", fragment=False, csrf="token", visitor=Visitor(), url=MAP.url,
    )  # fmt: skip


def rendered(view: View, page: Visit) -> str:
    return html_of(
        view.fragment or view.template, view.values, page, nav="links", page_name="links", environment="demo"
    )


@pytest.fixture(autouse=True)
def _chinese() -> None:
    speak("zh")


def test_windows_become_instants_and_yuan_fen() -> None:
    given = {
        "window": "7d",
        "amount": "1,200",
        "nodes": "120",
        "kinds": "transfer",
        "also": "account:1",
        "entity": "x",
        "no": "1",
    }
    assert asked(given, AT) == {
        "since": "2026-11-15T04:00:00.000Z", "amount_min_fen": "120000", "nodes_max": "120", "kinds": "transfer",
        "also": "account:1",
    }  # fmt: skip
    assert asked({"amount": "many", "window": "century"}, AT) == {"amount_min_fen": "many"}


def test_data_passes_answers_and_refusals_on_as_data() -> None:
    views = FakeService({"GET /v1/links/event%3A9": GRAPH})
    answer = asyncio.run(data(visit(views, {"entity": "event:9", "hops": "3"})))
    assert json.loads(answer.body) == GRAPH and views.asked == [("GET /v1/links/event%3A9", {"hops": "3"})]
    views = FakeService({"GET /v1/links/event%3A9": Refused(404, "not-found", "没有", "no such event")})
    refused = asyncio.run(data(visit(views, {"entity": "event:9"})))
    assert isinstance(refused, Answer) and refused.status == 404 and json.loads(refused.body)["title"] == "没有"


def test_the_table_reads_every_link_and_lets_no_markup_in() -> None:
    page = visit(FakeService({"GET /v1/links/account%3Aaa": GRAPH}), {"entity": "account:aa"})
    text = rendered(asyncio.run(table(page)), page)
    assert "12,345.00" in text and "另有 37 个收款账户" in text and "已确认欺诈" in text
    assert "<img" not in text and "49" not in text.replace("00:49", "")


def test_a_number_is_posted_and_does_not_come_back() -> None:
    number = "6222000011112222"
    found = {"entity": "account:00000000000000aa", "label": "****2222", "known": True}
    views = FakeService({"POST /v1/links:find": found})
    went = asyncio.run(find(visit(views, form={"kind": "account", "value": f" {number} "})))
    assert isinstance(went, Go) and went.names == {"entity": found["entity"]}
    assert views.asked == [("POST /v1/links:find", {"kind": "account", "value": number})]
    page = visit(
        FakeService({"POST /v1/links:find": found | {"known": False}}), form={"kind": "device", "value": number}
    )
    shown = asyncio.run(find(page))
    assert isinstance(shown, View) and shown.status == 404
    text = rendered(shown, page)
    assert "图谱中没有带此号码的事件" in text and number not in text and '<option value="device" selected>' in text


def test_an_export_carries_filters_and_reason_and_is_a_file() -> None:
    views = FakeService({"POST /v1/links:export": {"name": "links-account-aa.csv", "csv": "source\r\n"}})
    form = {"entity": "account:aa", "window": "", "amount": "50", "nodes": "60", "hops": "", "reason": "移交"}
    file = asyncio.run(export(visit(views, form=form)))
    assert isinstance(file, Download) and file.content.startswith(b"\xef\xbb\xbfsource")
    assert views.asked[0][1] == {"entity": "account:aa", "amount_min_fen": 5_000, "nodes_max": 60, "reason": "移交"}


def test_full_numbers_are_asked_with_a_reason() -> None:
    views = FakeService({"POST /v1/links:reveal": {"values": [], "watermark": ""}})
    asyncio.run(reveal(visit(views, form={"entities": "account:aa,account:bb", "reason": "核实"})))
    assert views.asked == [("POST /v1/links:reveal", {"entities": ["account:aa", "account:bb"], "reason": "核实"})]


def test_the_explorer_begins_empty_and_then_has_a_card() -> None:
    page = visit(FakeService())
    assert "data-graph" not in rendered(asyncio.run(show(page)), page)
    page = visit(FakeService(), {"entity": NASTY, "relations": "pays"})
    text = rendered(asyncio.run(show(page)), page)
    assert "data-graph" in text and "<img" not in text and text.count(" checked>") == 1


def test_every_page_needs_a_scope_and_only_full_numbers_need_more() -> None:
    assert {page.name: page.scopes for page in PAGES if page.scopes != READ} == {
        "links_reveal": frozenset({Scope.REVEAL})
    }
