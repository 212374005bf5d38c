"""Acts about cases, each turned into rows.  `APPLY` says which function takes which kind of act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from tarim.cases.adapters.rows import PPM, history_row
from tarim.cases.adapters.summing import sum_up
from tarim.cases.adapters.tables import ALERT, CASE, DIARY, EVIDENCE, HAND, HISTORY, LINK, NOTE, TAG
from tarim.cases.domain.states import CaseEvent, CaseState, Wish, advance
from tarim.desk import Act

Apply = Callable[[Connection, Act], None]

_LOOSE: Final[dict[str, Any]] = {"lock_person": "", "lock_until_ms": 0}
_NO_WISH: Final[dict[str, Any]] = {"wish": "", "submitted_by": "", "submitted_ms": 0}


def step(connection: Connection, act: Act, event: CaseEvent, *, about: str = "", **changes: Any) -> CaseState:
    """Move the case that an act is about, with a line of history; the state it then has."""
    no = int(act.body["case"])
    row = connection.execute(select(CASE.c.state, CASE.c.version, CASE.c.changed_ms).where(CASE.c.no == no)).one()
    state = advance(CaseState(row.state), event)
    connection.execute(
        update(CASE)
        .where(CASE.c.no == no)
        .values(
            state=state.value,
            version=row.version + 1,
            changed_ms=max(row.changed_ms, act.at_ms),
            **changes,
        )
    )
    line = history_row(
        no,
        row.version + 1,
        event.value,
        row.state,
        state.value,
        act.at_ms,
        person=act.person,
        about=about,
        reason=act.body.get("reason"),
    )
    connection.execute(insert(HISTORY), line)
    return state


def had_a_hand(connection: Connection, act: Act) -> None:
    """Remember that the person had a hand in the case."""
    key = {"case_no": int(act.body["case"]), "person": act.person}
    found = select(HAND).where(HAND.c.case_no == key["case_no"], HAND.c.person == act.person)
    if connection.execute(found).one_or_none() is None:
        connection.execute(insert(HAND), key)


def _assign(connection: Connection, act: Act) -> None:
    step(connection, act, CaseEvent.ASSIGN, about=act.body["to"], assignee=act.body["to"], **_LOOSE)


def _unassign(connection: Connection, act: Act) -> None:
    step(connection, act, CaseEvent.UNASSIGN, assignee="", **_LOOSE)


def _start(connection: Connection, act: Act) -> None:
    step(connection, act, CaseEvent.START)
    had_a_hand(connection, act)


def _submit(connection: Connection, act: Act) -> None:
    had_a_hand(connection, act)
    values: dict[str, Any] = {"wish": act.body["wish"], "submitted_by": act.person, "submitted_ms": act.at_ms}
    step(connection, act, CaseEvent.SUBMIT, about=act.body["wish"], **values, **_LOOSE)


def _withdraw(connection: Connection, act: Act) -> None:
    step(connection, act, CaseEvent.WITHDRAW, **_NO_WISH)


def _return(connection: Connection, act: Act) -> None:
    step(connection, act, CaseEvent.RETURN, **_NO_WISH)


def _approve(connection: Connection, act: Act) -> None:
    if Wish(act.body["wish"]) is Wish.CLOSE:
        step(connection, act, CaseEvent.APPROVE_CLOSE, done=1, closed_ms=act.at_ms, wish="")
    else:
        step(connection, act, CaseEvent.APPROVE_REPORT, reported_ms=act.at_ms, **_NO_WISH)


def _ask_reopen(connection: Connection, act: Act) -> None:
    had_a_hand(connection, act)
    step(connection, act, CaseEvent.ASK_REOPEN, submitted_by=act.person, submitted_ms=act.at_ms)


def _decide_reopen(connection: Connection, act: Act) -> None:
    if act.body["agreed"]:
        step(connection, act, CaseEvent.APPROVE_REOPEN, done=0, closed_ms=0, assignee="", **_NO_WISH)
    else:
        step(connection, act, CaseEvent.REFUSE_REOPEN, submitted_by="", submitted_ms=0)


def _escalate(connection: Connection, act: Act) -> None:
    had_a_hand(connection, act)
    step(connection, act, CaseEvent.ESCALATE, assignee="", escalations=CASE.c.escalations + 1, **_LOOSE)
    sum_up(connection, [int(act.body["case"])])


def _lock(connection: Connection, act: Act) -> None:
    until_ms = act.body["until_ms"]
    step(connection, act, CaseEvent.LOCK, lock_person=act.person, lock_until_ms=until_ms)


def _unlock(connection: Connection, act: Act) -> None:
    step(connection, act, CaseEvent.UNLOCK, **_LOOSE)


def _note(connection: Connection, act: Act) -> None:
    step(connection, act, CaseEvent.NOTE, about=str(act.seq))
    row = {"id": act.seq, "case_no": int(act.body["case"]), "person": act.person, "at_ms": act.at_ms}
    connection.execute(insert(NOTE), {**row, "text": act.body["text"]})


def _reveal(connection: Connection, act: Act) -> None:
    step(connection, act, CaseEvent.REVEAL)


def _evidence(connection: Connection, act: Act) -> None:
    had_a_hand(connection, act)
    body = act.body
    step(connection, act, CaseEvent.EVIDENCE, about=body["digest"])
    row = {"id": act.seq, "case_no": int(body["case"]), "person": act.person, "at_ms": act.at_ms}
    row |= {name: body[name] for name in ("digest", "media_type", "size_bytes", "name")}
    connection.execute(insert(EVIDENCE), row)


def _tag(connection: Connection, act: Act) -> None:
    no, tag = int(act.body["case"]), act.body["tag"]
    step(connection, act, CaseEvent.TAG, about=("" if act.body["on"] else "-") + tag)
    if act.body["on"]:
        connection.execute(insert(TAG), {"case_no": no, "tag": tag})
    else:
        connection.execute(delete(TAG).where(TAG.c.case_no == no, TAG.c.tag == tag))


def _link(connection: Connection, act: Act) -> None:
    no, other = int(act.body["case"]), int(act.body["other"])
    step(connection, act, CaseEvent.LINK, about=act.body["other_ref"])
    ends = ((no, other), (other, no))
    rows = [{"case_no": a, "other_no": b, "person": act.person, "at_ms": act.at_ms} for a, b in ends]
    connection.execute(insert(LINK), rows)


def _diary(connection: Connection, act: Act) -> None:
    step(connection, act, CaseEvent.DIARY, about=str(act.seq))
    row = {"id": act.seq, "case_no": int(act.body["case"]), "person": act.person, "due_ms": act.body["due_ms"]}
    connection.execute(insert(DIARY), {**row, "text": act.body["text"], "done_ms": 0, "done_by": ""})


def _diary_done(connection: Connection, act: Act) -> None:
    step(connection, act, CaseEvent.DIARY, about=str(act.body["entry"]))
    done = update(DIARY).where(DIARY.c.id == act.body["entry"])
    connection.execute(done.values(done_ms=act.at_ms, done_by=act.person))


def _review(connection: Connection, act: Act) -> None:
    """The verdict on an alert and on the repeats that it covers; nothing of them is at risk any more."""
    body, no = act.body, int(act.body["case"])
    had_a_hand(connection, act)
    connection.execute(
        update(ALERT)
        .where(ALERT.c.seq.in_(body["covers"]))
        .values(
            verdict=body["verdict"],
            cause=body["cause"],
            traits=body["traits"],
            reviewer=act.person,
            reviewed_ms=act.at_ms,
            risk_fen=0,
            savable=0,
        )
    )
    step(connection, act, CaseEvent.REVIEW, about=f"{body['alert']} {body['verdict']}")
    sum_up(connection, [no])


def _ask_release(connection: Connection, act: Act) -> None:
    had_a_hand(connection, act)
    _of_alert(connection, act, CaseEvent.ASK_RELEASE, release_by=act.person)


def _approve_release(connection: Connection, act: Act) -> None:
    _of_alert(connection, act, CaseEvent.APPROVE_RELEASE, ordered="release")


def _drop_release(connection: Connection, act: Act) -> None:
    _of_alert(connection, act, CaseEvent.DROP_RELEASE, release_by="")


def _refuse_payment(connection: Connection, act: Act) -> None:
    had_a_hand(connection, act)
    _of_alert(connection, act, CaseEvent.REFUSE_PAYMENT, ordered="refuse", release_by="")


def _order_failed(connection: Connection, act: Act) -> None:
    """The decisions service would not: the hold was over, or the desk has no right to it."""
    _of_alert(connection, act, CaseEvent.ORDER_FAILED, ordered="", release_by="")


def _of_alert(connection: Connection, act: Act, event: CaseEvent, **changes: Any) -> None:
    connection.execute(update(ALERT).where(ALERT.c.seq == act.body["alert"]).values(**changes))
    step(connection, act, event, about=str(act.body["alert"]))


def _rescore(connection: Connection, act: Act) -> None:
    """A model has said something else about an alert of a case that is still open."""
    score_ppm = round(act.body["score"] * PPM)
    changed = update(ALERT).where(ALERT.c.seq == act.body["alert"])
    connection.execute(changed.values(score_ppm=score_ppm, model=act.body["model"]))
    step(connection, act, CaseEvent.ALERT, about=str(act.body["alert"]), **_NO_WISH)
    sum_up(connection, [int(act.body["case"])])


APPLY: Final[Mapping[str, Apply]] = MappingProxyType(
    {
        "cases.assign": _assign,
        "cases.unassign": _unassign,
        "cases.start": _start,
        "cases.submit": _submit,
        "cases.withdraw": _withdraw,
        "cases.return": _return,
        "cases.approve": _approve,
        "cases.ask_reopen": _ask_reopen,
        "cases.decide_reopen": _decide_reopen,
        "cases.escalate": _escalate,
        "cases.lock": _lock,
        "cases.unlock": _unlock,
        "cases.note": _note,
        "cases.reveal": _reveal,
        "cases.evidence": _evidence,
        "cases.tag": _tag,
        "cases.link": _link,
        "cases.diary": _diary,
        "cases.diary_done": _diary_done,
        "cases.review": _review,
        "cases.ask_release": _ask_release,
        "cases.approve_release": _approve_release,
        "cases.drop_release": _drop_release,
        "cases.refuse_payment": _refuse_payment,
        "cases.order_failed": _order_failed,
        "cases.rescore": _rescore,
    }
)
