"""Suspicious transaction reports over a real desk, with one case written by hand.

with reporting(folder, url) as house:
    filing = house.reports.draft(house.who("li.si"), house.case, "C0000017")
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tarim.base.errors import NotFound, Unavailable
from tarim.cases import EvidenceFiles
from tarim.deadlines import load_schedule
from tarim.desk import Desk
from tarim.identity import EVERYTHING, Caller, CallerKind, Scope
from tarim.reporting import (
    CaseFacts,
    Contents,
    Letterhead,
    MovementFact,
    ReportBook,
    ReportStore,
    SuspiciousReports,
    package_of,
    packaged_codes,
)
from tarim.reporting.adapters.pages import fonts
from tests.fakes.clock import FakeClock
from tests.fakes.desk import open_desk


def _has_chinese_font() -> bool:
    try:
        return bool(fonts())
    except Unavailable:
        return False


needs_chinese_font = pytest.mark.skipif(
    not _has_chinese_font(), reason="no Chinese font is installed (Debian's package fonts-noto-cjk)"
)
NOW_MS = 1_772_337_600_000  # 2026-03-01 12:00 in China
CASE = "CASE-2026-000123"
CUSTOMER = "C0000017"
_ACCOUNTS = {11: "6229990000000001", 12: "6228880000000009", 13: "6228880000000017"}
_WRITE = {Scope.REPORTS_READ, Scope.REPORTS_WRITE}


def token(number: str) -> int:
    """A customer's token."""
    return int.from_bytes(blake2b(number.encode(), digest_size=8).digest(), "little")


class Cases:
    """One case, of customer C0000017."""

    def scope(self, connection: Connection, ref: str) -> tuple[str, str]:
        if ref != CASE:
            raise NotFound(f"there is no case {ref[:20]}")
        return "650102", "fraud"

    def facts(self, connection: Connection, ref: str) -> CaseFacts:
        self.scope(connection, ref)
        moves = tuple(
            MovementFact(
                place, f"evt-{place}", NOW_MS - 3_600_000 * (9 - place), "transfer", "mobile", False, 4_980_000, "CNY", 11,
                12 + place % 2, 9, "block" if place % 2 else "delay", "structuring", ("split",), "",
            )
            for place in range(1, 7)
        )  # fmt: skip
        return CaseFacts(CASE, token(CUSTOMER), "650102", "structuring", NOW_MS, 0, moves, (), ("li.si",))


class Values:
    """What the vault would tell."""

    def accounts(self, owners: Mapping[int, Collection[int]]) -> dict[int, str]:
        return {of: _ACCOUNTS[of] for of in owners if of in _ACCOUNTS}

    def names(self, customer: int, accounts: Collection[int]) -> dict[int, str]:
        return {12: "赵六"} if 12 in accounts else {}

    def customer_token(self, number: str) -> int:
        return token(number)


class Persons:
    """`alias` is another name of li.si."""

    def names_of(self, person: str) -> Collection[str]:
        return {"li.si", "alias"} if person in ("li.si", "alias") else {person}


class House:
    """The desk and what works on it."""

    def __init__(self, folder: Path, url: str, clock: FakeClock) -> None:
        self.clock = clock
        self.book = ReportBook()
        self.desk: Desk = open_desk(folder, url, [self.book], clock)
        files = EvidenceFiles(folder / "files", self.desk.texts)
        values = Values()
        self.contents = Contents(files, self.desk.texts, values, packaged_codes(), self.desk.now_ms)
        head = Letterhead("F1008933000019", "F10089330001", "示例银行", "Example Bank", "650102")
        self.reports = SuspiciousReports(
            self.desk, ReportStore(), self.contents, package_of, Cases(), values, Persons(), head, load_schedule()
        )
        self.case = CASE

    def who(self, name: str, *more: Scope, branches: Collection[str] = EVERYTHING) -> Caller:
        """A person with scopes to write reports, or with these."""
        scopes = frozenset(more or _WRITE) | {Scope.REPORTS_READ}
        return Caller(name, CallerKind.PERSON, scopes, frozenset(branches), EVERYTHING)


@contextmanager
def reporting(folder: Path, url: str) -> Iterator[House]:
    """The house, closed at the end."""
    house = House(folder, url, FakeClock(NOW_MS))
    try:
        yield house
    finally:
        house.desk.close()
