"""Name screening over HTTP: watch lists by editions, customers' names, matches and what people find about them.

Names come in bodies only.  An answer about a customer shows the token and a masked name; one about a listed party shows what
its list publishes; only the answer to a person's own question repeats words of the name that was asked.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from tarim.api.name_views import (
    EditionsBody,
    GoodGuyBody,
    GoodGuyProposedBody,
    GoodGuysBody,
    ImportedBody,
    InForceBody,
    MatchBody,
    MatchesBody,
    NameProposalBody,
    NameProposalsBody,
    ScreenedBody,
    ScreeningBody,
    ScreeningsBody,
    edition_body,
    good_guy_body,
    match_body,
    screening_body,
)
from tarim.api.proposals import ProposalBody, proposal_body
from tarim.api.routes import Call, Route
from tarim.base.errors import DefinitionError
from tarim.base.instants import Clock
from tarim.bootstrap.name_files import FILES_BYTES_MAX, ImportBody, compare_aside, prepare_aside
from tarim.bootstrap.name_register import Named, NameRegister
from tarim.bootstrap.names import EDITION, GOOD_GUY, NameDesk
from tarim.bootstrap.places import Places
from tarim.bootstrap.screenings import Screenings
from tarim.decisions import REASON_CHARACTERS_MAX, Governor
from tarim.identity import Scope
from tarim.screening import (
    REGISTERED_MAX,
    Confirmed,
    Edition,
    GoodGuy,
    GoodGuyEnd,
    KnownMatch,
    NamesState,
    Party,
    PartyKind,
    Standing,
    decode_names,
    require_list_name,
    token_number,
    written_ms,
)

IMPORT_BYTES_MAX: Final = FILES_BYTES_MAX * 4 // 3 + (64 << 10)
REGISTER_BYTES_MAX: Final = 1 << 20
PAGE_MAX: Final = 200

Reason = Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
ListName = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]
Instant = Annotated[str, Meta(max_length=40)]
Name = Annotated[str, Meta(min_length=1, max_length=512)]
Birth = Annotated[str, Meta(max_length=10)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
Token = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
EntryId = Annotated[str, Meta(min_length=1, max_length=64)]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class CustomerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer's name.  birth: 1970, 1970-05 or 1970-05-21; countries: ISO 3166-1 codes of two letters."""

    customer: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Name
    birth: Birth = ""
    countries: Annotated[list[Country], Meta(max_length=20)] = []


class RegisterBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Customers to register, new or changed."""

    customers: Annotated[list[CustomerBody], Meta(min_length=1, max_length=REGISTERED_MAX)]


class RegisteredBody(msgspec.Struct, frozen=True):
    """What became of them; those that stand as they were are unchanged."""

    fresh: int
    changed: int
    unchanged: int


class AskBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to screen, and against the lists of when; "" is now."""

    name: Name
    birth: Birth = ""
    countries: Annotated[list[Country], Meta(max_length=20)] = []
    at: Instant = ""


class PartyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A match: whose, by token, and with which entry."""

    party: PartyKind
    token: Token
    list_name: ListName
    entry: EntryId
    reason: Reason


class ClearBody(PartyBody, frozen=True, forbid_unknown_fields=True):
    """A match that is false, until when, and of the entry as it was looked at."""

    entry_digest: Digest
    until: Instant


class StartBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """full: every customer against every entry, not only what changed."""

    full: bool = False


class AtQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As at when; "" is now."""

    at: Instant = ""


class MatchesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Matches of one standing, or all; a page behind so many; as at when, "" is now."""

    standing: Annotated[str, Meta(pattern="^(open|confirmed|cleared|all)$")] = "open"
    offset: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 50
    at: Instant = ""


def name_routes(
    desk: NameDesk, register: NameRegister, screenings: Screenings, governor: Governor, places: Places, clock: Clock
) -> list[Route]:
    """The routes."""

    def at_ms(text: str) -> int:
        return written_ms("at", text) if text else clock.now_ms()

    async def as_at(text: str) -> tuple[int, NamesState]:
        moment = at_ms(text)
        if not text or moment >= clock.now_ms():
            return moment, desk.state
        return moment, await desk.aside(desk.book.state_at, moment)

    async def register_names(call: Call) -> RegisteredBody:
        body: RegisterBody = call.body
        given = [Named(each.customer, each.name, each.birth, tuple(each.countries)) for each in body.customers]
        taken = await register.register(given)
        return RegisteredBody(taken.fresh, taken.changed, taken.unchanged)

    async def screen(call: Call) -> Any:
        body: AskBody = call.body
        _, state = await as_at(body.at)
        editions = {name: edition.digest for name, edition in state.in_force.items()}
        if not editions:
            return ScreenedBody({}, [])
        helper = await desk.helper_for(editions)
        try:
            answer = await helper.answer(body.name, body.birth, body.countries)
        finally:
            await desk.let_go(helper)
        return {"editions": editions, "matches": msgspec.Raw(answer.plain)}

    async def in_force(call: Call) -> InForceBody:
        _, state = await as_at(call.query.at)
        last = state.last_screening
        return InForceBody(
            [edition_body(each) for each in state.in_force.values()],
            desk.book.customer_count,
            screenings.behind,
            "" if last is None else last.result,
        )

    async def history(call: Call) -> EditionsBody:
        found = desk.state.editions.get(require_list_name(call.path["name"]), [])
        return EditionsBody([edition_body(edition) for _, edition in reversed(found)])

    async def import_list(call: Call) -> ImportedBody:
        in_force = {name: each.digest for name, each in desk.state.in_force.items()}
        prepared = await prepare_aside(places, in_force, call.pieces)
        if not prepared.propose:
            return ImportedBody(prepared.digest, prepared.source_digest, prepared.dated, prepared.diff, None)
        call.note.reason = prepared.reason
        diff = prepared.diff
        edition = Edition(
            prepared.list_name,
            prepared.digest,
            prepared.replaces,
            prepared.source_digest,
            prepared.dated,
            diff.entries,
            diff.added,
            diff.changed,
            diff.removed,
            call.person,
            "",
            prepared.reason,
            clock.now_ms(),
        )
        proposal = proposal_body(desk.propose_edition(edition))
        return ImportedBody(prepared.digest, prepared.source_digest, prepared.dated, diff, proposal)

    def shown(proposal_id: str) -> NameProposalBody:
        found = governor.proposed(proposal_id)
        content = decode_names(found.content) if found.proposal.what in (EDITION, GOOD_GUY) else None
        if isinstance(content, Edition):
            return NameProposalBody(proposal_body(found.proposal), edition_body(content), None, None)
        if isinstance(content, GoodGuy):
            known = desk.state.matches.get(content.party, {}).get((content.list_name, content.entry))
            listed = "" if known is None else known.found.listed
            proposed = GoodGuyProposedBody(good_guy_body(content), listed, 0 if known is None else known.found.score)
            return NameProposalBody(proposal_body(found.proposal), None, proposed, None)
        raise DefinitionError(f"proposal {proposal_id} is about a {found.proposal.what}")

    async def proposals(call: Call) -> NameProposalsBody:
        kinds = (EDITION, GOOD_GUY)
        found = [each.proposal.id for each in governor.state.proposals.values() if each.proposal.what in kinds]
        return NameProposalsBody([shown(each) for each in found])

    async def proposal(call: Call) -> NameProposalBody:
        body = shown(call.path["id"])
        if body.edition is None:
            return body
        diff = await compare_aside(places, body.edition.replaces, body.edition.digest)
        return msgspec.structs.replace(body, diff=diff)

    async def matches(call: Call) -> MatchesBody:
        query: MatchesQuery = call.query
        moment, state = await as_at(query.at)
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
                len(found), [match_body(known, standing, masked(known.found.party)) for known, standing in chosen]
            )

        return await desk.aside(page)

    def masked(party: Party) -> str:
        return register.masked(party.token) if party.kind is PartyKind.CUSTOMER else ""

    def party_of(body: PartyBody) -> Party:
        return Party(body.party, token_number(body.token))

    async def confirm(call: Call) -> MatchBody:
        body: PartyBody = call.body
        party = party_of(body)
        desk.confirm(Confirmed(party, body.list_name, body.entry, call.person, body.reason, 0))
        known = desk.state.known(party, body.list_name, body.entry)
        return match_body(known, desk.state.standing(known, clock.now_ms()), masked(party))

    async def clear(call: Call) -> ProposalBody:
        body: ClearBody = call.body
        until_ms = written_ms("until", body.until)
        wanted = GoodGuy(
            party_of(body), body.list_name, body.entry, body.entry_digest, until_ms, body.reason, call.person, "", 0
        )
        return proposal_body(desk.propose_good_guy(wanted))

    async def good_guys(call: Call) -> GoodGuysBody:
        moment, state = await as_at(call.query.at)
        return GoodGuysBody([good_guy_body(each) for each in state.good_guys.values() if moment < each.until_ms])

    async def end_good_guy(call: Call) -> GoodGuyBody:
        body: PartyBody = call.body
        key = party_of(body), body.list_name, body.entry
        before = desk.state.good_guys.get(key)
        record = desk.end_good_guy(GoodGuyEnd(*key, call.person, body.reason, 0))
        assert before is not None
        return good_guy_body(msgspec.structs.replace(before, until_ms=record.at_ms))

    async def start(call: Call) -> ScreeningBody:
        return screening_body(screenings.start(call.person, full=call.body.full))

    async def listed(call: Call) -> ScreeningsBody:
        return ScreeningsBody([screening_body(job) for job in screenings.jobs()])

    async def look(call: Call) -> ScreeningBody:
        name = call.path["id"]
        if len(name) == 64:
            return screening_body(None, name, await screenings.kept(name))
        job = screenings.job(name)
        return screening_body(job, job.digest, await screenings.kept(job.digest) if job.state == "done" else None)

    async def cancel(call: Call) -> ScreeningBody:
        return screening_body(screenings.cancel(call.path["id"]))

    names, lists, runs = "/v1/names", "/v1/name-lists", "/v1/name-screenings"
    return [
        Route("POST", names + ":register", "register_names", "Register customers' names / 登记客户姓名", Scope.DECIDE,
              register_names, RegisteredBody, RegisterBody, body_bytes_max=REGISTER_BYTES_MAX),
        Route("POST", names + ":screen", "screen_name", "Who on the lists could this be / 姓名筛查", Scope.READ, screen,
              ScreenedBody, AskBody),
        Route("GET", lists, "list_name_lists", "Watch lists in force, now or then / 生效的监控名单", Scope.READ, in_force,
              InForceBody, query=AtQuery),
        Route("GET", lists + "/{name}", "read_name_list", "Editions of a watch list / 监控名单版本", Scope.READ, history,
              EditionsBody),
        Route("POST", lists + ":import", "import_name_list", "Preview or propose an edition / 预览或提交名单版本",
              Scope.AUTHOR, import_list, ImportedBody, ImportBody, refusals=(409,), body_bytes_max=IMPORT_BYTES_MAX,
              aside=True),
        Route("GET", "/v1/name-proposals", "list_name_proposals", "Editions and good guys that wait / 待审批的筛查事项",
              Scope.READ, proposals, NameProposalsBody),
        Route("GET", "/v1/name-proposals/{id}", "read_name_proposal", "What it would do / 提案内容", Scope.READ, proposal,
              NameProposalBody, refusals=(409,)),
        Route("GET", "/v1/name-matches", "list_name_matches", "Matches, now or then / 匹配结果", Scope.READ, matches,
              MatchesBody, query=MatchesQuery),
        Route("POST", "/v1/name-matches:confirm", "confirm_name_match", "A match is true / 确认匹配", Scope.OPERATE, confirm,
              MatchBody, PartyBody, refusals=(404, 409)),
        Route("POST", "/v1/name-matches:clear", "clear_name_match", "Propose that a match is false / 提交排除匹配",
              Scope.AUTHOR, clear, ProposalBody, ClearBody, status=201, refusals=(404, 409)),
        Route("GET", "/v1/good-guys", "list_good_guys", "Matches found to be false, now or then / 已排除的匹配", Scope.READ,
              good_guys, GoodGuysBody, query=AtQuery),
        Route("POST", "/v1/good-guys:end", "end_good_guy", "Let a match count again / 恢复匹配", Scope.OPERATE, end_good_guy,
              GoodGuyBody, PartyBody, refusals=(404,)),
        Route("POST", runs, "start_name_screening", "Screen all customers now / 立即筛查全部客户", Scope.OPERATE, start,
              ScreeningBody, StartBody, status=202, refusals=(404,)),
        Route("GET", runs, "list_name_screenings", "Screenings since the start / 筛查任务", Scope.READ, listed, ScreeningsBody),
        Route("GET", runs + "/{id}", "read_name_screening", "One screening, or a kept result by digest / 筛查结果", Scope.READ,
              look, ScreeningBody),
        Route("DELETE", runs + "/{id}", "cancel_name_screening", "Break a screening off / 中止筛查", Scope.OPERATE, cancel,
              ScreeningBody),
    ]  # fmt: skip


def _highest_first(known: KnownMatch) -> tuple[int, str, int, str, str]:
    found = known.found
    return -found.score, found.party.kind.value, found.party.token, found.list_name, found.entry
