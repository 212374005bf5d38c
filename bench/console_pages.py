"""Do pages keep the front-end rules, and how heavy is the first one?

rules        the tests of `tests/e2e/console` in a real browser: journeys, permissions, headers, markup, looks, axe
first load   a browser with nothing in its cache opens the first page: bytes as they are transferred, requests, and the time
             until the live charts are drawn

    python -m bench.console_pages
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.acceptance import Line, Run, at_most, none
from bench.console_bank import shared_bank
from tests.fakes.console_bank import Bank
from tests.fakes.console_browser import ARGUMENTS, CHROMIUM, Strict

HOME: Final = Path(__file__).resolve().parents[1]
BYTES_MAX: Final = 300 * 1024
REQUESTS_MAX: Final = 10
CHARTS_S_MAX: Final = 1.0
_DRAWN: Final = "() => [...document.querySelectorAll('canvas')].some((each) => each.width > 50)"
_FAILED: Final = re.compile(r"(\d+) (failed|error|passed|skipped)")


def first_loads(bank: Bank, loads: int) -> list[dict[str, float]]:
    """Bytes, requests and seconds to the charts of cold loads of the live page; streams are not counted as loads."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for number in range(loads):
            agent = f"bench/{number} Chromium"
            context, _ = Strict(browser, bank.url).context("zh", (1440, 900), agent)
            cookie = {"name": "__Host-tarim", "value": bank.session("analyst", agent)}
            secure: Any = cookie | {"url": bank.url.replace("http:", "https:"), "secure": True, "httpOnly": True}
            context.add_cookies([secure])
            page = context.new_page()
            session = context.new_cdp_session(page)
            session.send("Network.enable")
            sizes: dict[str, float] = {}
            session.on("Network.responseReceived", lambda event, to=sizes: _begun(event, to))
            session.on("Network.loadingFinished", lambda event, to=sizes: _ended(event, to))
            page.goto("/live", wait_until="load")
            page.wait_for_function(_DRAWN, polling=20, timeout=20_000)
            took_ms: float = page.evaluate("() => performance.now()")
            found.append({"bytes": sum(sizes.values()), "requests": len(sizes), "charts_s": took_ms / 1000})
            context.close()
        browser.close()
    return found


def _begun(event: dict[str, Any], sizes: dict[str, float]) -> None:
    if event["response"]["mimeType"] != "text/event-stream":
        sizes[event["requestId"]] = 0.0


def _ended(event: dict[str, Any], sizes: dict[str, float]) -> None:
    if event["requestId"] in sizes:
        sizes[event["requestId"]] = event["encodedDataLength"]


def first_load(run: Run) -> Iterator[Line]:
    """The bar `first load`."""
    found = first_loads(shared_bank(), run.pick(10, 3))
    worst = {name: max(each[name] for each in found) for name in found[0]}
    yield at_most(
        "first load, bytes", BYTES_MAX, worst["bytes"], "", f"the most of {len(found)} cold loads, as transferred"
    )
    yield at_most("first load, requests", REQUESTS_MAX, worst["requests"])
    median = statistics.median(each["charts_s"] for each in found)
    yield at_most(
        "first load, live charts drawn", CHARTS_S_MAX, median, " s", f"median; at most {worst['charts_s']:.2f} s"
    )


def journeys(run: Run) -> Iterator[Line]:
    """The bar `journeys`: every browser test, slow ones too."""
    words = [
        sys.executable,
        "-m",
        "pytest",
        "tests/e2e/console",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "slow or not slow",
    ]
    environment = {**os.environ, "PYTHONPATH": "src:."}
    done = subprocess.run(words, cwd=HOME, env=environment, capture_output=True, text=True, check=False)
    counts = {
        word: int(number) for number, word in _FAILED.findall(done.stdout.splitlines()[-1] if done.stdout else "")
    }
    bad = counts.get("failed", 0) + counts.get("error", 0) + (0 if counts.get("passed") else 1)
    names = re.findall(r"^(?:FAILED|ERROR) \S+::(\S+)", done.stdout, re.MULTILINE)
    note = f"{counts.get('passed', 0)} passed, {counts.get('skipped', 0)} skipped" + "".join(
        f"; {e}" for e in names[:4]
    )
    yield none("journeys and rules in a browser", "test failed", bad, note)


if __name__ == "__main__":
    for line in first_load(Run(True, float("inf"))):
        print("PASS" if line.passed else "MISS", line.name, line.figure, flush=True)
