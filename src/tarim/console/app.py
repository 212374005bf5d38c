"""Pages over HTTP: who asks, the page's scopes, the handler, and its view rendered.

Order of a request: origin (SE-11) → session → scopes → form, with its token → handler → HTML.  A `Refused` of a service
becomes a page, or a strip where htmx asked; a session that is over leads to signing in and back.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse, Response, StreamingResponse

from tarim.base.errors import TarimError
from tarim.console import refusals
from tarim.console import session as own
from tarim.console.headers import SafeHeaders
from tarim.console.pages import Account, Again, Answer, Download, Go, Page, View, Visit
from tarim.console.reading import language_of, read_form
from tarim.console.rendering import ZONE_DEFAULT, Renderer, stand_in
from tarim.console.services import Client, Refused, Service, Visitor
from tarim.console.settings import ConsoleSettings
from tarim.console.site import Map
from tarim.console.static_files import StaticFiles
from tarim.console.waiting import Act, act_of, visit_of
from tarim.console.words import Language, _, speak

PACKED_FROM_BYTES: Final = 1_000
PROOF_OUTDATED: Final = "proof-outdated"
"""What services answer a person who may do this, but has to prove again who it is."""
_log = structlog.get_logger("tarim.console")


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
                return await self._answered(page, visit, request, self._visited(page, visit, request))
            finally:
                for upload in visit.uploads.values():
                    await upload.close()

        return endpoint

    async def _visited(self, page: Page, visit: Visit, request: Request) -> Response:
        own.check_origin(request)
        if page.scopes:
            if not own.token_of(request):
                return self._sign_in(visit)
            if not await self._admitted(page, visit):
                return self._went(visit, Go("pending", {"next": visit.back}))
        if request.method not in own.SAFE:
            await read_form(request, visit, min(page.body_bytes_max, self.settings.body_bytes_max))
            if page.scopes:
                presented = request.headers.get(own.CSRF_HEADER, "") or visit.form.get(own.CSRF_FIELD, "")
                own.check_csrf(visit.csrf, presented)
        made = await page.handler(visit)
        if isinstance(made, Again):
            return await self._done_again(made, visit, request)
        return self._made(page, visit, made, request)

    async def _admitted(self, page: Page, visit: Visit) -> bool:
        """Whether the page can be shown now; not while something is still to be done.  Raises Refused."""
        visit.account = await visit.desk.get("/v1/account", Account)
        if visit.account.pending and not page.pending:
            return False
        if not visit.may(*page.scopes):
            raise Refused(403, "not_allowed", _("权限不足"), _("本页面不在您的权限范围内。"))
        return True

    async def _answered(self, page: Page, visit: Visit, request: Request, work: Awaitable[Response]) -> Response:
        """The answer that the work gives, or that says why there is none."""
        try:
            return await work
        except Refused as error:
            if error.status == 401 and page.scopes:
                return await self._over(page, visit, error)
            return self._refused(page, visit, error)
        except TarimError as error:
            return self._refused(
                page, visit, Refused(error.http_status, error.code, _("请求被拒绝"), refusals.said(error.detail))
            )
        except Exception as error:
            _log.exception("page_failed", page=page.name, error=type(error).__name__)
            return self._refused(page, visit, Refused(500, "internal", _("内部错误"), _("错误已记入日志。")))

    async def _done_again(self, again: Again, visit: Visit, request: Request) -> Response:
        """What an act answers that waited for a proof; whatever comes of it, the new session is kept."""
        act: Act = again.act
        page = self.map.pages.get(act.page)
        if page is None or page.method != "POST" or not page.scopes:
            answer = self._sent(visit, act.back)
        else:
            now = visit_of(act, visit, again.token)
            answer = await self._answered(page, now, request, self._acted(page, now, request))
        for cookie in again.cookies:
            answer.headers.append("set-cookie", cookie)
        return answer

    async def _acted(self, page: Page, visit: Visit, request: Request) -> Response:
        if not await self._admitted(page, visit):
            return self._went(visit, Go("pending", {"next": visit.back}))
        return self._made(page, visit, await page.handler(visit), request)

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
            own.csrf_of(own.anchor_of(request)) if token else "",
            visitor,
            self.map.url,
            here,
            request.cookies,
            own.page_of(request),
        )  # fmt: skip

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

    async def _over(self, page: Page, visit: Visit, error: Refused) -> Response:
        """A session that a service does not take: its person signs in again.

        The cookie is left alone.  This request may have been sent before the session was renewed, and answered after it: then
        the browser holds a newer one by now, and `/sign-in` leads back at once.
        """
        if page.background and visit.fragment:  # nobody asked; who does something next is told
            return Response(status_code=401, headers={"hx-reswap": "none"})
        if visit.account.login and error.service not in ("", self.desk.name):
            with contextlib.suppress(Refused):
                await visit.desk.get("/v1/account", Account)
                said = _("登录会话有效，但该服务不予承认；请告知运维人员核对各服务的配置。")
                return self._refused(page, visit, Refused(503, "session-not-shared", error.title, said))
        return self._sign_in(visit)

    def _refused(self, page: Page, visit: Visit, error: Refused) -> Response:
        if error.code == PROOF_OUTDATED:
            return self._to_prove(page, visit)
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

    def _to_prove(self, page: Page, visit: Visit) -> Response:
        """Where the person proves again who it is; an act takes its form along."""
        act = act_of(page, visit)
        if not act:
            return self._sent(visit, self.map.url("prove", next=visit.back))
        values = {"error": None, "after": visit.back, "act": act}
        status = 200 if visit.fragment else 403  # htmx puts what is answered with 200 where it is told to
        response = self._rendered(page, visit, View("account/prove.html", values, "account/_prove.html", status))
        if visit.fragment:
            response.headers["hx-retarget"] = "#main"
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
