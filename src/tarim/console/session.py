"""Cookies, tokens against forgery, and addresses that lead back to us only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import Request

from tarim.base.errors import NotAllowed
from tarim.console.services import Visitor

COOKIE: Final = "__Host-tarim"
DEVICE_COOKIE: Final = "__Host-tarim-device"
LANGUAGE_COOKIE: Final = "__Host-tarim-language"
ZONE_COOKIE: Final = "__Host-tarim-zone"
ROWS_COOKIE: Final = "__Host-tarim-rows"
COMFORTABLE: Final = "comfortable"
"""What the cookie of rows holds where rows and controls are to be tall, for touch and low vision; without it they are dense."""
TOAST_COOKIE: Final = "__Host-tarim-toast"
FORM_COOKIE: Final = "__Host-tarim-form"
"""The first token of a session that was renewed since: forms in other tabs were made with it."""
CSRF_HEADER: Final = "x-tarim-csrf"
CSRF_FIELD: Final = "csrf"
SAFE: Final = frozenset({"GET", "HEAD"})
YEAR_S: Final = 365 * 86_400
_TOKEN: Final = re.compile(r"ts_[A-Za-z0-9_-]{16,128}")
_OURS: Final = re.compile(r"/(?![/\\])[\x21-\x7e]{0,1000}")
AGENT_CHARACTERS_MAX: Final = 256
OTHER_SITE: Final = "the request comes from a page of another site. 请求来自其他网站的页面。"
NO_SITE: Final = "a browser says which page a request comes from; this one does not. 请求没有说明来自哪个页面。"
OTHER_SESSION: Final = (
    "the form is of another session, or of none; open the page again. 表单不属于当前会话，请重新打开页面。"
)


def token_of(request: Request) -> str:
    """The session's token, "" for none of the form."""
    token = request.cookies.get(COOKIE, "")
    return token if _TOKEN.fullmatch(token) else ""


def anchor_of(request: Request) -> str:
    """What forms are bound to: the session's token, or the first one of a session that was renewed since."""
    first = request.cookies.get(FORM_COOKIE, "")
    return first if _TOKEN.fullmatch(first) else token_of(request)


def csrf_of(token: str) -> str:
    """What a form of this session carries: bound to the session, known to who holds it, and no way back to it."""
    digest = hmac.digest(token.encode(), b"tarim console: forms of this session", hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:24]).decode()


def check_origin(request: Request) -> None:
    """Only pages of ours change anything.  Raises NotAllowed for an act begun by another site's page."""
    if request.method in SAFE:
        return
    site = request.headers.get("sec-fetch-site", "")
    if site and site not in ("same-origin", "none"):
        raise NotAllowed(OTHER_SITE, known=True)
    origin = request.headers.get("origin", "")
    if origin and origin != "null" and origin.split("://", 1)[-1] != request.headers.get("host", ""):
        raise NotAllowed(OTHER_SITE, known=True)
    if not site and not origin:
        raise NotAllowed(NO_SITE, known=True)


def check_csrf(wanted: str, presented: str) -> None:
    """Raises NotAllowed unless the form is of this session."""
    if not hmac.compare_digest(wanted.encode(), presented.encode("utf-8", "replace")):
        raise NotAllowed(OTHER_SESSION, known=True)


def ours(address: str) -> str:
    """The address when it is a path of ours, else "/": nobody is sent elsewhere."""
    return address if _OURS.fullmatch(address) else "/"


def page_of(request: Request) -> str:
    """The page that the person looks at: this one, or the one whose form or piece this is; "/" where that is not told."""
    headers = request.headers
    if request.method in SAFE and headers.get("hx-request") != "true":
        return ours(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    shown = urlsplit(headers.get("hx-current-url", "") or headers.get("referer", ""))
    if shown.netloc != headers.get("host", ""):
        return "/"
    return ours(shown.path + (f"?{shown.query}" if shown.query else ""))


def cookie(name: str, value: str, *, age_s: int | None = None) -> str:
    """A Set-Cookie line; age_s None: until the browser is closed, 0: away with it."""
    age = "" if age_s is None else f"; Max-Age={age_s}"
    return f"{name}={quote(value, safe='')}{age}; Path=/; Secure; HttpOnly; SameSite=Strict"


def cookie_value(request: Request, name: str) -> str:
    """A value that `cookie` wrote, "" for none."""
    return unquote(request.cookies.get(name, ""))


def visitor_of(request: Request, proxies: frozenset[str]) -> Visitor:
    """Where the request comes from: the peer, or, behind a proxy of ours, what that one wrote last."""
    address = request.client.host if request.client else ""
    if address in proxies:
        passed = [each.strip() for each in request.headers.get("x-forwarded-for", "").split(",") if each.strip()]
        while passed and address in proxies:
            address = passed.pop()
    agent = request.headers.get("user-agent", "")[:AGENT_CHARACTERS_MAX]
    return Visitor(address, agent.encode("ascii", "replace").decode(), request.cookies.get(DEVICE_COOKIE, "")[:64])
