"""Signing in and out, the own account, users and roles, in a real browser."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import httpx
import pyotp
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.fakes.console_bank import Bank

BOTH = pytest.mark.parametrize("language", ["zh", "en"])
NEXT = re.compile("下一步|Next")
SIGN_IN = re.compile("^(登录|Sign in)$")
LOCKED_AFTER = 5
"""`failures_max` of the identity settings."""
PASSWORD = "Blue-kites-over-7-lakes"


def typed(page: Page, login: str, password: str, code: str) -> None:
    """Sign in through both steps by the keyboard alone."""
    page.goto("/sign-in")
    page.wait_for_function("() => document.activeElement && document.activeElement.name === 'login'")
    page.keyboard.type(login)
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement && document.activeElement.name === 'password'")
    page.keyboard.type(password)
    page.keyboard.press("Tab")
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def fails(bank: Bank, login: str, address: str) -> int:
    """The status of a sign-in with a wrong password.  Too many from the address all tests come from would ban it."""
    body, headers = {"login": login, "password": "wrong", "code": ""}, {"X-Forwarded-For": address}
    return httpx.post(bank.url_of("desk") + "/v1/sign-in", json=body, headers=headers, timeout=60).status_code


def made(person: Any, name: str) -> tuple[Page, str, str]:
    """An account that an administrator makes through the page: (the administrator's page, login, initial password)."""
    page = person("administrator")
    login = f"{name}{time.time_ns() // 1_000_000}"
    page.goto("/users")
    page.click("button[data-open=pe-new]")
    for field, value in {
        "login": login,
        "staff_number": login,
        "display_name": "New Colleague",
        "reason": "joins",
    }.items():
        page.fill(f"#pe-new input[name={field}]", value)
    page.click("#pe-new button.primary")
    return page, login, page.inner_text(".pe-password")


@BOTH
def test_who_signs_in_sees_the_phrase_first_and_comes_back_to_the_page_asked_for(
    language: str, person: Any, bank: Bank
) -> None:
    page = person.nobody(language)
    page.goto("/redress/complaints")
    page.wait_for_url(re.compile("/sign-in"))
    assert page.locator("html").get_attribute("lang") == {"zh": "zh-CN", "en": "en"}[language]
    staff = bank.staff["investigator"]
    page.fill("input[name=login]", staff.login)
    page.get_by_role("button", name=NEXT).click()
    phrase = page.inner_text(".pe-phrase b")
    assert len(phrase.split()) == 3 and page.locator("input[name=password]").is_visible()
    assert not person.axe(page)
    page.fill("input[name=password]", staff.password)
    page.fill("input[name=code]", bank.code("investigator"))
    page.get_by_role("button", name=SIGN_IN).click()
    if page.locator("a[href^='/pending']").count():  # an unusual place: told with the sign-in before
        page.click("a[href^='/pending']")
    page.wait_for_url(re.compile("/redress/complaints"))


def test_an_unknown_login_has_a_phrase_too_and_every_refusal_is_the_same(person: Any) -> None:
    page = person.nobody()
    person.expect("401")
    told = []
    for login in ("nobody.here", "li.na"):
        page.goto("/sign-in")
        page.fill("input[name=login]", login)
        page.get_by_role("button", name=NEXT).click()
        assert len(page.inner_text(".pe-phrase b").split()) == 3
        page.fill("input[name=password]", "not the password")
        page.get_by_role("button", name=SIGN_IN).click()
        told.append(page.inner_text(".rc-error"))
    assert told[0] == told[1]


@BOTH
def test_a_first_sign_in_sets_up_codes_and_an_own_password(language: str, person: Any) -> None:
    administrator, login, initial = made(person, "new")
    page = person.nobody(language)
    typed(page, login, initial, "")
    page.wait_for_url(re.compile("/pending"))
    assert page.locator(".pe-code svg path").count() == 1
    totp = pyotp.TOTP(page.inner_text(".pe-secret").replace(" ", ""))
    person.expect("403")
    page.fill("input[name=code]", "000000" if totp.now() != "000000" else "111111")
    page.click("button.primary")
    assert page.locator(".rc-error").is_visible(), "a wrong first code is asked for again"
    assert totp.secret == page.inner_text(".pe-secret").replace(" ", ""), "of the same setup"
    page.fill("input[name=code]", totp.now())
    page.click("button.primary")
    codes = page.locator(".pe-recovery li").all_inner_texts()
    assert len(codes) == len(set(codes)) >= 8
    page.click("a.primary")
    page.wait_for_selector("input[name=old]")
    for field, value in {"old": initial, "new": PASSWORD, "again": PASSWORD}.items():
        page.fill(f"input[name={field}]", value)
    page.click("button.primary")
    page.wait_for_url(re.compile("/account"))
    assert "New Colleague" in page.content()
    administrator.goto(f"/users/of/{login}")
    assert administrator.locator(".rc-table tbody tr .rc-mono").count() >= 1, "the session is shown"


def test_a_login_is_locked_after_failures_and_an_administrator_unlocks_it(person: Any, bank: Bank) -> None:
    """In both languages at once: every failure counts against the one address that all tests come from."""
    administrator, login, initial = made(person, "lock")
    tried = [fails(bank, login, f"198.51.100.{n}") for n in range(LOCKED_AFTER)]
    assert tried == [401] * LOCKED_AFTER
    for language in ("zh", "en"):
        page = person.nobody(language)
        person.expect("429")
        typed(page, login, initial, "")
        page.wait_for_selector(".rc-error")
        assert page.locator("input[name=password]").count() == 0 and login not in page.inner_text(".rc-error")
    administrator.goto(f"/users/of/{login}")
    administrator.click("button[data-open=pe-unlock]")
    administrator.fill("#pe-unlock input[name=reason]", "called back")
    administrator.click("#pe-unlock button.primary")
    administrator.wait_for_url(re.compile(login))
    assert administrator.locator("button[data-open=pe-unlock]").count() == 0
    administrator.goto("/users/alarms")
    assert login in administrator.inner_text(".rc-table")
    typed(page, login, initial, "")
    page.wait_for_url(re.compile("/pending"))


@BOTH
def test_a_role_is_proposed_by_one_administrator_and_approved_by_another(
    language: str, person: Any, bank: Bank
) -> None:
    first, login, _password = made(person, "grant")
    page = first
    page.goto(f"/users/of/{login}")
    page.select_option("select[name=role]", "analyst")
    page.fill("input[name=until]", time.strftime("%Y-%m-%d", time.gmtime(time.time() + 20 * 86_400)))
    page.locator("form:has(select[name=role]) input[name=reason]").fill("new in the team")
    page.locator("form:has(select[name=role]) button.primary").click()
    page.wait_for_selector(".pe-waiting")
    page.goto("/users/changes")
    card = page.locator(".pe-change", has_text=login)
    assert card.locator("form[action*=approve]").count() == 0, "nobody approves the own proposal"
    second = person("administrator2", language)
    second.goto("/users/changes")
    second.locator(".pe-change", has_text=login).locator("button.primary").click()
    second.wait_for_url(re.compile("/users/changes$"))
    assert second.locator(".pe-change", has_text=login).count() == 0
    second.goto(f"/users/of/{login}")
    role = {"zh": "分析员", "en": "Analyst"}[language]
    assert role in second.inner_text(".rc-table >> nth=0")
    second.click("button[data-open=pe-revoke-1]")
    second.fill("#pe-revoke-1 input[name=reason]", "left again")
    second.click("#pe-revoke-1 button.danger")
    second.wait_for_url(re.compile(login))
    assert role not in second.inner_text(".rc-table >> nth=0")


@BOTH
def test_the_own_account_changes_phrase_limits_and_ends_sessions(language: str, person: Any) -> None:
    other, page = person("analyst", language), person("analyst", language)
    page.goto("/account")
    assert not person.axe(page)
    page.select_option("select[name=word1]", "骆驼")
    page.locator("form[action$=phrase] button").click()
    page.wait_for_selector(".rc-toast")
    assert page.locator("select[name=word1]").input_value() == "骆驼"
    page.fill("input[name=idle_min]", "9")
    page.locator("form[action$=limits] button").click()
    page.wait_for_selector(".rc-toast")
    assert page.locator("input[name=idle_min]").input_value() == "9"
    page.locator("input[name=rows][value=comfortable]").check()
    page.locator("form[action$=rows] button").click()
    page.wait_for_selector("body.comfortable .rc-toast")
    row = page.locator("#sessions tbody tr").first.bounding_box()
    assert row is not None and row["height"] >= 44, "rows are tall enough for a finger"
    page.click("button[data-open=pe-everywhere]")
    page.click("#pe-everywhere button.danger")
    page.wait_for_url(re.compile("/sign-in"))
    other.goto("/account")
    other.wait_for_url(re.compile("/sign-in"))
    assert other.locator(".rc-note").is_visible(), "it says that the session is over"


@pytest.mark.parametrize("language", ["zh", pytest.param("en", marks=pytest.mark.slow)])
def test_pages_of_users_say_everything_and_break_nothing(language: str, person: Any) -> None:
    page = person("administrator", language, (1280, 720))
    for path in (
        "/users",
        "/users/roles",
        "/users/changes",
        "/users/alarms",
        "/users/of/wang.wei",
        "/users/of/he.fang",
    ):
        page.goto(path)
        assert page.locator("h1").count() == 1
        assert not person.axe(page), path
