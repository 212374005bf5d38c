"""A browser that is strict: what a page does wrong is kept, and fails the test that looked at it.

`Strict.context(...)` gives a Playwright context in which every Content-Security-Policy message, console error, page error and
request to another host is written down.  `unnamed_controls(page)` asks Chromium's own accessibility tree for controls
without a name; `axe(page)` runs axe-core.  Playwright evaluates text in the page, which the policy refuses; both ask the
debugger instead, which it does not concern.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from tarim.console.vendoring import AXE

CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb"]
CHINA = "Asia/Shanghai"
CONTROLS = frozenset({
    "button", "link", "textbox", "searchbox", "combobox", "listbox", "checkbox", "radio", "switch", "slider", "spinbutton",
    "tab", "menuitem", "menuitemcheckbox", "menuitemradio", "option", "treeitem",
})  # fmt: skip
"""Roles of what somebody can operate."""
AXE_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_WATCH = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


@dataclass
class Faults:
    """What pages did wrong.  `expected` are words of messages that a test brings about itself."""

    home: str
    found: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Write down what this page does wrong from now on."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.found.append(f"page error: {error}"))
        page.on("request", self._asked)

    def left(self) -> list[str]:
        """What nobody expected."""
        return [each for each in self.found if not any(word in each for word in self.expected)]

    def _said(self, message: ConsoleMessage) -> None:
        text = message.text
        if message.type == "error" or "Content Security Policy" in text or "Content-Security-Policy" in text:
            self.found.append(f"console {message.type}: {text} ({message.location.get('url', '')})")

    def _asked(self, request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme not in ("data", "blob", "about") and where.netloc != self.home:
            self.found.append(f"request to another host: {where.scheme}://{where.netloc}")


@dataclass
class Strict:
    """Makes contexts of one browser, with their faults."""

    browser: Browser
    url: str

    def context(
        self, language: str, size: tuple[int, int], agent: str, zone: str = CHINA
    ) -> tuple[BrowserContext, Faults]:
        """A new context of this language and size.  zone: the browser's own."""
        faults = Faults(urlsplit(self.url).netloc)
        context = self.browser.new_context(
            base_url=self.url,
            viewport={"width": size[0], "height": size[1]},
            locale={"zh": "zh-CN", "en": "en-GB"}[language],
            timezone_id=zone,
            user_agent=agent,
            accept_downloads=True,
            reduced_motion="reduce",
        )
        context.set_default_timeout(30_000)
        context.add_init_script(_WATCH)
        context.on("page", faults.watch)
        return context, faults


def unnamed_controls(page: Page) -> list[str]:
    """Role and markup of every visible control without an accessible name."""
    session = page.context.new_cdp_session(page)
    try:
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        found = []
        for node in nodes:
            role = node.get("role", {}).get("value", "")
            if node.get("ignored") or role not in CONTROLS or node.get("name", {}).get("value", "").strip():
                continue
            found.append(f"{role}: {_markup(session, node)}")
        return found
    finally:
        session.detach()


def _markup(session: Any, node: dict[str, Any]) -> str:
    number = node.get("backendDOMNodeId")
    if number is None:
        return "?"
    return str(session.send("DOM.getOuterHTML", {"backendNodeId": number})["outerHTML"])[:200]


def axe_built() -> bool:
    """Whether axe-core was brought by `python -m tarim.console.vendoring --with-tests`."""
    return AXE.exists()


def axe(page: Page, path: Path = AXE) -> list[str]:
    """Violations of WCAG 2.2 AA and of good practice on a page: rule, what it says, and the first places."""
    options = {"runOnly": {"type": "tag", "values": list(AXE_TAGS)}, "resultTypes": ["violations"]}
    session = page.context.new_cdp_session(page)
    try:
        session.send("Runtime.evaluate", {"expression": path.read_text(encoding="utf-8")})
        asked = {
            "expression": f"axe.run(document, {json.dumps(options)}).then((found) => JSON.stringify(found.violations))",
            "awaitPromise": True,
            "returnByValue": True,
        }
        answer = session.send("Runtime.evaluate", asked)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        violations = json.loads(answer["result"]["value"])
    finally:
        session.detach()
    return [
        f"{each['id']} ({each['impact']}): {each['help']}: "
        + "; ".join(f"{node['html'][:160]}" for node in each["nodes"][:3])
        + (f" and {len(each['nodes']) - 3} more" if len(each["nodes"]) > 3 else "")
        for each in violations
    ]
