"""Risk reports agree with the journal, or are not filed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import update

from tarim.base.errors import Conflict, Damaged, DefinitionError, NotFound, Unavailable
from tarim.base.instants import DAY_MS, HOUR_MS, MINUTE_MS
from tarim.cases import CaseBook
from tarim.deadlines import load_schedule
from tarim.desk import Desk, RuleWords
from tarim.records import Database
from tarim.reporting import (
    CaseTables,
    Figures,
    Letterhead,
    NotReconciled,
    Period,
    PeriodKind,
    ReportBook,
    RiskReports,
    period_of,
)
from tarim.reporting.adapters import pages
from tarim.reporting.adapters.counted import CountedTables
from tarim.reporting.adapters.plain_files import ReportFiles
from tarim.reporting.adapters.risk_pages import risk_pages
from tarim.reporting.adapters.tables import DAILY
from tarim.reporting.adapters.tally import JournalTally
from tarim.reporting.adapters.workbook import risk_workbook
from tarim.reporting.domain.days import date_of, day_of, due, number_of, start_ms
from tarim.reporting.ports import RenderRisk
from tarim.stream import Outcome
from tests.fakes.clock import START_MS, FakeClock
from tests.fakes.desk import RULESET, DecisionsWritten, open_desk
from tests.fakes.reports import needs_chinese_font

DAY = day_of(START_MS)
LETTERHEAD = Letterhead("F1008933000019", "F10089330001", "示例银行", "Example Bank", "650102")


def plain(figures: Figures, kind: PeriodKind, letterhead: Letterhead, person: str, at_ms: int) -> bytes:
    """A document quicker made than pages."""
    return msgspec.json.encode([figures, kind, person])


class Room:
    """A desk over a journal of one day: passes, decisions above pass, labels."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock(start_ms(DAY) + DAY_MS + 3 * HOUR_MS)
        self.written = DecisionsWritten(folder / "journal")
        first = self.written.group([{"outcome": Outcome.PASS}] * 7)
        self.written.group(
            [
                {"outcome": Outcome.SUSPEND, "rules": [0], "amount_fen": 1_000, "customer": 7, "payee": 5},
                {"outcome": Outcome.CHALLENGE, "rules": [1], "amount_fen": 20_000, "customer": 8, "payee": 6},
                {"outcome": Outcome.DELAY, "score": 0.95, "amount_fen": 300, "customer": 9},
            ]
        )
        self.written.label(first[-1] + 1, fraud=True)
        self.written.label(first[-1] + 2, fraud=False)
        self.url = f"sqlite:///{folder / 't.db'}"
        self.desk: Desk = open_desk(folder, self.url, [CaseBook(load_schedule()), ReportBook()], self.clock)
        while self.desk.state.behind or not self.desk.state.followed_seq:
            time.sleep(0.01)

    def reports(self, document: RenderRisk = plain) -> RiskReports:
        tally = JournalTally(self.folder / "journal", lambda _: RuleWords.of(RULESET))
        files = ReportFiles(self.folder / "reports")
        return RiskReports(self.desk, CountedTables(), tally, files, document, document, LETTERHEAD, 0.001)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.desk.close()
    made.written.journal.close()


def test_figures_agree_with_the_journal(room: Room) -> None:
    figures = room.reports().figures(period_of(PeriodKind.DAILY, DAY))
    assert (figures.events, figures.decisions, figures.amount_fen) == (10, 3, 21_300)
    assert (figures.stopped, figures.stopped_fen, figures.fraud, figures.genuine) == (1, 1_000, 1, 1)
    assert {line.en: line.decisions for line in figures.scenarios} == {
        "telecom fraud": 1, "account takeover": 1, "model score": 1,
    }  # fmt: skip
    assert [line.decisions for line in figures.outcomes] == [0, 1, 1, 1, 0]
    assert figures.cases.opened == 3 == sum(figures.cases.alerts.values())
    assert figures.days[0].by_outcome == (0, 1, 1, 1, 0) and figures.as_of_seq == 12


@pytest.mark.parametrize("column", ["decisions", "amount_fen"])
def test_a_table_that_was_tampered_with_is_found_and_nothing_is_filed(room: Room, column: str) -> None:
    with Database.open(room.url, []) as database, database.writing() as connection:
        place = DAILY.c.outcome == int(Outcome.SUSPEND)
        connection.execute(update(DAILY).where(place).values(**{column: DAILY.c[column] + 1}))
    with pytest.raises(NotReconciled) as refused:
        room.reports().file("li.na", period_of(PeriodKind.DAILY, DAY))
    [difference] = refused.value.differences
    assert difference.tables == difference.journal + 1 and "一致" in refused.value.detail
    assert not (room.folder / "reports").exists() and room.reports().filed(10) == []


def test_alerts_of_cases_are_compared_too(room: Room) -> None:
    with Database.open(room.url, []) as database, database.writing() as connection:
        table = CaseBook(load_schedule()).migrations.metadata.tables["cases_alert"]
        connection.execute(table.delete().where(table.c.outcome == int(Outcome.SUSPEND)))
    with pytest.raises(NotReconciled, match="alerts of cases, suspend: tables 0, journal 1"):
        room.reports().figures(period_of(PeriodKind.DAILY, DAY))


def test_what_was_filed_is_what_is_read(room: Room) -> None:
    reports = room.reports()
    row = reports.file("li.na", period_of(PeriodKind.DAILY, DAY))
    name, content = reports.document(row["id"], "pdf")
    assert name == f"daily-{DAY}.pdf" and sha256(content).hexdigest() == row["pdf"]
    [file] = (room.folder / "reports").glob("*.pdf")
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Conflict, match="filed already"):
        reports.file("li.na", period_of(PeriodKind.DAILY, DAY))
    file.write_bytes(b"other")
    with pytest.raises(Damaged):
        reports.document(row["id"], "pdf")
    for wrong, error in (("docx", DefinitionError), ("pdf", NotFound)):
        with pytest.raises(error):
            reports.document("daily-20200101", wrong)


def test_the_schedule_files_what_is_over_once(room: Room) -> None:
    reports = room.reports()
    made = reports.file_due()
    assert f"daily-{DAY}" in made and len(made) == 3
    assert reports.file_due() == []
    assert {row["person"] for row in reports.filed(10)} == {"tarim"}


def test_a_period_under_way_is_for_demand_only(room: Room) -> None:
    today = day_of(room.clock.at_ms)
    with pytest.raises(Conflict, match="on demand"):
        room.reports().file("li.na", period_of(PeriodKind.DAILY, today))
    row = room.reports().file("li.na", Period(PeriodKind.ON_DEMAND, DAY, today))
    assert row["id"] == f"on-demand-{DAY}-{today}-12"
    with pytest.raises(DefinitionError, match="not begun"):
        room.reports().figures(period_of(PeriodKind.DAILY, number_of(date_of(today) + timedelta(1))))


@needs_chinese_font
def test_pages_and_workbook_hold_the_figures(room: Room) -> None:
    from openpyxl import load_workbook

    week = room.reports().figures(period_of(PeriodKind.WEEKLY, DAY))
    made = risk_pages(week, PeriodKind.WEEKLY, LETTERHEAD, "li.na", START_MS)
    assert made.startswith(b"%PDF-1.7")
    book = load_workbook(BytesIO(risk_workbook(week, PeriodKind.WEEKLY, LETTERHEAD, "li.na", START_MS)))
    summary = {row[0].value: row[2].value for row in book["总体 Summary"].iter_rows(min_row=4)}
    assert summary["预警笔数"] == 3 and summary["拦截金额（元）"] == 10.0 and summary["核对结果"] == "一致 agrees"
    assert [row[0].value.date() for row in book["每日 Daily"].iter_rows(min_row=2)] == [
        date_of(day) for day in period_of(PeriodKind.WEEKLY, DAY).days()
    ]
    assert len(book["图表 Charts"]._images) == 2


def test_without_a_chinese_font_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "SERIF", ())
    monkeypatch.setattr(pages, "SANS", ())
    pages.fonts.cache_clear()
    with pytest.raises(Unavailable, match="fonts-noto-cjk"):
        pages.fonts()
    pages.fonts.cache_clear()


def test_periods() -> None:
    assert period_of(PeriodKind.WEEKLY, 20260301) == Period(PeriodKind.WEEKLY, 20260223, 20260301)
    assert period_of(PeriodKind.MONTHLY, 20240210) == Period(PeriodKind.MONTHLY, 20240201, 20240229)
    assert period_of(PeriodKind.MONTHLY, 20260301).before() == Period(PeriodKind.MONTHLY, 20260201, 20260228)
    assert period_of(PeriodKind.WEEKLY, 20260301).before() == Period(PeriodKind.WEEKLY, 20260216, 20260222)
    assert Period(PeriodKind.ON_DEMAND, 20251231, 20260102).days() == [20251231, 20260101, 20260102]
    for first, last in ((20260230, 20260301), (20260302, 20260301), (20250101, 20260601)):
        with pytest.raises(DefinitionError):
            Period(PeriodKind.ON_DEMAND, first, last)


def test_what_is_due_when() -> None:
    """The first of a month, a Monday: day, week and month before; two hours later than the end, not earlier."""
    monday = start_ms(20260601)
    wanted = {"daily-20260531", "weekly-20260525-20260531", "monthly-20260501-20260531"}
    assert {period.id for period in due(monday + 2 * HOUR_MS, frozenset())} == wanted
    earlier = {period.id for period in due(monday + 2 * HOUR_MS - 1, frozenset())}
    assert earlier == {"daily-20260530", "weekly-20260518-20260524", "monthly-20260401-20260430"}
    assert due(monday + 2 * HOUR_MS, frozenset(wanted)) == []


def test_every_day_has_its_bounds() -> None:
    day = date(2024, 2, 28)
    for place in range(4):
        number = number_of(day + timedelta(place))
        assert day_of(start_ms(number)) == number == day_of(start_ms(number) + DAY_MS - 1)


def test_a_case_of_the_tables_gives_the_facts_of_a_report(room: Room) -> None:
    """As cases have it: alerts in order, with what the journal alone knows."""
    cases = CaseTables(room.folder / "journal")
    reference = f"CASE-{date_of(DAY).year}-000001"
    facts = room.desk.read(lambda connection: cases.facts(connection, reference)).result()
    [move] = facts.movements
    assert (facts.ref, facts.customer, facts.scenario) == (reference, 7, "telecom_fraud")
    assert (move.outcome, move.amount_fen, move.currency, move.counterparty) == ("suspend", 1_000, "CNY", 5)
    assert (move.kind, move.channel, move.incoming, move.rules) == ("transfer", "mobile", False, ("many_transfers",))
    assert room.desk.read(lambda connection: cases.scope(connection, reference)).result()


def test_a_period_that_is_over_is_reported_while_the_bank_goes_on(room: Room) -> None:
    """Tables and journal move on all the time; the figures of yesterday do not."""
    later, stop = room.clock.at_ms, threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            room.written.group([{"outcome": Outcome.BLOCK, "rules": [0], "at_ms": later}] * 5)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        for _ in range(5):
            assert room.reports().figures(period_of(PeriodKind.DAILY, DAY)).decisions == 3
    finally:
        stop.set()
        thread.join()


def test_what_failed_is_tried_again_later_and_not_at_once(room: Room) -> None:
    tries = []

    def broken(figures: Figures, *_: object) -> bytes:
        tries.append(figures.id)
        raise Unavailable("no font")

    reports = room.reports(broken)  # type: ignore[arg-type]
    assert reports.file_due() == [] == reports.file_due() and len(tries) == 3
    room.clock.at_ms += 10 * MINUTE_MS
    assert reports.file_due() == [] and len(tries) == 6
