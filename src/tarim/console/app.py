"""Pages over HTTP: who asks, the page's scopes, the handler, and its view rendered.

Order of a request: origin (SE-11) → session → scopes → form, with its token → handler → HTML.  A `Refused` of a service
becomes a page, or a strip where htmx asked; a session that is over leads to signing in and back.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse, Response, StreamingResponse

from tarim.base.errors import NotAllowed, TarimError, TooLarge
from tarim.console import session as own
from tarim.console.pages import Account, Answer, Download, Go, Page, View, Visit
from tarim.console.rendering import ZONE_DEFAULT, Renderer, stand_in
from tarim.console.services import Client, Refused, Service, Visitor
from tarim.console.settings import ConsoleSettings
from tarim.console.site import Map
from tarim.console.static_files import StaticFiles
from tarim.console.words import LANGUAGES, Language, _, speak

Message = MutableMapping[str, Any]
FIELDS_MAX: Final = 2_000
PACKED_FROM_BYTES: Final = 1_000
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"strict-transport-security", b"max-age=31536000"),
)
"""On every answer.  Browsers take the last one over HTTPS only."""
PROOF_OUTDATED: Final = "proof-outdated"
"""What services answer a person who may do this, but has to prove again who it is."""
_log = structlog.get_logger("tarim.console")


class SafeHeaders:
    """Puts HEADERS on every answer, and `no-store` on every one that says nothing of keeping."""

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """ASGI."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                names = {name.lower() for name, _value in headers}
                headers += [each for each in HEADERS if each[0] not in names]
                if b"cache-control" not in names:
                    headers.append((b"cache-control", b"no-store"))
                message = {**message, "headers": headers}
            await send(message)

        await self._application(scope, receive, sending if scope["type"] == "http" else send)


class Console:
    """One console process: its services, its pages, and what it renders them with."""

    def __init__(self, settings: ConsoleSettings, pages: Iterable[Page]) -> None:
        """Raises Unavailable when static files are missing."""
        self.settings = settings
        self.static = StaticFiles()
        self.map = Map(pages, settings.root_path)
        self.serve = Service("serve", settings.serve_url, settings)
        self.desk = Service("desk", settings.desk_url, settings)
        self.views = Service("views", settings.views_url, settings)
        self.renderer = Renderer(self.map.url, self._static_url)
        self._proxies = frozenset(each.strip() for each in settings.proxies.split(",") if each.strip())

    def _static_url(self, name: str) -> str:
        if name not in self.static.names():
            raise KeyError(f"there is no static file {name}")
        return f"{self.settings.root_path}/static/{self.static.version}/{name}"

    def leave(self) -> None:
        """Let open streams end: the process is about to stop."""
        for service in (self.serve, self.desk, self.views):
            service.leaving = True

    async def close(self) -> None:
        """Close the connections to the services."""
        for service in (self.serve, self.desk, self.views):
            await service.close()

    def application(self) -> Callable[..., Awaitable[None]]:
        """The ASGI application."""
        app = FastAPI(title="Tarim console", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        for page in self.map.pages.values():
            app.add_api_route(
                page.path, self._endpoint(page), methods=[page.method], name=page.name, response_model=None
            )
        app.add_api_route("/static/{version}/{name:path}", self.static.serve, methods=["GET"], response_model=None)
        app.add_exception_handler(HTTPException, self._no_page)
        # Lengths give nothing away (BREACH): cookies are SameSite=Strict, so no other site has a page of ours fetched.
        return SafeHeaders(GZipMiddleware(app, minimum_size=PACKED_FROM_BYTES, compresslevel=5))

    def _endpoint(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            language = language_of(request)
            speak(language)
            stand_in(own.cookie_value(request, own.ZONE_COOKIE) or ZONE_DEFAULT)
            visitor = replace(own.visitor_of(request, self._proxies), background=page.background)
            visit = self._visit(request, visitor, language)
            try:
                own.check_origin(request)
                token = own.token_of(request)
                if page.scopes:
                    if not token:
                        return self._sign_in(visit)
                    visit.account = await visit.desk.get("/v1/account", Account)
                    if visit.account.pending and not page.pending:
                        return self._went(visit, Go("pending", {"next": visit.back}))
                    if not visit.may(*page.scopes):
                        raise Refused(403, "not_allowed", _("权限不足"), _("本页面不在您的权限范围内。"))
                if request.method not in own.SAFE:
                    await self._read_form(request, page, visit)
                    if page.scopes:
                        presented = request.headers.get(own.CSRF_HEADER, "") or visit.form.get(own.CSRF_FIELD, "")
                        own.check_csrf(token, presented)
                made = await page.handler(visit)
                return self._made(page, visit, made, request)
            except Refused as error:
                return self._refused(page, visit, error)
            except TarimError as error:
                return self._refused(
                    page, visit, Refused(error.http_status, error.code, _("请求被拒绝"), str(error.detail))
                )
            except Exception as error:
                _log.exception("page_failed", page=page.name, error=type(error).__name__)
                return self._refused(page, visit, Refused(500, "internal", _("内部错误"), _("错误已记入日志。")))
            finally:
                for upload in visit.uploads.values():
                    await upload.close()

        return endpoint

    def _visit(self, request: Request, visitor: Visitor, language: Language) -> Visit:
        token = own.token_of(request)
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return Visit(
            Account(),
            Client(self.serve, token, visitor),
            Client(self.desk, token, visitor),
            Client(self.views, token, visitor),
            {name: str(value) for name, value in request.path_params.items()},
            dict(request.query_params),
            {}, {}, {},
            language,
            request.headers.get("hx-request") == "true",
            own.csrf_of(token) if token else "",
            visitor,
            self.map.url,
            here,
            request.cookies,
            own.page_of(request),
        )  # fmt: skip

    async def _read_form(self, request: Request, page: Page, visit: Visit) -> None:
        most = min(page.body_bytes_max, self.settings.body_bytes_max)
        bounded = Request(request.scope, _at_most(request.receive, most))
        try:
            form: FormData = await bounded.form(max_files=20, max_fields=FIELDS_MAX, max_part_size=most)
        except (MultiPartException, HTTPException):
            raise NotAllowed("the form cannot be read") from None
        texts: dict[str, str] = {}
        lists: dict[str, list[str]] = {}
        uploads: dict[str, UploadFile] = {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                uploads[name] = value
            else:
                texts[name] = value
                lists.setdefault(name, []).append(value)
        visit.form, visit.lists, visit.uploads = texts, lists, uploads

    def _made(self, page: Page, visit: Visit, made: object, request: Request) -> Response:
        if isinstance(made, View):
            return self._rendered(page, visit, made, own.cookie_value(request, own.TOAST_COOKIE))
        if isinstance(made, Go):
            return self._went(visit, made)
        if isinstance(made, Download):
            quoted = quote(made.name, safe="")
            headers = {"content-disposition": f"attachment; filename*=UTF-8''{quoted}"}
            return Response(made.content, 200, headers, media_type=made.media_type)
        assert isinstance(made, Answer)
        if isinstance(made.body, bytes):
            return Response(made.body, made.status, dict(made.headers), media_type=made.media_type)
        return StreamingResponse(made.body, made.status, dict(made.headers), media_type=made.media_type)

    def _rendered(self, page: Page, visit: Visit, view: View, toast: str = "") -> Response:
        whole = not (visit.fragment and view.fragment)
        values = self._common(page, visit) | {"toast": toast if whole else ""} | dict(view.values)
        response = Response(
            self.renderer.page(view.template if whole else view.fragment, values), view.status, media_type="text/html"
        )
        response.headers["vary"] = "HX-Request"
        if view.push and visit.fragment:
            response.headers["hx-push-url"] = view.push
        if view.events and visit.fragment:
            response.headers["hx-trigger"] = json.dumps(dict(view.events))  # ASCII, as a header is
        for cookie in view.cookies:
            response.headers.append("set-cookie", cookie)
        if toast and whole:
            response.headers.append("set-cookie", own.cookie(own.TOAST_COOKIE, "", age_s=0))
        return response

    def _common(self, page: Page | None, visit: Visit) -> dict[str, Any]:
        scopes = visit.account.scopes
        return {
            "visit": visit,
            "account": visit.account,
            "language": visit.language,
            "csrf": visit.csrf,
            "nav": page.nav if page else "",
            "menu": self.map.menu(scopes) if visit.account.login and not visit.account.pending else [],
            "environment": self.settings.environment,
            "page_name": page.name if page else "",
            "opens": lambda name: self.map.opens(name, scopes),
        }

    def _went(self, visit: Visit, go: Go) -> Response:
        named = go.address or (self.map.url(go.page, **go.names) if go.page else self.map.first(visit.account.scopes))
        return self._sent(visit, named, go.cookies, go.toast)

    def _sent(self, visit: Visit, address: str, cookies: Iterable[str] = (), toast: str = "") -> Response:
        response = (
            Response(status_code=200, headers={"hx-redirect": address})
            if visit.fragment
            else RedirectResponse(address, 303)
        )
        for cookie in cookies:
            response.headers.append("set-cookie", cookie)
        if toast:
            response.headers.append("set-cookie", own.cookie(own.TOAST_COOKIE, toast[:400], age_s=30))
        return response

    def _sign_in(self, visit: Visit) -> Response:
        over = "1" if own.COOKIE in visit.cookies else ""
        return self._sent(visit, self.map.url("sign_in", next="" if visit.back == "/" else visit.back, over=over))

    def _refused(self, page: Page, visit: Visit, error: Refused) -> Response:
        if error.status == 401 and page.scopes:
            answer = self._sign_in(visit)
            answer.headers.append("set-cookie", own.cookie(own.COOKIE, "", age_s=0))
            return answer
        if error.code == PROOF_OUTDATED:
            return self._sent(visit, self.map.url("prove", next=visit.back))
        view = View("errors/refused.html", {"error": error}, "errors/_refused.html", error.status)
        try:
            response = self._rendered(page, visit, view)
        except Exception:  # the page that says so failed itself: say it plainly
            _log.exception("refusal_failed", page=page.name)
            return Response(f"{error.status} {error.title}", error.status, media_type="text/plain")
        if visit.fragment:
            response.headers["hx-retarget"] = "#rc-notice"
            response.headers["hx-reswap"] = "innerHTML"
        return response

    async def _no_page(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        language = language_of(request)
        speak(language)
        visit = self._visit(request, own.visitor_of(request, self._proxies), language)
        token = own.token_of(request)
        if token:
            with contextlib.suppress(Refused):
                visit.account = await visit.desk.get("/v1/account", Account)
        said = Refused(error.status_code, "not_found", _("未找到"), _("没有这个页面，或它不支持这种请求。"))
        view = View("errors/refused.html", {"error": said}, "errors/_refused.html", error.status_code)
        html = self.renderer.page(view.template, self._common(None, visit) | {"toast": ""} | dict(view.values))
        return Response(html, error.status_code, media_type="text/html")


def language_of(request: Request) -> Language:
    """The language chosen, else the browser's first that is one of ours, else Chinese."""
    chosen = own.cookie_value(request, own.LANGUAGE_COOKIE)
    for each in LANGUAGES:
        if chosen == each:
            return each
    for wanted in request.headers.get("accept-language", "").split(","):
        short = wanted.split(";")[0].strip()[:2].lower()
        for each in LANGUAGES:
            if short == each:
                return each
    return "zh"


def _at_most(receive: Callable[[], Awaitable[Mapping[str, Any]]], bytes_max: int) -> Callable[[], Awaitable[Any]]:
    seen = 0

    async def bounded() -> Mapping[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > bytes_max:
            raise TooLarge(f"a form of at most {bytes_max} bytes is taken here")
        return message

    return bounded
