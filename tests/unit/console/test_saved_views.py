"""Saved views of a page: the default one is led to, filters are those of the address, and pages stand without the desk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from tarim.console import saved_views
from tarim.console.pages import Account, Go, Visit
from tarim.console.rendering import Renderer
from tarim.console.saved_views import PLACES, Bar, filters_in
from tarim.console.services import Refused, Visitor
from tarim.console.site import PAGES, Map
from tarim.console.words import speak
from tarim.workspace import Page

MAP = Map(PAGES)
NASTY = '"><img src=x onerror=alert(1)>{{ 7*7 }}'
LATE = {"id": "00000000000000a1", "name": NASTY, "filters": {"overdue": "1"}, "default": False}
FIRST = {"id": "00000000000000a2", "name": "first", "filters": {"state": "new", "sort": "due"}, "default": True}
EVERYTHING = {"id": "00000000000000a3", "name": "all of it", "filters": {}, "default": True}


class Desk:
    """Has these views, and remembers what is changed."""

    def __init__(self, *views: dict[str, Any], refused: Refused | None = None) -> None:
        self.views, self.refused = list(views), refused
        self.sent: list[tuple[str, str, Any]] = []

    async def get(self, path: str, shape: Any, /, **query: Any) -> Any:
        assert path == "/v1/saved-views" and query["page"] in PLACES
        if self.refused is not None:
            raise self.refused
        return msgspec.convert({"views": self.views}, shape)

    async def post(self, path: str, body: Any) -> None:
        self.sent.append(("POST", path, body))

    async def put(self, path: str, body: Any) -> None:
        self.sent.append(("PUT", path, body))

    async def delete(self, path: str) -> None:
        self.sent.append(("DELETE", path, None))


def a_visit(desk: Desk, query: Mapping[str, str] | None = None, **more: Any) -> Visit:
    nobody: Any = None
    speak("zh")
    plain: dict[str, Any] = {"path": {}, "form": {}, "fragment": False, "back": "/"}
    return Visit(
        account=Account("li.na", scopes=["self"]), serve=nobody, desk=desk, views=nobody, query=query or {}, lists={},  # type: ignore[arg-type]
        uploads={}, language="zh", csrf="token", visitor=Visitor(), url=MAP.url, **plain | more,
    )  # fmt: skip


def test_the_pages_are_those_that_the_desk_knows() -> None:
    assert set(PLACES) == {page.value for page in Page}


def test_an_address_that_asks_nothing_leads_to_the_default_view() -> None:
    went = asyncio.run(saved_views.opened(a_visit(Desk(LATE, FIRST)), "cases"))
    assert went == Go("cases", {"state": "new", "sort": "due"})
    assert asyncio.run(saved_views.opened(a_visit(Desk(EVERYTHING)), "cases")) == Go("cases", {"all": "1"})
    for query in ({"all": "1"}, {"state": "closed"}):
        shown = asyncio.run(saved_views.opened(a_visit(Desk(LATE, FIRST), query), "cases"))
        assert isinstance(shown, Bar) and len(shown.views) == 2
    assert isinstance(asyncio.run(saved_views.opened(a_visit(Desk(LATE)), "cases")), Bar), "none is the default"


def test_a_fragment_asks_for_nothing_and_a_page_stands_without_the_desk() -> None:
    desk = Desk(FIRST, refused=Refused(503, "no_answer", "", ""))
    for fragment in (True, False):
        shown = asyncio.run(saved_views.opened(a_visit(desk, fragment=fragment), "live"))
        assert shown == Bar("live", [], {})
    with pytest.raises(Refused):
        asyncio.run(saved_views.opened(a_visit(Desk(refused=Refused(401, "not-allowed", "", ""))), "live"))


def test_filters_are_what_the_address_asks_for_and_not_where_one_is_in_the_list() -> None:
    query = {"state": "new", "tag": "", "cursor": "abc", "below": "9", "all": "1", "sort": "work", "window": "24h"}
    assert filters_in(query) == {"state": "new", "window": "24h"}


def test_a_view_is_kept_with_the_filters_of_the_page_that_its_form_stands_on() -> None:
    desk = Desk()
    back = "/cases?state=new&priority=1&tag=&sort=work&cursor=x"
    form = {"place": "cases", "name": " 新案 ", "default": "1"}
    went = asyncio.run(saved_views.keep(a_visit(desk, form=form, back=back)))
    assert isinstance(went, Go) and went.address == back
    filters = {"state": "new", "priority": "1"}
    assert desk.sent == [
        ("POST", "/v1/saved-views", {"page": "cases", "name": "新案", "filters": filters, "default": True})
    ]
    for wrong in ({"place": "users"}, {"place": "log"}):
        with pytest.raises(Refused):
            asyncio.run(saved_views.keep(a_visit(desk, form=form | wrong, back=back)))


@pytest.mark.parametrize(
    ("form", "sent"),
    [
        ({"act": "forget", "name": "x"}, ("DELETE", None)),
        ({"act": "default", "name": "x"}, ("PUT", {"default": True})),
        ({"act": "plain", "name": "x"}, ("PUT", {"default": False})),
        ({"name": " two "}, ("PUT", {"name": "two"})),
    ],
)
def test_a_view_is_changed_and_deleted(form: dict[str, str], sent: tuple[str, Any]) -> None:
    desk = Desk(LATE)
    went = asyncio.run(saved_views.change(a_visit(desk, form=form, path={"id": "a/b"}, back="/live?all=1")))
    assert isinstance(went, Go) and went.address == "/live?all=1"
    assert desk.sent == [(sent[0], "/v1/saved-views/a%2Fb", sent[1])]


def test_the_bar_lights_the_view_that_is_shown_and_writes_no_name_as_markup() -> None:
    visit = a_visit(Desk(LATE, FIRST), {"overdue": "1", "all": "1"})
    shown = asyncio.run(saved_views.opened(visit, "cases"))
    html = Renderer(MAP.url, lambda name: f"/static/{name}").page("saved/_bar.html", {"saved": shown, "csrf": "token"})
    assert "<img" not in html and html.count('aria-current="true"') == 1
    assert 'href="/cases?overdue=1" aria-current="true"' in html and html.count("#star") == 1
    assert html.count('value="plain"') == 1 and html.count('value="default"') == 1
