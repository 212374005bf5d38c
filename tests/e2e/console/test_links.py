"""The link graph in the browser: from a number or a case, by keyboard, the money in time, a table, a file, a number in full."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.fakes.console_bank import Bank

WAIT_MS = 15_000
_made = iter(range(1, 1_000))


def chain(bank: Bank) -> tuple[str, ...]:
    """Accounts of which each pays the next; what they sent is followed when this returns."""
    number = f"{time.time_ns() // 1_000_000 % 10**9:09d}{next(_made):02d}"
    accounts = tuple(f"6222{number}{place:04d}" for place in range(4))
    for place, (payer, payee) in enumerate(pairwise(accounts)):
        bank.send(
            event_id=f"chain-{number}-{place}",
            customer=f"CL{number}{place}",
            account=payer,
            payee_account=payee,
            device_id=f"imei-{number}",
            amount_fen=1_234_500,
        )
    return accounts


def begin(page: Page, account: str, kind: str = "account") -> None:
    """The graph around a number, once the views have it."""
    deadline = time.monotonic() + WAIT_MS / 1_000
    while True:
        page.goto("/links")
        page.locator("select[name=kind]").select_option(kind)
        page.locator("[name=value]").fill(account)
        page.locator(".rc-graph-find button").click()
        page.wait_for_load_state()
        if "entity=" in page.url or time.monotonic() > deadline:
            break
    page.locator("[data-canvas][data-drawn]").wait_for(timeout=WAIT_MS)


def nodes(page: Page) -> int:
    found = re.search(r"\d+", page.locator("[data-caption]").inner_text())
    return int(found[0]) if found else 0


@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_a_number_to_the_moneys_way(person: Any, bank: Bank, language: str) -> None:
    accounts = chain(bank)
    page = person("investigator", language)
    person.expect("404")  # the views are asked until they have followed
    begin(page, accounts[0])
    assert not [each for each in accounts if each in page.url], "no number stands in an address"
    assert not [each for each in accounts if each in page.content()], "no number stands in a page"

    canvas, facts = page.locator("[data-canvas]"), page.locator("[data-facts]")
    for _ in range(20):  # an identifier of a moment ago has no masked form yet
        canvas.focus()
        page.keyboard.press(" ")
        facts.wait_for()
        if "****0000" in facts.inner_text():
            break
        page.wait_for_timeout(1_000)
        page.reload()
        page.locator("[data-canvas][data-drawn]").wait_for(timeout=WAIT_MS)
    assert "****0000" in facts.inner_text()
    facts.locator("button:has(use[href$='#flag'])").click()  # the path begins here

    seen = nodes(page)
    page.locator("[data-show=table]").click()
    page.locator("[data-rows] tbody tr").first.wait_for()
    table = page.locator("[data-rows]").inner_text()
    assert "12,345.00" in table and "****0001" in table
    page.locator("[data-rows] a", has_text="0001").first.click()  # around whoever was paid
    page.wait_for_url(lambda url: "entity=" in url)
    page.locator("[data-canvas][data-drawn]").wait_for(timeout=WAIT_MS)
    assert nodes(page) >= seen - 1

    time_strip = page.locator("[data-moment]")
    whole = time_strip.inner_text()
    page.locator("[data-slider]").focus()
    page.keyboard.press("Home")
    assert time_strip.inner_text() != whole
    page.locator("[data-play]").click()
    assert page.locator("[data-play]").get_attribute("aria-pressed") == "true"
    page.locator("[data-play]").click()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_graph_on_a_case_is_taken_out_and_shown_in_full(person: Any, bank: Bank, language: str) -> None:
    page = person("investigator", language)
    page.goto(f"/cases/{bank.cases['working']}")
    page.locator("[data-canvas][data-drawn]").wait_for(timeout=WAIT_MS)
    assert nodes(page) > 1
    page.locator("[data-leave]").click()
    page.wait_for_url("**/links?**")
    page.locator("[data-canvas][data-drawn]").wait_for(timeout=WAIT_MS)
    full = nodes(page)
    page.locator("select[name=nodes]").select_option("30")
    page.wait_for_url("**nodes=30**")
    page.wait_for_timeout(300)
    assert nodes(page) <= min(30, full)

    page.locator("[data-open=links-export]").click()
    page.locator("#links-export [name=reason]").fill("移交材料")
    with page.expect_download() as download:
        page.locator("#links-export .primary").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    assert text.startswith("source,") and "zhang.hao" in text and "****" in text

    page.locator("#links-export [data-close]").click()
    page.locator("[data-canvas]").focus()
    page.keyboard.press(" ")
    page.locator("[data-facts] button:has(use[href$='#eye'])").click()
    page.locator("#links-reveal [name=reason]").fill("核实账户")
    page.locator("#links-reveal .primary").click()
    shown = page.locator(".rc-graph-full")
    shown.wait_for()
    assert re.fullmatch(r"[0-9A-Za-z-]{8,}", shown.inner_text())


def test_a_number_nobody_used_is_said_so(person: Any) -> None:
    page = person("analyst")
    person.expect("404")
    page.goto("/links")
    page.locator("[name=value]").fill("6222999999999999")
    page.locator(".rc-graph-find button").click()
    assert "图谱中没有带此号码的事件" in page.locator(".rc-error").inner_text()
    assert "6222999999999999" not in page.url
