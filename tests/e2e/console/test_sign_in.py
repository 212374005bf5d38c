"""Everybody can sign in through the form, in both languages, and arrives where the own menu begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tarim.identity import Role

if TYPE_CHECKING:
    from tests.fakes.console_bank import Bank


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_every_role_has_pages(role: str, person: Any, bank: Bank) -> None:
    page = person(role)
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert bank.staff[role].name in page.content()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_signing_in_through_the_form(language: str, person: Any, bank: Bank) -> None:
    page = person.nobody(language)
    page.goto("/cases")
    assert "/sign-in" in page.url, "nobody is led to the form"
    person.sign_in(page, "reviewer")
    assert page.url.endswith("/cases"), "and back to where they were going"
    assert page.locator("html").get_attribute("lang") == {"zh": "zh-CN", "en": "en"}[language]
    assert bank.staff["reviewer"].name in page.content()
