"""Everybody can sign in, sees the pages of the own role only, and can leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tarim.identity import Role

if TYPE_CHECKING:
    from tests.fakes.console_bank import Bank


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_every_role_signs_in(role: str, person: Any, bank: Bank) -> None:
    page = person(role)
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert bank.staff[role].name in page.content()
