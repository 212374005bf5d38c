"""The console in a real browser, over a real bank.

    def test_a_case(person, bank):
        page = person("investigator", language="en", size=(1280, 720))
        page.goto(f"/cases/{bank.cases['working']}")

`bank` (see tests/fakes/console_bank.py) is made once for this folder: a populated bank with `tarim serve`, `desk`, `views` and
`console` as processes, an account for each role, a case in every state.  Tests change it, so a test makes what it
depends on: `bank.send(...)` an event of its own, `bank.desk(...)` a case of its own.

`person(role)` gives a Playwright page of somebody signed in, in a context of its own; several in one test are several people.
At the test's end each of its pages must have shown no message of the Content-Security-Policy, no console error and no
request to another host, and have a name on every control.  A test that brings an error about says so:
`person.expect("503")`.  `person.sign_in(page, role)` goes through the form, `person.code(role)` is a one-time code, and
`person.axe(page)` gives axe's violations.

Without Chromium, Playwright, or the built third-party scripts all of it is skipped, and says so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")

from playwright.sync_api import sync_playwright

from tarim.console.vendoring import CannotBuild, build, is_built
from tests.fakes.console_bank import KEPT, Bank, open_bank
from tests.fakes.console_browser import ARGUMENTS, CHINA, CHROMIUM, Faults, Strict, axe, axe_built, unnamed_controls

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

LANGUAGES = ("zh", "en")
FAST = frozenset({"test_sign_in", "test_from_an_alert_to_a_label_by_two_persons"})
"""Tests, by module or name, that run in English every time too; of the others it is the slow round (`make test-console`)."""
EVERY_TIME = frozenset({"analyst", "nobody"})
"""Roles whose pages are looked at every time."""
SIZES = ((1440, 900), (1280, 720), (390, 844))
DESKTOP = SIZES[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which rounds are slow; before the marks are read."""
    for item in items:
        if not isinstance(item, pytest.Function) or item.path.parent != Path(__file__).parent:
            continue
        given = item.callspec.params if hasattr(item, "callspec") else {}
        name = item.originalname
        second = given.get("language") == "en" and not {item.path.stem, name} & FAST
        looked_at = item.path.stem == "test_looks" and given.get("role", "analyst") not in EVERY_TIME
        if second or looked_at:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="package")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """The bank; made once."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium")
    if not is_built(tests=True):  # an icon was added since: as `make setup` does it
        try:
            build(tests=True)
        except CannotBuild as error:
            pytest.skip(f"the console's scripts cannot be built: {error}")
    running = os.environ.get("TARIM_TEST_BANK")
    with Bank.attached(Path(running) / KEPT) if running else open_bank(tmp_path_factory.mktemp("console")) as opened:
        yield opened


@pytest.fixture(scope="package")
def strict(bank: Bank) -> Iterator[Strict]:
    """The browser; one for all tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, headless=True)
        try:
            yield Strict(browser, bank.url)
        finally:
            browser.close()


class People:
    """Makes signed-in pages for one test, and judges them at its end."""

    def __init__(self, strict: Strict, bank: Bank) -> None:
        self._strict, self._bank = strict, bank
        self._open: list[tuple[BrowserContext, Faults]] = []
        self._agents: dict[BrowserContext, str] = {}

    def __call__(self, role: str, language: str = "zh", size: tuple[int, int] = DESKTOP, zone: str = CHINA) -> Page:
        """A page of somebody signed in, on the first page of the role's menu.  zone: the browser's own."""
        page = self.nobody(language, size, zone)
        token = self._bank.session(role, self._agents[page.context])
        # As over HTTPS, where the product runs; Chromium sends it to this machine over HTTP too.
        cookie = {"name": "__Host-tarim", "value": token, "url": self._strict.url.replace("http:", "https:")}
        page.context.add_cookies([cookie | {"secure": True, "httpOnly": True, "sameSite": "Strict"}])  # type: ignore[list-item]
        page.goto("/")
        return page

    def nobody(self, language: str = "zh", size: tuple[int, int] = DESKTOP, zone: str = CHINA) -> Page:
        """A page of nobody yet, at no address yet."""
        agent = f"tarim-test/{len(self._open)} Chromium"
        context, faults = self._strict.context(language, size, agent, zone)
        self._agents[context] = agent
        self._open.append((context, faults))
        return context.new_page()

    def sign_in(self, page: Page, role: str) -> None:
        """Through the form, as people do; the page is at /sign-in."""
        person = self._bank.staff[role]
        for name, value in (("login", person.login), ("password", person.password), ("code", self._bank.code(role))):
            field = page.locator(f"input[name={name}]")
            if not field.count():  # asked for on the next page
                page.locator("form:has(input[name=login]) button:not([type=button])").first.click()
            field.fill(value)
        page.locator("form:has(input[name=password]) button:not([type=button])").first.click()
        page.wait_for_url(re.compile(r"^(?!.*/sign-in)"))

    def code(self, role: str) -> str:
        """A one-time code of whoever has the role."""
        return self._bank.code(role)

    def expect(self, *words: str) -> None:
        """Messages with one of these words are meant to come, from now on and before, in this test."""
        for _, faults in self._open:
            faults.expected.extend(words)

    def axe(self, page: Page) -> list[str]:
        """Violations that axe-core finds on a page; skips where it is not built."""
        if not axe_built():
            pytest.skip("axe-core is not built: python -m tarim.console.vendoring --with-tests")
        return axe(page)

    def judge(self) -> list[str]:
        """What was wrong on any page, and close them all."""
        wrong = []
        for context, faults in self._open:
            for page in context.pages:
                if not page.is_closed() and page.url.startswith(self._strict.url):
                    wrong += [f"no name: {each}" for each in unnamed_controls(page)]
            wrong += faults.left()
            context.close()
        self._open.clear()
        return wrong


@pytest.fixture
def person(strict: Strict, bank: Bank) -> Iterator[People]:
    """Makes signed-in pages.  See the module."""
    people = People(strict, bank)
    yield people
    wrong = people.judge()
    assert not wrong, "\n".join(wrong)
