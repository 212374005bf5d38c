"""One decision, from the message that asked for it to the case it became: what journals, tables and trail say of it (SE-16).

decision ──► rules and models, by whom put in force ──► holds, overrides, labels ──► case ──► the audit trail
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
import numpy as np
from sqlalchemy import inspect, select

from tarim.audit import Query
from tarim.base.errors import Damaged
from tarim.base.instants import instant_text
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.places import Places
from tarim.bootstrap.rebuilding import Archive
from tarim.bootstrap.settings import Settings
from tarim.bootstrap.tracing import trace
from tarim.cases.adapters.tables import ALERT, CASE, HISTORY
from tarim.decisions import (
    Action,
    Control,
    Decided,
    LogRecord,
    Override,
    RecordKind,
    decode_control,
    decode_events,
    outcome_of,
)
from tarim.journal import FolderReader
from tarim.records import Database
from tarim.stream import Col, Kind

ENTRIES_SHOWN: Final = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that is known.  where: journal, model, desk or trail, with the place in it; trouble: "" when it is sound."""

    where: str
    what: str
    at: str = ""
    who: str = ""
    found: str = ""
    trouble: str = ""


def decision_trace(
    settings: Settings, places: Places, environment: Mapping[str, str], trail: OpenTrail, source: str, event_id: str
) -> Iterator[Mark]:
    """The marks in order.  Reads the journal once, beside a running service.  Raises NotFound, Damaged."""
    decided = Archive(settings, places).find(source, event_id)
    received = instant_text(int(decided.row[Col.RECEIVED_MS]))
    outcome = outcome_of(decided.decision).name.lower()
    yield Mark(f"journal {decided.seq}", "decision", received, source, f"{event_id}: {outcome}")
    yield from _journal(settings, places, decided)
    for step in trace(settings, places, environment, source, event_id):
        yield Mark("model", step.what, found=step.found, trouble=step.trouble)
    objects = list(trail.objects.both(f"event:{source}/{event_id}"))
    for case, marks in _cases(settings, places, decided.seq):
        objects.append(f"case:{case}")
        yield from marks
    yield from _trail(trail, objects)


def _cases(settings: Settings, places: Places, seq: int) -> Iterator[tuple[str, list[Mark]]]:
    """The case that the decision's alert is in, with its history; nothing while there is no desk."""
    file = places.data / "desk" / "tables.db"
    if not settings.desk.database_url and not file.exists():
        return
    url = settings.desk.database_url or f"sqlite:///{file.absolute()}"
    with Database.open(url, []) as database, database.reading() as connection:
        if not inspect(connection).has_table(ALERT.name):
            return
        chosen = select(CASE.c.no, CASE.c.ref, CASE.c.state, ALERT.c.verdict, ALERT.c.reviewer, ALERT.c.reviewed_ms)
        found = connection.execute(
            chosen.join_from(ALERT, CASE, ALERT.c.case_no == CASE.c.no).where(ALERT.c.seq == seq)
        )
        for case in found.all():
            marks = [Mark(f"desk {case.ref}", "case", found=case.state)]
            if case.verdict:
                at = instant_text(case.reviewed_ms) if case.reviewed_ms else ""
                marks.append(Mark(f"desk {case.ref}", "verdict", at, case.reviewer, case.verdict))
            history = select(HISTORY).where(HISTORY.c.case_no == case.no).order_by(HISTORY.c.n)
            for step in connection.execute(history):
                words = f"{step.before or '-'} -> {step.after}" + (f" {step.about}" if step.about else "")
                marks.append(Mark(f"desk {case.ref}", step.event, instant_text(step.at_ms), step.person, words))
            yield case.ref, marks


def _trail(trail: OpenTrail, objects: Sequence[str]) -> Iterator[Mark]:
    """Entries about these objects, and about proposals that those entries name."""
    found = trail.store.search(Query(objects=tuple(objects), limit=ENTRIES_SHOWN))
    proposals = {f"proposal:{each.entry.detail['proposal']}" for each in found if "proposal" in each.entry.detail}
    if proposals:
        found += trail.store.search(Query(objects=tuple(sorted(proposals)), limit=ENTRIES_SHOWN))
    for each in sorted(found, key=lambda each: each.seq):
        entry = each.entry
        words = " ".join(filter(None, [entry.result.value, entry.object, entry.reason]))
        yield Mark(f"trail {each.seq}", entry.act, instant_text(entry.at_ms), entry.who, words)


def _journal(settings: Settings, places: Places, decided: Decided) -> Iterator[Mark]:
    """Who put the ruleset in force; what came after the decision about it: labels, overrides, holds."""
    seq = decided.seq
    ruleset: tuple[int, Control] | None = None
    after: list[Mark] = []
    with FolderReader(places.journal, index_stride_bytes=settings.journal.index_stride_bytes, check=True) as reader:
        for record in reader.read(reader.first_seq, reader.durable_seq):
            where = f"journal {record.first_seq}"
            if record.kind == RecordKind.RULESET and record.first_seq < seq:
                ruleset = record.first_seq, decode_control(record)
            elif record.kind == RecordKind.OVERRIDE and (over := _as(record, Override)).seq == seq:
                who = f"{over.author} / {over.approver}"
                after.append(Mark(where, "override", instant_text(over.at_ms), who, f"{over.outcome}: {over.reason}"))
            elif record.kind == RecordKind.HOLD and (act := _as(record, Action)).id == seq:
                after.append(
                    Mark(where, f"hold {act.step.name.lower()}", instant_text(act.at_ms), act.person, act.reason)
                )
            elif record.kind == RecordKind.EVENTS and record.first_seq + record.count > seq:
                after += _labels(record, seq)
    if ruleset is not None:
        place, control = ruleset
        who = f"{control.author or '-'} / {control.approver or '-'}"
        yield Mark(f"journal {place}", "ruleset", instant_text(control.at_ms), who, f"{control.name} {control.version}")
    yield from after


def _labels(record: LogRecord, seq: int) -> Iterator[Mark]:
    """Labels, confirmations and reversals in a record that are about the decision."""
    events = decode_events(record)
    rows = events.rows
    for index in np.flatnonzero((rows[:, Col.REFERS_SEQ] == seq) & (rows[:, Col.SEQ] > seq)).tolist():
        row = rows[index]
        kind = Kind(int(row[Col.KIND])).name.lower()
        said = ("genuine", "fraud")[int(row[Col.LABEL])] if kind == "label" else events.side.event_ids[index]
        at = instant_text(int(row[Col.RECEIVED_MS]))
        yield Mark(f"journal {int(row[Col.SEQ])}", kind, at, events.side.source(index), said)


def _as(record: LogRecord, kind: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(record.payload, type=kind)
    except msgspec.MsgspecError:
        raise Damaged(f"the record at {record.first_seq} cannot be read") from None
