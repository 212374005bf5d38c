"""A desk without journals or threads, for tests of cases: facts and acts go straight into the tables.

room = CaseRoom(database_url, tmp_path)
room.follow(a_decision(1, outcome=Outcome.SUSPEND))
room.do("li.na", lifecycle.assign, "CASE-2026-000001", "li.na")
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from tarim.cases import Acting, Case, CaseBook, CaseStore, EvidenceFiles, Means
from tarim.cases.adapters.tables import CASE, METADATA, MIGRATIONS
from tarim.deadlines import load_schedule
from tarim.decisions import Cause, HoldState
from tarim.desk import Act, DecisionFact, Draft, Facts, Ground, HoldFact
from tarim.identity import EVERYTHING, Caller, CallerKind, Scope
from tarim.records import Database
from tarim.stream import Outcome

NOON_MS = 1_780_286_400_000
"""2026-06-01T12:00+08:00, a Monday."""
REF = "CASE-2026-000001"


def a_decision(seq: int, **changes: Any) -> DecisionFact:
    """A payment of 80,000 yuan that was suspended, of customer 7."""
    scenario = changes.pop("scenario", "remote_control")
    outcome = changes.get("outcome", Outcome.SUSPEND)
    plain: dict[str, Any] = {
        "seq": seq,
        "source": "mobile-bank",
        "event_id": f"E-{seq}",
        "kind": "transfer",
        "channel": "mobile",
        "occurred_ms": NOON_MS + seq * 3_600_000,
        "received_ms": NOON_MS + seq * 3_600_000,
        "customer": 7,
        "account": 70,
        "payee": 700 + seq,
        "device": 7_000,
        "amount_fen": 8_000_000,
        "currency": "CNY",
        "outcome": outcome,
        "score": 0.5,
        "grounds": (Ground("rule", "r1", scenario, outcome, 80),),
        "hold_until_ms": 0,
        "features": "f",
        "ruleset": "r",
        "model": "m",
        "city": 330_106,
    }
    held = outcome in (Outcome.CHALLENGE, Outcome.DELAY, Outcome.SUSPEND)
    if held and "hold_until_ms" not in changes:
        changes["hold_until_ms"] = plain["received_ms"] + 72 * 3_600_000
    return DecisionFact(**(plain | changes))


def a_hold(of: DecisionFact, seq: int, state: HoldState, cause: Cause = Cause.OPENED) -> HoldFact:
    """What became of a decision's hold."""
    at = (of.received_ms, of.hold_until_ms)
    return HoldFact(seq, of.seq, of.outcome, state, cause, *at, of.customer, of.amount_fen)


class FakeTexts:
    """Keeps texts as they are, marked with whose they are; `destroyed` customers' do not open."""

    def __init__(self) -> None:
        self.destroyed: set[int] = set()

    def seal(self, customer: int, text: str) -> dict[str, Any]:
        return {"of": customer, "sealed": base64.b64encode(text.encode()).decode()}

    def open_or_none(self, sealed: Mapping[str, Any]) -> str | None:
        return None if sealed["of"] in self.destroyed else base64.b64decode(sealed["sealed"]).decode()


@dataclass
class FakePeople:
    """Names that are one human; who does not work here."""

    same: list[set[str]] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)

    def names_of(self, person: str) -> Collection[str]:
        return next((names for names in self.same if person in names), {person})

    def may_work(self, person: str, branch: str, queue: str) -> bool:
        return person not in self.absent

    def workers(self, branch: str, queue: str) -> Sequence[str]:
        return sorted({"li.na", "zhao.min"} - self.absent)


def a_caller(name: str, *scopes: Scope, branches: Any = EVERYTHING, queues: Any = EVERYTHING) -> Caller:
    """A person with these scopes; without any, one who works on cases."""
    held = frozenset(scopes or (Scope.CASES_READ, Scope.CASES_WORK))
    return Caller(name, CallerKind.PERSON, held, frozenset(branches), frozenset(queues), "s", "10.0.0.1", NOON_MS)


class CaseRoom:
    """One writer over the tables of cases."""

    def __init__(self, url: str, folder: Path) -> None:
        self.database = Database.open(url, [MIGRATIONS])
        self.book = CaseBook(load_schedule())
        self.texts, self.people = FakeTexts(), FakePeople()
        self.now_ms = NOON_MS + 24 * 3_600_000
        self.means = Means(
            CaseStore(), self.texts, EvidenceFiles(folder / "evidence", self.texts), self.people, lambda: self.now_ms
        )
        self.acts: list[Act] = []
        self.log: list[Act | Facts] = []
        self._turn = threading.Lock()

    def follow(self, *facts: Any) -> None:
        """Take in one piece of facts."""
        piece = Facts(0, 0, facts)
        with self._turn, self.database.writing() as connection:
            self.book.follow(connection, piece)
        self.log.append(piece)

    def perform(self, person: str, command: Callable[[Connection], Sequence[Draft]]) -> list[Act]:
        """Carry out a command."""
        with self._turn, self.database.writing() as connection:
            acts = [
                Act(len(self.acts) + at, draft.kind, draft.subject, person, self.now_ms, draft.body)
                for at, draft in enumerate(command(connection))
            ]
            for act in acts:
                self.book.apply(connection, act)
            self.acts += acts
            self.log += acts
        return acts

    def do(self, who: str | Caller, command: Callable[..., Sequence[Draft]], *args: Any, **more: Any) -> list[Act]:
        """A command about the first case, or `ref=`; of `version=`."""
        caller = who if isinstance(who, Caller) else a_caller(who)
        acting = self.acting(caller, more.pop("ref", REF), more.pop("version", 0))
        return self.perform(caller.name, lambda connection: command(acting, connection, *args, **more))

    def acting(self, caller: Caller, ref: str = REF, version: int = 0) -> Acting:
        """A caller about to do something with a case."""
        return Acting(self.means, caller, ref, version)

    def case(self, ref: str = REF) -> Case:
        """A case as it stands."""
        with self.database.reading() as connection:
            return self.means.reading.case(connection, ref)

    def count(self) -> int:
        """How many cases there are."""
        with self.database.reading() as connection:
            return connection.execute(select(func.count()).select_from(CASE)).scalar_one()

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in every table, in order of keys."""
        with self.database.reading() as connection:
            return {
                table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
                for table in METADATA.sorted_tables
            }
