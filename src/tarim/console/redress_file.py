"""One file of redress: its page, and the events that a person brings about on it.

What may happen to a file, and what a form asks for, is read off the events' own types.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tarim.console import redress_contents as contents
from tarim.console import redress_views as views
from tarim.console import redress_words as words
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.redress import READS, WORKS, clock_rules, common, kind_asked
from tarim.console.redress_forms import Input, Mistyped, body_of, inputs_of
from tarim.console.services import Refused, segment
from tarim.console.words import _, either
from tarim.identity import Scope
from tarim.redress import PLURALS, Kind

_DECIDING: Final = ("approve", "reject", "withdraw")
_OTHER_ENDS: Final = frozenset({"withdrawn", "returned", "turned-down"})
"""States beside the main way."""


@dataclass(frozen=True, slots=True)
class Act:
    """An event that may be brought about, with its form.  second: it waits for another person."""

    tag: str
    title: str
    inputs: list[Input]
    second: bool


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
        "wish": contents.facts_of(
            kind.name, {name: each for name, each in wish.items() if name != "event"}, shown.waits_for
        )[0],
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
    names = [name for name in words.states()[kind.name] if name not in _OTHER_ENDS]
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
    Page("GET", "/redress/{book}/{id}", "redress_file", READS, show_file, nav="redress"),
    Page("POST", "/redress/{book}/{id}/events/{tag}", "redress_act", WORKS, act, nav="redress"),
)
