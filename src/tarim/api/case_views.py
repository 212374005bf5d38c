"""Cases as they are shown: personal values are masked here, where the view is made, and nowhere later (DP-06, DP-07)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tarim.api.case_bodies import (
    AlertBody,
    CaseBody,
    DiaryBody,
    EvidenceBody,
    HistoryBody,
    NoteBody,
    OverdueReviewBody,
    RestrictionBody,
    WholeCaseBody,
)
from tarim.base.instants import instant_text
from tarim.cases import (
    HIDDEN,
    Case,
    CaseAlert,
    CaseEvent,
    Dossier,
    Personal,
    masked,
    masked_text,
    possible,
    short_token,
)
from tarim.identity import Caller
from tarim.stream import Outcome

PPM = 1_000_000
_BY_NOBODY = (CaseEvent.ALERT, CaseEvent.ORDER_FAILED)
"""What happens to a case without a person."""
VALUES_MAX = 20
"""Values of one field that are shown."""

Open = Callable[[Mapping[str, Any]], str | None]
"""Opens a sealed text; None when it was destroyed."""


def case_body(case: Case, now_ms: int) -> CaseBody:
    """A case as a list shows it."""
    locked = bool(case.lock_person) and now_ms < case.lock_until_ms
    return CaseBody(
        case.ref,
        case.state,
        case.priority,
        case.scenario,
        short_token(case.customer),
        case.ring,
        case.branch,
        case.queue,
        case.assignee,
        case.lock_person if locked else "",
        _at(case.lock_until_ms) if locked else "",
        _at(case.act_by_ms),
        _at(case.due_ms),
        0 < case.due_ms < now_ms,
        case.money_fen,
        case.amount_fen,
        _score(case.score_ppm),
        case.alerts,
        case.unreviewed,
        case.wish,
        case.submitted_by,
        case.escalations,
        _at(case.opened_ms),
        _at(case.changed_ms),
        _at(case.closed_ms),
        _at(case.reported_ms),
        case.version,
    )


def overdue_body(case: Case, alert: CaseAlert) -> OverdueReviewBody:
    """An overdue review."""
    return OverdueReviewBody(
        case.ref, alert.seq, alert.kind, alert.scenario, alert.amount_fen, _at(alert.due_ms), case.assignee
    )


def masked_case(
    dossier: Dossier, personal: Personal | None, open_text: Open, caller: Caller, now_ms: int
) -> WholeCaseBody:
    """A case with everything, masked: values of fields, and in free text numbers and whatever is known of the customer.

    personal: None when it cannot be opened now; free text is hidden then, as nobody could say what to mask in it.
    """

    def text(sealed: Mapping[str, Any]) -> str | None:
        opened = open_text(sealed) if sealed else ""
        if personal is None and opened:
            return HIDDEN
        return None if opened is None else masked_text(opened, personal.known if personal else ())

    parties = personal.of_parties if personal else {}
    shown = {field: [masked(field, value) for value in values[:VALUES_MAX]] for field, values in parties.items()}
    return _whole(dossier, shown, text, caller, now_ms, "")


def full_case(dossier: Dossier, personal: Personal, open_text: Open, caller: Caller, now_ms: int) -> WholeCaseBody:
    """A case with everything in full, marked with who sees it and when."""

    def text(sealed: Mapping[str, Any]) -> str | None:
        return open_text(sealed) if sealed else ""

    shown = {field: list(values[:VALUES_MAX]) for field, values in personal.of_parties.items()}
    return _whole(dossier, shown, text, caller, now_ms, watermark(caller, now_ms))


def watermark(caller: Caller, now_ms: int) -> str:
    """Who sees it, and when: on every page and print of what it is with."""
    return f"{caller.name} {instant_text(now_ms)}"


def _whole(
    dossier: Dossier,
    personal: dict[str, list[str]],
    text: Callable[[Mapping[str, Any]], str | None],
    caller: Caller,
    now_ms: int,
    mark: str,
) -> WholeCaseBody:
    case = dossier.case
    return WholeCaseBody(
        case_body(case, now_ms),
        [event.value for event in possible(case.stands) if event not in _BY_NOBODY],
        [_alert(alert, now_ms) for alert in dossier.alerts],
        case.alerts > len(dossier.alerts),
        [NoteBody(row.id, row.person, _at(row.at_ms), text(row.text)) for row in dossier.notes],
        [
            EvidenceBody(row.digest, row.media_type, row.size_bytes, text(row.name), row.person, _at(row.at_ms))
            for row in dossier.evidence
        ],
        [
            DiaryBody(row.id, _at(row.due_ms), row.person, text(row.text), _at(row.done_ms), row.done_by)
            for row in dossier.diary
        ],
        [
            RestrictionBody(
                row.id,
                row.measure,
                row.basis,
                row.article,
                row.state,
                row.asked_by,
                _at(row.asked_ms),
                row.decided_by,
                row.lift_asked_by,
                row.lifted_by,
            )
            for row in dossier.restrictions
        ],
        [
            HistoryBody(
                row.n, row.event, row.before, row.after, row.person, _at(row.at_ms), row.about, text(row.reason)
            )
            for row in dossier.history
        ],
        dossier.tags,
        [ref for ref, branch, queue in dossier.related if caller.may_see(branch, queue)],
        personal,
        mark,
    )


def _alert(alert: CaseAlert, now_ms: int) -> AlertBody:
    return AlertBody(
        alert.seq,
        alert.kind,
        Outcome(alert.outcome).name.lower(),
        alert.scenario,
        alert.event_kind,
        alert.channel,
        alert.source,
        alert.event_id,
        short_token(alert.account),
        short_token(alert.payee),
        short_token(alert.device),
        alert.amount_fen,
        _at(alert.occurred_ms),
        _at(alert.decided_ms),
        _at(alert.due_ms),
        not alert.verdict and not alert.repeat_of and alert.due_ms < now_ms,
        _score(alert.score_ppm),
        alert.rules,
        alert.ruleset,
        alert.model,
        alert.repeat_of,
        alert.hold,
        _at(alert.until_ms),
        alert.release_by,
        alert.ordered,
        alert.verdict,
        alert.cause,
        alert.traits,
        alert.reviewer,
        _at(alert.reviewed_ms),
        alert.label,
    )


def _at(instant_ms: int) -> str:
    return instant_text(instant_ms) if instant_ms else ""


def _score(ppm: int) -> float | None:
    return None if ppm < 0 else ppm / PPM
