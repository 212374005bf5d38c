"""One case with everything that lies in it, as the tables have it: texts still sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, select

from tarim.cases.adapters.store import value_of
from tarim.cases.adapters.tables import ALERT, CASE, DIARY, EVIDENCE, HISTORY, LINK, NOTE, RESTRICTION, TAG
from tarim.cases.domain.case import Case, CaseAlert

SHOWN_MAX: Final = 500
"""Alerts, notes and lines of history of one answer, the newest ones."""
PLACED_MAX: Final = 20
"""Newest alerts of which it is shown where their events came from."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """A case with its contents; rows as the tables name them, oldest first."""

    case: Case
    alerts: list[CaseAlert]
    notes: list[Row[Any]]
    evidence: list[Row[Any]]
    diary: list[Row[Any]]
    restrictions: list[Row[Any]]
    history: list[Row[Any]]
    tags: list[str]
    related: list[tuple[str, str, str]]
    """(ref, branch, queue) of each, so that whoever may not see one is not told of it."""

    @property
    def tokens(self) -> set[int]:
        """Tokens of everybody and everything its alerts are about."""
        found = {self.case.customer}
        for alert in self.alerts:
            found |= {alert.customer, alert.account, alert.payee, alert.device}
        return found - {0}

    @property
    def events(self) -> list[int]:
        """Positions of the events of its newest alerts, in the decisions' journal."""
        return [alert.seq for alert in self.alerts[-PLACED_MAX:]]


def dossier_of(connection: Connection, case: Case) -> Dossier:
    """Everything about a case."""

    def newest(table: Table, order: Any) -> list[Row[Any]]:
        chosen = select(table).where(table.c.case_no == case.no).order_by(order.desc()).limit(SHOWN_MAX)
        return list(reversed(connection.execute(chosen).all()))

    related = (
        select(CASE.c.ref, CASE.c.branch, CASE.c.queue)
        .join(LINK, LINK.c.other_no == CASE.c.no)
        .where(LINK.c.case_no == case.no)
        .order_by(CASE.c.no)
    )
    tags = select(TAG.c.tag).where(TAG.c.case_no == case.no).order_by(TAG.c.tag)
    return Dossier(
        case,
        [value_of(CaseAlert, row) for row in newest(ALERT, ALERT.c.seq)],
        newest(NOTE, NOTE.c.id),
        newest(EVIDENCE, EVIDENCE.c.id),
        newest(DIARY, DIARY.c.id),
        newest(RESTRICTION, RESTRICTION.c.id),
        newest(HISTORY, HISTORY.c.n),
        list(connection.execute(tags).scalars()),
        [(row.ref, row.branch, row.queue) for row in connection.execute(related)],
    )
