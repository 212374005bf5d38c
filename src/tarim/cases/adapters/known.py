"""What a piece of facts needs to know of what is there already: rings, cases of its groups, payments that may be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, func, select, tuple_

from tarim.cases.adapters.rows import parts
from tarim.cases.adapters.tables import ALERT, CASE, RING
from tarim.cases.domain.alerts import Alert
from tarim.cases.domain.assignment import Assignment
from tarim.cases.domain.states import JOINABLE, CaseState
from tarim.desk import DecisionFact

_ABOUT_MAX: Final = 5
"""Open cases about one customer that are named."""


@dataclass(slots=True)
class Known:
    """A case that a piece of facts meets.  repeats: by `repeat_key`, (seq, occurred_ms) of the last that was no repeat."""

    no: int
    state: CaseState
    alerts: int
    version: int
    changed_ms: int
    repeats: dict[str, tuple[int, int]] = field(default_factory=dict)
    is_returned: bool = False


def rings_of(connection: Connection, decisions: Sequence[DecisionFact]) -> dict[int, str]:
    """The ring of every account or payee of these decisions that lies in one."""
    accounts = sorted({token for fact in decisions for token in (fact.account, fact.payee) if token})
    return {
        row.account: row.ring
        for part in parts(accounts)
        for row in connection.execute(select(RING).where(RING.c.account.in_(part)))
    }


def cases_of_groups(connection: Connection, alerts: Sequence[Alert]) -> tuple[dict[str, Known], dict[str, int]]:
    """By group, the newest case that these alerts may join; and the newest case there ever was."""
    joinable: dict[str, Known] = {}
    newest: dict[str, int] = {}
    for part in parts(sorted({alert.group for alert in alerts})):
        # states are looked at here: asked for in the statement, SQLite walks the index of states, which holds every case
        found = connection.execute(
            select(CASE.c.no, CASE.c.group_key, CASE.c.state, CASE.c.alerts, CASE.c.version, CASE.c.changed_ms)
            .where(CASE.c.group_key.in_(part))
            .order_by(CASE.c.no)
        )
        for row in found:
            newest[row.group_key] = row.no
            state = CaseState(row.state)
            if state in JOINABLE:
                joinable[row.group_key] = Known(row.no, state, row.alerts, row.version, row.changed_ms)
    _remember_repeats(connection, joinable, alerts)
    return joinable, newest


def _remember_repeats(connection: Connection, joinable: dict[str, Known], alerts: Sequence[Alert]) -> None:
    cases = {known.no: known for known in joinable.values()}
    wanted = {(joinable[alert.group].no, alert.repeat_key) for alert in alerts if alert.group in joinable}
    for part in parts(sorted(wanted)):
        found = connection.execute(
            select(ALERT.c.case_no, ALERT.c.repeat_key, ALERT.c.seq, ALERT.c.occurred_ms)
            .where(tuple_(ALERT.c.case_no, ALERT.c.repeat_key).in_(part), ALERT.c.repeat_of == 0)
            .order_by(ALERT.c.seq)
        )
        for row in found:
            cases[row.case_no].repeats[row.repeat_key] = (row.seq, row.occurred_ms)


def open_cases_of(connection: Connection, persons: Sequence[str]) -> dict[str, int]:
    """How many open cases each of these persons is in charge of."""
    open_of = dict.fromkeys(persons, 0)
    for part in parts(sorted(open_of)):
        counted = (
            select(CASE.c.assignee, func.count().label("open"))
            .where(CASE.c.assignee.in_(part), CASE.c.done == 0)
            .group_by(CASE.c.assignee)
        )
        open_of.update((row.assignee, row.open) for row in connection.execute(counted))
    return open_of


def open_cases_about(connection: Connection, customer: int) -> list[str]:
    """References of open cases about a customer (unsigned token), the oldest first, at most a few of them."""
    chosen = (
        select(CASE.c.ref).where(CASE.c.customer == customer, CASE.c.done == 0).order_by(CASE.c.no).limit(_ABOUT_MAX)
    )
    return list(connection.execute(chosen).scalars())


class Loads:
    """Open cases by person, as the piece goes on."""

    def __init__(self, connection: Connection, rules: Assignment) -> None:
        self._connection = connection
        self._rules = rules
        self._open_of: dict[str, int] = {}

    def next_person(self, queue_name: str) -> str:
        """Who gets the next case of a queue by rule, counted from now on; "" for nobody."""
        queue = self._rules.queue(queue_name)
        if not queue.automatic:
            return ""
        unknown = sorted(set(queue.members) - self._open_of.keys())
        self._open_of |= open_cases_of(self._connection, unknown)
        person = self._rules.person_for(queue, self._open_of)
        if person:
            self._open_of[person] += 1
        return person
