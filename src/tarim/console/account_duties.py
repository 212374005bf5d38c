"""What has to be done before anything else: a second factor, an own password, a code; and proving again who one is.

Recovery codes are told on one page, once.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import segno

from tarim.console import session as own
from tarim.console.pages import SIGNED_IN, Account, Again, Go, Page, View, Visit
from tarim.console.services import Refused
from tarim.console.signing import SignedIn, session_cookies
from tarim.console.waiting import CHARACTERS_MAX, act_in
from tarim.console.words import _

CODE_BORDER: Final = 2


class Setup(msgspec.Struct):
    """New one-time codes, to be put in force by their first code."""

    setup: str
    secret: str
    url: str


class _Recovery(msgspec.Struct):
    recovery: list[str]


def picture_of(text: str) -> dict[str, Any]:
    """A QR code as a path of squares: `size` modules a side, `path` of an SVG."""
    matrix = segno.make(text, error="m", micro=False).matrix
    size = len(matrix) + 2 * CODE_BORDER
    rows = (
        f"M{x + CODE_BORDER} {y + CODE_BORDER}h1v1h-1z"
        for y, row in enumerate(matrix)
        for x, dark in enumerate(row)
        if dark
    )
    return {"size": size, "path": "".join(rows)}


def after_of(visit: Visit) -> str:
    """Where to go at the end."""
    return own.ours(visit.form.get("next") or visit.query.get("next", "/"))


async def show_pending(visit: Visit) -> View | Go:
    """The next thing to do; onwards when there is none."""
    return await _pending(visit, None)


async def _pending(visit: Visit, error: Refused | None) -> View | Go:
    account = await visit.desk.get("/v1/account", Account)
    after = after_of(visit)
    if not account.pending:
        return Go(address=after)
    values: dict[str, Any] = {"error": error, "after": after, "account": account, "status": account.pending}
    if "code" in account.pending:
        return View("account/duty_code.html", values, status=error.status if error else 200)
    if "second-factor" in account.pending:
        return await codes_view(visit, "account/duty_codes.html", values, error)
    return View("account/duty_password.html", values, status=error.status if error else 200)


async def codes_view(visit: Visit, template: str, values: dict[str, Any], error: Refused | None) -> View:
    """The page with the picture to scan; a wrong first code is asked for again, of the same setup."""
    form = visit.form
    setup = Setup(form["setup"], form.get("secret", ""), form.get("url", "")) if error and "setup" in form else None
    if setup is None:
        setup = await visit.desk.post("/v1/account/codes", None, Setup)
    shown = " ".join(setup.secret[n : n + 4] for n in range(0, len(setup.secret), 4))
    values = values | {"setup": setup, "secret": shown, "picture": picture_of(setup.url)}
    return View(template, values, status=error.status if error else 200)


async def confirm_codes(visit: Visit) -> View | Go:
    """The first code: one-time codes are in force, and recovery codes are told."""
    body = {"setup": visit.form.get("setup", "")[:512], "code": visit.form.get("code", "").strip()}
    try:
        found = await visit.desk.post("/v1/account/codes:confirm", body, _Recovery)
    except Refused as error:
        if error.status not in (403, 422) or error.code == "proof-outdated":
            raise
        if "second-factor" in visit.account.pending:
            return await _pending(visit, error)
        return await codes_view(visit, "account/codes.html", {"error": error, "after": after_of(visit)}, error)
    return recovery_view(visit, found.recovery)


def recovery_view(visit: Visit, codes: list[str]) -> View:
    """Recovery codes, told this once."""
    return View("account/recovery.html", {"codes": codes, "after": after_of(visit)})


async def renew_recovery(visit: Visit) -> View:
    """New recovery codes; the old ones open nothing any more."""
    return recovery_view(visit, (await visit.desk.post("/v1/account/codes:recovery", None, _Recovery)).recovery)


async def set_first_password(visit: Visit) -> View | Go:
    """An own password in place of the initial or outdated one."""
    try:
        await set_password(visit)
    except Refused as error:
        if error.status not in (403, 409, 422, 429) or error.code == "proof-outdated":
            raise
        return await _pending(visit, error)
    return Go("pending", {"next": after_of(visit)}, toast=_("口令已修改，其他会话已退出"))


async def set_password(visit: Visit) -> None:
    """Set an own password.  Raises Refused, also for two that differ."""
    form = visit.form
    if form.get("new", "") != form.get("again", ""):
        raise Refused(422, "not-the-same", _("口令未修改"), _("两次输入的新口令不一致。"), "again")
    await visit.desk.put("/v1/account/password", {"old": form.get("old", ""), "new": form.get("new", "")})


async def give_code(visit: Visit) -> View | Go:
    """The code that a session opened by the bank's own sign-on waits for."""
    await visit.desk.post("/v1/account/codes:give", {"code": visit.form.get("code", "").strip()})
    return Go("pending", {"next": after_of(visit)})


async def show_proof(visit: Visit) -> View:
    """Password and code again, before what is sensitive."""
    return View("account/prove.html", {"error": None, "after": after_of(visit), "act": ""})


async def prove(visit: Visit) -> View | Go | Again:
    """A new session in the old one's place, freshly proved; then the act that waited for it."""
    form = visit.form
    body = {"password": form.get("password", ""), "code": form.get("code", "").strip()}
    try:
        signed = await visit.desk.post("/v1/account:reauthenticate", body, SignedIn)
    except Refused as error:
        if error.unreachable:
            raise
        values = {"error": error, "after": after_of(visit), "act": form.get("act", "")}
        return View("account/prove.html", values, status=422)
    cookies = session_cookies(signed, visit.cookies.get(own.FORM_COOKIE, "") or visit.desk.token)
    act = act_in(form.get("act", ""))
    if act is not None:
        return Again(act, signed.token, cookies)
    toast = _("身份已重新验证，请继续刚才的操作")
    return Go(address=after_of(visit), toast=toast, cookies=cookies)


PAGES: Final = (
    Page("GET", "/pending", "pending", SIGNED_IN, show_pending, pending=True),
    Page("POST", "/pending/password", "pending_password", SIGNED_IN, set_first_password, pending=True),
    Page("POST", "/pending/code", "pending_code", SIGNED_IN, give_code, pending=True),
    Page("POST", "/account/codes", "account_codes_confirm", SIGNED_IN, confirm_codes, pending=True),
    Page("POST", "/account/recovery", "account_recovery", SIGNED_IN, renew_recovery),
    Page("GET", "/account/prove", "prove", SIGNED_IN, show_proof),
    Page("POST", "/account/prove", "prove_now", SIGNED_IN, prove, body_bytes_max=6 * CHARACTERS_MAX),
)
