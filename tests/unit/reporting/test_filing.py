"""A report goes its way: two persons, exactly the content that was approved, narrow access, and a receipt at the end."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from itertools import product
from pathlib import Path

import msgspec
import pytest

from tarim.base.errors import Conflict, DefinitionError, NotAllowed, NotFound
from tarim.identity import Scope
from tarim.reporting import (
    TRANSITIONS,
    FaultyReport,
    Filing,
    Report,
    ReportEvent,
    ReportState,
    advance,
    check_message,
)
from tarim.reporting.domain.days import local_text
from tests.fakes.desk import contents, open_shelf
from tests.fakes.records import database_url, postgresql  # noqa: F401  fixtures
from tests.fakes.reports import CASE, CUSTOMER, House, needs_chinese_font, reporting, token
from tests.fakes.suspicious import report_of, sample


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with reporting(tmp_path, f"sqlite:///{tmp_path / 'tables.db'}") as found:
        yield found


def filled(report: Report) -> Report:
    """The draft with what no event told."""
    whole = report_of(sample())
    person = msgspec.structs.replace(whole.subjects[0], customer=CUSTOMER)
    account = whole.transactions[0].account
    moves = tuple(
        msgspec.structs.replace(
            each,
            identity=person.identity,
            account=msgspec.structs.replace(account, number=each.account.number),
            counterparty=msgspec.structs.replace(each.counterparty, name=each.counterparty.name or "钱七"),
        )
        for each in report.transactions
    )
    return msgspec.structs.replace(report, reporter="李四", subjects=(person,), transactions=moves)


def submitted(house: House) -> Filing:
    li = house.who("li.si")
    filing = house.reports.draft(li, CASE, CUSTOMER)
    house.reports.edit(li, filing.number, 1, filled(house.reports.shown(li, filing.number).report))
    return house.reports.submit(li, filing.number, 2)


def approved(house: House) -> Filing:
    filing = submitted(house)
    wang = house.who("wang.wu", Scope.REPORTS_APPROVE)
    return house.reports.approve(wang, filing.number, filing.version, filing.digest, "核对无误")


def test_a_draft_is_filled_from_the_case_and_names_what_is_missing(house: House) -> None:
    li = house.who("li.si")
    filing = house.reports.draft(li, CASE, CUSTOMER)
    shown = house.reports.shown(li, filing.number)
    assert filing.number == "STR-2026-000001" and filing.subjects == [f"{token(CUSTOMER):016x}"]
    assert len(shown.report.transactions) == 6 and shown.report.features == ("K004",)
    assert {each.account.number for each in shown.report.transactions} == {"6229990000000001"}
    assert "单笔最高人民币49,800.00元" in shown.report.conduct
    missing = {fault.path for fault in shown.faults}
    assert {"subjects[0].identity", "subjects[0].occupation", "subjects[0].phones"} <= missing
    with pytest.raises(FaultyReport) as refused:
        house.reports.submit(li, filing.number, 1)
    assert refused.value.faults == shown.faults
    with pytest.raises(DefinitionError, match="not the number"):
        house.reports.draft(li, CASE, "C0000018")


@needs_chinese_font
def test_what_was_approved_is_what_is_exported(house: House) -> None:
    filing = approved(house)
    li = house.who("li.si")
    exported = house.reports.export(li, filing.number, filing.version)
    name, package = house.reports.package(li, filing.number)
    assert name == "STR-2026-000001.zip" and sha256(package).hexdigest() == exported.package
    with zipfile.ZipFile(BytesIO(package)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        for each, told in manifest["files"].items():
            content = archive.read(each)
            assert sha256(content).hexdigest() == told["sha256"] and len(content) == told["bytes"]
        check_message(archive.read("STR-2026-000001.xml"))
        assert archive.read("STR-2026-000001.pdf").startswith(b"%PDF-1.7")
    assert manifest["approved_by"] == "wang.wu" and manifest["content_sha256"] == filing.digest
    again = house.reports.export(li, filing.number, exported.version)
    assert again.package == exported.package


@needs_chinese_font
def test_sent_and_receipted_or_returned_and_corrected(house: House) -> None:
    li, wang = house.who("li.si"), house.who("wang.wu", Scope.REPORTS_APPROVE)
    filing = approved(house)
    number = filing.number
    filing = house.reports.export(li, number, filing.version)
    filing = house.reports.sent(li, number, filing.version, "BSTR-2026-0001")
    filing = house.reports.receipt(li, number, filing.version, accepted=False, content=b"<error/>", reason="缺职业")
    assert (filing.state, filing.receipt) == ("returned", "refused")
    corrected = house.reports.edit(li, number, filing.version, house.reports.shown(li, number).report)
    assert corrected.filing.state == "draft" and corrected.filing.approved_by == "" == corrected.filing.package
    filing = house.reports.submit(li, number, corrected.filing.version)
    filing = house.reports.approve(wang, number, filing.version, filing.digest, "")
    filing = house.reports.export(li, number, filing.version)
    filing = house.reports.sent(li, number, filing.version, "BSTR-2026-0002")
    filing = house.reports.receipt(li, number, filing.version, accepted=True, content=b"<ok/>", reason="")
    assert (filing.state, filing.receipt, filing.message) == ("received", "accepted", "BSTR-2026-0002")
    history = house.reports.history(li, number)
    assert [each["event"] for each in history][:6] == ["draft", "edit", "submit", "approve", "export", "send"]
    assert history[6]["reason"] == "缺职业" and history[3]["person"] == "wang.wu"


def test_nobody_approves_rejects_or_discards_what_he_had_a_hand_in(house: House) -> None:
    filing = submitted(house)
    for name in ("li.si", "alias"):
        alone = house.who(name, Scope.REPORTS_APPROVE, Scope.REPORTS_WRITE)
        with pytest.raises(NotAllowed, match="second person"):
            house.reports.approve(alone, filing.number, filing.version, filing.digest, "")
        with pytest.raises(NotAllowed, match="second person"):
            house.reports.reject(alone, filing.number, filing.version, "no")
    wang = house.who("wang.wu", Scope.REPORTS_APPROVE)
    back = house.reports.reject(wang, filing.number, filing.version, "补充疑点分析")
    with pytest.raises(NotAllowed, match="second person"):
        house.reports.discard(house.who("li.si", Scope.REPORTS_APPROVE), back.number, back.version, "no")
    with pytest.raises(DefinitionError, match="reason"):
        house.reports.discard(wang, back.number, back.version, " ")
    assert house.reports.discard(wang, back.number, back.version, "与已报告的重复").state == "discarded"


def test_other_content_than_was_looked_at_is_not_approved(house: House) -> None:
    filing = submitted(house)
    wang = house.who("wang.wu", Scope.REPORTS_APPROVE)
    with pytest.raises(Conflict, match="other content"):
        house.reports.approve(wang, filing.number, filing.version, "0" * 64, "")
    with pytest.raises(Conflict, match="has changed"):
        house.reports.approve(wang, filing.number, filing.version - 1, filing.digest, "")
    with pytest.raises(Conflict, match="who alone"):
        house.reports.withdraw(wang, filing.number, filing.version)
    assert house.reports.withdraw(house.who("li.si"), filing.number, filing.version).state == "draft"


def test_access_is_narrow_and_the_subject_sees_nothing_whatever_his_role(house: House) -> None:
    filing = submitted(house)
    number = filing.number
    wang, chen = house.who("wang.wu", Scope.REPORTS_APPROVE), house.who("chen.yi")
    auditor = house.who("audit", Scope.AUDIT_READ)
    far = house.who("far.away", Scope.REPORTS_APPROVE, branches={"110000"})
    for caller in (chen, far):
        with pytest.raises(NotFound):
            house.reports.filing(caller, number)
        assert house.reports.listed(caller, "", 0, 10) == []
    assert house.reports.filing(auditor, number) and house.reports.listed(wang, "submitted", 0, 10) == [filing]
    house.reports.let_in(wang, number, "chen.yi", on=True)
    assert house.reports.filing(chen, number)
    house.reports.let_in(wang, number, "chen.yi", on=False)
    with pytest.raises(NotFound):
        house.reports.shown(chen, number)
    house.reports.register_staff(wang, [("wang.wu", CUSTOMER), ("li.si", "C0000099")])
    for look in (house.reports.filing, house.reports.shown, house.reports.history):
        with pytest.raises(NotFound):
            look(wang, number)
    with pytest.raises(NotFound):
        house.reports.approve(wang, number, filing.version, filing.digest, "")
    with pytest.raises(NotFound):
        house.reports.draft(wang, CASE, "")
    assert house.reports.listed(wang, "", 0, 10) == []


@needs_chinese_font
def test_a_report_never_lies_in_the_open(house: House, tmp_path: Path) -> None:
    """Neither in files nor in tables nor in the journal."""
    filing = approved(house)
    house.reports.export(house.who("li.si"), filing.number, filing.version)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for secret in ("11010519491231002X", "6229990000000001", "张三丰", "核对无误"):
                assert secret.encode() not in content, path


def test_rebuilt_tables_are_equal(database_url: str, tmp_path: Path) -> None:  # noqa: F811
    with reporting(tmp_path, database_url) as house:
        filing = approved(house)
        house.reports.let_in(house.who("li.si"), filing.number, "chen.yi", on=True)
        house.reports.register_staff(house.who("wang.wu", Scope.REPORTS_APPROVE), [("li.si", "C0000099")])
        books = [house.book]
    shelf = open_shelf(tmp_path, database_url, books)
    try:
        with shelf.database.reading() as connection:
            before = contents(connection, books)
        shelf.rebuild()
        with shelf.database.reading() as connection:
            assert contents(connection, books) == before and len(before["reports_history"]) == 5
    finally:
        shelf.close()


@pytest.mark.parametrize(("state", "event"), list(product(ReportState, ReportEvent)))
def test_every_pair_of_state_and_event_is_as_the_table_says(state: ReportState, event: ReportEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert advance("STR-2026-000001", state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(Conflict):
            advance("STR-2026-000001", state, event)


def test_a_report_is_due_five_working_days_after_its_first_draft(house: House) -> None:
    """2026-03-01 is a Sunday: Monday to Friday count, to the close of the office."""
    filing = house.reports.draft(house.who("li.si"), CASE, CUSTOMER)
    due_ms, standing = house.reports.due(filing)
    assert local_text(due_ms).startswith("2026-03-06 18:00:00") and standing == "running"
    house.clock.at_ms = due_ms + 1
    assert house.reports.due(filing) == (due_ms, "overdue")
    assert house.reports.due(msgspec.structs.replace(filing, sent_ms=due_ms)) == (due_ms, "met")
    assert house.reports.due(msgspec.structs.replace(filing, state="discarded")) == (0, "")
