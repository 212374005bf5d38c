"""The console without a browser: one person's requests, and a crawl of everything that person is led to.

    web = Web(bank.url, bank.session("auditor", AGENT), AGENT)
    web.get("/cases", fragment=True)
    for answer in crawl(web, limit=400): ...

A crawl starts at the first page and follows every address that HTML names: links, fragments, data of charts and
downloads; not forms, which want to be filled in.  Of one page a few addresses are asked for, whatever their queries.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from tarim.console.pages import Page
from tarim.console.session import COOKIE, CSRF_HEADER, csrf_of
from tarim.console.site import PAGES

AGENT = "tarim-test/web"
EXAMPLES = 3
"""Addresses asked for of one page."""
STREAMS = frozenset({"live_stream"})
LEFT_OUT = frozenset({"language", "openid_begin", "openid_return"})
"""Pages that say nothing of their own, or lead out of the house."""
_ADDRESSES = ("href", "src", "hx-get", "data-url", "data-href")
_PATTERNS: list[tuple[str, re.Pattern[str], Page]] = [
    (
        page.method,
        re.compile(re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.sub(r"\\\{[a-z_]+:path\\\}", ".+", re.escape(page.path)))),
        page,
    )
    for page in PAGES
]


def page_of(path: str, method: str = "GET") -> Page | None:
    """The page that an address leads to, None for none (static files)."""
    return next((page for asked, form, page in _PATTERNS if asked == method and form.fullmatch(path)), None)


class Web:
    """One person's requests.  token: of a session, "" for nobody."""

    def __init__(self, url: str, token: str, agent: str = AGENT, language: str = "zh") -> None:
        self.url, self.token = url, token
        cookies = (
            f"{COOKIE}={token}; __Host-tarim-language={language}" if token else f"__Host-tarim-language={language}"
        )
        self._client = httpx.Client(
            base_url=url,
            headers={"User-Agent": agent, "Cookie": cookies, "Accept-Encoding": "gzip"},
            timeout=60,
            follow_redirects=False,
        )

    def get(self, address: str, *, fragment: bool = False) -> httpx.Response:
        """What a page answers; fragment: as htmx asks."""
        return self._client.get(address, headers={"HX-Request": "true"} if fragment else {})

    def post(
        self,
        address: str,
        form: dict[str, str] | None = None,
        *,
        files: dict[str, tuple[str, bytes, str]] | None = None,
        csrf: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """What a form is answered, sent as our pages send it; csrf None: the right token."""
        own = {"Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        if csrf is None:
            csrf = csrf_of(self.token) if self.token else ""
        if csrf:
            own[CSRF_HEADER] = csrf
        return self._client.post(address, data=form or {}, files=files, headers=own | (headers or {}))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


@dataclass(frozen=True)
class Answer:
    """One answer of a crawl.  page: name of the page."""

    page: str
    address: str
    fragment: bool
    status: int
    headers: httpx.Headers
    content: bytes = field(repr=False)

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    @property
    def is_html(self) -> bool:
        return str(self.headers.get("content-type", "")).startswith("text/html")


class Links(HTMLParser):
    """Addresses that HTML names: (address, whether htmx asks for it)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, bool]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        named = dict(attrs)
        self.found += [(value, name == "hx-get") for name in _ADDRESSES if (value := named.get(name))]


def crawl(web: Web, begin: str = "/", limit: int = 1_000) -> Iterator[Answer]:
    """Every answer that one person is led to, at most `EXAMPLES` of a page and way of asking."""
    waiting: deque[tuple[str, bool]] = deque([(begin, False)])
    seen: set[tuple[str, bool]] = set()
    asked: Counter[tuple[str, bool]] = Counter()
    home = urlsplit(web.url).netloc
    while waiting and limit:
        address, fragment = waiting.popleft()
        where = urlsplit(urljoin(web.url + "/", address))
        path = where.path + (f"?{where.query}" if where.query else "")
        page = page_of(where.path)
        if where.netloc != home or page is None or page.name in STREAMS | LEFT_OUT or (path, fragment) in seen:
            continue
        seen.add((path, fragment))
        asked[page.name, fragment] += 1
        if asked[page.name, fragment] > EXAMPLES:
            continue
        limit -= 1
        said = web.get(path, fragment=fragment)
        answer = Answer(page.name, path, fragment, said.status_code, said.headers, said.content)
        yield answer
        if "location" in said.headers:
            waiting.append((said.headers["location"], False))
        if answer.is_html:
            waiting.extend(Links(answer.text).found)
