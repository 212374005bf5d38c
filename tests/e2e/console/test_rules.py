"""A rule's life in the browser: written as text and as rows, tested, proposed, decided on by another person, and taken back."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.fakes.console_bank import Bank

LANGUAGES = ("zh", "en")
CONDITION = 'kind == "transfer" and amount_fen == {fen} fen'


def checked(page: Page) -> None:
    """The draft has been looked at and can be proposed."""
    page.wait_for_selector("#rc-propose-box button:not([disabled])")


def write(page: Page, name: str, condition: str, outcome: str = "block") -> None:
    """A new rule in the editor."""
    page.goto("/rules/editor?new=1")
    page.locator("#rc-f-id").fill(name)
    page.locator("#rc-f-outcome").select_option(outcome)
    page.locator("#rc-when").fill(condition)
    written = f"{re.escape(name)}(.|\\n)*{re.escape(condition)}(.|\\n)*{outcome}"
    expect(page.locator("#rc-text")).to_have_value(re.compile(written))
    checked(page)


def propose(page: Page, why: str) -> str:
    """Propose the draft; the address of its page."""
    page.locator("[data-open=rc-propose]").click()
    page.locator("#rc-propose textarea[name=why]").fill(why)
    page.locator("#rc-propose button.primary").click()
    page.wait_for_url(re.compile("/rules/proposals/[0-9a-f]{16}$"))
    return page.url


def decide(page: Page, address: str, verdict: str, note: str) -> None:
    page.goto(address)
    page.locator("textarea[name=note]").fill(note)
    page.locator(f"button[name=verdict][value={verdict}]").click(no_wait_after=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_rule_is_written_tested_approved_and_decides_the_next_event(language: str, person: Any, bank: Bank) -> None:
    fen = 7_000_000 + time.time_ns() // 1_000 % 900_000  # another one each time, for a bank that goes on running
    name = f"exact_{fen}"
    assert bank.send(amount_fen=fen)["outcome"] != "block"
    analyst = person("analyst", language)
    write(analyst, name, CONDITION.format(fen=fen))
    analyst.locator("[hx-post$='/rules/backtests']").click()
    analyst.wait_for_selector("#rc-backtest .rc-numbers", timeout=60_000)
    assert analyst.locator("#rc-backtest .rc-chart").get_attribute("data-drawn") == "true"
    address = propose(analyst, "an amount seen in three complaints")
    assert analyst.locator("button[name=verdict]").count() == 0, "an analyst is not shown what would be refused"
    assert bank.send(amount_fen=fen)["outcome"] != "block", "nothing counts before another person has approved"

    reviewer = person("reviewer", language, size=(1280, 720))
    reviewer.goto(address)
    assert reviewer.locator(".rc-diff td.new").count() and reviewer.locator(".rc-numbers").count()
    decide(reviewer, address, "approve", "")
    reviewer.wait_for_url(re.compile("/rules/proposals$"), timeout=60_000)
    decided = bank.send(amount_fen=fen)
    assert decided["outcome"] == "block" and name in [each["id"] for each in decided["reasons"]]
    reviewer.goto(f"/rules/rule/{name}")
    assert bank.staff["reviewer"].login in reviewer.content()

    operator = person("operator", language)
    operator.goto("/rules/history")
    operator.locator("[data-open=rc-rollback]").click()
    operator.locator("#rc-rollback textarea").fill("too many")
    operator.locator("#rc-rollback button.danger").click(no_wait_after=True)
    operator.wait_for_selector("#rc-toasts p", timeout=60_000)
    assert bank.send(amount_fen=fen)["outcome"] != "block"


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_and_rows_follow_each_other_and_faults_stand_where_they_are(language: str, person: Any) -> None:
    page = person("analyst", language)
    page.goto("/rules/editor?rule=large_to_new_payee")
    when = page.locator("#rc-when")
    when.fill("payer_is_nwe_payee_30d and amount_fen >= 50_000 yuan")
    page.wait_for_selector("#rc-when-box .bad")
    assert page.locator("#rc-when-box .bad").inner_text() == "payer_is_nwe_payee_30d"
    assert page.locator("#rc-propose-box button").is_disabled()
    page.locator("#rc-when-faults button", has_text="payer_is_new_payee_30d").click()
    checked(page)
    assert when.input_value().startswith("payer_is_new_payee_30d")

    page.locator("[id='r.1.value']").fill("60,000")
    page.wait_for_selector("#rc-when-box pre:has-text('60_000')")
    page.locator("[id='r.add']").click()
    added = page.locator("[id='r.2.field']")
    added.wait_for()
    assert added.evaluate("each => each === document.activeElement"), "one can go on typing"
    added.fill("channel")
    added.press("Tab")
    page.locator("select[id='r.2.op'] option[value=in]").wait_for(state="attached")
    page.locator("[id='r.2.op']").select_option("in")
    page.locator("input[name='r.2.values'][value=mobile]").check(force=True)
    page.wait_for_selector("#rc-when-box pre:has-text('channel in')")
    page.locator("button[value='group:r']").click()
    page.locator("[id='r.3.0.field']").fill("hour")
    page.locator("[id='r.3.0.field']").press("Tab")
    page.locator("[id='r.3.0.value']").fill("5")
    page.wait_for_selector("#rc-when-box pre:has-text('hour >= 5')")
    page.locator("button[value='remove:r.3']").click()
    page.wait_for_selector("[id='r.3.form']", state="detached")
    checked(page)
    assert when.input_value() == ('payer_is_new_payee_30d and amount_fen >= 60_000 yuan and channel in ("mobile")'), (
        "both say the same"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_rejected_draft_comes_back_with_why(language: str, person: Any) -> None:
    analyst = person("analyst", language)
    write(analyst, f"rejected_{language}", "amount_fen == 1 fen", "notice")
    address = propose(analyst, "to see")
    reviewer = person("reviewer", language)
    decide(reviewer, address, "reject", f"not tested {language}")
    reviewer.wait_for_url(re.compile("/rules/proposals$"))
    analyst.goto("/rules/proposals")
    assert f"not tested {language}" in analyst.content()


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_may_not_decide_is_told_and_a_switch_needs_two(language: str, person: Any, bank: Bank) -> None:
    analyst = person("analyst", language)
    analyst.goto("/rules/rule/drained_in_a_day")
    analyst.locator("[data-open=rc-rollout]").click()
    analyst.locator("#rc-rollout input[name=percent]").fill("12.5")
    analyst.locator("#rc-rollout textarea").fill("a careful start")
    analyst.locator("#rc-rollout button.primary").click()
    analyst.wait_for_url(re.compile("/rules/proposals/[0-9a-f]{16}$"))
    assert "12.5" in analyst.locator(".rc-facts").first.inner_text()
    address = analyst.url
    auditor = person("auditor", language)
    auditor.goto(address)
    assert auditor.locator("button[name=verdict]").count() == 0
    reviewer = person("reviewer", language)
    decide(reviewer, address, "approve", "")
    reviewer.wait_for_url(re.compile("/rules/proposals$"))
    reviewer.goto("/rules?state=partial")
    assert "drained_in_a_day" in reviewer.locator(".rc-rules").inner_text()

    operator = person("operator", language)
    operator.goto("/rules/rule/drained_in_a_day")
    operator.locator("[data-open=rc-pause]").click()
    operator.locator("#rc-pause textarea").fill("it does harm")
    operator.locator("#rc-pause form button:not([type=button])").click()
    operator.wait_for_selector("#rc-toasts p")
    operator.goto("/rules/rule/drained_in_a_day")
    operator.locator("[data-open=rc-pause]").click()
    operator.locator("#rc-pause textarea").fill("mended")
    operator.locator("#rc-pause form button:not([type=button])").click()
    operator.wait_for_selector("#rc-toasts p")


def test_the_editor_by_keyboard_alone(person: Any) -> None:
    page = person("analyst", "en")
    page.goto("/rules/editor?rule=large_to_new_payee")
    page.locator("#rc-when").focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(" and payer_count_1", delay=15)
    page.wait_for_selector("#rc-suggest li[aria-selected=true]")
    page.keyboard.press("ArrowDown")
    chosen = page.locator("#rc-suggest li[aria-selected=true] b").inner_text()
    page.keyboard.press("Enter")
    page.keyboard.type(" >= 3")
    checked(page)
    assert page.locator("#rc-when").input_value().endswith(f"and {chosen} >= 3")
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("() => document.activeElement.matches('[data-open=rc-propose]')"):
            break
    else:
        page.locator("[data-open=rc-propose]").focus()
    page.keyboard.press("Enter")
    assert page.locator("#rc-propose").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#rc-propose").is_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_rules_has_no_violation(language: str, person: Any) -> None:
    page = person("analyst", language, size=(1280, 720))
    for path in ("", "/editor", "/rule/large_to_new_payee", "/proposals", "/history", "/switches", "/treatment",
                 "/overrides", "/packs"):  # fmt: skip
        page.goto(f"/rules{path}")
        assert not person.axe(page), path
