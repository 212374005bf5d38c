"""Examining the trail and tracing a decision in processes of their own, for a desk that has to go on answering.

A trace recovers the engine's state and reads the journal once; an examination walks every entry.  Either is a hidden command
of `tarim audit`, which prints what it found as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from tarim.audit import Fault
from tarim.base.errors import Damaged
from tarim.bootstrap.audit import OpenTrail
from tarim.bootstrap.audit_trace import Mark, decision_trace
from tarim.bootstrap.children import answer_of
from tarim.bootstrap.places import Places
from tarim.bootstrap.settings import settings_of
from tarim.cases import masked_text

LOOK_S_MAX: Final = 1_800.0
MARKS_MAX: Final = 2_000
FAULTS_SHOWN: Final = 100


class UnfinishedFound(msgspec.Struct, frozen=True):
    """An act of which only the beginning is known."""

    seq: int
    act: str
    who: str


class ExaminationFound(msgspec.Struct, frozen=True):
    """What an examination found.  faults, unfinished: the first ones; further_faults, further_unfinished: how many more."""

    sound: bool
    first_seq: int
    last_seq: int
    entries: int
    anchors: int
    anchored_seq: int
    faults: list[Fault]
    further_faults: int
    unfinished: list[UnfinishedFound]
    further_unfinished: int


class TraceFound(msgspec.Struct, frozen=True):
    """The marks in their order; troubles: how many of them are not sound; more: there were more than are shown."""

    marks: list[Mark]
    troubles: int
    more: bool


class Found(msgspec.Struct, frozen=True):
    """What a look found: one of the two."""

    examination: ExaminationFound | None = None
    trace: TraceFound | None = None


def examined(trail: OpenTrail) -> Found:
    """Walk the whole trail.  Raises Unavailable, Damaged (file of anchors)."""
    done = trail.keeper.examine()
    report, unfinished = done.report, done.unfinished
    faults = report.faults[:FAULTS_SHOWN]
    return Found(
        ExaminationFound(
            report.sound,
            report.first_seq,
            report.last_seq,
            report.entries,
            report.anchors,
            report.anchored_seq,
            faults,
            report.further_faults + len(report.faults) - len(faults),
            [UnfinishedFound(each.seq, each.entry.act, each.entry.who) for each in unfinished[:FAULTS_SHOWN]],
            max(0, len(unfinished) - FAULTS_SHOWN),
        )
    )


def traced(places: Places, environment: Mapping[str, str], trail: OpenTrail, source: str, event_id: str) -> Found:
    """Everything that is known of one decision; numbers in people's words are masked.  Raises NotFound, Damaged."""
    marks: list[Mark] = []
    troubles, more = 0, False
    for mark in decision_trace(settings_of(places.data, environment), places, environment, trail, source, event_id):
        if len(marks) >= MARKS_MAX:
            more = True
            break
        troubles += bool(mark.trouble)
        said = mark.what == "override" or mark.what.startswith("hold ")
        found = masked_text(mark.found) if said else mark.found
        marks.append(Mark(mark.where, mark.what, mark.at, mark.who, found, mark.trouble))
    return Found(trace=TraceFound(marks, troubles, more))


def look_in_child(places: Places, what: str, source: str, event_id: str) -> Found:
    """Carry a look out in a process of its own; blocks.  Raises NotFound, Unavailable, Damaged."""
    asked = ["traced", "--source", source] if what == "trace" else ["examined"]
    named = ["--", event_id] if what == "trace" else []  # an id may begin like an option
    answer = answer_of(
        ["audit", *asked, "--data", str(places.data), *named], purpose="a look at the trail", seconds_max=LOOK_S_MAX
    )
    try:
        return msgspec.json.decode(answer, type=Found)
    except msgspec.MsgspecError:
        raise Damaged("what a look at the trail found cannot be read") from None
