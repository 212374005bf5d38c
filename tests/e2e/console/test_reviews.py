"""What one person paused or stopped, looked at afterwards by another, in a real browser (RM-26)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tarim.base.errors import Unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.fakes.console_bank import Bank

BOTH = pytest.mark.parametrize("language", ["zh", "en"])
WHY = "№ 1"
NOTE = "№ 2"
CONFIRMED = {"zh": "已确认", "en": "Confirmed"}
REVERTED = {"zh": "已撤销", "en": "Undone"}


def paused(page: Page, rule: str) -> None:
    """One person pauses a rule, or ends the own pause."""
    page.goto(f"/rules/rule/{rule}")
    page.locator("[data-open=rc-pause]").click()
    page.locator("#rc-pause textarea").fill(WHY)
    page.locator("#rc-pause form button:not([type=button])").click()
    page.wait_for_selector("#rc-toasts p")


def rows(page: Page, table: int, target: str) -> Locator:
    """What stands of a target in the table of those that wait (0) or were reviewed (1)."""
    page.goto("/rules/reviews")
    return page.locator("main table").nth(table).locator("tbody tr").filter(has=page.locator(f"text='{target}'"))


def reviewed(page: Page, target: str, verdict: str) -> None:
    """Decide on the one review of a target that waits."""
    rows(page, 0, target).locator("button[data-open]").first.click()
    dialog = page.locator("dialog[open]")
    dialog.locator("textarea[name=note]").fill(NOTE)
    dialog.locator(f"button[name=verdict][value={verdict}]").click()


def stopped(bank: Bank, kind: str) -> bool:
    """Whether the service takes no events of a kind now."""
    return kind in [
        each["target"] for each in bank.serve("operator", "GET", "/v1/switches")["switches"] if each["what"] == "stop"
    ]


def of(bank: Bank, what: str, target: str) -> str:
    """The address of the one review of a target that waits, at the service."""
    listed = bank.serve("operator", "GET", "/v1/switch-reviews")["reviews"]
    (found,) = (each["id"] for each in listed if (each["what"], each["target"]) == (what, target))
    return f"/v1/switch-reviews/{found}"


@BOTH
def test_a_pause_is_confirmed_by_another_person_and_the_next_one_undone(language: str, person: Any, bank: Bank) -> None:
    rule = {"zh": "just_below_threshold", "en": "cash_intensive"}[language]
    operator, reviewer = person("operator", language), person("reviewer", language)
    paused(operator, rule)
    (mine,) = rows(operator, 0, rule).all()
    assert bank.staff["operator"].login in mine.inner_text() and WHY in mine.inner_text()
    assert mine.locator("button").count() == 0, "nobody reviews the own pause"
    with pytest.raises(Unavailable, match="403"):  # nor past the page
        bank.serve("operator", "POST", of(bank, "pause", rule), {"verdict": "confirm", "note": NOTE})

    reviewed(reviewer, rule, "confirm")
    reviewer.wait_for_selector("#rc-toasts p")
    assert rows(reviewer, 0, rule).count() == 0
    done = rows(reviewer, 1, rule).first.inner_text()
    assert all(each in done for each in (CONFIRMED[language], NOTE, bank.staff["reviewer"].login))

    paused(operator, rule)  # the end of the pause, which nobody has to look at
    assert rows(operator, 0, rule).count() == 0
    paused(operator, rule)
    reviewed(reviewer, rule, "revert")
    reviewer.wait_for_selector("#rc-toasts p")
    assert REVERTED[language] in rows(reviewer, 1, rule).first.inner_text()
    assert not person.axe(reviewer)
    assert not [each for each in bank.serve("operator", "GET", "/v1/switches")["switches"] if each["target"] == rule]


@BOTH
def test_a_stop_is_undone_by_a_proposal_that_a_third_person_approves(language: str, person: Any, bank: Bank) -> None:
    operator, reviewer = person("operator", language), person("reviewer", language)
    operator.goto("/rules/switches")
    button = operator.locator("[data-open^=rc-stop-]").last
    kind = (button.get_attribute("data-open") or "").removeprefix("rc-stop-")
    button.click()
    dialog = operator.locator("dialog[open]")
    said = dialog.locator("h2").inner_text().rpartition(" · ")[2]
    assert said != kind, "a kind of business is told in words"
    dialog.locator("textarea").fill(WHY)
    dialog.locator("button.danger").click()
    operator.wait_for_selector("#rc-toasts p")
    assert stopped(bank, kind)

    reviewed(reviewer, said, "revert")
    reviewer.wait_for_url(re.compile("/rules/proposals/[0-9a-f]{16}$"))
    address = reviewer.url
    assert reviewer.locator("button[name=verdict]").count() == 0, "who proposes the end does not approve it"
    (waits,) = rows(reviewer, 0, said).all()
    assert waits.locator(f"a[href$='{address.rpartition('/')[2]}']").count() == 1
    assert stopped(bank, kind), "it goes on until another person has approved its end"

    third = person("model_approver", language)
    third.goto(address)
    third.locator("button[name=verdict][value=approve]").click()
    third.wait_for_url(re.compile("/rules/proposals$"))
    assert not stopped(bank, kind)
    done = rows(reviewer, 1, said).first.inner_text()
    assert REVERTED[language] in done and bank.staff["reviewer"].login in done
