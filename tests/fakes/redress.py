"""A desk with the book of redress, and people who work at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from tarim.base.errors import NotFound
from tarim.deadlines import load_schedule
from tarim.identity import EVERYTHING, Caller, Scope
from tarim.identity.callers import CallerKind
from tarim.redress import Contents, DecisionLink, Documents, Parts, Redress, RedressBook, Reviews, read_routing
from tests.fakes.clock import FakeClock
from tests.fakes.desk import open_desk

START_MS = 1_780_290_000_000
"""2026-06-01 13:00 in China, a Monday."""

RETENTION_DAYS = 3_653
READ, WORK, DECIDE = Scope.REDRESS_READ, Scope.REDRESS_WORK, Scope.REDRESS_DECIDE


def person(name: str, *scopes: Scope, branches: frozenset[str] = EVERYTHING) -> Caller:
    return Caller(name, CallerKind.PERSON, frozenset(scopes), branches, EVERYTHING, "s1", "127.0.0.1", START_MS)


WORKER = person("li.na", READ, WORK, Scope.REQUESTS_WORK)
DECIDER = person("wang.wei", READ, DECIDE, Scope.REQUESTS_WORK, Scope.REQUESTS_APPROVE)
OTHER = person("zhao.min", READ, WORK, DECIDE, Scope.REQUESTS_WORK, Scope.REQUESTS_APPROVE, Scope.REVEAL)


class FakeDecisions:
    """One decision, two rules.  newest_ms: of customers' events.  rules: in force."""

    def __init__(self) -> None:
        self.newest_ms: dict[int, int] = {}
        self.rules = frozenset({"many_transfers", "new_payee"})

    def link(self, seq: int) -> DecisionLink:
        if seq != 3:
            raise NotFound("no decision there")
        return DecisionLink("bank", "e3", 3, "rules-1", "features-1", "model-1", "pass")

    def rules_in_force(self) -> tuple[str, frozenset[str]]:
        return "rules-1", self.rules

    def last_event(self, customer: int) -> tuple[int, int]:
        return self.newest_ms.get(customer, 0), 9


class House:
    """Everything of redress on one desk."""

    def __init__(self, folder: Path, url: str) -> None:
        self.clock = FakeClock(START_MS)
        self.desk = open_desk(folder, url, [RedressBook()], self.clock)
        self.routing = read_routing(resources.files("tarim.redress").joinpath("routing.toml").read_text("utf-8"))
        aliases = {"li.na.2": {"li.na", "li.na.2"}}
        same = lambda name: aliases.get(name, {name})  # noqa: E731
        self.decisions = FakeDecisions()
        self.open_cases: dict[int, list[str]] = {}
        cases = lambda _connection, customer: self.open_cases.get(customer, [])  # noqa: E731
        schedule = load_schedule()
        self.redress = Redress(Parts(self.desk, schedule, self.routing, self.decisions, same, RETENTION_DAYS, cases))
        self.documents = Documents(self.redress, Contents(folder / "contents"))
        self.reviews = Reviews(self.redress)

    def later(self, hours: float) -> None:
        self.clock.at_ms += round(hours * 3_600_000)


@contextmanager
def house(folder: Path, url: str) -> Iterator[House]:
    found = House(folder, url)
    try:
        yield found
    finally:
        found.desk.close()
