"""The trail searched, a decision traced, the chain examined, an export that waits for another person; service levels."""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.console.conftest import LANGUAGES, People
from tests.fakes.console_bank import Bank

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

OURS_MS = 15_000
BOTH = pytest.mark.parametrize("language", LANGUAGES)


@BOTH
def test_the_trail_is_searched(person: People, language: str) -> None:
    """By filters that stand in the address; an entry leads to its place on the chain."""
    page = person("auditor", language)
    page.goto("/log?act=sign_in")
    rows = page.locator(".rc-log tbody tr")
    rows.first.wait_for()
    form = page.locator("form.rc-filters")
    assert form.locator("input[name=act]").input_value() == "sign_in"
    form.locator("input[name=who]").fill("nobody-of-that-name")
    form.locator("button").click()
    page.wait_for_selector(".rc-empty")
    assert "who=nobody-of-that-name" in page.url
    page.goto("/log?act=sign_in&result=done")
    rows.first.locator("a").first.click()
    page.wait_for_url(re.compile(r"/log/entries/\d+"))
    assert re.search(r"[0-9a-f]{64}", page.locator("main").inner_text())


def test_a_filter_that_reads_like_personal_data_stays_out_of_the_address(person: People) -> None:
    page = person("auditor")
    page.goto("/log")
    page.locator("form.rc-filters input[name=who]").fill("13812345678")
    page.locator("form.rc-filters button").click()
    page.wait_for_selector(".rc-hint:visible")
    assert "138" not in page.url


def test_a_decision_is_traced(person: People, bank: Bank) -> None:
    """From its page, through journal and model; what is not known is named: this model came with the settings."""
    sent = bank.send(amount_fen=7_000_000)
    page = person("auditor", "en")
    page.goto(f"/decisions/core/{sent['event_id']}")
    page.locator("a[href*='/log/traces']").click()
    assert page.locator("input[name=event]").input_value() == sent["event_id"]
    page.locator("main form button").click()
    page.wait_for_url(re.compile(r"/log/traces/[0-9a-f]+"))
    page.wait_for_selector("#trace .rc-verdict", timeout=120_000)
    wrong = page.locator(".rc-trace li.wrong").all_inner_texts()
    assert all("no run and no training set" in each for each in wrong), wrong
    assert page.locator(".rc-trace li.journal").count() >= 2
    assert sent["versions"]["ruleset"] in page.locator(".rc-trace").inner_text()


def test_the_chain_is_examined(person: People) -> None:
    page = person("auditor")
    page.goto("/log/chain")
    page.locator("form[action$='/log/chain'] button").click()
    page.wait_for_selector("#chain .rc-verdict.good", timeout=60_000)


def asked(page: Page, last: int, reason: str) -> Locator:
    """An export that was asked for on the page, as the page shows it."""
    page.goto("/log/exports")
    page.fill("input[name=first]", "1")
    page.fill("input[name=last]", str(last))
    page.fill("input[name=reason]", reason)
    page.locator("form[action$='/log/exports'] button").click()
    page.wait_for_selector(".rc-toast")
    return page.locator(".rc-export", has_text=reason)


@BOTH
def test_an_export_is_asked_by_one_auditor_approved_by_another_and_fetched(person: People, language: str) -> None:
    """Who asked sees no buttons of who decides; approved, the lines are those of the trail, and their digest is on the page."""
    reason = f"№ {time.time_ns()}"  # in no language: what looks come by stays as somebody typed it
    page, second = person("auditor", language), person("auditor2", language)
    export = asked(page, 5, reason)
    assert export.locator(".rc-steps .waiting").count() == 1 and export.locator(".rc-decide").count() == 0
    second.goto("/log/exports")
    waiting = second.locator(".rc-export", has_text=reason)
    assert not person.axe(second)
    waiting.locator("button[value=approve]").click()
    second.wait_for_selector(".rc-toast")
    assert waiting.locator(".rc-decide").count() == 0 and waiting.locator(".rc-steps .waiting").count() == 0
    page.goto("/log/exports")
    with page.expect_download() as download:
        export.locator("a[download]").click()
    content = download.value.path().read_bytes()
    lines = [json.loads(line) for line in content.decode().splitlines()]
    assert [line["event.sequence"] for line in lines] == [1, 2, 3, 4, 5]
    assert hashlib.sha256(content).hexdigest() in export.inner_text()
    second.goto("/log?act=decide_on_audit_export")
    second.wait_for_selector(".rc-log tbody tr")


@BOTH
def test_an_export_that_is_rejected_says_why_and_is_not_to_be_had(person: People, language: str) -> None:
    reason, why = f"№ {time.time_ns()}", "№ → №?"
    page, second = person("auditor", language), person("auditor2", language)
    export = asked(page, 9, reason)
    second.goto("/log/exports")
    second.locator(".rc-export", has_text=reason).locator("input[name=note]").fill(why)
    second.locator(".rc-export", has_text=reason).locator("button[value=reject]").click()
    second.wait_for_selector(".rc-toast")
    page.goto("/log/exports")
    assert why in export.inner_text() and export.locator("a[download]").count() == 0


@BOTH
def test_levels_say_what_is_measured_and_what_is_not(person: People, language: str) -> None:
    page = person("operator", language)
    page.goto("/levels")
    assert page.locator(".rc-process").count() == 3
    assert page.locator(".rc-process.ok").count() == 3
    assert page.locator(".rc-unmeasured li").count() >= 3
