"""个人设置: the own password, one-time codes, phrase, limits and sessions, language and time zone."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from tarim.console import session as own
from tarim.console.account_duties import codes_view, set_password
from tarim.console.pages import SIGNED_IN, Answer, Go, Page, View, Visit
from tarim.console.rendering import ZONE_DEFAULT, zone
from tarim.console.services import Refused, segment
from tarim.console.words import _

ZONES: Final = (
    ZONE_DEFAULT, "Asia/Urumqi", "Asia/Hong_Kong", "Asia/Singapore", "Asia/Tokyo", "UTC", "Europe/London",
    "Europe/Berlin", "America/New_York",
)  # fmt: skip


class Session(msgspec.Struct):
    """A session that can be used; this: the one that asks."""

    id: str
    created_at: str
    seen_at: str
    until: str
    address: str
    unusual: bool
    this: bool


class Sessions(msgspec.Struct):
    """Sessions, the oldest first."""

    sessions: list[Session]


class _Phrases(msgspec.Struct):
    phrase: str
    words: list[str]


class _Role(msgspec.Struct):
    role: str
    title: str
    title_zh: str
    scopes: list[str]


class _Roles(msgspec.Struct):
    roles: list[_Role]


async def show_account(visit: Visit) -> View:
    """All of it on one page."""
    return await _account(visit, None, "")


async def _account(visit: Visit, error: Refused | None, about: str) -> View:
    sessions, phrases, roles = await asyncio.gather(
        visit.desk.get("/v1/account/sessions", Sessions),
        visit.desk.get("/v1/account/phrase", _Phrases),
        visit.desk.get("/v1/roles", _Roles),
    )
    held = set(visit.account.scopes) - {"self"}
    values: dict[str, Any] = {
        "sessions": list(reversed(sessions.sessions)),
        "phrases": phrases,
        "chosen": [*phrases.phrase.split(), "", "", ""][:3],
        "roles": [each for each in roles.roles if each.scopes and set(each.scopes) <= held],
        "zones": ZONES,
        "zone_chosen": zone().key,
        "rows": (("dense", _("紧凑（36 像素）")), (own.COMFORTABLE, _("宽松（44 像素）"))),
        "error": error,
        "about": about,
    }
    return View("account/settings.html", values, status=422 if error else 200)


async def change_password(visit: Visit) -> View | Go:
    """An own password; every other session ends."""
    return await _set(visit, "password", set_password(visit), _("口令已修改，其他会话已退出"))


async def change_phrase(visit: Visit) -> View | Go:
    """Another reserved phrase."""
    words = [visit.form.get(f"word{n}", "") for n in (1, 2, 3)]
    return await _set(visit, "phrase", visit.desk.put("/v1/account/phrase", {"words": words}), _("预留信息已更新"))


async def change_limits(visit: Visit) -> View | Go:
    """Own limits of sessions."""
    body = {name: _number(visit.form.get(name, "")) for name in ("idle_min", "session_h")}
    return await _set(visit, "limits", visit.desk.put("/v1/account/limits", body), _("会话时长已更新"))


async def _set(visit: Visit, about: str, work: Any, toast: str) -> View | Go:
    try:
        await work
    except Refused as error:
        if error.status not in (403, 409, 422, 429) or error.code == "proof-outdated":
            raise
        return await _account(visit, error, about)
    return Go("account", toast=toast)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


async def show_codes(visit: Visit) -> View:
    """New one-time codes in the old ones' place."""
    return await codes_view(visit, "account/codes.html", {"error": None, "after": "/account"}, None)


async def end_session(visit: Visit) -> Go:
    """End one of one's own sessions."""
    await visit.desk.delete(f"/v1/account/sessions/{segment(visit.path['id'])}")
    return Go("account", toast=_("会话已结束"))


async def choose_zone(visit: Visit) -> Go:
    """The zone in which instants are written from now on."""
    wanted = visit.form.get("zone", "")
    chosen = ZoneInfo(wanted if wanted in ZONES else ZONE_DEFAULT).key
    cookie = own.cookie(own.ZONE_COOKIE, chosen, age_s=own.YEAR_S)
    return Go("account", toast=_("时区已更新"), cookies=(cookie,))


async def choose_rows(visit: Visit) -> Go:
    """Dense rows and controls, or tall ones for touch and low vision, in this browser."""
    tall = visit.form.get("rows") == own.COMFORTABLE
    cookie = own.cookie(own.ROWS_COOKIE, own.COMFORTABLE if tall else "", age_s=own.YEAR_S if tall else 0)
    return Go("account", toast=_("行高已更新"), cookies=(cookie,))


async def here(_visit: Visit) -> Answer:
    """The person is at work: a form is being filled in."""
    return Answer(b"", "text/plain", 204)


PAGES: Final = (
    Page("GET", "/account", "account", SIGNED_IN, show_account),
    Page("GET", "/account/here", "here", SIGNED_IN, here, pending=True),
    Page("POST", "/account/password", "account_password", SIGNED_IN, change_password),
    Page("POST", "/account/phrase", "account_phrase", SIGNED_IN, change_phrase),
    Page("POST", "/account/limits", "account_limits", SIGNED_IN, change_limits),
    Page("GET", "/account/codes", "account_codes", SIGNED_IN, show_codes),
    Page("POST", "/account/sessions/{id}", "account_session_end", SIGNED_IN, end_session),
    Page("POST", "/account/zone", "account_zone", SIGNED_IN, choose_zone),
    Page("POST", "/account/rows", "account_rows", SIGNED_IN, choose_rows),
)
