"""Looks at the tables of reports."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, func, select

from tarim.identity import Caller
from tarim.reporting.adapters.tables import HAND, HISTORY, READER, STAFF, SUSPICIOUS
from tarim.reporting.domain.filing import Filing, may_see, missing
from tarim.reporting.domain.states import ReportState

_OVER = (ReportState.RECEIVED.value, ReportState.DISCARDED.value)
_PAGE = 200


class ReportStore:
    """The tables, read."""

    def seen(self, connection: Connection, caller: Caller, names: Collection[str], number: str) -> Filing:
        """A report that is there for a caller, who goes by these names.  Raises NotFound."""
        row = connection.execute(select(SUSPICIOUS).where(SUSPICIOUS.c.number == number)).one_or_none()
        if row is None:
            raise missing(number)
        filing = Filing(**row._mapping)
        if not self._may_see(connection, caller, names, filing, self.own_customers(connection, names)):
            raise missing(number)
        return filing

    def listed(
        self, connection: Connection, caller: Caller, names: Collection[str], state: str, before_no: int, limit: int
    ) -> list[Filing]:
        """Reports that are there for a caller, the newest first, below a number (0 = from the newest)."""
        own = self.own_customers(connection, names)
        found: list[Filing] = []
        while len(found) < limit:
            chosen = select(SUSPICIOUS).order_by(SUSPICIOUS.c.no.desc()).limit(_PAGE)
            chosen = chosen.where(SUSPICIOUS.c.state == state) if state else chosen
            chosen = chosen.where(SUSPICIOUS.c.no < before_no) if before_no else chosen
            page = [Filing(**row._mapping) for row in connection.execute(chosen)]
            found += [each for each in page if self._may_see(connection, caller, names, each, own)]
            if len(page) < _PAGE:
                break
            before_no = page[-1].no
        return found[:limit]

    def hands(self, connection: Connection, no: int) -> set[str]:
        """Who had a hand in a report."""
        return set(connection.execute(select(HAND.c.person).where(HAND.c.no == no)).scalars())

    def own_customers(self, connection: Connection, names: Collection[str]) -> set[int]:
        """Tokens of a person as a customer, under any of its names."""
        return set(connection.execute(select(STAFF.c.customer).where(STAFF.c.person.in_(sorted(names)))).scalars())

    def open_of_case(self, connection: Connection, case_ref: str) -> int:
        """Reports of a case that are under way."""
        chosen = select(func.count()).where(SUSPICIOUS.c.case_ref == case_ref, SUSPICIOUS.c.state.not_in(_OVER))
        return int(connection.execute(chosen).scalar_one())

    def next_no(self, connection: Connection) -> int:
        """The number of the next report."""
        return int(connection.execute(select(func.max(SUSPICIOUS.c.no))).scalar() or 0) + 1

    def history(self, connection: Connection, no: int) -> list[dict[str, Any]]:
        """What happened to a report."""
        chosen = select(HISTORY).where(HISTORY.c.no == no).order_by(HISTORY.c.n)
        return [dict(row._mapping) for row in connection.execute(chosen)]

    def _may_see(
        self, connection: Connection, caller: Caller, names: Collection[str], filing: Filing, own: set[int]
    ) -> bool:
        readers = connection.execute(select(READER.c.person).where(READER.c.no == filing.no)).scalars()
        return may_see(filing, caller, self.hands(connection, filing.no), set(readers), own)
