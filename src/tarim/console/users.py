"""用户与角色: accounts with their grants and sessions, the matrix of permissions, alarms of sign-in."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from tarim.console import users_views as views
from tarim.console.account import Sessions
from tarim.console.pages import Go, Page, View, Visit
from tarim.console.services import Refused, segment
from tarim.console.words import _, either
from tarim.identity import Scope

READS: Final = frozenset({Scope.USERS_READ})
MANAGES: Final = frozenset({Scope.USERS_MANAGE})
LISTED: Final = 50
TAKEN: Final = (409, 422)
"""Refusals that are told beside the form they answer."""


def common(visit: Visit) -> dict[str, Any]:
    """What every page of users has."""
    return {
        "views": views,
        "may_manage": visit.may(Scope.USERS_MANAGE),
        "may_approve": visit.may(Scope.USERS_APPROVE),
        "now_ms": time.time_ns() // 1_000_000,
    }


async def roles_by_name(visit: Visit) -> dict[str, views.Role]:
    """All roles."""
    return {each.role: each for each in (await visit.desk.get("/v1/roles", views.Roles)).roles}


async def show_users(visit: Visit) -> View:
    """Accounts in the order of logins, from one on."""
    return await _users(visit, None)


async def _users(visit: Visit, error: Refused | None) -> View:
    after = visit.query.get("after", "")[:64]
    found, roles = await asyncio.gather(
        visit.desk.get("/v1/users", views.Users, after=after, limit=LISTED + 1), roles_by_name(visit)
    )
    shown = found.users[:LISTED]
    values = common(visit) | {
        "users": shown,
        "roles": roles,
        "next": shown[-1].login if len(found.users) > LISTED else "",
        "after": after,
        "error": error,
        "form": dict(visit.form),
    }
    return View("users/list.html", values, "users/_list.html", status=422 if error else 200)


async def find_user(visit: Visit) -> Go:
    """To the account of a login."""
    return Go("user", {"login": visit.query.get("login", "").strip().lower() or "-"})


async def create_user(visit: Visit) -> View:
    """An account without any right; its initial password is told on the next page, once."""
    form = visit.form
    body = {name: form.get(name, "").strip() for name in ("login", "staff_number", "display_name", "reason")}
    try:
        made = await visit.desk.post("/v1/users", body, views.Created)
    except Refused as error:
        if error.status not in TAKEN:
            raise
        return await _users(visit, error)
    values = common(visit) | {"login": made.user.login, "password": made.initial_password, "made": True}
    return View("users/password.html", values)


async def show_user(visit: Visit) -> View:
    """One account with its grants and sessions."""
    return await user_view(visit, visit.path["login"], None, "")


async def user_view(visit: Visit, login: str, error: Refused | None, about: str) -> View:
    """The page of an account.  about: whose form `error` answers."""
    path = f"/v1/users/{segment(login)}"
    user, sessions, roles, changes = await asyncio.gather(
        visit.desk.get(path, views.User),
        visit.desk.get(path + "/sessions", Sessions),
        roles_by_name(visit),
        visit.desk.get("/v1/changes", views.Changes),
    )
    values = common(visit) | {
        "user": user,
        "own": user.login == visit.account.login,
        "sessions": list(reversed(sessions.sessions)),
        "roles": roles,
        "grants": [each for each in user.grants if not _over(each)],
        "past": [each for each in user.grants if _over(each)],
        "waiting": [each for each in changes.changes if each.change.login == user.login],
        "clashes": {name: [held for held in user.roles if held in role.conflicts] for name, role in roles.items()},
        "error": error,
        "about": about,
        "form": dict(visit.form),
    }
    return View("users/user.html", values, status=422 if error else 200)


def _over(grant: views.Grant) -> bool:
    return bool(grant.ended_at) or grant.until <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


async def act(visit: Visit) -> View | Go:
    """Disable an account, unlock it, end its sessions or one of them."""
    login, name = visit.path["login"], visit.path["act"]
    reason = visit.form.get("reason", "").strip()
    path = f"/v1/users/{segment(login)}"
    try:
        match name:
            case "disable" | "unlock":
                await visit.desk.post(f"{path}:{name}", {"reason": reason})
                toast = _("账号已停用") if name == "disable" else _("账号已解锁")
            case "end-sessions":
                body = {"reason": reason, "session": visit.form.get("session", "")[:64]}
                ended = (await visit.desk.post(f"{path}/sessions:end", body, views.Ended)).ended
                toast = either(f"已结束 {ended} 个会话", f"{ended} session(s) ended")
            case _:
                raise Refused(404, "not_found", _("未找到"), _("没有这个事项。"))
    except Refused as error:
        if error.status not in TAKEN:
            raise
        return await user_view(visit, login, error, name)
    return Go("user", {"login": login}, toast=toast)


async def revoke(visit: Visit) -> View | Go:
    """End a grant at once."""
    login = visit.path["login"]
    try:
        path = f"/v1/grants/{segment(visit.path['id'])}:revoke"
        await visit.desk.post(path, {"reason": visit.form.get("reason", "").strip()})
    except Refused as error:
        if error.status not in TAKEN:
            raise
        return await user_view(visit, login, error, "revoke")
    return Go("user", {"login": login}, toast=_("授权已撤销，立即生效"))


async def show_roles(visit: Visit) -> View:
    """The matrix of permissions, and which roles nobody holds together."""
    return View("users/roles.html", common(visit) | {"roles": await roles_by_name(visit)})


async def show_alarms(visit: Visit) -> View:
    """Alarms of sign-in, the newest first."""
    found = await visit.desk.get("/v1/sign-in-alarms", views.Alarms, limit=200)
    return View("users/alarms.html", common(visit) | {"alarms": found.alarms})


PAGES: Final = (
    Page("GET", "/users", "users", READS, show_users, nav="users"),
    Page("POST", "/users", "user_create", MANAGES, create_user, nav="users"),
    Page("GET", "/users/find", "user_find", READS, find_user, nav="users"),
    Page("GET", "/users/roles", "user_roles", READS, show_roles, nav="users"),
    Page("GET", "/users/alarms", "sign_in_alarms", READS, show_alarms, nav="users"),
    Page("GET", "/users/of/{login}", "user", READS, show_user, nav="users"),
    Page("POST", "/users/of/{login}/grants/{id}", "grant_revoke", MANAGES, revoke, nav="users"),
    Page("POST", "/users/of/{login}/{act}", "user_act", MANAGES, act, nav="users"),
)
