"""What a case holds: notes, evidence, tags, related cases, dates to come back to it, verdicts on its alerts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from tarim.base.errors import Conflict, DefinitionError, NotFound
from tarim.cases.acting import Acting, refuse_when
from tarim.cases.domain.case import Case
from tarim.cases.domain.evidence import EVIDENCE_OF_CASE_MAX, KeptFile
from tarim.cases.domain.review import Finding
from tarim.cases.domain.states import JOINABLE, CaseEvent
from tarim.cases.domain.texts import (
    DIARY_OF_CASE_MAX,
    LINKS_OF_CASE_MAX,
    NOTES_OF_CASE_MAX,
    TAGS_OF_CASE_MAX,
    checked_follow_up,
    checked_note,
    checked_tag,
)
from tarim.desk import Draft, label_draft

E = CaseEvent


def note(acting: Acting, connection: Connection, text: str) -> Sequence[Draft]:
    """Write a note; everybody who may see the case may."""
    case = acting.case(connection)
    checked_note(text)
    _room(acting.means.reading.notes_count(connection, case.no), NOTES_OF_CASE_MAX, case, "notes")
    return [acting.draft(case, "note", E.NOTE, text=acting.means.texts.seal(case.customer, text))]


def reveal(acting: Acting, connection: Connection, reason: str) -> Sequence[Draft]:
    """Record, before anything is shown, that somebody looks at personal values in full, and why (DP-07)."""
    case = acting.case(connection)
    return [acting.draft(case, "reveal", E.REVEAL, reason=acting.sealed(case, reason))]


def attach(acting: Acting, connection: Connection, name: str, kept: KeptFile) -> Sequence[Draft]:
    """Name a file with the case.  It lies in the store before the act that names it, so no act names what is not there."""
    case = acting.mine(connection)
    there = acting.means.reading.evidence_digests(connection, case.no)
    refuse_when(kept.digest in there, f"case {case.ref} holds this file already")
    _room(len(there), EVIDENCE_OF_CASE_MAX, case, "files of evidence")
    return [
        acting.draft(
            case,
            "evidence",
            E.EVIDENCE,
            digest=kept.digest,
            media_type=kept.media_type,
            size_bytes=kept.size_bytes,
            name=acting.means.texts.seal(case.customer, name),
        )
    ]


def tag(acting: Acting, connection: Connection, word: str, *, on: bool) -> Sequence[Draft]:
    """Put a tag on the case, or take it off."""
    case = acting.case(connection)
    checked_tag(word)
    there = acting.means.reading.tags(connection, case.no)
    refuse_when((word in there) == on, f"case {case.ref} has the tag {word} {'already' if on else 'not'}")
    if on:
        _room(len(there), TAGS_OF_CASE_MAX, case, "tags")
    return [acting.draft(case, "tag", E.TAG, tag=word, on=on)]


def link(acting: Acting, connection: Connection, other: Acting) -> Sequence[Draft]:
    """Say that two cases have to do with each other; the caller has to see both.  Raises NotFound otherwise."""
    case, related = acting.case(connection), other.case(connection)
    if related.no == case.no:
        raise DefinitionError("a case is not related to itself")
    there = acting.means.reading.links(connection, case.no)
    refuse_when(related.no in there, f"case {case.ref} and case {related.ref} are related already")
    _room(len(there), LINKS_OF_CASE_MAX, case, "related cases")
    return [acting.draft(case, "link", E.LINK, other=related.no, other_ref=related.ref)]


def follow_up(acting: Acting, connection: Connection, due_ms: int, text: str) -> Sequence[Draft]:
    """Set a date to come back to the case."""
    case = acting.case(connection)
    checked_follow_up(due_ms, acting.means.now_ms())
    checked_note(text)
    _room(len(acting.means.reading.diary_open(connection, case.no)), DIARY_OF_CASE_MAX, case, "open diary entries")
    return [acting.draft(case, "diary", E.DIARY, due_ms=due_ms, text=acting.means.texts.seal(case.customer, text))]


def followed_up(acting: Acting, connection: Connection, entry: int) -> Sequence[Draft]:
    """A date is done with.  Raises NotFound."""
    case = acting.case(connection)
    if entry not in acting.means.reading.diary_open(connection, case.no):
        raise NotFound(f"case {case.ref} has no open diary entry {entry}")
    return [acting.draft(case, "diary_done", E.DIARY, entry=entry)]


def review(acting: Acting, connection: Connection, seq: int, finding: Finding, reason: str) -> Sequence[Draft]:
    """Say whether the decision on an alert was right; it counts for its repeats, and becomes labels of all of them.

    Raises Conflict for a repeat (its first is to be reviewed) and for a payment whose release waits for a second person.
    """
    case = acting.mine(connection)
    alert = acting.alert(connection, case, seq)
    refuse_when(
        bool(alert.repeat_of), f"alert {seq} repeats {alert.repeat_of}: the verdict on that one counts for both"
    )
    refuse_when(
        bool(alert.verdict)
        and not case.escalations
        and (alert.verdict, alert.cause) == (finding.verdict, finding.cause),
        f"alert {seq} has this verdict already",
    )
    covers = [alert.seq, *acting.means.reading.repeats(connection, alert)]
    drafts = [
        acting.draft(
            case,
            "review",
            E.REVIEW,
            alert=seq,
            covers=covers,
            verdict=finding.verdict.value,
            cause=finding.cause.value,
            traits=[trait.value for trait in finding.traits],
            reason=acting.sealed(case, reason),
        )
    ]
    if finding.label and finding.verdict.value != alert.verdict:
        for covered in covers:
            of = alert if covered == seq else acting.means.reading.alert(connection, covered)
            drafts.append(label_draft(covered, of.source, of.event_id, fraud=finding.label == "fraud"))
    return drafts


def rescore(acting: Acting, connection: Connection, seq: int, score: float, model: str) -> Sequence[Draft]:
    """A model says something else about an alert: the open case is told, a submitted one goes back.  Raises Conflict."""
    case = acting.case(connection)
    if case.stands not in JOINABLE:
        raise Conflict(f"case {case.ref} is {case.state}: nothing new is taken in")
    if not 0.0 <= score <= 1.0:
        raise DefinitionError("a score lies between 0 and 1")
    acting.alert(connection, case, seq)
    return [acting.draft(case, "rescore", E.ALERT, alert=seq, score=score, model=model)]


def _room(count: int, most: int, case: Case, what: str) -> None:
    refuse_when(count >= most, f"case {case.ref} has {count} {what}, which is the most")
