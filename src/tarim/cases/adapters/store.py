"""Looks at the tables of cases: `tarim.cases.ports.Reading`."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Table, func, select

from tarim.base.errors import NotFound
from tarim.cases.adapters.tables import ALERT, CASE, DIARY, EVIDENCE, HAND, LINK, NOTE, RESTRICTION, RULES, TAG
from tarim.cases.domain.case import Case, CaseAlert, RestrictionRow, RulesRow

T = TypeVar("T", bound=msgspec.Struct)


def value_of(kind: type[T], row: Any) -> T:
    """A row as a value with the same names."""
    return kind(**row._mapping)


class CaseStore:
    """The tables, read."""

    def case(self, connection: Connection, ref: str) -> Case:
        """A case by its name.  Raises NotFound."""
        row = connection.execute(select(CASE).where(CASE.c.ref == ref)).one_or_none()
        if row is None:
            raise NotFound(f"there is no case {ref[:20]}")
        return value_of(Case, row)

    def alert(self, connection: Connection, seq: int) -> CaseAlert:
        """An alert.  Raises NotFound."""
        return self._one(connection, ALERT, CaseAlert, ALERT.c.seq == seq, f"there is no alert {seq}")

    def repeats(self, connection: Connection, alert: CaseAlert) -> list[int]:
        """Positions of the repeats of an alert, ascending."""
        chosen = select(ALERT.c.seq).where(
            ALERT.c.case_no == alert.case_no, ALERT.c.repeat_key == alert.repeat_key, ALERT.c.repeat_of == alert.seq
        )
        return list(connection.execute(chosen.order_by(ALERT.c.seq)).scalars())

    def hands(self, connection: Connection, case_no: int) -> set[str]:
        """Who had a hand in a case."""
        return set(connection.execute(select(HAND.c.person).where(HAND.c.case_no == case_no)).scalars())

    def releases_open(self, connection: Connection, case_no: int) -> int:
        """Payments of a case for whose release a second person is waited for."""
        waiting = (ALERT.c.release_by != "") & (ALERT.c.ordered == "") & (ALERT.c.hold.in_(("waiting", "escalated")))
        return self._count(connection, ALERT, (ALERT.c.case_no == case_no) & waiting)

    def notes_count(self, connection: Connection, case_no: int) -> int:
        """How many notes it has."""
        return self._count(connection, NOTE, NOTE.c.case_no == case_no)

    def evidence_digests(self, connection: Connection, case_no: int) -> set[str]:
        """Digests of its evidence."""
        return set(connection.execute(select(EVIDENCE.c.digest).where(EVIDENCE.c.case_no == case_no)).scalars())

    def tags(self, connection: Connection, case_no: int) -> set[str]:
        """Its tags."""
        return set(connection.execute(select(TAG.c.tag).where(TAG.c.case_no == case_no)).scalars())

    def links(self, connection: Connection, case_no: int) -> set[int]:
        """Numbers of related cases."""
        return set(connection.execute(select(LINK.c.other_no).where(LINK.c.case_no == case_no)).scalars())

    def diary_open(self, connection: Connection, case_no: int) -> set[int]:
        """Ids of diary entries that are not done."""
        chosen = select(DIARY.c.id).where(DIARY.c.case_no == case_no, DIARY.c.done_ms == 0)
        return set(connection.execute(chosen).scalars())

    def restriction(self, connection: Connection, number: int) -> RestrictionRow:
        """A restriction.  Raises NotFound."""
        missing = f"there is no restriction {number}"
        return self._one(connection, RESTRICTION, RestrictionRow, RESTRICTION.c.id == number, missing)

    def restrictions(self, connection: Connection, customer: int) -> list[RestrictionRow]:
        """Restrictions of a customer that are asked for or in force."""
        chosen = select(RESTRICTION).where(
            RESTRICTION.c.customer == customer, RESTRICTION.c.state.in_(("asked", "in_force"))
        )
        return [value_of(RestrictionRow, row) for row in connection.execute(chosen.order_by(RESTRICTION.c.id))]

    def rules(self, connection: Connection, number: int) -> RulesRow:
        """Assignment rules by their proposal.  Raises NotFound."""
        return self._one(connection, RULES, RulesRow, RULES.c.id == number, f"there is no proposal {number}")

    def rules_proposed(self, connection: Connection) -> int:
        """How many proposals of assignment rules are open."""
        return self._count(connection, RULES, RULES.c.state == "proposed")

    def _one(self, connection: Connection, table: Table, kind: type[T], where: Any, missing: str) -> T:
        row = connection.execute(select(table).where(where)).one_or_none()
        if row is None:
            raise NotFound(missing)
        return value_of(kind, row)

    def _count(self, connection: Connection, table: Table, where: Any) -> int:
        return int(connection.execute(select(func.count()).select_from(table).where(where)).scalar_one())
