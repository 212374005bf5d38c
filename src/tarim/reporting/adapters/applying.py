"""Acts about reports, turned into rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from tarim.desk import Act
from tarim.reporting.adapters.tables import BATCH, FILED, HAND, HISTORY, READER, STAFF, SUSPICIOUS
from tarim.reporting.domain.states import ReportEvent, ReportState, advance

_NOTHING: Final[dict[str, Any]] = {
    "submitted_by": "", "submitted_ms": 0, "approved_by": "", "approved_ms": 0, "package": "", "exported_by": "",
    "exported_ms": 0, "message": "", "sent_by": "", "sent_ms": 0, "receipt": "", "receipt_ms": 0,
}  # fmt: skip


def _drafted(connection: Connection, act: Act) -> None:
    body = act.body
    row = {
        **_NOTHING,
        **{name: body[name] for name in ("no", "case_ref", "branch", "queue", "digest", "subjects")},
        "number": act.subject,
        "state": ReportState.DRAFT.value,
        "version": 1,
        "author": act.person,
        "created_ms": act.at_ms,
        "changed_ms": act.at_ms,
    }
    connection.execute(insert(SUSPICIOUS), row)
    _hand(connection, body["no"], act.person)
    _history(connection, act, "draft", "", ReportState.DRAFT.value)


def _moved(connection: Connection, act: Act) -> None:
    """Every further event of a report: `reports.submit` and the like."""
    event = ReportEvent(act.kind.partition(".")[2])
    no, body = act.body["no"], act.body
    row = connection.execute(select(SUSPICIOUS).where(SUSPICIOUS.c.no == no)).one()
    after = advance(row.number, ReportState(row.state), event)
    changes: dict[str, Any] = {"state": after.value, "version": row.version + 1, "changed_ms": act.at_ms}
    by = {"by": act.person, "ms": act.at_ms}
    match event:
        case ReportEvent.EDIT | ReportEvent.CORRECT:
            changes |= {"digest": body["digest"], "subjects": body["subjects"]}
            changes |= _NOTHING if event is ReportEvent.CORRECT else {}
            _hand(connection, no, act.person)
        case ReportEvent.SUBMIT:
            changes |= {f"submitted_{name}": value for name, value in by.items()}
            _hand(connection, no, act.person)
        case ReportEvent.APPROVE:
            changes |= {f"approved_{name}": value for name, value in by.items()}
        case ReportEvent.EXPORT:
            changes |= {"package": body["package"], **{f"exported_{name}": value for name, value in by.items()}}
        case ReportEvent.SEND:
            changes |= {"message": body["message"], **{f"sent_{name}": value for name, value in by.items()}}
        case ReportEvent.ACCEPT | ReportEvent.RETURN:
            word = "accepted" if event is ReportEvent.ACCEPT else "refused"
            changes |= {"receipt": word, "receipt_ms": act.at_ms}
        case _:
            pass
    connection.execute(update(SUSPICIOUS).where(SUSPICIOUS.c.no == no).values(**changes))
    _history(connection, act, event.value, row.state, after.value)


def _let_in(connection: Connection, act: Act) -> None:
    no, person, on = act.body["no"], act.body["person"], act.body["on"]
    connection.execute(delete(READER).where(READER.c.no == no, READER.c.person == person))
    if on:
        connection.execute(insert(READER), {"no": no, "person": person})
    row = connection.execute(select(SUSPICIOUS.c.state).where(SUSPICIOUS.c.no == no)).one()
    _history(connection, act, "let_in" if on else "shut_out", row.state, row.state, person)


def _staff(connection: Connection, act: Act) -> None:
    """Who of the staff is a customer: the whole register anew."""
    connection.execute(delete(STAFF))
    rows = [{"person": person, "customer": int(customer, 16)} for person, customer in act.body["staff"]]
    if rows:
        connection.execute(insert(STAFF), rows)


def _filed(connection: Connection, act: Act) -> None:
    body = act.body
    connection.execute(
        insert(FILED),
        {
            "id": act.subject,
            "person": act.person,
            "at_ms": act.at_ms,
            **{
                name: body[name]
                for name in ("kind", "from_day", "to_day", "as_of_seq", "figures", "digest", "pdf", "workbook")
            },
        },
    )


def _batch(connection: Connection, act: Act) -> None:
    body = act.body
    connection.execute(
        insert(BATCH),
        {
            "seq": act.seq,
            "day": int(act.subject),
            "person": act.person,
            "at_ms": act.at_ms,
            "by_hand": int(body["by_hand"]),
            "reason": body["reason"],
            **{name: body[name] for name in ("as_of_seq", "rows", "digest")},
        },
    )


def _hand(connection: Connection, no: int, person: str) -> None:
    there = connection.execute(select(HAND).where(HAND.c.no == no, HAND.c.person == person)).first()
    if there is None:
        connection.execute(insert(HAND), {"no": no, "person": person})


def _history(connection: Connection, act: Act, event: str, before: str, after: str, about: str = "") -> None:
    no = act.body["no"]
    last = connection.execute(select(func.max(HISTORY.c.n)).where(HISTORY.c.no == no)).scalar() or 0
    connection.execute(
        insert(HISTORY),
        {
            "no": no,
            "n": last + 1,
            "event": event,
            "before": before,
            "after": after,
            "person": act.person,
            "at_ms": act.at_ms,
            "about": about or act.body.get("digest") or act.body.get("package") or act.body.get("message") or "",
            "reason": act.body.get("reason") or {},
        },
    )


APPLY: Final[Mapping[str, Callable[[Connection, Act], None]]] = {
    "reports.draft": _drafted,
    "reports.let_in": _let_in,
    "reports.staff": _staff,
    "reports.filed": _filed,
    "reports.batch": _batch,
    **{f"reports.{event.value}": _moved for event in ReportEvent},
}
"""What each kind of act does to the tables."""
