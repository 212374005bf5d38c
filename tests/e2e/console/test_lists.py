"""Lists in a browser: a file looked at, proposed, agreed to by another person, met by the next event; a name asked about."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.fakes.console_bank import Bank

WORDS = {
    "zh": {"refused": "同一条目不得重复出现", "mine": "您是提案人", "waiting": "待审批", "approved": "已批准",
           "on": "在名单上", "off": "不在名单上", "same": "出生日期", "none": "没有匹配"},
    "en": {"refused": "must not be given twice", "mine": "You proposed this", "waiting": "Waiting for approval",
           "approved": "Approved", "on": "On the list", "off": "Not on the list", "same": "The day of birth is the same",
           "none": "No match"},
}  # fmt: skip
REASON = "2026-11"
"""Of no language: other tests look at the same bank's pages in both."""
FILE_MS_MAX = 60_000
"""A file is read by a process of its own, which takes a while to start on a busy machine."""
ASKED = {"zh": ("Ouyang Jingwen", "1970-03-07"), "en": ("Aleksander Petrow", "1966-05-21")}
"""Alike to parties of the demonstration's own watch list, one of them in another script."""


def a_list(bank: Bank, name: str) -> None:
    """A black list of payees, agreed to by two."""
    body = {"name": name, "kind": "black", "field": "payee_account", "reason": REASON}
    agree(bank, bank.serve("analyst", "POST", "/v1/lists", body))


def agree(bank: Bank, proposal: dict[str, Any]) -> None:
    path = f"/v1/list-proposals/{proposal['id']}"
    bank.serve("reviewer", "POST", path, {"verdict": "approve", "digest": proposal["digest"]})


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_file_is_looked_at_proposed_and_agreed_to_and_the_next_event_meets_it(
    language: str, person: Any, bank: Bank, tmp_path: Path
) -> None:
    words, name = WORDS[language], f"shown_{language}_{time.time_ns()}"  # a bank may be kept from run to run
    values = [f"6217000{language == 'en':d}0000{number:04d}" for number in range(3)]
    a_list(bank, name)
    file = tmp_path / "entries.csv"
    file.write_text("value,source\n" + "".join(f"{each},110\n" for each in (*values, values[0])), encoding="utf-8")

    author = person("analyst", language)
    author.set_default_timeout(FILE_MS_MAX)
    author.goto(f"/list-import?name={name}")
    author.set_input_files("input[name=file]", file)
    author.fill("input[name=source]", "110")
    author.fill("input[name=reason]", REASON)
    author.click("button[value=look]")
    author.wait_for_selector(".lists-faults")
    assert words["refused"] in author.locator(".lists-faults").inner_text(), "a wrong row is named with its rule"
    assert author.locator("button[value=propose]").count() == 0, "and nothing can be proposed"

    file.write_text("value,source\n" + "".join(f"{each},110\n" for each in values), encoding="utf-8")
    author.set_input_files("input[name=file]", file)
    author.click("button[value=look]")
    author.wait_for_selector("button[value=propose]")
    assert author.locator(".lists-impact .added b").inner_text() == "3"
    assert values[0] not in author.content(), "an identifier is never shown in full"
    author.click("button[value=propose]")
    author.wait_for_url(re.compile(r"/list-proposals/"))
    assert words["mine"] in author.content(), "who proposed cannot approve, and is told so"
    assert author.locator("button[value=approve]").count() == 0

    reviewer = person("reviewer", language)
    reviewer.goto(author.url)
    assert words["waiting"] in reviewer.locator(".rc-steps").inner_text()
    assert reviewer.locator(".lists-impact .added b").inner_text() == "3"
    reviewer.click("button[value=approve]")
    reviewer.wait_for_function("() => !document.querySelector('button[value=approve]')")
    assert words["approved"] in reviewer.locator(".rc-steps").inner_text()

    bank.send(payee_account=values[1])
    author.goto(f"/lists/{name}/hits")
    assert author.locator("tbody tr").count() == 1, "only what was met is there"
    assert f"****{values[1][-4:]}" in author.locator("tbody").inner_text()
    author.goto(f"/lists/{name}")
    assert author.locator("#entries tbody tr").count() == 3
    for value, said in ((values[2], words["on"]), ("6217999999999999", words["off"])):
        author.fill("#looked input[name=value]", value)
        author.click("#looked button")
        author.wait_for_function("said => document.querySelector('.lists-verdict b')?.textContent === said", arg=said)
    assert "6217" not in author.url, "what was asked about stands in no address"

    author.check("#entries tbody tr:nth-child(1) input[name=entry]")
    author.fill(".lists-remove input[name=source]", "110")
    author.fill(".lists-remove input[name=reason]", REASON)
    author.click(".lists-remove button")
    author.wait_for_url(re.compile(r"/list-proposals/"))
    assert author.locator(".lists-impact .removed b").inner_text() == "1"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_name_is_screened_with_its_reasons(language: str, person: Any, bank: Bank) -> None:
    words = WORDS[language]
    page = person("analyst", language)
    page.goto("/names")
    for (name, birth), matched in ((ASKED[language], True), (("Zacharias Quill", ""), False)):
        page.fill("input[name=name]", name)
        page.fill("input[name=birth]", birth)
        page.keyboard.press("Enter")
        page.wait_for_selector(".names-match" if matched else "#screened .rc-empty")
        if matched:
            assert int(page.locator(".names-score").first.inner_text()) >= 82
            assert words["same"] in page.locator(".names-why").first.inner_text()
            assert page.locator(".names-pairs tbody tr").count() >= 2, "word by word"
        else:
            assert words["none"] in page.locator("#screened").inner_text()
        assert name.split()[0] not in page.url, "whom somebody asks about stands in no address"


def test_the_pages_fit_a_telephone_and_have_no_violation(person: Any, bank: Bank) -> None:
    page = person("analyst", "zh", (390, 844))
    for path in ("/lists", "/list-new", "/list-import", "/names", "/names/matches", "/names/lists"):
        page.goto(path)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path
        assert person.axe(page) == [], path
