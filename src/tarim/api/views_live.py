"""What arrives now, over HTTP: the newest decisions, trends, and the figures of this minute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from tarim.api.rebuilds import told_score
from tarim.api.routes import Call, Route
from tarim.base.instants import Clock, instant_text
from tarim.bootstrap.views_looking import DecisionLook
from tarim.cases import short_token
from tarim.decisions import outcome_of, score_of
from tarim.identity import Caller, Scope
from tarim.stream import Channel, Col, Kind, Outcome
from tarim.views import RATE_S, Entry, Live, Total, ViewsState

LIMIT_MAX: Final = 200
OUTCOMES: Final = tuple(outcome.name.lower() for outcome in Outcome)

Scenario = Annotated[str, Meta(max_length=64)]


class LiveQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """after: position of the newest decision seen before.  outcome, scenario: only those of it, "" for any."""

    after: Annotated[int, Meta(ge=-1, le=1 << 62)] = -1
    outcome: Literal["", "pass", "notice", "challenge", "delay", "suspend", "block"] = ""
    scenario: Scenario = ""
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = 50


class HitBody(msgspec.Struct, frozen=True):
    """A rule that took effect, the score's band (`score`) or too weak a verification, in both languages."""

    id: str
    scenario: str
    outcome: str
    weight: int
    zh: str
    en: str


class LiveDecisionBody(msgspec.Struct, frozen=True):
    """A decision in the feed.  account, payee: the first eight digits of their tokens, nobody's number.

    reasons: the heaviest first.  received_at: when it was received; how long it took is not in the journal.
    """

    seq: int
    received_at: str
    occurred_at: str
    event_id: str
    source: str
    kind: str
    channel: str
    account: str
    payee: str
    amount_fen: int
    score: float | None
    outcome: str
    reasons: list[HitBody]


class LiveBody(msgspec.Struct, frozen=True):
    """decisions: the newest first.  skipped: older ones behind `after` that did not fit.

    after: ask for what follows with this.  first_seq: the oldest kept for the feed.  behind: positions of the journal not
    shown yet.
    """

    decisions: list[LiveDecisionBody]
    skipped: int
    after: int
    first_seq: int
    behind: int


class CountsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The span up to now: an hour by the minute, a day by ten minutes, a week by the hour."""

    window: Literal["1h", "24h", "7d"] = "1h"


class SeriesBody(msgspec.Struct, frozen=True):
    """Decisions by step, of an outcome or of a scenario."""

    name: str
    counts: list[int]


class SpanBody(msgspec.Struct, frozen=True):
    """Decisions of a span of time: how many, how many were blocked, the latter's share (null without any), and a second."""

    decided: int
    declined: int
    decline_rate: float | None
    per_second: float


class CountsBody(msgspec.Struct, frozen=True):
    """Counts by when events were received, up to now; labels are not counted.

    from_at: begin of the first step of step_s seconds; the last step is not over.  outcomes: all six, in the ladder's order;
    scenarios: those met in the span; an event counts for each scenario whose rule took effect.  span: the last window_s
    seconds, the present minute included; before: as many before them.  rate: the last rate_s whole seconds; rate_before: as
    many before them.
    """

    window: str
    window_s: int
    from_at: str
    step_s: int
    outcomes: list[SeriesBody]
    scenarios: list[SeriesBody]
    span: SpanBody
    before: SpanBody
    rate_s: int
    rate: SpanBody
    rate_before: SpanBody


class LiveDesk:
    """Answers about what arrives.  decimals: as `told_score`."""

    def __init__(self, live: Live, look: DecisionLook, clock: Clock, decimals: int) -> None:
        self._live, self._look, self._clock, self._decimals = live, look, clock, decimals

    def newest(self, asked: LiveQuery, caller: Caller, state: ViewsState) -> LiveBody:
        """The newest decisions; blocks."""
        outcome = Outcome[asked.outcome.upper()] if asked.outcome else None
        page = self._live.newest(asked.after, outcome, asked.scenario, asked.limit)
        names = self._look.names_of([entry.seq for entry in page.entries])
        decisions = [self._body(entry, *name, caller) for entry, name in zip(page.entries, names, strict=True)]
        after = max(asked.after, decisions[0].seq) if decisions else asked.after
        return LiveBody(decisions, page.skipped, after, self._live.first_seq, state.behind)

    def counts(self, window: str) -> CountsBody:
        """Counts of a window."""
        found = self._live.figures(self._clock.now_ms(), window)
        trend = found.trend
        columns = trend.counts.T.tolist()
        scenarios = zip(found.scenarios, columns[len(OUTCOMES) :], strict=False)
        window_s = 60 * trend.step_min * len(trend.counts)
        return CountsBody(
            window,
            window_s,
            instant_text(trend.from_ms),
            60 * trend.step_min,
            [SeriesBody(name, counts) for name, counts in zip(OUTCOMES, columns, strict=False)],
            [SeriesBody(name, counts) for name, counts in scenarios if any(counts)],
            _span(found.total, window_s),
            _span(found.before, window_s),
            RATE_S,
            _span(found.rate, RATE_S),
            _span(found.rate_before, RATE_S),
        )

    def _body(self, entry: Entry, source: str, event_id: str, caller: Caller) -> LiveDecisionBody:
        row = entry.row.tolist()
        return LiveDecisionBody(
            entry.seq,
            instant_text(row[Col.RECEIVED_MS]),
            instant_text(row[Col.OCCURRED_MS]),
            event_id,
            source,
            Kind(row[Col.KIND]).name.lower(),
            Channel(row[Col.CHANNEL]).name.lower(),
            short_token(row[Col.ACCOUNT]),
            short_token(row[Col.PAYEE]),
            row[Col.AMOUNT_FEN],
            told_score(score_of(entry.decision), caller, self._decimals),
            outcome_of(entry.decision).name.lower(),
            hits_of_entry(entry),
        )


def hits_of_entry(entry: Entry) -> list[HitBody]:
    """Why a decision is what it is, heaviest first."""
    return [
        HitBody(zh.id, zh.scenario, zh.outcome.name.lower(), zh.weight, zh.text, english)
        for zh, english in entry.book.reasons(entry.decision)
    ]


def _span(total: Total, length_s: int) -> SpanBody:
    rate = total.declined / total.decided if total.decided else None
    return SpanBody(total.decided, total.declined, rate, total.decided / length_s)


def live_routes(desk: LiveDesk, state: Callable[[], ViewsState]) -> list[Route]:
    """The routes."""

    async def newest(call: Call) -> LiveBody:
        return await asyncio.get_running_loop().run_in_executor(None, desk.newest, call.query, call.caller, state())

    async def counts(call: Call) -> CountsBody:
        return desk.counts(call.query.window)

    return [
        Route("GET", "/v1/live", "live_decisions", "The newest decisions / 实时决策", Scope.READ, newest, LiveBody,
              query=LiveQuery, refusals=(404,)),
        Route("GET", "/v1/live/counts", "live_counts", "Decisions by time, outcome and scenario / 决策趋势", Scope.READ, counts,
              CountsBody, query=CountsQuery),
    ]  # fmt: skip
