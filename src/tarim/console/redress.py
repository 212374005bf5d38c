"""投诉与赔付: files of redress in lists, and opened; one of them is in `redress_file`.

Eight kinds of files share these pages; what a form asks for is read off the events' own types.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from tarim.console import redress_views as views
from tarim.console import redress_words as words
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.redress_forms import Mistyped, body_of, inputs_of, kind_of_plural
from tarim.console.rendering import zone
from tarim.console.services import Refused
from tarim.console.words import _
from tarim.identity import Scope
from tarim.redress import KINDS, PLURALS, Kind

READS: Final = frozenset(
    {
        Scope.REDRESS_READ,
        Scope.REQUESTS_WORK,
        Scope.REQUESTS_APPROVE,
        Scope.ERASURES_WORK,
        Scope.ERASURES_APPROVE,
    }
)
WORKS: Final = frozenset(
    {
        Scope.REDRESS_WORK,
        Scope.REDRESS_DECIDE,
        Scope.REQUESTS_WORK,
        Scope.REQUESTS_APPROVE,
        Scope.ERASURES_WORK,
        Scope.ERASURES_APPROVE,
    }
)
LISTED: Final = 50


class _Opened(msgspec.Struct):
    id: str


@dataclass(frozen=True, slots=True)
class Tab:
    """A kind of file among the others."""

    plural: str
    title: str
    icon: str
    on: bool


def kind_asked(visit: Visit) -> Kind:
    """The kind in the path.  Raises Refused (404), also for one whose files the person does not see."""
    kind = kind_of_plural(visit.path["book"])
    if kind is None or not visit.may(*kind.readers):
        raise Refused(404, "not_found", _("未找到"), _("没有这类档案，或不在您的权限范围内。"))
    return kind


def common(visit: Visit, kind: Kind | None) -> dict[str, Any]:
    """What every page of redress has: the tabs, and the kind's words."""
    tabs = [
        Tab(plural, words.books()[name].title, words.books()[name].icon, KINDS[name] is kind)
        for name, plural in PLURALS.items()
        if visit.may(*KINDS[name].readers)
    ]
    found: dict[str, Any] = {
        "tabs": tabs,
        "words": words,
        "scopes": Scope,
        "now_ms": time.time_ns() // 1_000_000,
        "once": secrets.token_hex(12),
    }
    if kind is not None:
        book = words.books()[kind.name]
        found |= {
            "kind": kind.name,
            "book": PLURALS.get(kind.name, kind.name),
            "title": book.title,
            "opens_one": book.opens if visit.may(kind.opening.scope) and kind.name in PLURALS else "",
        }
    return found


async def clock_rules(visit: Visit) -> dict[str, views.Rule]:
    """Kinds of clocks by name."""
    return {rule.kind: rule for rule in (await visit.desk.get("/v1/clock-kinds", views.Rules)).clocks}


# ---------------------------------------------------------------------------------------------------------------- lists


async def start(visit: Visit) -> Go:
    """The first kind whose files the person sees."""
    first = next(plural for name, plural in PLURALS.items() if visit.may(*KINDS[name].readers))
    return Go("redress_files", {"book": first})


async def show_files(visit: Visit) -> View:
    """Files of a kind, the one that came first first."""
    kind, query = kind_asked(visit), visit.query
    wanted = {
        name: query.get(name, "")[:64]
        for name in ("state", "department", "owner", "standing", "waiting", "ended", "after")
    }
    asked = wanted | {name: "true" for name in ("waiting", "ended") if wanted[name]} | {"limit": LISTED}
    found, rules = await asyncio.gather(
        visit.desk.get(f"/v1/{PLURALS[kind.name]}", views.Lines, **asked), clock_rules(visit)
    )
    return View("redress/list.html", _listed(visit, kind, found, rules, wanted), "redress/_files.html")


async def find_files(visit: Visit) -> View:
    """Files of one customer, by the bank's identifier, which is in no address."""
    kind = kind_asked(visit)
    asked = {"customer": visit.form.get("customer", "").strip()[:128]}
    found, rules = await asyncio.gather(
        visit.desk.post(f"/v1/{PLURALS[kind.name]}:find", asked, views.Lines), clock_rules(visit)
    )
    return View("redress/list.html", _listed(visit, kind, found, rules, {}, found_by=True), "redress/_files.html")


def _listed(
    visit: Visit, kind: Kind, found: views.Lines, rules: Mapping[str, views.Rule], wanted: Mapping[str, str],
    *, found_by: bool = False,
) -> dict[str, Any]:  # fmt: skip
    values = common(visit, kind)
    rows = []
    for line in found.files:
        clock = views.urgent(line.clocks)
        rows.append((line, views.told(clock, rules, values["now_ms"]) if clock else None))
    return values | {
        "rows": rows,
        "further": dict(wanted) | {"after": found.next} if found.next else {},
        "wanted": {"state": "", "department": "", "owner": "", "standing": "", "waiting": "", "ended": ""}
        | dict(wanted),
        "states": words.states()[kind.name],
        "found_by": found_by,
        "findable": kind.name not in ("fund", "roster"),
        "has_clocks": kind.name not in ("fund", "roster", "hold"),
    }


# ------------------------------------------------------------------------------------------------------------- open one


async def show_new(visit: Visit) -> View:
    """The form that opens a file."""
    return _new(visit, kind_asked(visit))


def _new(visit: Visit, kind: Kind, error: Refused | None = None, wrong: Mistyped | None = None) -> View:
    if not visit.may(kind.opening.scope):
        raise Refused(403, "not_allowed", _("权限不足"), _("您不能登记这类档案。"))
    now = datetime.now(zone()).strftime("%Y-%m-%dT%H:%M")
    values = common(visit, kind) | {
        "inputs": inputs_of(kind, "open-file"),
        "of_customer": kind.name not in ("fund", "roster"),
        "customer_needed": kind.name in ("hold", "erasure"),
        "form": dict(visit.form),
        "lists": dict(visit.lists),
        "defaults": {"received_ms": now, "confirmed_ms": now, "served_ms": now, "valid_from_ms": now},
        "error": error,
        "wrong": wrong,
    }
    return View("redress/new.html", values, status=422 if error or wrong else 200)


async def open_file(visit: Visit) -> View | Go:
    """Open a file; a complaint's id is the tracking id the complainant is told."""
    kind, form = kind_asked(visit), visit.form
    try:
        body = {
            "file": body_of(kind, "open-file", form, visit.lists),
            "customer": form.get("customer", "").strip(),
            "branch": form.get("branch", "").strip(),
            "department": form.get("home", "").strip(),
        }
        made = await visit.desk.post(f"/v1/{PLURALS[kind.name]}", body, _Opened, key=form.get("once", "")[:64])
    except Mistyped as wrong:
        return _new(visit, kind, wrong=wrong)
    except Refused as error:
        if error.status not in (403, 409, 422) or error.code == "proof-outdated":
            raise
        return _new(visit, kind, error=error)
    toast = _("已登记，请将查询编号告知投诉人：") + made.id if kind.name == "complaint" else _("已登记：") + made.id
    return Go("redress_file", {"book": PLURALS[kind.name], "id": made.id}, toast=toast)


PAGES: Final = (
    Page("GET", "/redress", "redress", READS, start, nav="redress"),
    Page("GET", "/redress/{book}", "redress_files", READS, show_files, nav="redress"),
    Page("GET", "/redress/{book}/new", "redress_new", WORKS, show_new, nav="redress"),
    Page("POST", "/redress/{book}", "redress_open", WORKS, open_file, nav="redress"),
    Page("POST", "/redress/{book}/find", "redress_find", READS, find_files, nav="redress"),
)
