"""How to complain, half-yearly statistics, incomplete losses, kinds of clocks; decisions of losses, sealed packages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from tarim.api.redress_bodies import (
    ChannelBody,
    ChannelsBody,
    ClockBody,
    ClocksBody,
    DecisionBody,
    IncompleteBody,
    LapsedBody,
    PackageBody,
    PagesBody,
    SealedPackageBody,
    SignBody,
    SignedBody,
)
from tarim.api.redress_calls import RedressDesk, aside
from tarim.api.routes import Call, Route
from tarim.base.errors import NotFound
from tarim.base.instants import instant_ms
from tarim.deadlines import ClockKind
from tarim.identity import Scope
from tarim.redress import FileView, HalfYearView, Link


@dataclass(frozen=True, slots=True)
class ReviewHandlers:
    """What answers about statistics, clocks, and losses that lack something."""

    work: RedressDesk

    async def channels(self, call: Call) -> ChannelsBody:
        parts = self.work.redress.parts
        routing, schedule = parts.routing, parts.schedule
        handled, answered = (
            schedule.rules[kind] for kind in (ClockKind.COMPLAINT_HANDLING, ClockKind.COMPLAINT_ANSWER)
        )
        return ChannelsBody(
            channels=[ChannelBody(channel.value, reached) for channel, reached in routing.channels.items()],
            hours=f"{_clock(schedule.hours.open_minute)}-{_clock(schedule.hours.close_minute)}",
            handled_within=f"{handled.length} {handled.unit.value}",
            answered_within=f"{answered.length} {answered.unit.value}",
            association_zh=routing.association.name_zh,
            association_en=routing.association.name_en,
            association_contact=routing.association.contact,
            association_hours=routing.association.hours,
        )

    async def clocks(self, call: Call) -> ClocksBody:
        parts = self.work.redress.parts
        schedule = parts.schedule
        return ClocksBody(
            clocks=[
                ClockBody(
                    *(rule.kind.value, rule.title_zh, rule.title_en, rule.length, rule.unit.value, rule.starts.value),
                    warn_before=list(rule.warn_before),
                    source=rule.source,
                )
                for rule in schedule.rules.values()
            ],
            years={str(year): notice.source for year, notice in schedule.calendar.notices.items()},
            warning=schedule.warning(parts.desk.now_ms()),
        )

    async def half_year(self, call: Call) -> HalfYearView:
        return await aside(self.work.reviews.half_year, call.caller, call.path["period"])

    async def pages(self, call: Call) -> PagesBody:
        period = call.path["period"]
        found = await aside(self.work.reviews.half_year, call.caller, period)
        at_ms = (
            instant_ms(datetime.fromisoformat(found.signed_at))
            if found.signed_by
            else self.work.redress.parts.desk.now_ms()
        )
        content = await aside(self.work.pages, found, at_ms)
        return PagesBody(f"complaints-{period}.pdf", sha256(content).hexdigest(), content)

    async def sign(self, call: Call) -> SignedBody:
        body: SignBody = call.body
        return SignedBody(await aside(self.work.reviews.sign, call.caller, call.path["period"], body.digest, body.text))

    async def incomplete(self, call: Call) -> IncompleteBody:
        return IncompleteBody(await aside(self.work.reviews.incomplete_losses, call.caller))

    async def lapsed(self, call: Call) -> LapsedBody:
        return LapsedBody(await aside(self.work.reviews.lapsed_rules, call.caller))

    async def link(self, call: Call) -> FileView:
        body: DecisionBody = call.body
        found = await aside(self.work.redress.parts.decisions.link, body.seq)
        if (found.source, found.event_id) != (body.source, body.event_id):
            raise NotFound("at that position lies the decision on another event")
        return await aside(self.work.redress.act_inner, call.caller, call.path["id"], Link(found))

    async def give(self, call: Call) -> SealedPackageBody:
        body: PackageBody = call.body
        package = await aside(
            self.work.documents.give,
            call.caller,
            call.path["id"],
            body.recipient,
            certificate=body.certificate,
            passphrase=body.passphrase,
        )
        return SealedPackageBody(package.digest, package.manifest, package.sealed_for, package.content)


def review_routes(work: RedressDesk) -> list[Route]:
    """The routes."""
    do = ReviewHandlers(work)
    read, statistics = Scope.REDRESS_READ, "/v1/complaint-statistics/{period}"
    return [
        Route("GET", "/v1/complaint-channels", "complaint_channels", "How to complain, to the bank and beyond it", read,
              do.channels, ChannelsBody, open=True),
        Route("GET", "/v1/clock-kinds", "clock_kinds", "Kinds of clocks, and the calendar they run by", read, do.clocks,
              ClocksBody),
        Route("GET", statistics, "complaint_statistics", "Complaints of a half year, counted", read, do.half_year,
              HalfYearView),
        Route("GET", statistics + "/document", "complaint_statistics_document", "The same as PDF / 投诉半年统计 PDF", read,
              do.pages, PagesBody, refusals=(503,)),
        Route("POST", statistics + "/signature", "sign_complaint_statistics", "Sign a half year's counts",
              Scope.REDRESS_DECIDE, do.sign, SignedBody, SignBody, status=201, refusals=(409, 503)),
        Route("GET", "/v1/incomplete-losses", "incomplete_losses", "Losses whose files lack parts", read, do.incomplete,
              IncompleteBody),
        Route("GET", "/v1/lapsed-containments", "lapsed_containments",
              "Losses whose rule is not in force / 防范规则失效的损失", read, do.lapsed, LapsedBody, refusals=(404, 503)),
        Route("POST", "/v1/losses/{id}/decision", "link_decision_to_loss", "Name the decision a loss goes back to",
              Scope.REDRESS_WORK, do.link, FileView, DecisionBody, refusals=(409, 503)),
        Route("POST", "/v1/authority-requests/{id}/packages", "give_package",
              "Seal what two persons approved, for one recipient", Scope.REQUESTS_WORK, do.give, SealedPackageBody,
              PackageBody, status=201, refusals=(409, 503), personal=True),
    ]  # fmt: skip


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
