"""Matches of names over HTTP: what people find about them, and the good guys: those found to be false."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from tarim.api.name_requests import AtQuery, ClearBody, MatchesQuery, PartyBody
from tarim.api.name_views import GoodGuyBody, GoodGuysBody, MatchBody, MatchesBody, good_guy_body, match_body
from tarim.api.proposals import ProposalBody, proposal_body
from tarim.api.routes import Call, Route
from tarim.base.instants import Clock
from tarim.bootstrap.name_register import NameRegister
from tarim.bootstrap.names import NameDesk
from tarim.identity import Scope
from tarim.screening import (
    Confirmed,
    GoodGuy,
    GoodGuyEnd,
    KnownMatch,
    NamesState,
    Party,
    PartyKind,
    Standing,
    token_number,
    written_ms,
)


async def state_as_at(desk: NameDesk, clock: Clock, text: str) -> tuple[int, NamesState]:
    """(instant in ms, the state of then); "" is now.  Raises FieldError."""
    moment = written_ms("at", text) if text else clock.now_ms()
    if not text or moment >= clock.now_ms():
        return moment, desk.state
    return moment, await desk.aside(desk.book.state_at, moment)


@dataclass(frozen=True, slots=True)
class MatchHandlers:
    """What answers about matches."""

    desk: NameDesk
    register: NameRegister
    clock: Clock

    async def matches(self, call: Call) -> MatchesBody:
        query: MatchesQuery = call.query
        moment, state = await state_as_at(self.desk, self.clock, query.at)
        every = state.every_match()  # looked through aside, while decisions go on and may add to them

        def page() -> MatchesBody:
            wanted = None if query.standing == "all" else Standing(query.standing)
            found = [
                (known, standing)
                for known in sorted(every, key=_highest_first)
                if (standing := state.standing(known, moment)) is wanted or wanted is None
            ]
            chosen = found[query.offset : query.offset + query.limit]
            return MatchesBody(
                len(found), [match_body(known, standing, self._masked(known.found.party)) for known, standing in chosen]
            )

        return await self.desk.aside(page)

    async def confirm(self, call: Call) -> MatchBody:
        body: PartyBody = call.body
        party = _party_of(body)
        self.desk.confirm(Confirmed(party, body.list_name, body.entry, call.person, body.reason, 0))
        known = self.desk.state.known(party, body.list_name, body.entry)
        return match_body(known, self.desk.state.standing(known, self.clock.now_ms()), self._masked(party))

    async def clear(self, call: Call) -> ProposalBody:
        body: ClearBody = call.body
        until_ms, party = written_ms("until", body.until), _party_of(body)
        wanted = GoodGuy(
            party, body.list_name, body.entry, body.entry_digest, until_ms, body.reason, call.person, "", 0
        )
        return proposal_body(self.desk.propose_good_guy(wanted))

    async def good_guys(self, call: Call) -> GoodGuysBody:
        moment, state = await state_as_at(self.desk, self.clock, call.query.at)
        return GoodGuysBody([good_guy_body(each) for each in state.good_guys.values() if moment < each.until_ms])

    async def end_good_guy(self, call: Call) -> GoodGuyBody:
        body: PartyBody = call.body
        key = _party_of(body), body.list_name, body.entry
        before = self.desk.state.good_guys.get(key)
        record = self.desk.end_good_guy(GoodGuyEnd(*key, call.person, body.reason, 0))
        assert before is not None
        return good_guy_body(msgspec.structs.replace(before, until_ms=record.at_ms))

    def _masked(self, party: Party) -> str:
        return self.register.masked(party.token) if party.kind is PartyKind.CUSTOMER else ""


def name_match_routes(desk: NameDesk, register: NameRegister, clock: Clock) -> list[Route]:
    """The routes of matches."""
    do = MatchHandlers(desk, register, clock)
    return [
        Route("GET", "/v1/name-matches", "list_name_matches", "Matches, now or then / 匹配结果", Scope.READ, do.matches,
              MatchesBody, query=MatchesQuery),
        Route("POST", "/v1/name-matches:confirm", "confirm_name_match", "A match is true / 确认匹配", Scope.OPERATE,
              do.confirm, MatchBody, PartyBody, refusals=(404, 409)),
        Route("POST", "/v1/name-matches:clear", "clear_name_match", "Propose that a match is false / 提交排除匹配",
              Scope.AUTHOR, do.clear, ProposalBody, ClearBody, status=201, refusals=(404, 409)),
        Route("GET", "/v1/good-guys", "list_good_guys", "Matches found to be false, now or then / 已排除的匹配", Scope.READ,
              do.good_guys, GoodGuysBody, query=AtQuery),
        Route("POST", "/v1/good-guys:end", "end_good_guy", "Let a match count again / 恢复匹配", Scope.OPERATE,
              do.end_good_guy, GoodGuyBody, PartyBody, refusals=(404,)),
    ]  # fmt: skip


def _party_of(body: PartyBody) -> Party:
    return Party(body.party, token_number(body.token))


def _highest_first(known: KnownMatch) -> tuple[int, str, int, str, str]:
    found = known.found
    return -found.score, found.party.kind.value, found.party.token, found.list_name, found.entry
