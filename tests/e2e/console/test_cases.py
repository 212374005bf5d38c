"""Cases in the browser: from an alert to a label by two persons, two people on one case, and all of it by keyboard alone."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.fakes.console_bank import Bank

WAIT_S = 30.0
TABS_MAX = 250
GRANT_MS = 6_000
AGENT = "tarim-journey"
_made = iter(range(1, 1_000))


def new_case(bank: Bank) -> tuple[str, str]:
    """A case of one alert, just opened: (customer's number, case)."""
    number = f"{time.time_ns() // 1_000_000 % 10**9:09d}{next(_made):02d}"
    customer = f"CJ{number}"
    bank.send(
        event_id=f"journey-{number}",
        customer=customer,
        account=f"6222{number}1234",
        payee_account=f"6228{number}4321",
        payee_name="赵四方",
        amount_fen=8_000_000,
    )
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = bank.desk("investigator", "POST", "/v1/cases:find", {"customer": customer})["cases"]
        if found:
            return customer, str(found[0]["id"])
        time.sleep(0.05)
    raise AssertionError("the transfer became no case")


def submitted_case(bank: Bank) -> str:
    """A case that the investigator has submitted to be closed."""
    _customer, case = new_case(bank)
    for word in ("take", "start"):
        bank.desk("investigator", "POST", f"/v1/cases/{case}/{word}", {})
    alert = bank.desk("investigator", "GET", f"/v1/cases/{case}")["alerts"][0]["id"]
    finding = {"alert": alert, "verdict": "right", "cause": "confirmed_by_customer", "reason": "customer called back"}
    bank.desk("investigator", "POST", f"/v1/cases/{case}/review", finding)
    bank.desk("investigator", "POST", f"/v1/cases/{case}/submit", {"wish": "close", "reason": "all looked at"})
    return case


def chip(page: Page) -> Any:
    """Where the case stands, beside its number."""
    return page.locator("#case > .rc-head .rc-chip").first


def shows(page: Page, selector: str, text: str) -> None:
    page.locator(selector).filter(has_text=text).first.wait_for()


WORDS = {
    "zh": {"submitted": "待复核", "closed": "已办结", "changed": "案件已被他人更改", "refused": "权限不足", "label": "欺诈"},
    "en": {"submitted": "Awaiting review", "closed": "Closed", "changed": "Somebody else changed the case",
           "refused": "Not allowed", "label": "fraud"},
}  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_an_alert_to_a_label_by_two_persons(language: str, person: Any, bank: Bank) -> None:
    """Alert → case → graph → submit → refused self-approval → approved by another → label in the journal."""
    said = WORDS[language]
    customer, case = new_case(bank)
    page = person("investigator", language)
    page.goto("/cases")
    page.locator("main input[name=wanted]").fill(customer)
    page.locator("main input[name=wanted]").press("Enter")
    page.get_by_role("link", name=case).click()
    assert customer not in page.url
    page.locator("form[action$='/take'] button").click()
    page.locator("form[action$='/start'] button").click()
    page.locator("#case-way form[action$='/submit']").wait_for()
    page.locator("#case-graph [data-canvas][data-drawn], #case-graph [data-canvas] canvas").first.wait_for()
    assert page.locator("#case-way form[action$='/submit'] button").is_disabled(), "an alert has no verdict yet"

    page.locator("#case-alerts .rc-more > summary").first.click()
    review = page.locator("form[action$='/review']").first
    review.locator("input[value=right]").check()
    assert review.locator("optgroup:not([hidden])").count() == 1, "only the causes that go with the verdict"
    review.locator("select[name=cause]").select_option("confirmed_by_customer")
    review.locator("textarea").fill("客户称被骗 customer was deceived")
    review.locator("button").click()
    page.locator("#case-alerts .verdict.right").wait_for()

    submit = page.locator("#case-way form[action$='/submit']")
    submit.locator("input[value=close]").check()
    submit.locator("textarea").fill("all looked at 已核实")
    submit.locator("button").click()
    shows(page, "#case .rc-chip", said["submitted"])
    assert page.locator("form[action$='/approve']").count() == 0, "who submitted is not offered to approve"
    refused = page.request.post(
        f"/cases/{case}/approve",
        form={"version": page.locator("#case").get_attribute("data-version"), "reason": "mine"},
        headers={
            "Origin": bank.url,
            "X-Tarim-Csrf": page.locator("meta[name=csrf]").get_attribute("content"),
            "Accept-Language": language,
        },
    )
    assert refused.status == 403 and said["refused"] in refused.text()

    second = person("reviewer", language)
    second.goto("/cases?state=submitted")
    second.get_by_role("link", name=case).click()
    second.locator("form[action$='/approve'] textarea").fill("agreed 同意")
    second.locator("form[action$='/approve'] button").first.click()
    shows(second, "#case .rc-chip", said["closed"])
    deadline = time.monotonic() + WAIT_S
    while not second.locator("[data-label=fraud]").count() and time.monotonic() < deadline:
        second.wait_for_timeout(300)
        second.reload()
    assert said["label"] in (second.locator("[data-label]").first.text_content() or "")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_two_people_on_one_case(language: str, person: Any, bank: Bank) -> None:
    """Who decides on what somebody changed meanwhile is told so, sees what, loses no word, and may decide then."""
    case = submitted_case(bank)
    page = person("reviewer", language)
    page.goto(f"/cases/{case}")
    bank.desk("investigator", "POST", f"/v1/cases/{case}/note", {"text": "one thing more"})
    page.locator("form[action$='/approve'] textarea").fill("agreed, in my words")
    page.locator("form[action$='/approve'] button").first.click()
    shows(page, "#case [data-refused=case-changed]", WORDS[language]["changed"])
    assert bank.staff["investigator"].login in page.locator(".rc-changes").inner_text()
    assert page.locator("[data-refused]:focus").count() == 1, "the focus goes to what went wrong"
    assert page.locator("form[action$='/approve'] textarea").input_value() == "agreed, in my words"
    page.locator("form[action$='/approve'] button").first.click()
    shows(page, "#case .rc-chip", WORDS[language]["closed"])
    assert page.locator("[data-refused]").count() == 0


def test_a_filter_lands_in_the_address_and_its_chip_takes_it_off(person: Any, bank: Bank) -> None:
    page = person("reviewer", "en")
    page.goto("/cases")
    page.locator("select[name=state]").select_option("submitted")
    page.wait_for_url(re.compile("state=submitted"))
    page.locator(".rc-filter").first.wait_for()
    assert set(page.locator(".rc-cases tbody .rc-chip").all_inner_texts()) == {"Awaiting review"}
    page.locator("th a", has_text="At risk").click()
    page.wait_for_url(re.compile("sort=money"))
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("At risk")
    assert "state=submitted" in page.url, "an order keeps the filter"
    page.locator("select[name=priority]").select_option("1")
    page.wait_for_url(re.compile("priority=1"))
    assert "sort=money" in page.url, "a filter keeps the order"
    page.locator("input[name=tag]").press_sequentially("called-back")
    page.wait_for_url(re.compile("tag=called-back"))
    page.locator(".rc-empty").wait_for()
    page.locator(".rc-filter", has_text="called-back").click()
    page.wait_for_url(re.compile(r"^(?!.*called)"))
    page.locator(".rc-filter", has_text="Critical").click()
    page.wait_for_url(re.compile(r"^(?!.*priority)"))
    assert page.locator("select[name=priority]").input_value() == ""


def test_many_cases_are_given_away_with_the_consequence_in_numbers(person: Any, bank: Bank) -> None:
    cases = {new_case(bank)[1] for _ in range(2)}
    page = person("reviewer", "en")
    page.goto("/cases?state=new&sort=newest&closed=1")
    assert page.locator("[data-bulk]").is_disabled()
    for case in cases:
        page.locator(f"input[name=case][value^='{case}']").check()
    page.locator("[data-bulk]").click()
    dialog = page.locator("dialog[open]")
    dialog.locator(f"input[value='{bank.staff['analyst'].login}']").check()
    assert "2" in dialog.locator(".rc-facts b").first.inner_text()
    dialog.locator("button.primary").click()
    shows(page, "dialog .rc-note", f"Given to {bank.staff['analyst'].login}: 2")
    for case in cases:
        assert bank.desk("analyst", "GET", f"/v1/cases/{case}")["case"]["assignee"] == bank.staff["analyst"].login


def test_one_case_is_given_to_somebody_by_name(person: Any, bank: Bank) -> None:
    _customer, case = new_case(bank)
    page = person("reviewer", "en")
    page.goto(f"/cases/{case}")
    page.locator("#case-way summary", has_text="Give to a person").click()
    page.locator(f"#case-people input[value='{bank.staff['analyst'].login}']").check()
    page.locator("form[action$='/assign'] button").click()
    shows(page, "#case .rc-chip", "Assigned")
    assert bank.desk("analyst", "GET", f"/v1/cases/{case}")["case"]["assignee"] == bank.staff["analyst"].login


def test_what_is_taken_out_is_a_file_with_a_reason_on_the_trail(person: Any, bank: Bank) -> None:
    page = person("investigator", "zh")
    page.goto("/cases/export?state=submitted")
    reason = f"week's report {time.time_ns() // 1_000_000_000 % 1000}"
    page.locator("main textarea").fill(reason)
    with page.expect_download() as download:
        page.locator("main button.primary").click()
    text = download.value.path().read_text("utf-8-sig")
    assert text.startswith("案件号,") and bank.staff["investigator"].login in text
    entries = bank.desk("auditor", "GET", "/v1/audit/entries", act="export_cases")["entries"]
    assert entries[0]["who"] == bank.staff["investigator"].login and entries[0]["reason"].startswith("week's report")


def test_evidence_goes_in_and_comes_out_with_a_reason_and_a_program_does_not_go_in(person: Any, bank: Bank) -> None:
    case, page = bank.cases["working"], person("investigator", "en")
    page.goto(f"/cases/{case}")
    letters = str(time.time_ns()).translate(str.maketrans("0123456789", "abcdefghij"))  # a number would be masked
    name = f"call-{letters}.txt"
    content = f"call record {name}\n".encode()
    upload = page.locator("#case-evidence form[action$='/evidence']")
    upload.locator("input[type=file]").set_input_files(
        {"name": "x.html", "mimeType": "text/html", "buffer": b"<script>1"}
    )
    upload.locator("button").click()
    shows(page, "#case > [data-refused]", "cannot be kept")
    upload.locator("input[type=file]").set_input_files({"name": name, "mimeType": "text/plain", "buffer": content})
    upload.locator("button").click()
    newest = page.locator("#case-evidence li").filter(has_text=name)
    newest.wait_for()
    newest.locator("summary").click()
    newest.locator("input[name=reason]").fill("for the file")
    with page.expect_download() as download:
        newest.locator("form button").click()
    assert download.value.path().read_bytes() == content


def test_values_in_full_take_a_reason_and_say_who_looks(person: Any, bank: Bank) -> None:
    case = bank.cases["planted-0"]
    page = person("investigator", "en")
    page.goto(f"/cases/{case}")
    name = bank.planted[0].name
    assert name not in page.content()
    page.locator("#case-personal .rc-more > summary").click()
    page.locator("#case-personal form textarea").fill("the customer asks for a call back")
    page.locator("#case-personal form button").click()
    page.locator(".rc-watermark").wait_for()
    assert bank.staff["investigator"].login in page.locator(".rc-watermark").inner_text()
    assert bank.planted[0].card in page.locator("#case-personal").inner_text()
    page.goto(f"/cases/{case}")
    assert bank.planted[0].card not in page.content()


def test_a_grant_that_ends_in_the_middle_of_the_work(person: Any, bank: Bank) -> None:
    """Whoever has lost the right meanwhile is told so where they are, and reads nothing further."""
    operator = bank.staff["operator"].login
    page = person("operator", "en")
    person.expect("403")
    first, second = (bank.session(name, AGENT) for name in ("administrator", "administrator2"))
    until_ms = time.time_ns() // 1_000_000 + GRANT_MS
    wish = {"change": {"kind": "grant", "login": operator, "role": "analyst", "until_ms": until_ms}, "reason": "cover"}
    proposal = _as(bank, first, "POST", "/v1/changes", wish)
    agreed = {"digest": proposal["digest"]}
    _as(bank, second, "POST", f"/v1/changes/{proposal['id']}:approve", agreed)
    page.goto("/cases")
    assert page.locator(".rc-cases tbody tr").count() > 1
    page.wait_for_timeout(max(0, until_ms - time.time_ns() // 1_000_000) + 300)
    page.locator("select[name=state]").select_option("working")
    shows(page, "#rc-notice .rc-error", WORDS["en"]["refused"])
    assert page.goto("/cases").status == 403
    shows(page, ".rc-refused h1", WORDS["en"]["refused"])


def _as(bank: Bank, token: str, method: str, path: str, body: object) -> Any:
    headers = {"Authorization": f"Bearer {token}", "User-Agent": AGENT}
    answer = httpx.request(method, bank.url_of("desk") + path, json=body, headers=headers, timeout=30, trust_env=False)
    assert answer.is_success, answer.text
    return answer.json()


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there, as somebody without a mouse does."""
    for _ in range(TABS_MAX):
        if page.locator(f"{selector}:focus").count():
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{TABS_MAX} tabs do not lead to {selector}")


def test_a_case_is_worked_from_the_queue_to_the_second_person_by_keyboard_alone(person: Any, bank: Bank) -> None:
    _customer, case = new_case(bank)
    page = person("investigator", "zh")
    page.goto("/cases?state=new&sort=newest")
    tab_to(page, f"a[href$='{case}']")
    page.keyboard.press("Enter")
    page.locator("form[action$='/take']").wait_for()
    for word in ("take", "start"):
        tab_to(page, f"form[action$='/{word}'] button")
        page.keyboard.press("Enter")
        page.locator(f"form[action$='/{word}']").wait_for(state="detached")
    tab_to(page, "#case-alerts .rc-more > summary")
    page.keyboard.press("Enter")
    tab_to(page, "form[action$='/review'] input[name=verdict]")
    page.keyboard.press("Space")
    tab_to(page, "form[action$='/review'] select")
    page.keyboard.press("ArrowDown")
    tab_to(page, "form[action$='/review'] textarea")
    page.keyboard.type("called back")
    tab_to(page, "form[action$='/review'] button")
    page.keyboard.press("Enter")
    page.locator("#case-alerts .verdict").wait_for()
    tab_to(page, "form[action$='/submit'] input[name=wish]")
    page.keyboard.press("Space")
    tab_to(page, "form[action$='/submit'] textarea")
    page.keyboard.type("all looked at")
    tab_to(page, "form[action$='/submit'] button")
    page.keyboard.press("Enter")
    shows(page, "#case .rc-chip", WORDS["zh"]["submitted"])

    second = person("reviewer", "zh")
    second.goto("/cases?state=submitted&sort=newest")
    tab_to(second, f"a[href$='{case}']")
    second.keyboard.press("Enter")
    second.locator("form[action$='/approve']").wait_for()
    tab_to(second, "form[action$='/approve'] textarea")
    second.keyboard.type("agreed")
    tab_to(second, "form[action$='/approve'] button")
    second.keyboard.press("Enter")
    shows(second, "#case .rc-chip", WORDS["zh"]["closed"])
