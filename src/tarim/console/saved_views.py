"""Saved views: filters of a page that a person keeps under a name, and the one that the page opens with.

Filters stand in the address, so a view is an address with a name; the desk keeps it for its person.  A page asks `opened`,
then shows the `Bar`.  An address that says nothing leads to the default view; `all=1` says that everything is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from tarim.console.pages import SIGNED_IN, Go, Page, View, Visit
from tarim.console.services import Refused, segment
from tarim.console.words import _

PLACES: Final = ("cases", "live", "log")
"""Pages with filters, by their names here and at the desk."""
ALL: Final[Mapping[str, str]] = {"all": "1"}
_PATH: Final = "/v1/saved-views"
_NO_FILTERS: Final = frozenset({"all", "cursor", "below"})
_AS_ALWAYS: Final = frozenset({("sort", "work"), ("window", "1h")})
"""What a page does anyhow, and says in some of its addresses."""
_NAME_CHARACTERS_MAX: Final = 64


class SavedView(msgspec.Struct):
    """A view.  default: the page opens with it."""

    id: str
    name: str
    filters: dict[str, str]
    default: bool


class _Views(msgspec.Struct):
    views: list[SavedView]


@dataclass(frozen=True, slots=True)
class Bar:
    """What a page shows of it.  here: the filters that are on."""

    place: str
    views: list[SavedView]
    here: dict[str, str]


async def opened(visit: Visit, place: str) -> Bar | Go:
    """The person's views of a page; or where to go first, when nothing was asked for and one of them is the default."""
    found = await bar(visit, place)
    first = next((each for each in found.views if each.default), None)
    return found if first is None or visit.query else Go(place, first.filters or ALL)


async def bar(visit: Visit, place: str) -> Bar:
    """The person's views of a page; none for a fragment, which does not show them."""
    return Bar(place, [] if visit.fragment else await _kept(visit, place), filters_in(visit.query))


async def _kept(visit: Visit, place: str) -> list[SavedView]:
    """None while the desk does not answer: the page is of use without them."""
    try:
        return (await visit.desk.get(_PATH, _Views, page=place)).views
    except Refused as refused:
        if refused.unreachable or refused.status >= 500:
            return []
        raise


def filters_in(query: Mapping[str, str]) -> dict[str, str]:
    """The filters of an address, without what only pages through its list or says what holds anyhow."""
    return {
        name: value
        for name, value in query.items()
        if value and name not in _NO_FILTERS and (name, value) not in _AS_ALWAYS
    }


async def keep(visit: Visit) -> View | Go:
    """Keep the filters of the page that the form stands on."""
    place = visit.form.get("place", "")
    shown = urlsplit(visit.back)
    if place not in PLACES or shown.path != urlsplit(visit.url(place)).path:
        raise Refused(422, "invalid-input", _("无法保存视图"), _("请从列表页面保存视图。"))
    body = {
        "page": place,
        "name": visit.form.get("name", "").strip()[:_NAME_CHARACTERS_MAX],
        "filters": filters_in(dict(parse_qsl(shown.query, max_num_fields=64))),
        "default": visit.form.get("default") == "1",
    }
    await visit.desk.post(_PATH, body)
    return Go(address=visit.back, toast=_("视图已保存"))


async def change(visit: Visit) -> View | Go:
    """Another name, the page's default or not, or away with it."""
    path = f"{_PATH}/{segment(visit.path['id'])}"
    act = visit.form.get("act", "rename")
    if act == "forget":
        await visit.desk.delete(path)
        return Go(address=visit.back, toast=_("视图已删除"))
    if act in ("default", "plain"):
        await visit.desk.put(path, {"default": act == "default"})
        return Go(address=visit.back, toast=_("默认视图已更新"))
    await visit.desk.put(path, {"name": visit.form.get("name", "").strip()[:_NAME_CHARACTERS_MAX]})
    return Go(address=visit.back, toast=_("视图已改名"))


PAGES: Final = (
    Page("POST", "/saved-views", "saved_view_keep", SIGNED_IN, keep),
    Page("POST", "/saved-views/{id}", "saved_view_change", SIGNED_IN, change),
)
