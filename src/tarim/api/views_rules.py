"""Hits by rule over HTTP, with how often each was right as far as labels tell."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import msgspec

from tarim.api.routes import Call, Route
from tarim.base.instants import Clock, instant_text
from tarim.identity import Scope
from tarim.views import HitSpan, RuleHits


class HitSpanBody(msgspec.Struct, frozen=True):
    """One rule in a span: events it held for, those where it had an effect, and of the former those labelled."""

    hits: int
    effective: int
    fraud: int
    genuine: int


class HitsOfRuleBody(msgspec.Struct, frozen=True):
    """One rule in the last 24 hours, 7 and 30 days; days: its hits on each of the last 30 days in China, the last not over."""

    id: str
    day: HitSpanBody
    week: HitSpanBody
    month: HitSpanBody
    days: list[int]


class RuleHitsBody(msgspec.Struct, frozen=True):
    """Rules that hit in the last 30 days, by when events occurred.  decided_*: all events; first_day: of `days`."""

    at: str
    first_day: str
    decided_day: int
    decided_week: int
    decided_month: int
    rules: list[HitsOfRuleBody]


def rule_hit_routes(hits: RuleHits, clock: Clock) -> list[Route]:
    """The route."""

    def counted() -> RuleHitsBody:
        now_ms = clock.now_ms()
        found = hits.figures(now_ms)
        rules = [
            HitsOfRuleBody(
                each.id, _body(each.spans["day"]), _body(each.spans["week"]), _body(each.spans["month"]), each.days
            )
            for each in found.rules
        ]
        first_day = (date(1970, 1, 1) + timedelta(days=found.first_day)).isoformat()
        decided = found.decided
        return RuleHitsBody(
            instant_text(now_ms), first_day, decided["day"], decided["week"], decided["month"], rules
        )  # fmt: skip

    async def read(call: Call) -> RuleHitsBody:
        return await asyncio.get_running_loop().run_in_executor(None, counted)

    return [
        Route("GET", "/v1/rule-hits", "rule_hits", "Hits by rule, and their precision / 规则命中与查准", Scope.READ, read,
              RuleHitsBody),
    ]  # fmt: skip


def _body(span: HitSpan) -> HitSpanBody:
    return HitSpanBody(span.hits, span.effective, span.fraud, span.genuine)
