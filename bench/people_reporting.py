"""Do reports hold what they promise: faults refused with their rule, sound reports by their schema, figures that agree, the
same batch again?

reports     fifty-five planted faults, each alone and in random reports; random sound reports validate against the schema, and
            one altered at random in its XML does not pass for another form
reconcile   risk reports over random journals: figures equal a count made here from what was written; one figure of the tables
            altered at random is found, every time
batch       batch files lost and made again after more was journalled: byte for byte the same, with the operator named
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select, update

from bench.acceptance import Line, Run, none
from tarim.base.errors import TarimError
from tarim.base.instants import DAY_MS, HOUR_MS
from tarim.cases import CaseBook
from tarim.deadlines import load_schedule
from tarim.desk import Book, Desk, RuleWords
from tarim.records import Database
from tarim.reporting import (
    BatchTable,
    CountedTables,
    Figures,
    JournalTally,
    Letterhead,
    NotReconciled,
    OutboxFolder,
    Period,
    PeriodKind,
    Report,
    ReportBook,
    ReportFiles,
    RiskBatch,
    RiskReports,
    RiskyEvents,
    check_message,
    faults_of,
    message_of,
)
from tarim.reporting.adapters.tables import DAILY, LABELS
from tarim.reporting.domain.check_digits import luhn_check, resident_check
from tarim.reporting.domain.days import day_of, start_ms
from tarim.stream import Outcome
from tests.fakes.clock import START_MS, FakeClock
from tests.fakes.desk import RULESET, DecisionsWritten, open_desk
from tests.fakes.suspicious import CONTEXT, PLANTED, report_of, sample, spoiled

NUMBER = "STR-2026-000001"
GROUP = 500
"""Events of one record: a small journal takes 256 KiB."""
_SURNAMES, _GIVEN = "赵钱孙李周吴郑王冯陈", "伟芳娜敏静强磊洋艳勇"


# ---- reports ---------------------------------------------------------------------------------------------------------


def reports(run: Run) -> Iterator[Line]:
    """Bar: STR."""
    lottery = random.Random(5)
    missed = [
        f"{place}: {rule}"
        for place, value, at, rule in PLANTED
        if not any(
            fault.path == (at or place) and fault.rule == rule and fault.zh and fault.en
            for fault in faults_of(spoiled(place, value), CONTEXT)
        )
    ]
    note = f"of {len(PLANTED)} planted" + "".join(f"; {each}" for each in missed[:3])
    yield none("STR, faults not refused with their rule", "fault", len(missed), note)
    count = run.pick(300, 30)
    refused = altered_passed = altered = 0
    for _ in range(count):
        report = random_report(lottery)
        if faults_of(report, CONTEXT) or not _keeps_to_schema(message_of(report, NUMBER)):
            refused += 1
        content = _altered(message_of(report, NUMBER), lottery)
        altered += 1
        altered_passed += _keeps_to_schema(content)
    yield none("STR, sound reports that break the schema", "report", refused, f"of {count} random ones")
    note = f"of {altered} with an element left out, doubled or renamed"
    yield none("STR, altered messages that keep to the schema", "message", altered_passed, note)


def random_report(lottery: random.Random) -> Report:
    """A sound report of random people, amounts, currencies and lengths."""
    plain: dict[str, Any] = msgspec.to_builtins(report_of(sample()))
    person, company = plain["subjects"]
    person["identity"] = {"name": _name(lottery), "document": _document(lottery)}
    person["phones"] = [f"1{lottery.randrange(3, 10)}{lottery.randrange(10**9):09d}"]
    templates = plain["transactions"]
    moves = []
    for place in range(lottery.randrange(1, 12)):
        move: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(lottery.choice(templates)))
        owner = person if move["customer"] == person["customer"] else company
        currency, decimals = lottery.choice((("CNY", 2), ("USD", 2), ("JPY", 0), ("KWD", 3)))
        whole = str(lottery.randrange(1, 10**9))
        move |= {
            "identity": owner["identity"],
            "business_id": f"evt-{place}",
            "at": f"202602{lottery.randrange(1, 29):02d}{lottery.randrange(24):02d}{lottery.randrange(60):02d}00",
            "currency": currency,
            "amount": whole + (f".{lottery.randrange(10**decimals):0{decimals}d}" if decimals else ""),
            "flow": lottery.choice(("01", "02")),
        }
        if move["account"]["card"]:
            move["account"]["card"] = _card(lottery)
        moves.append(move)
    plain |= {"transactions": moves, "subjects": [person, company], "urgency": lottery.choice(("01", "02"))}
    return report_of(plain)


def _name(lottery: random.Random) -> str:
    return lottery.choice(_SURNAMES) + "".join(lottery.choices(_GIVEN, k=lottery.randrange(1, 3)))


def _document(lottery: random.Random) -> dict[str, str]:
    born = f"{lottery.randrange(1940, 2005)}{lottery.randrange(1, 13):02d}{lottery.randrange(1, 29):02d}"
    body = f"65010{lottery.randrange(1, 10)}{born}{lottery.randrange(1000):03d}"
    number = next(body + digit for digit in "0123456789X" if resident_check(body + digit))
    return {"kind": "110001", "kind_other": "", "number": number}


def _card(lottery: random.Random) -> str:
    body = f"999{lottery.randrange(10**12):012d}"
    return next(body + str(digit) for digit in range(10) if luhn_check(body + str(digit)))


def _altered(content: bytes, lottery: random.Random) -> bytes:
    """The message with one line left out, given twice, or its element renamed."""
    lines = content.decode().splitlines()
    leaves = [place for place, line in enumerate(lines) if "</" in line and line.strip().startswith("<") and place > 1]
    place = lottery.choice(
        [each for each in leaves if not lines[each].strip().startswith("</") and "seqno" not in lines[each]]
    )
    way = lottery.randrange(3)
    if way == 0:
        del lines[place]
    elif way == 1:
        lines.insert(place, lines[place])
    else:
        lines[place] = lines[place].replace("<", "<X", 1).replace("</", "</X", 1)
    return "\n".join(lines).encode()


def _keeps_to_schema(content: bytes) -> bool:
    try:
        check_message(content)
    except TarimError:
        return False
    return True


# ---- reconcile and batch ---------------------------------------------------------------------------------------------


class _Bank:
    """Some days of a bank: its journal as it was written, counted here, and a desk over it."""

    def __init__(self, folder: Path, lottery: random.Random, days: int, per_day: int) -> None:
        self.folder = folder
        self.days = days
        self.expected = {"events": 0, "decisions": 0, "amount_fen": 0, "stopped": 0, "fraud": 0, "genuine": 0}
        self.written = DecisionsWritten(folder / "journal")
        first_ms = start_ms(day_of(START_MS)) + HOUR_MS
        for day in range(days):
            self._day(first_ms + day * DAY_MS, lottery, per_day)
        self.first_day, self.last_day = day_of(first_ms), day_of(first_ms + (days - 1) * DAY_MS)
        self.clock = FakeClock(first_ms + (days + 1) * DAY_MS)
        books: list[Book] = [CaseBook(load_schedule()), ReportBook()]
        self.url = f"sqlite:///{folder / 'tables.db'}"
        self.desk: Desk = open_desk(folder, self.url, books, self.clock)
        self.wait()

    def _day(self, at_ms: int, lottery: random.Random, count: int) -> None:
        told = [
            {
                "outcome": lottery.choices(list(Outcome), (90, 2, 2, 2, 2, 2))[0],
                "rules": [lottery.randrange(2)],
                "amount_fen": lottery.randrange(1, 10**8),
                "customer": lottery.randrange(1, 50),
                "account": lottery.randrange(100, 150),
                "payee": lottery.randrange(200, 300),
                "at_ms": at_ms + lottery.randrange(20 * HOUR_MS),
            }
            for _ in range(count)
        ]
        told.sort(key=lambda each: int(str(each["at_ms"])))
        seqs = [seq for place in range(0, count, GROUP) for seq in self.written.group(told[place : place + GROUP])]
        above = [each for each in told if each["outcome"] != Outcome.PASS]
        self.expected["events"] += count
        self.expected["decisions"] += len(above)
        self.expected["amount_fen"] += sum(int(str(each["amount_fen"])) for each in above)
        self.expected["stopped"] += sum(each["outcome"] in (Outcome.SUSPEND, Outcome.BLOCK) for each in above)
        self.written.at_ms = at_ms + 21 * HOUR_MS
        for seq in lottery.sample(seqs, min(10, count)):
            fraud = lottery.random() < 0.5
            self.written.label(seq, fraud=fraud)
            self.expected["fraud" if fraud else "genuine"] += 1

    def wait(self) -> None:
        """Until the desk has caught up."""
        while self.desk.state.behind or not self.desk.state.followed_seq:
            time.sleep(0.005)

    def risk(self) -> RiskReports:
        tally = JournalTally(self.folder / "journal", lambda _: RuleWords.of(RULESET))
        files = ReportFiles(self.folder / "reports")
        return RiskReports(self.desk, CountedTables(), tally, files, _plain, _plain, Letterhead(), 0.001)

    def batch(self) -> RiskBatch:
        events = RiskyEvents(self.folder / "journal")
        return RiskBatch(
            self.desk, events, _Numbers(self.written.journal), BatchTable(), OutboxFolder(self.folder / "outbox")
        )

    def close(self) -> None:
        self.desk.close()
        self.written.journal.close()


class _Numbers:
    """Account numbers made of tokens."""

    def __init__(self, journal: Any) -> None:
        self.journal = journal

    def accounts(self, owners: Any) -> dict[int, str]:
        return {of: f"62{of:017d}" for of in owners}

    def names(self, customer: int, accounts: Any) -> dict[int, str]:
        return {}

    def customer_token(self, number: str) -> int:
        return 0

    def indexed_seq(self) -> int:
        return int(self.journal.durable_seq)


def _plain(figures: Figures, kind: PeriodKind, letterhead: Letterhead, person: str, at_ms: int) -> bytes:
    return msgspec.json.encode([figures, person])


def reconcile(run: Run) -> Iterator[Line]:
    """Bar: reports reconcile."""
    lottery = random.Random(6)
    wrong: list[str] = []
    unnoticed, trials = 0, run.pick(40, 8)
    banks = run.pick(2, 1)
    for place in range(banks):
        with tempfile.TemporaryDirectory(prefix="tarim-reports-") as folder:
            bank = _Bank(Path(folder), lottery, 5, run.pick(4_000, 600))
            try:
                period = Period(PeriodKind.ON_DEMAND, bank.first_day, bank.last_day)
                figures = bank.risk().figures(period)
                wrong += [name for name, value in bank.expected.items() if getattr(figures, name) != value]
                for _ in range(trials // banks):
                    unnoticed += not _tampering_noticed(bank, period, lottery)
            finally:
                bank.close()
        del place
    yield none("reports, figures that differ from what was written", "figure", len(wrong), f"{banks} random journals")
    yield none(
        "reports, altered tables that were filed from", "report", unnoticed, f"of {trials} alterations of one figure"
    )


def _tampering_noticed(bank: _Bank, period: Period, lottery: random.Random) -> bool:
    """Alter one count or amount of one row by a little, ask for figures, and put it back."""
    database = Database.open(bank.url, [])
    table, column = lottery.choice(((DAILY, "decisions"), (DAILY, "amount_fen"), (LABELS, "labels")))
    by = lottery.choice((-1, 1, 100))
    with database.writing() as connection:
        row = lottery.choice(connection.execute(select(table)).all())
        here = [each == getattr(row, each.name) for each in table.primary_key.columns]
        connection.execute(update(table).where(*here).values(**{column: table.c[column] + by}))
    try:
        bank.risk().figures(period)
        return False
    except NotReconciled:
        return True
    finally:
        with database.writing() as connection:
            connection.execute(update(table).where(*here).values(**{column: table.c[column] - by}))
        database.close()


def batch(run: Run) -> Iterator[Line]:
    """Bar: batch identical."""
    lottery = random.Random(7)
    differing = unnamed = made = accounts = 0
    with tempfile.TemporaryDirectory(prefix="tarim-batch-") as folder:
        bank = _Bank(Path(folder), lottery, run.pick(8, 3), run.pick(2_000, 500))
        try:
            work, outbox = bank.batch(), Path(folder) / "outbox"
            for day in Period(PeriodKind.ON_DEMAND, bank.first_day, bank.last_day).days():
                accounts += work.make("tarim", day, "", by_hand=False)["rows"]
                before = {path.name: path.read_bytes() for path in outbox.iterdir()}
                bank._day(bank.clock.at_ms, lottery, 50)
                bank.wait()
                for path in outbox.iterdir():
                    path.unlink()
                row = work.make("zhao.op", day, "file lost")
                made += 1
                after = {path.name: path.read_bytes() for path in outbox.iterdir()}
                differing += (
                    after != {name: content for name, content in before.items() if name in after} or len(after) != 2
                )
                unnamed += (row["person"], row["by_hand"]) != ("zhao.op", 1)
                for path in outbox.iterdir():
                    path.unlink()
        finally:
            bank.close()
    note = f"of {made} made again after more was journalled, {accounts:,} accounts"
    yield none("batch, files that differ", "file", differing, note)
    yield none("batch, runs by hand without their operator", "run", unnamed)
