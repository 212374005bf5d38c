"""A draft of a ruleset in the browser: kept while one types, found again elsewhere, lost to no page and no publication."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.console.conftest import LANGUAGES, People
from tests.fakes.console_bank import Bank

if TYPE_CHECKING:
    from playwright.sync_api import Page

BOTH = pytest.mark.parametrize("language", LANGUAGES)
LONG_MS = 60_000


@pytest.fixture(autouse=True)
def none_left(bank: Bank) -> None:
    """A person keeps twenty; what an earlier test left is of no use to this one."""
    for each in bank.desk("analyst", "GET", "/v1/rule-drafts")["drafts"]:
        bank.desk("analyst", "DELETE", f"/v1/rule-drafts/{each['id']}")


def mark_of(page: Page) -> str:
    """What the page kept last."""
    return page.locator("#rc-kept input[name=mark]").input_value()


def kept(page: Page, before: str) -> None:
    """Something else than before is kept."""
    page.locator(f"#rc-kept:not(:has(input[name=mark][value='{before}']))").wait_for(state="attached")
    state(page, "kept")


def typed(page: Page, condition: str) -> None:
    """Somebody types a condition, and it is kept."""
    before = mark_of(page)
    page.locator("#rc-when").fill(condition)
    kept(page, before)


def state(page: Page, wanted: str, timeout: int = 30_000) -> None:
    page.wait_for_selector(f"#rc-kept-state[data-state={wanted}]", timeout=timeout)


@BOTH
def test_what_is_typed_is_found_again_at_another_machine(person: People, bank: Bank, language: str) -> None:
    """Kept without a button, listed for its person alone, opened from another browser, and gone once it is proposed."""
    fen = time.time_ns() // 1_000 % 1_000_000 + 7_000_000
    page = person("analyst", language)
    page.goto("/rules/editor?rule=drained_in_a_day")
    state(page, "idle")
    typed(page, f"amount_fen >= {fen} fen")
    page.wait_for_url(re.compile(r"/rules/editor\?draft=[0-9a-f]{16}$"))
    before = mark_of(page)
    page.fill("#rc-title", f"mine {fen}")
    kept(page, before)
    page.locator("form[action$='/sign-out'] button").evaluate("(button) => button.click()")
    page.wait_for_url(re.compile("/sign-in"))

    elsewhere = person("analyst", language, size=(1280, 720))
    elsewhere.goto("/rules/editor")
    strip = elsewhere.locator("[data-others]")
    strip.locator("a").first.click()
    elsewhere.wait_for_url(re.compile(r"\?draft="))
    assert f"amount_fen >= {fen} fen" in elsewhere.locator("#rc-text").input_value()
    elsewhere.locator(".rc-head a[href$='/rules/drafts']").click()
    elsewhere.locator(".rc-drafts tbody tr").wait_for()
    assert not person.axe(elsewhere)
    elsewhere.locator(".rc-drafts tbody tr a").first.click()
    elsewhere.wait_for_selector("#rc-propose-box button:not([disabled])")
    elsewhere.locator("[data-open=rc-propose]").click()
    elsewhere.locator("#rc-propose textarea[name=why]").fill("№ 2")
    elsewhere.locator("#rc-propose button.primary").click()
    elsewhere.wait_for_url(re.compile("/rules/proposals/[0-9a-f]{16}$"), timeout=LONG_MS, wait_until="commit")
    assert bank.desk("analyst", "GET", "/v1/rule-drafts")["drafts"] == []


def test_two_pages_of_one_draft_lose_nothing(person: People, bank: Bank) -> None:
    """The page that opened it later goes on; the other one is told, and can keep its own as another draft."""
    first = person("analyst")
    first.goto("/rules/editor?rule=drained_in_a_day")
    typed(first, "amount_fen >= 71 yuan")
    second = person("analyst")
    second.goto(first.url)
    typed(second, "amount_fen >= 72 yuan")
    first.locator("#rc-when").fill("amount_fen >= 73 yuan")
    state(first, "moved")
    assert first.locator("#rc-kept [role=alert] a").get_attribute("href") in second.url
    first.locator("#rc-kept button[value=keep]").click()
    state(first, "kept")
    texts = [
        bank.desk("analyst", "GET", f"/v1/rule-drafts/{each['id']}")["text"]
        for each in bank.desk("analyst", "GET", "/v1/rule-drafts")["drafts"]
    ]
    assert ["73 yuan" in texts[0], "72 yuan" in texts[1], len(texts)] == [True, True, 2]
    second.locator("[data-open=rc-discard]").click()
    second.locator("#rc-discard button.danger").click()
    second.wait_for_url(re.compile("/rules/editor$"))
    assert len(bank.desk("analyst", "GET", "/v1/rule-drafts")["drafts"]) == 1


@BOTH
def test_what_was_published_meanwhile_is_taken_over_and_not_taken_back(
    person: People, bank: Bank, language: str
) -> None:
    """A colleague's ruleset comes into force while one writes: the draft is refused, takes it over, and is proposed then."""
    page = person("analyst", language)
    page.goto("/rules/editor?rule=drained_in_a_day")
    typed(page, "amount_fen >= 74 yuan")
    now = bank.serve("reviewer", "GET", "/v1/rulesets")["rulesets"][0]["version"]
    name = f"meanwhile_{time.time_ns() // 1_000}"
    rule = {"id": name, "when": "amount_fen == 1 fen", "outcome": "notice", "weight": 1, "scenario": "mule", "reason": "新",
            "reason_en": "new"}  # fmt: skip
    text = bank.serve("reviewer", "GET", f"/v1/rulesets/{now}")["text"]
    published = bank.serve("reviewer", "POST", "/v1/rulesets:edit", {"text": text, "act": "add", "values": rule})[
        "text"
    ]
    made = bank.serve("analyst", "POST", "/v1/rulesets", {"text": published, "reason": "№ 1"})
    verdict = {"verdict": "approve", "digest": made["digest"]}
    bank.serve("reviewer", "POST", f"/v1/proposals/{made['id']}", verdict)
    try:
        page.locator("[data-open=rc-propose]").click()
        page.locator("#rc-propose textarea[name=why]").fill("№ 2")
        page.locator("#rc-propose button.primary").click()
        page.locator("#rc-propose-said button[value=merge]").click()
        page.wait_for_selector("#rc-strips .rc-note")
        assert name in page.locator("#rc-strips .rc-note").inner_text()
        assert name in page.locator("#rc-text").input_value() and "74 yuan" in page.locator("#rc-text").input_value()
        state(page, "kept")
        assert not person.axe(page)
        page.locator("[data-open=rc-propose]").click()
        page.locator("#rc-propose button.primary").click()
        page.wait_for_url(re.compile("/rules/proposals/[0-9a-f]{16}$"), timeout=LONG_MS, wait_until="commit")
        changed = page.locator(".rc-diff").inner_text()
        assert "74" in changed and name not in changed
    finally:
        bank.serve("operator", "POST", "/v1/rulesets:rollback", {"reason": "№ 3"})


def test_while_nothing_can_be_kept_the_page_says_so_and_goes_on(person: People, bank: Bank) -> None:
    """The desk is away: what one typed stays on the page, and is kept once it is back, without another key."""
    page = person("analyst")
    page.goto("/rules/editor?rule=drained_in_a_day")
    typed(page, "amount_fen >= 75 yuan")
    person.expect("Failed to load resource", "ERR_", "503")
    bank.stop("desk")
    try:
        page.locator("#rc-when").fill("amount_fen >= 76 yuan")
        state(page, "lost")
    finally:
        bank.start("desk")
    state(page, "kept", LONG_MS)
    (draft,) = bank.desk("analyst", "GET", "/v1/rule-drafts")["drafts"]
    assert "76 yuan" in bank.desk("analyst", "GET", f"/v1/rule-drafts/{draft['id']}")["text"]
