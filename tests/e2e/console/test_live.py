"""Decisions watched as they arrive, one looked at and made again, search, a lost connection, an ended session."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.e2e.console.conftest import LANGUAGES, People
from tests.fakes.console_bank import Bank

if TYPE_CHECKING:
    from playwright.sync_api import Page

OURS_MS = 15_000
BOTH = pytest.mark.parametrize("language", LANGUAGES)


def row_of(page: Page, event_id: str) -> str:
    """A selector of the feed's row about an event."""
    return f"#live-rows tr:has(a:text-is('{event_id}'))"


def watching(page: Page) -> None:
    """On the live page, with its stream open and its charts drawn."""
    page.goto("/live")
    page.wait_for_selector("#live-trend[data-drawn]")
    page.wait_for_selector("#live-badge[data-state=live]")


@BOTH
def test_decisions_arrive_and_the_feed_pauses(person: People, bank: Bank, language: str) -> None:
    """A new decision is there within seconds; while the feed is paused it waits, and is counted."""
    page = person("analyst", language)
    watching(page)
    first = bank.send()["event_id"]
    page.wait_for_selector(row_of(page, first), timeout=OURS_MS)
    pause = page.locator("#live-pause")
    pause.focus()
    page.keyboard.press("Enter")
    assert pause.get_attribute("aria-pressed") == "true"
    second = bank.send()["event_id"]
    page.locator("#live-waiting").wait_for(timeout=OURS_MS)
    assert page.locator(row_of(page, second)).count() == 0
    page.keyboard.press("Enter")
    page.wait_for_selector(row_of(page, second), timeout=OURS_MS)
    assert pause.get_attribute("aria-pressed") == "false"


def axis_of(page: Page) -> list[str]:
    """What stands on the trend's axis of time."""
    drawn = page.evaluate(
        "() => echarts.getInstanceByDom(document.getElementById('live-trend')).getOption().xAxis[0].data"
    )
    return [str(each) for each in drawn]


def written(page: Page, zone: str, form: str) -> set[str]:
    """The instants that the page began with, as they are written in a zone."""
    begun = json.loads(page.get_attribute("#live", "data-begun") or "")
    return {f"{datetime.fromtimestamp(at / 1000, ZoneInfo(zone)):{form}}" for at in begun["trend"]["at_ms"]}


@BOTH
def test_the_trend_is_written_in_the_zone_of_the_feed(person: People, bank: Bank, language: str) -> None:
    """The person's own, China's to begin with; the browser's, twelve hours and more away, is of no account."""
    page = person("analyst", language, zone="America/New_York")
    for zone in ("Asia/Shanghai", "Europe/Berlin"):
        page.goto("/account")
        page.select_option("select[name=zone]", zone)
        page.locator("form[action$='/account/zone'] button").click()
        page.wait_for_url(re.compile("/account$"))
        for window, form in (("1h", "%H:%M"), ("24h", "%m-%d %H:%M")):
            page.goto(f"/live?window={window}")
            page.wait_for_selector("#live-trend[data-drawn]")
            # The stream may have brought one step more since the page was made.
            assert axis_of(page)[1] in written(page, zone, form)
        watching(page)
        sent = bank.send()["event_id"]
        before = datetime.now(ZoneInfo(zone))
        page.wait_for_selector(row_of(page, sent), timeout=OURS_MS)
        shown = page.locator(row_of(page, sent) + " [data-cell=at]").inner_text()
        hours = {f"{before:%H}", f"{datetime.now(ZoneInfo(zone)):%H}"}
        assert re.fullmatch(r"\d\d:\d\d:\d\d", shown) and shown[:2] in hours


def test_a_feed_is_filtered_and_says_when_nothing_fits(person: People, bank: Bank) -> None:
    """By outcome, in the address; what does not fit does not come."""
    page = person("analyst")
    watching(page)
    page.select_option("select[name=channel]", "atm")
    page.wait_for_url(re.compile(r"channel=atm"))
    page.wait_for_selector("#live-badge[data-state=live]")
    mobile = bank.send(channel="mobile")["event_id"]
    atm = bank.send(channel="atm")["event_id"]
    page.wait_for_selector(row_of(page, atm), timeout=OURS_MS)
    assert page.locator(row_of(page, mobile)).count() == 0
    page.goto("/live?outcome=block&channel=counter")
    page.wait_for_selector("#live-empty:visible")


@BOTH
def test_a_decision_is_looked_at_and_made_again(person: People, bank: Bank, language: str) -> None:
    """Masked, with its reasons and versions; computed once more, every bit of it is the same."""
    page = person("investigator", language)
    sent = bank.send(amount_fen=6_000_000, customer="440106197809013344", account="6222020200567812345")
    watching(page)
    page.wait_for_selector(row_of(page, sent["event_id"]), timeout=OURS_MS)
    page.locator(row_of(page, sent["event_id"]) + " a").click()
    page.wait_for_url(re.compile("/decisions/core/"))
    text = page.locator("main").inner_text()
    assert "440106197809013344" not in text and "6222020200567812345" not in text
    assert "****3344" in text and "****2345" in text
    assert sent["versions"]["ruleset"] in text
    page.locator("form[action$=':rebuild'] button").click()
    page.wait_for_selector("#rebuild .rc-verdict.good", timeout=60_000)


def test_a_lost_connection_is_said_and_recovers(person: People, bank: Bank) -> None:
    """The strip shows while nothing answers, what was known stays, and it goes on by itself."""
    page = person("analyst")
    watching(page)
    shown = bank.send()["event_id"]
    page.wait_for_selector(row_of(page, shown), timeout=OURS_MS)
    person.expect("Failed to load resource", "ERR_", "network error", "Failed to fetch")
    bank.stop("console")
    page.wait_for_selector("#live-lost:visible", timeout=OURS_MS)
    assert page.locator(row_of(page, shown)).count() == 1
    bank.start("console")
    page.wait_for_selector("#live-lost", state="hidden", timeout=30_000)
    later = bank.send()["event_id"]
    page.wait_for_selector(row_of(page, later), timeout=OURS_MS)


def test_a_session_that_is_ended_sees_no_more(person: People, bank: Bank) -> None:
    """Its stream is closed, and the page leads to signing in."""
    page = person("analyst")
    watching(page)
    token = next(each["value"] for each in page.context.cookies() if each["name"] == "__Host-tarim")
    agent = page.evaluate("() => navigator.userAgent")
    ended = httpx.post(
        bank.url_of("desk") + "/v1/account:sign-out",
        headers={"Authorization": f"Bearer {token}", "User-Agent": agent, "X-Forwarded-For": "127.0.0.1"},
        json={},
    )
    assert ended.status_code == 200, ended.text
    person.expect("Failed to load resource")
    page.wait_for_url(re.compile("/sign-in"), timeout=30_000)


@BOTH
def test_search_from_anywhere_by_keyboard(person: People, bank: Bank, language: str) -> None:
    """`/` leads to it, arrows choose a page; sent, it finds a decision by its id."""
    page = person("analyst", language)
    page.goto("/lists")
    page.keyboard.press("/")
    page.keyboard.type("live feed" if language == "en" else "大盘")
    page.wait_for_selector("#rc-suggested [role=option]", timeout=OURS_MS)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/live$"))
    sent = bank.send()["event_id"]
    page.keyboard.press("/")
    page.keyboard.type(sent)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/search"))
    page.locator(".rc-hits a", has_text=sent).first.wait_for()


def test_what_reads_like_personal_data_is_in_no_address(person: People, bank: Bank) -> None:
    """It is looked for all the same, and an address that holds it is not."""
    page = person("investigator")
    card = "6222029000000000017"
    bank.send(account=card)
    page.goto("/live")
    page.fill("[data-search]", card)
    page.keyboard.press("Enter")
    page.locator(".rc-hits a").first.wait_for()
    assert card not in page.url and card not in page.locator("main").inner_text()
    page.goto(f"/search?q={card}")
    assert page.locator(".rc-note.warn").count() == 1 and page.locator(".rc-hits a").count() == 0


def test_the_bell_leads_to_what_waits(person: People) -> None:
    """A number on it, and a line for each kind of work."""
    page = person("reviewer")
    page.wait_for_selector("#rc-bell .rc-badge", timeout=OURS_MS)
    page.locator(".rc-bell").click()
    page.wait_for_url(re.compile("/notices"))
    assert page.locator(".rc-notices a").count() > 0


def test_who_may_not_decide_on_a_held_payment_is_told_so(person: People, bank: Bank) -> None:
    """The treatment in force names who releases; the service refuses others, and the page says why with the reason kept."""
    sent = bank.send(amount_fen=6_000_000, customer="C-held", account="6222029000000000777")
    assert sent["hold"], sent["outcome"]
    page = person("investigator")
    person.expect("403")
    page.goto(f"/decisions/core/{sent['event_id']}")
    page.fill("form[action$=':hold'] input[name=reason]", "已电话核实")
    page.locator("form[action$=':hold'] button[value=release]").click()
    page.wait_for_selector("main .rc-error")
    assert page.input_value("form[action$=':hold'] input[name=reason]") == "已电话核实"
