"""How long does somebody at the queue wait for a filter, with a million alerts behind it?

A desk over a filled data folder, a console before it, and Chromium: another level, state, scenario or order is chosen, and the
time is taken in the page from the change to the frame that shows the new rows.  Typing a tag is taken from the last key, so the
debounce is in it.

    python -m bench.console_cases [ALERTS] [CHANGES]
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.acceptance import Line, Run, at_most
from bench.people_data import write_decisions
from bench.serving import desk_serving
from tarim.bootstrap.demo_staff import AGENT, employ
from tarim.bootstrap.desk import DeskHouse
from tarim.bootstrap.settings import load_settings, settings_of
from tarim.identity import Role
from tests.fakes.console_browser import ARGUMENTS, CHROMIUM

ALERTS, ALERTS_QUICK = 1_000_000, 5_000
CHANGES, CHANGES_QUICK = 200, 40
P95_MS_MAX: Final = 400
START_S_MAX: Final = 60.0
_WATCH: Final = """
(() => {
  let begun = 0;
  const begin = () => { begun = performance.now(); };
  addEventListener("change", begin, true);
  addEventListener("input", begin, true);
  addEventListener("click", (event) => { if (event.target.closest("th a")) begin(); }, true);
  addEventListener("htmx:after:swap", () => {
    if (!begun) return;
    const since = begun;
    begun = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const root = document.documentElement;
      root.dataset.tookMs = String(performance.now() - since);
      root.dataset.swaps = String(Number(root.dataset.swaps || 0) + 1);
    }));
  });
})();
"""
"""Written before the page's own scripts: how long a change took until two frames after its rows came."""


def filters(run: Run) -> Iterator[Line]:
    """The bar of filtering, in the browser."""
    yield measured(run.pick(ALERTS, ALERTS_QUICK), run.pick(CHANGES, CHANGES_QUICK))


def measured(alerts: int, changes: int) -> Line:
    """A desk of so many alerts, and so many changes of filter or order."""
    with tempfile.TemporaryDirectory(prefix="tarim-console-cases-") as folder:
        data = Path(folder) / "data"
        places = write_decisions(data, alerts, alert_share=1.0, customers=max(1_000, alerts))
        staff = employ(settings_of(data, {}), places, {})
        begun = time.monotonic()
        with DeskHouse(load_settings(None, {}), places, {}) as house:
            house.desk.catch_up()
        filled_s = time.monotonic() - begun
        token = next(each.token for each in staff if each.role is Role.REVIEWER)
        with desk_serving(data, {}, TARIM_IDENTITY_PROXIES="127.0.0.1") as desk, console_serving(desk.url, data) as url:
            took = _in_chromium(url, token, changes)
    everything = sorted(each for times in took.values() for each in times)
    by_kind = ", ".join(f"{what} {_p95(times):.0f}" for what, times in sorted(took.items()) if len(times) > 1)
    return at_most(
        "console, filter over alerts, p95",
        P95_MS_MAX,
        round(_p95(everything), 1),
        " ms",
        f"{alerts:,} alerts (tables made in {filled_s:.0f} s), {len(everything)} changes in Chromium, median "
        f"{statistics.median(everything):.0f} ms; p95 by control in ms: {by_kind}",
    )


@contextmanager
def console_serving(desk_url: str, folder: Path) -> Iterator[str]:
    """A console before a desk alone; its address."""
    environment = os.environ | {"PYTHONPATH": "src", "TARIM_CONSOLE_DESK_URL": desk_url}
    log = folder / "console.log"
    with log.open("w") as out:
        words = [sys.executable, "-m", "tarim.cli", "console", "--port", "0"]
        process = subprocess.Popen(words, stdout=out, stderr=out, env=environment)
    try:
        deadline = time.monotonic() + START_S_MAX
        while not (said := [line for line in log.read_text().splitlines() if line.startswith("listening on ")]):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-2_000:]
            time.sleep(0.05)
        yield said[0].split()[-1]
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()


def _in_chromium(url: str, token: str, changes: int) -> dict[str, list[float]]:
    """Milliseconds from each change to its rows, by control."""
    from playwright.sync_api import sync_playwright

    took: dict[str, list[float]] = defaultdict(list)
    chance = random.Random(7)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, headless=True)
        context = browser.new_context(
            base_url=url,
            viewport={"width": 1440, "height": 900},
            locale="zh-CN",
            user_agent=AGENT,
            reduced_motion="reduce",
        )
        context.add_init_script(_WATCH)
        cookie: dict[str, Any] = {"name": "__Host-tarim", "value": token, "url": url.replace("http:", "https:")}
        context.add_cookies([cookie | {"secure": True, "httpOnly": True, "sameSite": "Strict"}])  # type: ignore[list-item]
        page = context.new_page()
        page.goto("/cases")
        page.locator(".rc-cases tbody tr").first.wait_for()
        for number in range(changes):
            before = page.locator("html").get_attribute("data-swaps") or "0"
            if number % 8 == 7:
                what = "tag"
                page.locator("#case-filters input[name=tag]").fill("" if number % 16 == 15 else "called-back")
            elif number % 8 == 3:
                what = "order"
                page.locator("th a.rc-sort").nth(chance.randrange(5)).click()
            else:
                what = chance.choice(("priority", "state", "scenario", "queue"))
                select = page.locator(f"select[name={what}]")
                chosen = select.input_value()
                select.select_option(index=0 if chosen else chance.randrange(1, select.locator("option").count()))
            page.locator(f"html[data-swaps='{int(before) + 1}']").wait_for(state="attached")
            milliseconds = page.locator("html").get_attribute("data-took-ms")
            assert milliseconds is not None
            took[what].append(float(milliseconds))
        browser.close()
    return took


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1] if len(times) > 1 else float("nan")


def main() -> None:
    """Measure with sizes of the command line, and say it."""
    alerts = int(sys.argv[1]) if len(sys.argv) > 1 else ALERTS_QUICK
    changes = int(sys.argv[2]) if len(sys.argv) > 2 else CHANGES_QUICK
    line = measured(alerts, changes)
    print(f"{'pass' if line.passed else 'MISS'}  {line.name}: {line.figure}; wanted {line.target}")


if __name__ == "__main__":
    main()
