"""The book of cases: what the desk's journal and the decisions' journal say of them, as tables."""

from __future__ import annotations

from sqlalchemy import Connection

from tarim.cases.adapters.applying import APPLY
from tarim.cases.adapters.applying_rules import APPLY_RULES
from tarim.cases.adapters.folding import fold
from tarim.cases.adapters.tables import MIGRATIONS
from tarim.deadlines import Schedule
from tarim.desk import Act, Facts
from tarim.records import Migrations


class CaseBook:
    """A `tarim.desk.Book`.  schedule: the calendar by which reviews are due."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    @property
    def name(self) -> str:
        """First half of its acts' kinds."""
        return "cases"

    @property
    def migrations(self) -> Migrations:
        """Its tables."""
        return MIGRATIONS

    def apply(self, connection: Connection, act: Act) -> None:
        """Take in an act about cases; others are passed over."""
        if not act.kind.startswith("cases."):
            return
        apply = APPLY.get(act.kind) or APPLY_RULES[act.kind]
        apply(connection, act)

    def follow(self, connection: Connection, facts: Facts) -> None:
        """Take in alerts, ends of holds and labels."""
        fold(connection, facts, self._schedule)
