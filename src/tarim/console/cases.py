"""Pages of cases: the queue and what stands beside it.  One case is in `case_page`, what is done with one in `case_acts`."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from tarim.console import case_acts, case_bulk, case_files, case_page, saved_views
from tarim.console.case_list import (
    COUNTED_MAX,
    VIEWS,
    Asked,
    chips,
    clock_of,
    now,
    page_of,
    places,
    rows_of,
)
from tarim.console.case_shapes import Cases, FollowUps, Overdue
from tarim.console.case_troubles import is_passed_on
from tarim.console.case_words import KINDS, SCENARIOS, STATES, priority_word, said, words_of_cases
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.services import Refused
from tarim.console.words import _
from tarim.identity import Scope

READ: Final = frozenset({Scope.CASES_READ})
_REF: Final = re.compile(r"CASE-[0-9]{4}-[0-9]{6,9}")
_LISTED_MAX: Final = 200


async def show_cases(visit: Visit) -> View | Go:
    """The queue: filters of the address, one page of it."""
    saved = await saved_views.opened(visit, "cases")
    if isinstance(saved, Go):
        return saved
    asked = Asked.of(visit.query)
    page = await page_of(visit, asked, visit.query.get("cursor", ""))
    values: dict[str, Any] = {
        "asked": asked,
        "rows": rows_of(page.cases),
        "next": page.next,
        "count": page.count,
        "counted_max": COUNTED_MAX,
        "deeper": bool(visit.query.get("cursor")),
        "chips": chips(asked),
        "w": words_of_cases(),
        "may_assign": visit.may(Scope.CASES_ASSIGN),
        "now": now(),
        "saved": saved,
    }
    if not visit.fragment:
        queues, branches = await places(visit)
        values |= {
            "views": [(view, _(view.title)) for view in VIEWS if visit.may(*view.scopes)],
            "view": next((view.name for view in VIEWS if view.query == asked.query()), ""),
            "queues": queues,
            "branches": branches,
            "states": said(STATES),
            "scenarios": said(SCENARIOS),
            "priorities": {number: priority_word(number) for number in (1, 2, 3, 4)},
        }
    return View("cases/list.html", values, "cases/_table.html")


async def show_counts(visit: Visit) -> View:
    """How many cases each named view has, for the tabs."""
    shown = [view for view in VIEWS if visit.may(*view.scopes)]
    asked = [Asked.of(view.query) for view in shown]
    pages = await asyncio.gather(*(visit.desk.get("/v1/cases", Cases, limit=1, **each.desk_query()) for each in asked))
    counts = {view.name: page.count for view, page in zip(shown, pages, strict=True)}
    values = {
        "counts": counts,
        "counted_max": COUNTED_MAX,
        "titles": {view.name: _(view.title) for view in shown},
    }
    return View(
        "cases/counts.html", values | {"queries": {view.name: view.query for view in shown}}, "cases/_counts.html"
    )


async def show_badge(visit: Visit) -> View:
    """How many cases wait for this person: one's own, or for who only reviews those submitted."""
    query = {"assignee": "me"} if visit.may(Scope.CASES_WORK) else {"state": "submitted"}
    page = await visit.desk.get("/v1/cases", Cases, limit=1, **query)
    return View("cases/badge.html", {"count": page.count, "counted_max": COUNTED_MAX}, "cases/_badge.html")


async def find_cases(visit: Visit) -> View | Go:
    """By the number of a case, or of a customer.  A customer's number never stands in an address."""
    wanted = visit.form.get("wanted", "").strip()[:64]
    if _REF.fullmatch(wanted.upper()):
        return Go("case", {"id": wanted.upper()})
    values: dict[str, Any] = {"rows": [], "w": words_of_cases(), "error": None, "asked_nothing": not wanted}
    if wanted:
        try:
            found = await visit.desk.post("/v1/cases:find", {"customer": wanted}, Cases)
            values["rows"] = rows_of(found.cases)
        except Refused as error:
            if is_passed_on(error):
                raise
            values["error"] = error
    return View("cases/found.html", values)


async def show_find(visit: Visit) -> Go:
    """Where somebody comes back to the address of a search: its number is not in it, so there is nothing to show."""
    del visit
    return Go("cases")


async def show_overdue(visit: Visit) -> View:
    """Reviews of one kind that are overdue."""
    kind = visit.query.get("kind", "block")
    kind = kind if kind in KINDS else "block"
    found = await visit.desk.get("/v1/cases:overdue", Overdue, kind=kind, limit=_LISTED_MAX)
    at = now()
    values = {
        "kind": kind,
        "kinds": said(KINDS),
        "reviews": [(each, clock_of(each.due, at)) for each in found.reviews],
        "listed_max": _LISTED_MAX,
        "w": words_of_cases(),
    }
    return View("cases/overdue.html", values)


async def show_follow_ups(visit: Visit) -> View:
    """One's own dates to come back to cases."""
    found = await visit.desk.get("/v1/cases:follow-ups", FollowUps, limit=_LISTED_MAX)
    at = now()
    values = {"dates": [(each, clock_of(each.due, at)) for each in found.follow_ups], "listed_max": _LISTED_MAX}
    return View("cases/follow_ups.html", values)


PAGES: Final = (
    Page("GET", "/cases", "cases", READ, show_cases, nav="cases"),
    Page("GET", "/cases/counts", "case_counts", READ, show_counts, nav="cases"),
    Page("GET", "/cases/badge", "case_badge", READ, show_badge, nav="cases", background=True),
    Page("GET", "/cases/found", "case_find", READ, show_find, nav="cases"),
    Page("POST", "/cases/found", "case_found", READ, find_cases, nav="cases"),
    Page("GET", "/cases/overdue", "case_overdue", READ, show_overdue, nav="cases"),
    Page("GET", "/cases/follow-ups", "case_follow_ups", READ, show_follow_ups, nav="cases"),
    *case_bulk.PAGES,
    *case_page.PAGES,
    *case_acts.PAGES,
    *case_files.PAGES,
)
