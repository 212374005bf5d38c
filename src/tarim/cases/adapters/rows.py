"""Rows of the tables, made of alerts and of what happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from tarim.base.instants import CHINA_OFFSET_MS
from tarim.cases.adapters.tables import CASE
from tarim.cases.domain.alerts import Alert
from tarim.cases.domain.priority import act_by_ms, at_risk_fen, can_be_saved
from tarim.cases.domain.states import CaseState
from tarim.cases.domain.texts import case_ref
from tarim.desk import DecisionFact

IN_MAX: Final = 500
"""Values of one IN list."""
OPENED: Final = "open"
"""The first line of a case's history."""
SYSTEM: Final = ""
"""The person of what no person did."""
PPM: Final = 1_000_000
T = TypeVar("T")


def parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in pieces that one IN list takes."""
    return (values[at : at + IN_MAX] for at in range(0, len(values), IN_MAX))


def alert_of(fact: DecisionFact, ring: str) -> Alert:
    """The alert that a decision above pass is."""
    return Alert(
        seq=fact.seq,
        event_id=fact.event_id,
        source=fact.source,
        outcome=fact.outcome,
        scenario=fact.scenario,
        customer=fact.customer,
        account=fact.account,
        payee=fact.payee,
        device=fact.device,
        amount_fen=fact.amount_fen,
        occurred_ms=fact.occurred_ms,
        decided_ms=fact.received_ms,
        until_ms=fact.hold_until_ms,
        score=-1.0 if fact.score is None else fact.score,
        rules=tuple(ground.id for ground in fact.grounds if ground.source == "rule"),
        channel=fact.channel,
        kind_of_event=fact.kind,
        city=fact.city,
        ring=ring,
    )


def alert_row(alert: Alert, fact: DecisionFact, case_no: int, repeat_of: int, due_ms: int) -> dict[str, Any]:
    """A row of `cases_alert`."""
    return {
        "seq": alert.seq,
        "case_no": case_no,
        "kind": alert.kind.value,
        "outcome": int(alert.outcome),
        "scenario": alert.scenario,
        "event_kind": alert.kind_of_event,
        "channel": alert.channel,
        "source": alert.source,
        "event_id": alert.event_id,
        "customer": alert.customer,
        "account": alert.account,
        "payee": alert.payee,
        "device": alert.device,
        "amount_fen": alert.amount_fen,
        "risk_fen": 0 if repeat_of else at_risk_fen(alert),
        "savable": int(not repeat_of and can_be_saved(alert)),
        "occurred_ms": alert.occurred_ms,
        "decided_ms": alert.decided_ms,
        "until_ms": alert.until_ms,
        "due_ms": due_ms,
        "act_by_ms": act_by_ms(alert, due_ms),
        "score_ppm": round(alert.score * PPM) if alert.score >= 0 else -1,
        "rules": list(alert.rules),
        "ruleset": fact.ruleset,
        "model": fact.model,
        "repeat_of": repeat_of,
        "repeat_key": alert.repeat_key,
        "verdict": "",
        "cause": "",
        "traits": [],
        "reviewer": "",
        "reviewed_ms": 0,
        "label": "",
        "hold": "waiting" if alert.until_ms else "",
        "release_by": "",
        "ordered": "",
    }


def case_row(no: int, alert: Alert, branch: str, queue: str, state: CaseState, assignee: str) -> dict[str, Any]:
    """A row of `cases_case` as an alert opens it; what depends on all alerts is summed up later."""
    year = datetime.fromtimestamp((alert.decided_ms + CHINA_OFFSET_MS) / 1_000, UTC).year
    return {column.name: 0 for column in CASE.columns} | {
        "no": no,
        "ref": case_ref(no, year),
        "group_key": alert.group,
        "customer": alert.customer,
        "scenario": alert.scenario,
        "ring": alert.ring,
        "branch": branch,
        "queue": queue,
        "state": state.value,
        "assignee": assignee,
        "lock_person": "",
        "submitted_by": "",
        "wish": "",
        "opened_ms": alert.decided_ms,
        "changed_ms": alert.decided_ms,
        "version": 1,
    }


def history_row(
    case_no: int,
    n: int,
    event: str,
    before: str,
    after: str,
    at_ms: int,
    *,
    person: str = SYSTEM,
    about: str = "",
    reason: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A row of `cases_history`."""
    return {
        "case_no": case_no,
        "n": n,
        "event": event,
        "before": before,
        "after": after,
        "person": person,
        "at_ms": at_ms,
        "about": about,
        "reason": reason or {},
    }
