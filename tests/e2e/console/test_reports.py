"""Reports and redress, in a real browser: from a draft to the authority, from a complaint to its answer."""

from __future__ import annotations

import io
import re
import time
import zipfile
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.reports import needs_chinese_font

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.fakes.console_bank import Bank

BOTH = pytest.mark.parametrize("language", ["zh", "en"])
IDENTITY = {"identity.name": "张三丰", "identity.document.number": "11010519491231002X"}
SUBJECT = IDENTITY | {
    "customer": "C0000017",
    "occupation": "4010100",
    "nationalities": "CHN",
    "phones": "13900000000",
    "addresses": "乌鲁木齐市天山区示例路1号",
}
"""Of nobody; what a draft lacks."""


def fill(page: Page, part: str, values: dict[str, str], choices: dict[str, str]) -> None:
    """Fill one part of a report in and save it."""
    page.goto(re.sub(r"\?.*", "", page.url) + f"?part={part}")
    for name, value in values.items():
        page.fill(f'[name="{part}.{name}"]', value)
    for name, value in choices.items():
        page.select_option(f'[name="{part}.{name}"]', value)
    page.locator("#rp-form button.primary").click()
    page.wait_for_selector(".rc-toast")


def act(page: Page, name: str) -> None:
    """Send the form of an act."""
    page.locator(f"form[action$='/acts/{name}'] button").last.click()
    page.wait_for_selector(".rc-toast")


@needs_chinese_font
@BOTH
def test_a_report_goes_from_a_case_to_the_authority(language: str, person: Any, bank: Bank) -> None:
    page = person("investigator", language)
    person.expect("422")
    page.goto("/reports/suspicious")
    page.fill("input[name=case]", bank.cases["planted-0" if language == "zh" else "planted-1"])
    page.locator("form:has(input[name=case]) button.primary").click()
    page.wait_for_url(re.compile("/reports/suspicious/STR-"))
    number = page.url.rsplit("/", 1)[1].split("?")[0]
    assert page.locator(".rp-faults li").count() > 5
    page.locator("form[action$='/acts/submit'] button").click()
    assert page.locator(".rc-error").is_visible(), "a report with faults is not submitted"
    page.goto(f"/reports/suspicious/{number}?part=subjects[0]")
    wrong = page.locator(".rc-field.wrong").first
    assert wrong.locator(".rc-wrong").is_visible(), "a fault stands at its field"
    assert not person.axe(page)
    kind = {"identity.document.kind": "110001"}
    fill(page, "subjects[0]", SUBJECT, kind)
    fill(page, "transactions[0]", IDENTITY | {"customer": "C0000017"}, kind | {"account.kind": "11"})
    assert page.locator(".rp-faults li").count() == 0, page.inner_text(".rp-faults")
    shown = page.content()
    assert IDENTITY["identity.name"] not in shown and IDENTITY["identity.document.number"] not in shown
    act(page, "submit")
    assert page.locator("form[action$='/acts/approve']").count() == 0, "nobody approves the own report"
    second = person("reviewer", language)
    second.goto(f"/reports/suspicious/{number}")
    act(second, "approve")
    page.goto(f"/reports/suspicious/{number}")
    act(page, "export")
    page.click("button[data-open=rp-package]")
    page.fill("#rp-package input[name=reason]", "to send it")
    with page.expect_download() as download:
        page.click("#rp-package button.primary")
    archive = zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes()))
    assert {name.rpartition(".")[2] for name in archive.namelist()} >= {"xml", "pdf"}
    page.goto(f"/reports/suspicious/{number}")
    page.fill("input[name=message]", "BSTR-0001")
    act(page, "sent")
    page.set_input_files("input[name=file]", {"name": "ok.xml", "mimeType": "text/xml", "buffer": b"<ok/>"})
    page.locator("form[action$=receipt] button").click()
    page.wait_for_selector(".rc-toast")
    assert {"zh": "已接收", "en": "Received"}[language] in page.inner_text(".rc-head")


@BOTH
def test_a_complaint_is_taken_answered_and_closed(language: str, person: Any) -> None:
    page = person("investigator", language)
    page.goto("/redress/complaints")
    page.click(".rc-head a.primary")
    secret = f"13800{time.time_ns() % 10**6:06d}"
    for name, value in {"kind": "complaint", "channel": "hotline", "category": "service"}.items():
        page.select_option(f"select[name={name}]", value)
    page.fill("textarea[name=text]", "waited for an hour")
    page.fill("input[name=contact]", secret)
    page.click("form.rd-new button.primary")
    page.wait_for_url(re.compile("/redress/complaints/C-"))
    tracking = page.inner_text("h1")
    assert tracking in page.inner_text(".rc-toast"), "the complainant is told the id"
    assert secret not in page.content()
    steps: tuple[tuple[str, dict[str, str], dict[str, str]], ...] = (
        ("assign", {}, {}),
        ("understand", {"text": "a long queue"}, {}),
        ("find_cause", {"text": "too few people"}, {"cause": "process"}),
        ("settle", {"text": "more people"}, {}),
        ("answer", {"text": "called back"}, {"channel": "phone"}),
        ("close", {}, {}),
    )
    for tag, texts, choices in steps:
        page.locator(f"details:has(form[action$='/{tag}']) summary").focus()
        page.keyboard.press("Enter")
        form = page.locator(f"form[action$='/events/{tag}']")
        for name, value in texts.items():
            form.locator(f"[name={name}]").fill(value)
        for name, value in choices.items():
            form.locator(f"[name={name}]").select_option(value)
        form.locator("button.primary").click()
        page.wait_for_selector(".rc-toast")
    assert {"zh": "已办结", "en": "Closed"}[language] in page.inner_text(".rc-head")
    assert page.locator(".rd-steps li.done").count() == 7
    page.click("button[data-open=rd-reveal]")
    page.fill("#rd-reveal input[name=reason]", "to call back")
    page.click("#rd-reveal button.primary")
    page.wait_for_selector(f"text={secret}")
    assert "waited for an hour" in page.content()


@BOTH
def test_liability_is_decided_by_two_persons_and_paid(language: str, person: Any) -> None:
    page, second = person("investigator", language), person("reviewer", language)
    page.goto("/redress/losses/new")
    page.fill("input[name=amount_fen]", "12,345.60")
    page.fill("textarea[name=text]", "cheated")
    page.fill("input[name=customer]", "C-000777")
    page.click("form.rd-new button.primary")
    page.wait_for_url(re.compile("LOSS-"))
    form = page.locator("form[action$='/events/decide_liability']")
    page.locator("details:has(form[action$='/decide_liability']) summary").click()
    form.locator("input[value=model]").check()
    form.locator("input[name=customer_share_bp]").fill("a fifth")
    form.locator("textarea[name=text]").fill("missed")
    person.expect("422")
    form.locator("button.primary").click()
    assert page.locator("form[action$='/events/decide_liability'] .rc-wrong").is_visible()
    form.locator("input[name=customer_share_bp]").fill("0")
    form.locator("button.primary").click()
    page.wait_for_selector(".rd-second")
    assert page.locator("form[action$='/events/approve']").count() == 0, "nobody approves the own wish"
    second.goto(page.url)
    second.locator("form[action$='/events/approve'] button").click()
    second.wait_for_selector(".rc-toast")
    assert "12,345.60" in second.inner_text(".rd-facts >> nth=0")
    assert second.locator("form[action$='/events/pay']").count() == 1


@pytest.mark.parametrize("language", ["zh", pytest.param("en", marks=pytest.mark.slow)])
def test_pages_of_reports_and_redress_have_their_figures(language: str, person: Any) -> None:
    page = person("reviewer", language, (1280, 720))
    for path in (
        "/redress/statistics",
        "/redress/notice",
        "/redress/losses",
        "/redress/authority-requests",
        "/reports/risk",
    ):
        page.goto(path)
        assert page.locator("h1").count() == 1
        assert not person.axe(page), path
    page.goto("/redress/notice")
    told = {"zh": "7 个工作日内", "en": "within 7 working days"}[language]
    assert told in page.inner_text("main")


@needs_chinese_font
def test_a_risk_report_is_made_shown_with_its_charts_and_downloaded(person: Any) -> None:
    """Of today: the planted transfers are in it."""
    page = person("investigator")
    page.goto("/reports/risk")
    today = datetime.now(timezone(timedelta(hours=8))).strftime("%Y-%m-%d")
    page.select_option("select[name=kind]", "on-demand")
    page.fill("input[name=from_day]", today)
    page.fill("input[name=to_day]", today)
    page.set_default_timeout(90_000)  # the PDF is typeset meanwhile
    page.locator("form:has(select[name=kind]) button.primary").click()
    page.wait_for_url(re.compile("/reports/risk/on-demand"))
    page.wait_for_selector("#rp-scenarios[data-drawn]")
    assert not person.axe(page)
    with page.expect_download() as download:
        page.locator("a[download]", has_text="PDF").click()
    assert download.value.path().read_bytes().startswith(b"%PDF")
