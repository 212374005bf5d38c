"""A customer's personal data are deleted: asked for, refused to whoever asked, agreed to by another, and gone (RM-13)."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from tarim.base.errors import Unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.fakes.console_bank import Bank

BOTH = pytest.mark.parametrize("language", ["zh", "en"])
LONG_AGO = "2001-01-01T00:00"
SAID = "№ 31415"
GONE_S_MAX = 60.0


def asked(page: Page, customer: str) -> str:
    """A data officer asks for a customer's deletion; its id."""
    page.goto("/redress/erasures/new")
    page.select_option("select[name=basis]", "period-over")
    page.fill("textarea[name=text]", SAID)
    page.fill("input[name=ended_ms]", LONG_AGO)
    page.fill("input[name=customer]", customer)
    page.locator("form.rd-new button.primary").click()
    page.wait_for_url(re.compile("/redress/erasures/ERASE-"))
    assert customer not in page.content(), "the customer's identifier stands on no page"
    return page.inner_text("h1")


def proposed(page: Page) -> None:
    """Deleting is asked for, with what was checked."""
    page.locator("details:has(form[action$='/events/erase']) summary").click()
    form = page.locator("form[action$='/events/erase']")
    form.locator("[name=text]").fill(SAID)
    form.locator("button.primary").click()


@BOTH
def test_a_customer_is_deleted_by_two_persons(language: str, person: Any, bank: Bank) -> None:
    officer, reviewer = person("data_officer", language), person("reviewer", language)
    made = asked(officer, f"C-GONE-{time.time_ns()}")
    assert not person.axe(officer)
    officer.click("button[data-open=rd-reveal]")
    officer.fill("#rd-reveal input[name=reason]", SAID)
    officer.click("#rd-reveal button.primary")
    officer.wait_for_selector(f".rd-facts >> text='{SAID}'")
    officer.goto(f"/redress/erasures/{made}")
    proposed(officer)
    officer.wait_for_selector(".rd-second")
    assert officer.locator("form[action$='/events/approve']").count() == 0, "nobody agrees to the own wish"
    digest = bank.desk("data_officer", "GET", f"/v1/erasures/{made}")["digest"]
    with pytest.raises(Unavailable, match="403"):  # nor past the page
        bank.desk("data_officer", "POST", f"/v1/erasures/{made}/events", {"event": "approve", "digest": digest})

    reviewer.goto(f"/redress/erasures/{made}")
    reviewer.locator("form[action$='/events/approve'] button").click()
    reviewer.wait_for_selector(".rc-toast")
    chip = {"zh": "已删除", "en": "Erased"}[language]
    end = time.monotonic() + GONE_S_MAX
    while chip not in officer.inner_text(".rc-head"):
        assert time.monotonic() < end, "the deletion is not carried out"
        officer.wait_for_timeout(500)
        officer.goto(f"/redress/erasures/{made}")
    facts = officer.inner_text("main")
    assert bank.staff["data_officer"].login in facts and bank.staff["reviewer"].login in facts
    assert officer.locator(".rd-steps li").count() == officer.locator(".rd-steps li.done").count() == 4
    officer.click("button[data-open=rd-reveal]")
    officer.fill("#rd-reveal input[name=reason]", SAID)
    officer.click("#rd-reveal button.primary")
    officer.wait_for_load_state()
    assert SAID not in officer.inner_text(".rd-facts >> nth=0"), "what was written about the customer is gone too"
    assert not person.axe(officer)


@BOTH
def test_what_has_to_be_kept_is_not_deleted(language: str, person: Any, bank: Bank) -> None:
    """A customer of this very day, whose time for keeping is not over."""
    officer = person("data_officer", language)
    person.expect("status of 422")
    customer = f"C-KEPT-{time.time_ns()}"
    bank.send(customer=customer)
    made = asked(officer, customer)
    proposed(officer)
    told = officer.locator("details:has(form[action$='/events/erase']) .rc-error")
    told.wait_for()
    assert {"zh": "保存期", "en": "have to be kept"}[language] in told.inner_text()
    assert officer.locator("form[action$='/events/erase'] [name=text]").input_value() == SAID, "nothing typed is lost"
    assert bank.desk("data_officer", "GET", f"/v1/erasures/{made}")["state"] == "requested"

    officer.locator("details:has(form[action$='/events/turn_down']) summary").click()
    form = officer.locator("form[action$='/events/turn_down']")
    form.locator("[name=text]").fill(SAID)
    form.locator("button.primary").click()
    officer.wait_for_selector(".rc-toast")
    assert {"zh": "不予删除", "en": "Turned down"}[language] in officer.inner_text(".rc-head")
