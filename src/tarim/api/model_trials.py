"""Trials of challengers over HTTP: what each model caught and whom it troubled, on the same events (RM-07)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tarim.api.routes import Call, Route
from tarim.base.instants import instant_text
from tarim.bootstrap.watch_files import WatchPlaces
from tarim.identity import Scope
from tarim.models import TrialFigures

_SHOWN_MAX: Final = 200
_VERSION_DIGITS_MIN: Final = 8


class TrialBody(msgspec.Struct, frozen=True):
    """How one model of a trial did in a segment, beside the other one on the same events (RM-07).

    trial: position of its first event.  model: version of whom this is about, the champion or the challenger.  share: of the
    customers whom the challenger judges, in hundredths of a percent, 0 when it only scores.  labels_until: the time up to which
    labels are known.  events: that both scored; mature: old enough for their labels to have come; only they are counted below.

    By score, of `compared` events under rulesets whose score bands stop or delay: frauds, alerts of this model's score,
    frauds caught; interception and interception_amount: share of the frauds caught, by number and amount (null with fewer than
    five frauds); false_alerts: share of the genuine events.
    By judgement, of the `judged` events that this model judged, rules included: the same.
    """

    trial: int
    champion: str
    challenger: str
    model: str
    share: int
    segment: str
    begin: str
    end: str
    labels_until: str
    events: int
    mature: int
    compared: int
    fraud: int
    fraud_fen: int
    alerts: int
    caught: int
    caught_fen: int
    interception: float | None
    interception_amount: float | None
    false_alerts: float | None
    judged: int
    judged_fraud: int
    stopped: int
    stopped_fraud: int
    judged_interception: float | None
    judged_false_alerts: float | None


class TrialsBody(msgspec.Struct, frozen=True):
    """Trials, the newest first.  counted: position before which the journal was read; -1 before the first time."""

    counted: int
    label_delay_days: int
    trials: list[TrialBody]


class TrialsQuery(msgspec.Struct, frozen=True):
    """model: trials of this version (or its beginning, 8 digits or more) only; segment: `all`, or a channel; "" for all."""

    model: str = ""
    segment: str = "all"


def trials_route(files: WatchPlaces) -> Route:
    """The route; files: of the watch, where figures of trials are kept."""

    async def read_trials(call: Call) -> TrialsBody:
        return trials_body(files, call.query.model, call.query.segment)

    return Route(
        "GET",
        "/v1/models/trials",
        "read_trials",
        "What challengers caught and whom they troubled beside the champion / 挑战者试验：拦截与误报",
        Scope.READ,
        read_trials,
        TrialsBody,
        query=TrialsQuery,
    )


def trials_body(files: WatchPlaces, model: str = "", segment: str = "") -> TrialsBody:
    """Figures of trials as they are shown.  Raises Damaged."""
    tried = files.tried()
    if tried is None:
        return TrialsBody(-1, 0, [])
    chosen = [
        each
        for each in tried.figures
        if (not segment or each.segment == segment)
        and (not model or any(_begins(version, model) for version in (each.champion, each.challenger)))
    ]
    return TrialsBody(tried.end_seq, tried.label_delay_days, [_trial_body(each) for each in chosen[:_SHOWN_MAX]])


def _begins(version: str, asked: str) -> bool:
    return version == asked or (len(asked) >= _VERSION_DIGITS_MIN and version.startswith(asked))


def _trial_body(each: TrialFigures) -> TrialBody:
    times: dict[str, Any] = {
        "begin": instant_text(each.from_ms),
        "end": instant_text(each.to_ms),
        "labels_until": instant_text(each.labels_ms),
    }
    same = {name: getattr(each, name) for name in TrialBody.__struct_fields__ if name not in times}
    return TrialBody(**same, **times)
