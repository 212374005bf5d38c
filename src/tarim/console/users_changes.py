"""What takes two administrators: roles granted until a day, reach, resets and accounts opened again."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from tarim.base.instants import instant_ms
from tarim.console import users_views as views
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.rendering import zone
from tarim.console.services import Refused, segment
from tarim.console.users import MANAGES, READS, TAKEN, common, roles_by_name, user_view
from tarim.console.words import _
from tarim.identity import Scope


async def show_changes(visit: Visit) -> View:
    """Changes that wait for a second person."""
    return await _changes(visit, None, "")


async def _changes(visit: Visit, error: Refused | None, about: str) -> View:
    found, roles = await asyncio.gather(visit.desk.get("/v1/changes", views.Changes), roles_by_name(visit))
    values = common(visit) | {"changes": found.changes, "roles": roles, "error": error, "about": about}
    return View("users/changes.html", values, status=422 if error else 200)


async def propose(visit: Visit) -> View | Go:
    """Propose a change of an account."""
    form, login = visit.form, visit.path["login"]
    kind = form.get("kind", "")
    change: dict[str, Any] = {"kind": kind, "login": login}
    if kind == "grant":
        change |= {"role": form.get("role") or None, "until_ms": _end_of(form.get("until", ""))}
        change |= {"for_login": form.get("for_login", "").strip()}
    if kind == "reach":
        change |= {name: _places(form.get(name, "")) for name in ("branches", "queues")}
    try:
        await visit.desk.post("/v1/changes", {"change": change, "reason": form.get("reason", "").strip()})
    except Refused as error:
        if error.status not in (403, 404, *TAKEN) or error.code == "proof-outdated":
            raise
        return await user_view(visit, login, error, kind)
    return Go("user", {"login": login}, toast=_("已提交，等待另一名管理员审批"))


def _end_of(day: str) -> int:
    """The last instant of a day in the viewer's zone, in ms; 0 for what is no day."""
    try:
        midnight = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=zone()) + timedelta(days=1)
    except ValueError:
        return 0
    return instant_ms(midnight) - 1_000


def _places(text: str) -> list[str]:
    return [each for each in text.replace("，", ",").replace(",", " ").split() if each][:200]


async def decide(visit: Visit) -> View | Go:
    """Approve, reject or withdraw; of a reset, the initial password is told on the next page, once."""
    name, form = visit.path["act"], visit.form
    if name not in ("approve", "reject", "withdraw"):
        raise Refused(404, "not_found", _("未找到"), _("没有这个事项。"))
    path = f"/v1/changes/{segment(visit.path['id'])}:{name}"
    try:
        if name == "approve":
            body = {"digest": form.get("digest", ""), "note": form.get("note", "").strip()}
            done = await visit.desk.post(path, body, views.Approved)
            if done.initial_password:
                told = {"login": done.change.change.login, "password": done.initial_password, "made": False}
                return View("users/password.html", common(visit) | told)
        else:
            await visit.desk.post(path, {"reason": form.get("note", "").strip()} if name == "reject" else None)
    except Refused as error:
        if error.status not in (403, *TAKEN) or error.code == "proof-outdated":
            raise
        return await _changes(visit, error, visit.path["id"])
    toasts = {"approve": _("已同意，立即生效"), "reject": _("已驳回"), "withdraw": _("已撤回")}
    return Go("user_changes", toast=toasts[name])


PAGES: Final = (
    Page("GET", "/users/changes", "user_changes", READS, show_changes, nav="users"),
    Page(
        "POST", "/users/changes/{id}/{act}", "user_change_decide", MANAGES | {Scope.USERS_APPROVE}, decide, nav="users"
    ),
    Page("POST", "/users/of/{login}/changes", "user_propose", MANAGES, propose, nav="users"),
)
