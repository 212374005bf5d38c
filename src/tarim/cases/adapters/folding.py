"""The decisions' journal taken into cases: alerts open cases or join them, holds end, labels arrive.

A piece of facts is worked through in memory and written in a few statements.  What a case says of its alerts as a whole is read
off the alerts once they are written (`sum_up`), so where the journal is cut into pieces changes nothing.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, func, insert, select, update

from tarim.cases.adapters.in_force import assignment_in_force
from tarim.cases.adapters.known import Known, Loads, cases_of_groups, rings_of
from tarim.cases.adapters.rows import OPENED, SYSTEM, alert_of, alert_row, case_row, history_row, parts
from tarim.cases.adapters.summing import sum_up
from tarim.cases.adapters.tables import ALERT, CASE, HISTORY, LINK
from tarim.cases.domain.alerts import Alert, is_repeat
from tarim.cases.domain.case import ALERTS_OF_CASE_MAX
from tarim.cases.domain.review_clock import review_due_ms
from tarim.cases.domain.states import CaseEvent, CaseState, advance
from tarim.deadlines import Schedule
from tarim.decisions import HoldState
from tarim.desk import DecisionFact, Facts, HoldFact, LabelFact

_OVER: Final = (HoldState.RELEASED, HoldState.REFUSED)


def fold(connection: Connection, facts: Facts, schedule: Schedule) -> None:
    """Take in a piece of facts."""
    touched: set[int] = set()
    decisions = facts.decisions()
    if decisions:
        touched |= _Alerts(connection, decisions, schedule).take()
    ends = {fact.held_seq: fact for fact in facts.facts if isinstance(fact, HoldFact)}
    touched |= _holds(connection, ends)
    labels = {fact.refers_seq: fact.fraud for fact in facts.facts if isinstance(fact, LabelFact)}
    if labels:
        connection.execute(
            update(ALERT).where(ALERT.c.seq == bindparam("of")).values(label=bindparam("to_label")),
            [{"of": seq, "to_label": "fraud" if fraud else "genuine"} for seq, fraud in sorted(labels.items())],
        )
    sum_up(connection, touched)


class _Alerts:
    """The decisions of a piece on their way into cases."""

    def __init__(self, connection: Connection, decisions: list[DecisionFact], schedule: Schedule) -> None:
        self._connection = connection
        self._decisions = decisions
        self._schedule = schedule
        self._rules = assignment_in_force(connection)
        self._loads = Loads(connection, self._rules)
        rings = rings_of(connection, decisions)
        self._alerts = [alert_of(fact, rings.get(fact.account) or rings.get(fact.payee) or "") for fact in decisions]
        self._joinable, self._newest = cases_of_groups(connection, self._alerts)
        self._next_no = (connection.execute(select(func.max(CASE.c.no))).scalar() or 0) + 1
        self._touched: dict[int, Known] = {}
        self._rows: dict[Table, list[dict[str, Any]]] = {CASE: [], ALERT: [], HISTORY: [], LINK: []}

    def take(self) -> set[int]:
        """Write them; the numbers of the cases they belong to."""
        for alert, fact in zip(self._alerts, self._decisions, strict=True):
            known = self._case_for(alert)
            self._touched[known.no] = known
            first = known.repeats.get(alert.repeat_key)
            repeat_of = first[0] if first is not None and is_repeat(first[1], alert) else 0
            if not repeat_of:
                known.repeats[alert.repeat_key] = (alert.seq, alert.occurred_ms)
            known.alerts += 1
            due_ms = review_due_ms(self._schedule, alert.kind, alert.decided_ms)
            self._rows[ALERT].append(alert_row(alert, fact, known.no, repeat_of, due_ms))
        for table, rows in self._rows.items():
            if rows:
                self._connection.execute(insert(table), rows)
        self._write_joined([known for known in self._touched.values() if known.version > 1])
        return set(self._touched)

    def _case_for(self, alert: Alert) -> Known:
        known = self._joinable.get(alert.group)
        if known is None or known.alerts >= ALERTS_OF_CASE_MAX:
            return self._open(alert)
        before, known.state = known.state, advance(known.state, CaseEvent.ALERT)
        known.is_returned |= known.state is not before
        known.version += 1
        known.changed_ms = max(known.changed_ms, alert.decided_ms)
        self._rows[HISTORY].append(
            history_row(
                known.no,
                known.version,
                CaseEvent.ALERT.value,
                before.value,
                known.state.value,
                alert.decided_ms,
                about=str(alert.seq),
            )
        )
        return known

    def _open(self, alert: Alert) -> Known:
        branch = self._rules.branch_of(alert.city)
        queue = self._rules.queue_of(alert.scenario, branch)
        person = self._loads.next_person(queue)
        state = CaseState.ASSIGNED if person else CaseState.NEW
        known = Known(self._next_no, state, 0, 1, alert.decided_ms)
        self._next_no += 1
        self._rows[CASE].append(case_row(known.no, alert, branch, queue, state, person))
        self._rows[HISTORY].append(
            history_row(known.no, 1, OPENED, "", state.value, alert.decided_ms, about=str(alert.seq))
        )
        earlier = self._newest.get(alert.group)
        if earlier is not None:
            self._rows[LINK] += [
                {"case_no": one, "other_no": other, "person": SYSTEM, "at_ms": alert.decided_ms}
                for one, other in ((known.no, earlier), (earlier, known.no))
            ]
        self._joinable[alert.group] = known
        self._newest[alert.group] = known.no
        return known

    def _write_joined(self, joined: list[Known]) -> None:
        if joined:
            self._connection.execute(
                update(CASE)
                .where(CASE.c.no == bindparam("of"))
                .values(state=bindparam("to_state"), version=bindparam("to_version"), changed_ms=bindparam("at")),
                [
                    {"of": known.no, "to_state": known.state.value, "to_version": known.version, "at": known.changed_ms}
                    for known in joined
                ],
            )
        returned = [{"of": known.no} for known in joined if known.is_returned]
        if returned:
            self._connection.execute(
                update(CASE).where(CASE.c.no == bindparam("of")).values(wish="", submitted_by="", submitted_ms=0),
                returned,
            )


def _holds(connection: Connection, ends: dict[int, HoldFact]) -> set[int]:
    """Bring the holds of alerts up to date; the numbers of cases in which money is at risk no more."""
    if not ends:
        return set()
    rows = [
        {
            "of": seq,
            "to_hold": fact.state.name.lower(),
            "to_until_ms": fact.until_ms,
            "over": int(fact.state in _OVER),
        }
        for seq, fact in sorted(ends.items())
    ]
    still = 1 - bindparam("over", type_=ALERT.c.savable.type)
    connection.execute(
        update(ALERT)
        .where(ALERT.c.seq == bindparam("of"))
        .values(
            hold=bindparam("to_hold"),
            until_ms=bindparam("to_until_ms"),
            savable=ALERT.c.savable * still,
            risk_fen=ALERT.c.risk_fen * still,
        ),
        rows,
    )
    closed = sorted(seq for seq, fact in ends.items() if fact.state in _OVER)
    return {
        row.case_no
        for part in parts(closed)
        for row in connection.execute(select(ALERT.c.case_no).where(ALERT.c.seq.in_(part)))
    }
