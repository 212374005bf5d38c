"""Filters under a name: kept, lit, the page's default, and away again; on every page that has them."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.console.conftest import LANGUAGES, People

if TYPE_CHECKING:
    from playwright.sync_api import Page

BOTH = pytest.mark.parametrize("language", LANGUAGES)


def a_name() -> str:
    """One that no view has, also in a bank that goes on running."""
    return "view " + "".join(chr(ord("a") + int(digit)) for digit in str(time.time_ns() // 1_000 % 10**9))


def keep(page: Page, name: str, *, default: bool = False) -> None:
    """Keep the filters of this page under a name."""
    page.locator("[data-popover] summary").click()
    page.fill(".rc-popover input[name=name] >> nth=0", name)
    if default:
        page.check(".rc-popover input[name=default]")
    page.locator(".rc-popover button.primary").click()
    page.locator(".rc-saved-view[aria-current]", has_text=name).wait_for()


def change(page: Page, name: str, act: str) -> None:
    """One act on a view."""
    page.locator("[data-popover] summary").click()
    row = page.locator(".rc-saved-list li").filter(has=page.locator(f"input[value='{name}']"))
    row.locator(f"button[value={act}]").click()
    chip = page.locator(".rc-saved-view", has_text=name)
    if act == "forget":
        chip.wait_for(state="detached")
    else:
        chip.locator("svg[role=img]").wait_for()
    page.wait_for_load_state("load")


@BOTH
def test_a_view_of_the_queue_is_kept_lit_opened_by_default_and_deleted(person: People, language: str) -> None:
    name = a_name()
    page = person("investigator", language)
    page.goto("/cases?all=1")
    page.select_option("#case-filters select[name=state]", "new")
    page.wait_for_url(re.compile(r"state=new"))
    keep(page, name, default=True)
    page.select_option("#case-filters select[name=state]", "")
    page.locator(".rc-saved-view:not([aria-current])", has_text=name).wait_for()
    page.locator(".rc-saved-view", has_text=name).click()
    page.locator(".rc-saved-view[aria-current]", has_text=name).wait_for()
    assert page.input_value("#case-filters select[name=state]") == "new"
    assert not person.axe(page)

    elsewhere = person("investigator", language, size=(390, 844))
    elsewhere.goto("/cases")
    elsewhere.wait_for_url(re.compile(r"/cases\?state=new$"))
    elsewhere.locator(".rc-list-state .rc-link[href*=all]").click()
    elsewhere.wait_for_url(re.compile(r"/cases\?all=1$"))
    assert elsewhere.input_value("#case-filters select[name=state]") == "", "all means all, whatever is the default"
    change(elsewhere, name, "forget")
    elsewhere.goto("/cases")
    elsewhere.wait_for_selector("#case-filters")
    assert elsewhere.locator(".rc-saved-view", has_text=name).count() == 0 and "state=" not in elsewhere.url


@BOTH
def test_views_of_the_live_page_and_of_the_log_are_each_their_own(person: People, language: str) -> None:
    live, log = a_name(), a_name()
    page = person("auditor2", language)
    page.goto("/live?outcome=block&window=24h")
    keep(page, live)
    page.goto("/log?all=1")
    assert page.locator(".rc-saved-view", has_text=live).count() == 0
    page.select_option("select[name=result]", "refused")
    page.locator(".rc-filter-acts button.primary").click()
    page.wait_for_url(re.compile("result=refused"))
    keep(page, log)
    change(page, log, "default")
    page.goto("/log")
    page.wait_for_url(re.compile(r"/log\?result=refused$"))
    page.locator(".rc-filter-acts a").click()
    page.wait_for_url(re.compile(r"/log\?all=1$"))
    assert not person.axe(page)
    change(page, log, "forget")
    page.goto("/live")
    page.locator(".rc-saved-view", has_text=live).click()
    page.wait_for_url(re.compile(r"outcome=block"))
    assert page.input_value("select[name=outcome]") == "block" and "window=24h" in page.url
    change(page, live, "forget")
    assert page.locator(".rc-saved-view", has_text=live).count() == 0


def test_a_view_holds_no_number_of_a_customer(person: People) -> None:
    """The desk refuses it, and the page says so."""
    page = person("investigator")
    page.goto("/cases?state=new")
    person.expect("422")
    page.locator("[data-popover] summary").click()
    page.fill(".rc-popover input[name=name] >> nth=0", "6222021234567890123")
    page.locator(".rc-popover button.primary").click()
    page.wait_for_selector("#rc-notice .rc-error")
    page.goto("/cases?state=new")
    assert page.locator(".rc-saved-view", has_text="6222").count() == 0
