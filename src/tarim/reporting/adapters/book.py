"""The book of reports: what both journals say of them, as tables."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, Table, and_, insert, select, update

from tarim.desk import Act, DecisionFact, Facts, LabelFact
from tarim.records import Migrations
from tarim.reporting.adapters.applying import APPLY
from tarim.reporting.adapters.tables import DAILY, LABELS, MIGRATIONS
from tarim.reporting.domain.days import day_of

_Key = tuple[int | str, ...]


class ReportBook:
    """A `tarim.desk.Book`."""

    @property
    def name(self) -> str:
        """First half of its acts' kinds."""
        return "reports"

    @property
    def migrations(self) -> Migrations:
        """Its tables."""
        return MIGRATIONS

    def apply(self, connection: Connection, act: Act) -> None:
        """Take in an act about reports; others are passed over."""
        if act.kind.startswith("reports."):
            APPLY[act.kind](connection, act)

    def follow(self, connection: Connection, facts: Facts) -> None:
        """Count decisions above pass, and labels, by day."""
        decisions: Counter[_Key] = Counter()
        amounts: Counter[_Key] = Counter()
        labels: Counter[_Key] = Counter()
        for fact in facts.facts:
            if isinstance(fact, DecisionFact):
                key: _Key = (day_of(fact.received_ms), int(fact.outcome), fact.scenario, fact.channel, fact.currency)
                decisions[key] += 1
                amounts[key] += fact.amount_fen
            elif isinstance(fact, LabelFact):
                labels[day_of(fact.received_ms), int(fact.fraud)] += 1
        for key, count in decisions.items():
            _add(connection, DAILY, key, {"decisions": count, "amount_fen": amounts[key]})
        for key, count in labels.items():
            _add(connection, LABELS, key, {"labels": count})


def _add(connection: Connection, table: Table, key: _Key, counts: dict[str, int]) -> None:
    """Add to the counts of one row, which is made when it is not there."""
    columns = list(table.primary_key.columns)
    here = and_(*(column == value for column, value in zip(columns, key, strict=True)))
    row = connection.execute(select(table).where(here)).one_or_none()
    if row is None:
        named = {column.name: value for column, value in zip(columns, key, strict=True)}
        connection.execute(insert(table), {**named, **counts})
    else:
        added = {name: getattr(row, name) + count for name, count in counts.items()}
        connection.execute(update(table).where(here).values(**added))
