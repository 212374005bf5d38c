"""Nothing typed is lost: an act that waits for a proof is done after it, and a report that others changed keeps its typing."""

from __future__ import annotations

import re
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.fakes.console_bank import Bank

BOTH = pytest.mark.parametrize("language", ["zh", "en"])
CONFLICT = {"zh": "他人已保存", "en": "Saved by somebody else"}
KEPT = {"zh": "无需重新填写", "en": "nothing has to be typed again"}


def letters() -> str:
    """Letters that no other run has; numbers are masked on the trail."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(time.time_ns()))


def outdate(bank: Bank, role: str) -> None:
    """Let everybody's proofs of who has the role be of long ago."""
    with sqlite3.connect(bank.data / "identity.db", timeout=30) as connection:
        connection.execute(
            "update identity_sessions set authenticated_ms = 1 where ended_ms = 0 and user ="
            " (select id from identity_users where login = ?)",
            (bank.staff[role].login,),
        )


def prove(page: Page, bank: Bank, role: str) -> None:
    """Fill in what asks who one is."""
    page.fill("input[name=password]", bank.staff[role].password)
    page.fill("input[name=code]", bank.code(role))
    page.locator("form[action$='/account/prove'] button.primary").click()


@BOTH
def test_a_case_is_shown_in_full_after_a_proof_without_asking_again(language: str, person: Any, bank: Bank) -> None:
    """The reason goes along in the page, in no address; another tab's form still holds after the session was renewed."""
    page, case = person("investigator", language), bank.cases["planted-2"]
    other = page.context.new_page()
    other.goto(f"/cases/{case}")
    page.goto(f"/cases/{case}")
    outdate(bank, "investigator")
    reason = f"to call the customer back {letters()}"
    page.locator("#case-personal summary").click()
    page.locator("#case-personal textarea").fill(reason)
    page.locator("#case-personal form[action$='/reveal'] button").click()
    page.wait_for_selector("form[action$='/account/prove']")
    assert KEPT[language] in page.inner_text("main")
    assert reason not in page.url and not person.axe(page)
    prove(page, bank, "investigator")
    page.wait_for_selector(".rc-watermark")
    assert bank.planted[2].name in page.inner_text("#case-personal")
    assert page.url.endswith(f"/cases/{case}"), "and the address is that of the case"
    page.goto(f"/cases/{case}")
    page.locator("details").evaluate_all("(all) => all.forEach((each) => { each.open = true; })")
    assert page.get_by_text(reason).count() == 1, (
        "the case's history has it once, with the reason that was typed before"
    )
    other.locator("details:has(form[action$='/note']) summary, form[action$='/note'] textarea").first.wait_for()
    note = f"typed before the session was renewed {letters()}"
    other.evaluate("() => document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    other.locator("form[action$='/note'] textarea").first.fill(note)
    other.locator("form[action$='/note'] button").first.click()
    other.get_by_text(note).first.wait_for()


@BOTH
def test_what_was_filled_in_stands_when_a_colleague_saved_the_report_first(
    language: str, person: Any, bank: Bank
) -> None:
    body = {"case": bank.cases["planted-2"], "customer": ""}
    number = bank.desk("investigator", "POST", "/v1/suspicious-reports", body)["number"]
    page = person("investigator", language)
    person.expect("422")
    colleague = page.context.new_page()
    for each in (page, colleague):
        each.goto(f"/reports/suspicious/{number}?part=subjects[0]")
    name, phone, place = (f'[name="subjects[0].{each}"]' for each in ("identity.name", "phones", "addresses"))
    colleague.fill(phone, "13911112222")
    colleague.fill(place, "乌鲁木齐市新华路2号")
    colleague.locator("#rp-form button.primary").click()
    colleague.wait_for_selector(".rc-toast")
    page.fill(name, "李四光")
    page.fill(phone, "13933334444")
    page.locator("#rp-form button.primary").click()
    page.wait_for_selector(".rp-now")
    assert page.input_value(name) == "李四光" and page.input_value(phone) == "13933334444"
    assert page.input_value(place) == "", "a field never touched shows what is there now, masked beside it"
    assert page.locator(".rp-now").count() == 1 and CONFLICT[language] in page.inner_text(".rp-now")
    assert not person.axe(page)
    page.locator("#rp-form button.primary").click()
    page.wait_for_url(re.compile(r"part=subjects"))
    page.wait_for_selector(".rc-toast")
    shown = bank.desk("investigator", "GET", f"/v1/suspicious-reports/{number}")["content"]["subjects"][0]
    assert shown["addresses"] and shown["addresses"] != [""], "the colleague's address was not undone"
    assert shown["phones"][0].endswith("4444") and shown["identity"]["name"]
    filing = bank.desk("investigator", "GET", f"/v1/suspicious-reports/{number}")["filing"]
    discard = {"version": filing["version"], "reason": "made by a test"}
    bank.desk("reviewer", "POST", f"/v1/suspicious-reports/{number}/discard", discard)
