"""投诉与赔付: files of redress in lists, opened, looked at and worked on.

Eight kinds of files share these pages; what may happen to each, and what a form asks for, is read off the events' own types.
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

from tarim.console import redress_contents as contents
from tarim.console import redress_views as views
from tarim.console import redress_words as words
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.redress_forms import Input, Mistyped, body_of, inputs_of, kind_of_plural
from tarim.console.rendering import zone
from tarim.console.services import Refused, segment
from tarim.console.words import _, either
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
_DECIDING: Final = ("approve", "reject", "withdraw")


class _Opened(msgspec.Struct):
    id: str


@dataclass(frozen=True, slots=True)
class Act:
    """An event that may be brought about, with its form.  second: it waits for another person."""

    tag: str
    title: str
    inputs: list[Input]
    second: bool


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


# ---------------------------------------------------------------------------------------------------------------- a file


async def show_file(visit: Visit) -> View:
    """One file, texts masked."""
    return await file_view(visit, kind_asked(visit))


async def file_view(
    visit: Visit, kind: Kind, *, error: Refused | None = None, wrong: Mistyped | None = None, tag: str = "",
    texts: Mapping[str, str] | None = None,
) -> View:  # fmt: skip
    """The page of a file.  tag, error, wrong: of the event whose form was refused.  texts: those to show in full."""
    path = f"/v1/{PLURALS[kind.name]}/{segment(visit.path['id'])}"
    shown, rules = await asyncio.gather(visit.desk.get(path, views.Shown), clock_rules(visit))
    values = common(visit, kind)
    content = contents.filled(shown.content, texts) if texts else shown.content
    facts, tables = contents.facts_of(kind.name, content)
    documents = content.get("documents", [])
    choices = [(each["digest"], each["title"]) for each in documents if not each["authority"]]
    wish = content.get("wish") or {}
    proposal = content.get("proposal") or {}
    values |= {
        "file": shown,
        "state": words.said(words.states()[kind.name], shown.state),
        "ended": shown.state in words.ENDED,
        "clocks": [views.told(clock, rules, values["now_ms"]) for clock in shown.clocks],
        "facts": facts,
        "tables": tables,
        "documents": documents,
        "notes": content.get("notes", []),
        "acts": [] if shown.waits_for else _acts(visit, kind, shown, choices),
        "may_note": "note" in shown.possible and visit.may(kind.work_scope),
        "may_keep": kind.name not in ("fund", "roster") and not shown.waits_for and _keeps(visit, kind, shown),
        "may_reveal": visit.may(Scope.REVEAL),
        "may_decide": visit.may(kind.decide_scope) and proposal.get("author") != visit.account.login,
        "may_withdraw": proposal.get("author") == visit.account.login,
        "proposal": proposal,
        "wish": contents.facts_of(kind.name, {name: each for name, each in wish.items() if name != "event"})[0],
        "waits_for": words.event_name(kind.name, shown.waits_for) if shown.waits_for else "",
        "may_give": kind.name == "request" and shown.state in ("approved", "given") and visit.may(Scope.REQUESTS_WORK),
        "may_link": kind.name == "loss"
        and not shown.waits_for
        and shown.state != "closed"
        and visit.may(Scope.REDRESS_WORK),
        "steps": _steps(kind, shown),
        "revealed": texts is not None,
        "error": error,
        "wrong": wrong,
        "tag": tag,
        "form": dict(visit.form),
        "lists": dict(visit.lists),
    }
    return View("redress/file.html", values, status=422 if error or wrong else 200)


def _acts(visit: Visit, kind: Kind, shown: views.Shown, choices: list[tuple[str, str]]) -> list[Act]:
    found = []
    for tag in shown.possible:
        event = kind.events[tag]
        if tag != "note" and tag not in _DECIDING and visit.may(kind.scope_of(event)):
            found.append(Act(tag, words.event_name(kind.name, tag), inputs_of(kind, tag, choices), event.second))
    return found


def _keeps(visit: Visit, kind: Kind, shown: views.Shown) -> bool:
    return (shown.state, "add_document") in kind.table and visit.may(kind.work_scope)


def _steps(kind: Kind, shown: views.Shown) -> list[tuple[str, str]]:
    """(title, done / now / next) of the main states; none for a file that took another way."""
    names = [name for name in words.states()[kind.name] if name not in ("withdrawn", "returned")]
    if shown.state not in names or len(names) < 3:
        return []
    at = names.index(shown.state)
    told = words.states()[kind.name]
    return [
        (words.said(told, name), "done" if n < at or shown.state in words.ENDED else "now" if n == at else "next")
        for n, name in enumerate(names)
    ]


async def act(visit: Visit) -> View | Go:
    """Bring an event about."""
    kind, tag = kind_asked(visit), visit.path["tag"]
    if tag not in kind.events or kind.events[tag].inner:
        raise Refused(404, "not_found", _("未找到"), _("没有这个事项。"))
    path = f"/v1/{PLURALS[kind.name]}/{segment(visit.path['id'])}/events"
    try:
        body = body_of(kind, tag, visit.form, visit.lists)
        await visit.desk.post(path, body, key=visit.form.get("once", "")[:64])
    except Mistyped as wrong:
        return await file_view(visit, kind, wrong=wrong, tag=tag)
    except Refused as error:
        if error.status not in (403, 409, 422) or error.code == "proof-outdated":
            raise
        return await file_view(visit, kind, error=error, tag=tag)
    waits = kind.events[tag].second
    done = words.event_name(kind.name, tag)
    toast = either(f"{done}：已提交，等待另一人复核", f"{done}: waits for a second person") if waits else ""
    return Go(
        "redress_file",
        {"book": visit.path["book"], "id": visit.path["id"]},
        toast=toast or either(f"{done}：已记录", f"{done}: recorded"),
    )


PAGES: Final = (
    Page("GET", "/redress", "redress", READS, start, nav="redress"),
    Page("GET", "/redress/{book}", "redress_files", READS, show_files, nav="redress"),
    Page("GET", "/redress/{book}/new", "redress_new", WORKS, show_new, nav="redress"),
    Page("POST", "/redress/{book}", "redress_open", WORKS, open_file, nav="redress"),
    Page("POST", "/redress/{book}/find", "redress_find", READS, find_files, nav="redress"),
    Page("GET", "/redress/{book}/{id}", "redress_file", READS, show_file, nav="redress"),
    Page("POST", "/redress/{book}/{id}/events/{tag}", "redress_act", WORKS, act, nav="redress"),
)
