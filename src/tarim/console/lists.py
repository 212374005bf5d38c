"""Lists: all of them in figures, one with its entries as at an instant, who met them, and a value looked up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tarim.console import lists_words
from tarim.console.lists_shapes import (
    Entries,
    Entry,
    Figure,
    Figures,
    Hits,
    ListDefinition,
    Lists,
    LookedUp,
    OneList,
)
from tarim.console.pages import Page, View, Visit
from tarim.console.rendering import typed
from tarim.console.services import Refused, segment
from tarim.console.words import _, either
from tarim.identity import Scope

READERS: Final = frozenset({Scope.READ})
ENTRIES_SHOWN: Final = 30
HITS_SHOWN: Final = 100
_CONFLICT: Final = 409


@dataclass(frozen=True, slots=True)
class Row:
    """A list with its figures; None while a change is being put in force and nothing can be counted."""

    definition: ListDefinition
    figure: Figure | None

    @property
    def title(self) -> str:
        """In the viewer's language."""
        return title_of(self.definition)


def title_of(definition: ListDefinition) -> str:
    """A list's title in the viewer's language."""
    return either(definition.title_zh, definition.title_en)


def words() -> dict[str, Any]:
    """What templates of lists call codes."""
    return {
        "kinds": lists_words.kinds(),
        "kind_levels": lists_words.KIND_LEVELS,
        "fields": lists_words.list_fields(),
        "differences": lists_words.differences(),
        "columns": lists_words.columns(),
        "row_rule": lists_words.row_rule,
        "file_columns": lists_words.file_columns(),
        "proposal_states": lists_words.proposal_states(),
        "proposal_tone": lists_words.proposal_tone,
        "title_of": title_of,
    }


def at_of(values: Mapping[str, str], name: str = "at") -> str:
    """An instant that somebody typed.  Raises Refused."""
    try:
        return typed(values.get(name, "").strip())
    except ValueError:
        raise Refused(422, "invalid", _("时间无效"), _("请按“年-月-日 时:分”填写时间。"), name) from None


def standing(entry: Entry, at: str = "") -> str:
    """`valid`, `later` (not yet valid) or `expired` at an instant, "" now."""
    moment = datetime.fromisoformat(at) if at else datetime.now(UTC)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if entry.removed:
        return "removed"
    if entry.valid_from and datetime.fromisoformat(entry.valid_from) > moment:
        return "later"
    return "expired" if entry.valid_to and datetime.fromisoformat(entry.valid_to) <= moment else "valid"


async def show_lists(visit: Visit) -> View:
    """All lists; filtered by words of name and title, and by kind."""
    found = await visit.serve.get("/v1/lists", Lists)
    try:
        counted: Figures | None = await visit.serve.get("/v1/list-figures", Figures)
    except Refused as error:
        if error.status != _CONFLICT:
            raise
        counted = None
    by_name = {each.name: each for each in counted.lists} if counted else {}
    rows = [Row(each, by_name.get(each.name, Figure(each.name)) if counted else None) for each in found.lists]
    wanted, kind = visit.query.get("q", "").strip().lower(), visit.query.get("kind", "")
    shown = [
        row
        for row in rows
        if (not kind or row.definition.kind == kind)
        and (not wanted or wanted in f"{row.definition.name} {row.title}".lower())
    ]
    figures = [row.figure for row in rows if row.figure]
    return View(
        "lists/lists.html",
        words()
        | {
            "rows": shown,
            "all_count": len(rows),
            "q": visit.query.get("q", ""),
            "kind": kind,
            "at": counted.at if counted else "",
            "entries": sum(each.entries for each in figures) if counted else None,
            "hits": sum(each.hits for each in figures) if counted else None,
            "waiting": sum(each.waiting for each in figures) if counted else None,
        },
        "lists/_lists.html",
    )


async def one_list(visit: Visit) -> OneList:
    """The list of the path.  Raises Refused."""
    return await visit.serve.get(f"/v1/lists/{segment(visit.path['name'])}", OneList)


async def show_list(visit: Visit) -> View:
    """A list's entries as at an instant."""
    return await list_page(visit)


async def list_page(visit: Visit, **more: Any) -> View:
    """The page of a list with its entries; more: what a form on it has to say."""
    at = at_of(visit.query)
    name = segment(visit.path["name"])
    one, page = await asyncio.gather(
        one_list(visit),
        visit.serve.get(
            f"/v1/lists/{name}/entries", Entries, at=at, after=visit.query.get("after", ""), limit=ENTRIES_SHOWN
        ),
    )
    rows = [(each, standing(each, at)) for each in page.entries]
    values = head(visit, one, "entries") | {
        "rows": rows,
        "next": page.next,
        "after": visit.query.get("after", ""),
        "at": visit.query.get("at", ""),
        "looked": None,
        "lookup": {},
        "lookup_error": None,
        "entry": {},
        "entry_error": None,
    }
    return View("lists/entries.html", values | more, "lists/_entries.html")


def head(visit: Visit, one: OneList, tab: str) -> dict[str, Any]:
    """What every page of one list shows above."""
    return words() | {
        "one": one,
        "definition": one.definition,
        "title": title_of(one.definition),
        "tab": tab,
        "may_author": visit.may(Scope.AUTHOR),
    }


async def look_up(visit: Visit) -> View:
    """Whether a value was on the list at an instant, and its history; by POST, for a value is personal data."""
    form = visit.form
    lookup = {name: form.get(name, "").strip() for name in ("value", "customer", "at")}
    values: dict[str, Any] = {"lookup": lookup, "looked": None, "lookup_error": None}
    try:
        body = {"value": lookup["value"], "customer": lookup["customer"], "at": at_of(lookup)}
        path = f"/v1/lists/{segment(visit.path['name'])}/as-at"
        looked = await visit.serve.post(path, body, LookedUp)
        values["looked"] = looked
        values["looked_standing"] = standing(looked.entry, looked.at) if looked.entry else ""
    except Refused as error:
        if error.status >= 500 or error.status in (401, 404):
            raise
        values["lookup_error"] = error
    if visit.fragment:
        one = await one_list(visit)
        return View("lists/_looked.html", head(visit, one, "entries") | values, "lists/_looked.html")
    return await list_page(visit, **values)


async def show_hits(visit: Visit) -> View:
    """Entries that events met, most often first."""
    name = segment(visit.path["name"])
    one = await one_list(visit)
    try:
        hits: Hits | None = await visit.serve.get(f"/v1/lists/{name}/hits", Hits, limit=HITS_SHOWN)
    except Refused as error:
        if error.status != _CONFLICT:
            raise
        hits = None
    total = sum(each.hits for each in hits.hits) if hits else 0
    values = {"hits": hits.hits if hits else None, "total": total, "shown_max": HITS_SHOWN}
    return View("lists/hits.html", head(visit, one, "hits") | values)


async def show_changes(visit: Visit) -> View:
    """The list's last changes: who proposed, who agreed, why."""
    one = await one_list(visit)
    return View("lists/changes.html", head(visit, one, "changes"))


PAGES: Final = (
    Page("GET", "/lists", "lists", READERS, show_lists, nav="lists"),
    Page("GET", "/lists/{name}", "list", READERS, show_list, nav="lists"),
    Page("POST", "/lists/{name}/look-up", "list_look_up", READERS, look_up, nav="lists"),
    Page("GET", "/lists/{name}/hits", "list_hits", READERS, show_hits, nav="lists"),
    Page("GET", "/lists/{name}/changes", "list_changes", READERS, show_changes, nav="lists"),
)
