"""Verdicts told to the decisions service, exactly once: a label of an event, its id made from the act.

    waiting ──the label is found in the decisions' journal──► accepted
       ├─────the service refuses it for good (`desk.label_refused`)──► refused
       └─────a person tries again (`desk.label_retried`)◄─────────────────┘

A command adds `label_draft(...)` to its drafts.  Whether it was accepted is read from the decisions' journal and from nowhere
else, so a desk that dies between sending and hearing the answer sends the same label again, and the service, which knows its
id, gives the first answer.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, update

from tarim.base.errors import NotFound
from tarim.desk.adapters.tables import LABELS
from tarim.desk.domain import Act, Draft, Facts, LabelFact

LABEL: Final = "desk.label"
REFUSED: Final = "desk.label_refused"
RETRIED: Final = "desk.label_retried"
TROUBLE_CHARACTERS_MAX: Final = 500
_PREFIX: Final = "tarim-verdict-"


class Label(msgspec.Struct, frozen=True):
    """A label on its way.  state: waiting, accepted or refused; trouble: why it was refused; accepted_seq: -1 before."""

    act_seq: int
    event_seq: int
    source: str
    refers_to: str
    event_id: str
    fraud: bool
    at_ms: int
    state: str
    accepted_seq: int
    trouble: str


def label_draft(event_seq: int, source: str, event_id: str, *, fraud: bool) -> Draft:
    """The draft of a label: the decided event at `event_seq`, which this source named event_id, was fraud or genuine."""
    return Draft(LABEL, str(event_seq), {"source": source, "event_id": event_id, "fraud": fraud})


def refused_draft(label: Label, trouble: str) -> Draft:
    """The service will not take a label, and why."""
    return Draft(REFUSED, str(label.act_seq), {"trouble": trouble[:TROUBLE_CHARACTERS_MAX]})


def retried_draft(label: Label) -> Draft:
    """A person wants a refused label sent again."""
    return Draft(RETRIED, str(label.act_seq), {})


def waiting_labels(connection: Connection, count: int, after_seq: int = -1) -> list[Label]:
    """Labels not yet accepted or refused, the oldest first, after that of an act."""
    chosen = select(LABELS).where(LABELS.c.state == "waiting", LABELS.c.act_seq > after_seq)
    return [_label(row) for row in connection.execute(chosen.order_by(LABELS.c.act_seq).limit(count))]


def labels_in(connection: Connection, state: str, count: int) -> list[Label]:
    """Labels of a state, the newest first."""
    chosen = select(LABELS).where(LABELS.c.state == state).order_by(LABELS.c.act_seq.desc()).limit(count)
    return [_label(row) for row in connection.execute(chosen)]


def label_of(connection: Connection, act_seq: int) -> Label:
    """The label of an act.  Raises NotFound."""
    row = connection.execute(select(LABELS).where(LABELS.c.act_seq == act_seq)).one_or_none()
    if row is None:
        raise NotFound("no label of that number")
    return _label(row)


def apply_label(connection: Connection, act: Act) -> None:
    """Take in an act about labels; others are passed over."""
    if act.kind == LABEL:
        connection.execute(
            insert(LABELS),
            {
                "act_seq": act.seq,
                "event_seq": int(act.subject),
                "source": act.body["source"],
                "refers_to": act.body["event_id"],
                "event_id": f"{_PREFIX}{act.seq}",
                "fraud": int(act.body["fraud"]),
                "at_ms": act.at_ms,
                "state": "waiting",
                "accepted_seq": -1,
                "trouble": "",
            },
        )
    elif act.kind in (REFUSED, RETRIED):
        state = "refused" if act.kind == REFUSED else "waiting"
        connection.execute(
            update(LABELS)
            .where(LABELS.c.act_seq == int(act.subject), LABELS.c.state != "accepted")
            .values(state=state, trouble=act.body.get("trouble", ""))
        )


def follow_labels(connection: Connection, facts: Facts) -> None:
    """Know the labels that are in the decisions' journal by now."""
    ours = [
        {"of_source": fact.source, "of_event": fact.event_id, "at": fact.seq}
        for fact in facts.facts
        if isinstance(fact, LabelFact) and fact.event_id.startswith(_PREFIX)
    ]
    if ours:
        connection.execute(
            update(LABELS)
            .where(LABELS.c.source == bindparam("of_source"), LABELS.c.event_id == bindparam("of_event"))
            .values(state="accepted", accepted_seq=bindparam("at"), trouble=""),
            ours,
        )


def _label(row: Any) -> Label:
    return Label(**{**row._mapping, "fraud": bool(row.fraud)})
