"""Rules that every page keeps: who may open it, its headers, its markup, its size, and that it works at all.

Pages come from `tarim.console.site`; addresses from a crawl that follows what pages lead to, once as each of three roles that
together may see everything.  What is here is asked over HTTP; what takes a browser is in `test_looks.py`.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tarim.console
from tarim.console.headers import CSP
from tarim.console.pages import Page
from tarim.console.site import PAGES
from tarim.identity import ROLES, Role, Scope
from tests.fakes.console_web import AGENT, Answer, Web, crawl

if TYPE_CHECKING:
    from tests.fakes.console_bank import Bank

CRAWLERS = ("investigator", "reviewer", "administrator", "auditor")
"""Roles that together may open nearly every page; `bench/console_masking.py` crawls as all of them."""
TRIED = ("analyst", "marketing_manager", "administrator", "auditor")
FRAGMENT_BYTES_MAX = 10_000
TEMPLATES = Path(tarim.console.__file__).parent / "templates"
_NAMES = re.compile(r"\{[a-z_]+(:path)?\}")


@pytest.fixture(scope="module")
def answers(bank: Bank) -> dict[str, list[Answer]]:
    """What a crawl found, by role."""
    found = {}
    for role in CRAWLERS:
        web = Web(bank.url, bank.session(role, AGENT))
        found[role] = list(crawl(web))
        web.close()
    return found


def each(answers: dict[str, list[Answer]]) -> Iterator[tuple[str, Answer]]:
    return ((role, answer) for role, found in answers.items() for answer in found)


def test_no_link_leads_nowhere(answers: dict[str, list[Answer]], bank: Bank) -> None:
    """A page that is led to is there, and open to whoever was led to it."""
    wrong = [f"{role}: {a.status} {a.page} {a.address}" for role, a in each(answers) if a.status >= 400]
    assert not wrong, "\n".join([*wrong, bank.log_of("console")[-2000:]])
    assert sum(len(found) for found in answers.values()) > 200, "the crawl found the pages"


def test_every_answer_has_its_headers(answers: dict[str, list[Answer]]) -> None:
    for role, answer in each(answers):
        headers = answer.headers
        about = f"{role} {answer.address}"
        assert headers["content-security-policy"] == CSP, about
        assert headers["x-content-type-options"] == "nosniff", about
        assert headers["x-frame-options"] == "DENY", about
        assert headers["cache-control"] == "no-store", about
        assert "server" not in headers, about
        if answer.is_html and answer.status == 200:
            assert "HX-Request" in headers["vary"], about


def test_static_files_are_kept_for_good_and_nothing_else(bank: Bank, answers: dict[str, list[Answer]]) -> None:
    web = Web(bank.url, "")
    html = next(answer.text for _, answer in each(answers) if answer.page == "account")
    static = set(re.findall(r'(?:href|src)="(/static/[^"#]+)"', html))
    assert len(static) >= 4
    for address in static:
        said = web.get(address)
        assert said.status_code == 200, address
        assert said.headers["cache-control"] == "public, max-age=31536000, immutable", address
        assert said.headers["content-security-policy"] == CSP, address
    assert web.get("/static/000000000000/console.css").headers["cache-control"] == "no-store", (
        "another version is not kept"
    )
    web.close()


class Markup(HTMLParser):
    """What the policy would refuse."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self._script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if (
                name == "style"
                or name.startswith(("on", "hx-on"))
                or (value or "").strip().lower().startswith("javascript:")
            ):
                self.wrong.append(f"<{tag} {name}={value!r}>")
            if name in ("src", "href", "action") and re.match(r"(https?:)?//", value or ""):
                self.wrong.append(f"<{tag} {name}={value!r}> leads to another host")
        if tag == "style":
            self.wrong.append("<style>")
        self._script = tag == "script" and not dict(attrs).get("src")

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.wrong.append(f"<script>{data[:40]}")


def test_no_markup_that_the_policy_would_refuse(answers: dict[str, list[Answer]]) -> None:
    wrong = [
        f"{role} {answer.address}: {fault}"
        for role, answer in each(answers)
        if answer.is_html
        for fault in Markup(answer.text).wrong
    ]
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize(
    "path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.relative_to(TEMPLATES).as_posix()
)
def test_templates_keep_to_the_policy(path: Path) -> None:
    """What no crawl reaches keeps to it as well."""
    text = path.read_text(encoding="utf-8")
    for what, form in (
        ("inline style", r"\sstyle\s*="),
        ("inline handler", r"\son[a-z]+\s*=|hx-on"),
        ("inline script", r"<script(?![^>]*\bsrc=)"),
        ("style element", r"<style\b"),
        ("evaluated htmx", r"\bjs:|hx-vars|hx-trigger=\"[^\"]*\w\["),
        ("another host", r"(?:src|href|action)=\"(?:https?:)?//"),
        ("autoescape off", r"\|\s*safe\b|autoescape false|Markup\("),
    ):
        assert not re.search(form, text), f"{path.name}: {what}"


def test_fragments_are_small(answers: dict[str, list[Answer]]) -> None:
    large = {
        f"{answer.page} {answer.address}": size
        for _, answer in each(answers)
        if answer.fragment and answer.is_html and (size := len(gzip.compress(answer.content, 6))) > FRAGMENT_BYTES_MAX
    }
    assert not large, large


def closed_to(role: Role | None) -> list[Page]:
    held = ROLES[role].scopes | {Scope.SELF} if role else frozenset()
    return [page for page in PAGES if page.scopes and not page.scopes & held]


def test_every_page_says_who_may_open_it() -> None:
    """Only what comes before signing in is open to anybody, and every scope is held by some role."""
    open_to_all = {page.name for page in PAGES if not page.scopes}
    assert open_to_all <= {
        "sign_in", "sign_in_start", "sign_in_now", "language", "openid_begin", "openid_return", "licences",
    }, open_to_all  # fmt: skip
    anybody = frozenset().union(*(post.scopes for post in ROLES.values())) | {Scope.SELF}
    assert all(page.scopes <= anybody for page in PAGES)


@pytest.mark.parametrize(
    "role", [pytest.param(role.value, marks=[] if role.value in TRIED else pytest.mark.slow) for role in Role]
)
def test_what_is_not_ones_business_is_refused(role: str, bank: Bank) -> None:
    """Page or act, whole or fragment: 403 before anything is looked at, on a designed page, with nothing leaked."""
    web = Web(bank.url, bank.session(role, AGENT))
    pages = closed_to(Role(role))
    assert pages
    for place, page in enumerate(pages):
        address = _NAMES.sub("CASE-2026-000024", page.path)
        said = web.get(address, fragment=bool(place % 2)) if page.method == "GET" else web.post(address)
        assert said.status_code == 403, f"{page.method} {address}: {said.status_code}"
        assert "权限不足" in said.text, address
        assert said.headers["content-security-policy"] == CSP
        if page.method == "GET" and not place % 2:
            assert 'aria-label="主菜单"' in said.text, "the way back is there"
    web.close()


def test_nobody_is_led_to_signing_in(bank: Bank) -> None:
    web = Web(bank.url, "")
    for page in closed_to(None):
        address = _NAMES.sub("x", page.path)
        said = web.get(address) if page.method == "GET" else web.post(address)
        where = said.headers.get("location", "")
        assert (said.status_code, where.partition("?")[0]) == (303, "/sign-in"), f"{page.method} {address}"
    web.close()
    forged = Web(bank.url, "ts_" + "x" * 43)
    for said in (forged.get("/cases"), forged.post("/cases/CASE-2026-000001/take")):
        assert (said.status_code, said.headers["location"].partition("?")[0]) == (303, "/sign-in")
    forged.close()


def test_what_is_no_page_is_told(bank: Bank) -> None:
    for web in (Web(bank.url, ""), Web(bank.url, bank.session("auditor", AGENT))):
        for address in ("/no-such-page", "/cases/CASE-2026-000001/no-such", "/static/x/../../settings.toml"):
            said = web.get(address)
            assert said.status_code == 404, address
            assert said.headers["content-security-policy"] == CSP
        web.close()
