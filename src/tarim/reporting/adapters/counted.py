"""Figures as the tables have them: the tables of reports, and those of cases."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, and_, func, select

from tarim.cases import MIGRATIONS
from tarim.desk import MIGRATIONS as DESK
from tarim.reporting.adapters.tables import BATCH, DAILY, FILED, LABELS
from tarim.reporting.domain.days import Period
from tarim.reporting.domain.figures import CaseCounts, Counts

_POSITION: Final = DESK.metadata.tables["desk_position"].c
_CASE: Final = MIGRATIONS.metadata.tables["cases_case"].c
_ALERT: Final = MIGRATIONS.metadata.tables["cases_alert"].c


class CountedTables:
    """The tables, counted."""

    def followed_seq(self, connection: Connection) -> int:
        """Up to which position of the decisions' journal the tables were made."""
        return int(connection.execute(select(_POSITION.followed_seq)).scalar() or 0)

    def counts(self, connection: Connection, period: Period) -> Counts:
        """Decisions above pass and labels of a period."""
        daily = select(DAILY).where(DAILY.c.day.between(period.from_day, period.to_day))
        labels = select(LABELS).where(LABELS.c.day.between(period.from_day, period.to_day))
        return Counts(
            {
                (row.day, row.outcome, row.scenario, row.channel, row.currency): (row.decisions, row.amount_fen)
                for row in connection.execute(daily)
            },
            {(row.day, row.fraud): row.labels for row in connection.execute(labels)},
        )

    def cases(self, connection: Connection, period: Period, now_ms: int) -> CaseCounts:
        """Cases and alerts of a period."""

        def in_period(column: Any) -> Any:
            return and_(column >= period.from_ms, column < period.end_ms)

        def count(*where: Any) -> int:
            chosen = select(func.count()).select_from(_CASE.no.table).where(*where)
            return int(connection.execute(chosen).scalar_one())

        by_outcome = select(_ALERT.outcome, func.count()).where(in_period(_ALERT.decided_ms)).group_by(_ALERT.outcome)
        return CaseCounts(
            opened=count(in_period(_CASE.opened_ms)),
            closed=count(in_period(_CASE.closed_ms)),
            reported=count(in_period(_CASE.reported_ms)),
            open_now=count(_CASE.done == 0),
            overdue_now=count(_CASE.done == 0, _CASE.due_ms > 0, _CASE.due_ms < now_ms),
            alerts={row[0]: row[1] for row in connection.execute(by_outcome)},
        )

    def filed_ids(self, connection: Connection) -> frozenset[str]:
        """Reports that are filed already."""
        return frozenset(connection.execute(select(FILED.c.id)).scalars())

    def filed(self, connection: Connection, count: int) -> list[dict[str, Any]]:
        """The newest filed reports, newest first, without their figures."""
        columns = [column for column in FILED.c if column.name != "figures"]
        chosen = select(*columns).order_by(FILED.c.at_ms.desc(), FILED.c.id).limit(count)
        return [dict(row._mapping) for row in connection.execute(chosen)]

    def filed_one(self, connection: Connection, name: str) -> dict[str, Any] | None:
        """One of them with its figures."""
        row = connection.execute(select(FILED).where(FILED.c.id == name)).one_or_none()
        return None if row is None else dict(row._mapping)


class BatchTable:
    """Runs of the batch."""

    def first(self, connection: Connection, day: int) -> dict[str, Any] | None:
        """The first run of a day."""
        chosen = select(BATCH).where(BATCH.c.day == day).order_by(BATCH.c.seq).limit(1)
        row = connection.execute(chosen).one_or_none()
        return None if row is None else dict(row._mapping)

    def listed(self, connection: Connection, count: int) -> list[dict[str, Any]]:
        """The newest runs, newest first."""
        chosen = select(BATCH).order_by(BATCH.c.seq.desc()).limit(count)
        return [dict(row._mapping) for row in connection.execute(chosen)]
