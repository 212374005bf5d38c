"""Name screening over HTTP: watch lists by editions, customers' names, matches and what people find about them.

Names come in bodies only.  An answer about a customer shows the token and a masked name; one about a listed party shows what
its list publishes; only the answer to a person's own question repeats words of the name that was asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from tarim.api.name_matches import name_match_routes, state_as_at
from tarim.api.name_requests import AskBody, AtQuery, RegisterBody, RegisteredBody
from tarim.api.name_screenings import name_screening_routes
from tarim.api.name_views import (
    EditionsBody,
    GoodGuyProposedBody,
    ImportedBody,
    InForceBody,
    NameProposalBody,
    NameProposalsBody,
    ScreenedBody,
    edition_body,
    good_guy_body,
)
from tarim.api.proposals import proposal_body
from tarim.api.routes import Call, Route
from tarim.base.errors import DefinitionError
from tarim.base.instants import Clock
from tarim.bootstrap.name_files import FILES_BYTES_MAX, ImportBody, compare_aside, prepare_aside
from tarim.bootstrap.name_register import Named, NameRegister
from tarim.bootstrap.names import EDITION, GOOD_GUY, NameDesk
from tarim.bootstrap.places import Places
from tarim.bootstrap.screenings import Screenings
from tarim.decisions import Governor
from tarim.identity import Scope
from tarim.screening import Edition, GoodGuy, decode_names, require_list_name

IMPORT_BYTES_MAX: Final = FILES_BYTES_MAX * 4 // 3 + (64 << 10)
REGISTER_BYTES_MAX: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class NameHandlers:
    """What answers about names, watch lists and what is proposed about them."""

    desk: NameDesk
    register: NameRegister
    screenings: Screenings
    governor: Governor
    places: Places
    clock: Clock

    async def register_names(self, call: Call) -> RegisteredBody:
        body: RegisterBody = call.body
        given = [Named(each.customer, each.name, each.birth, tuple(each.countries)) for each in body.customers]
        taken = await self.register.register(given)
        return RegisteredBody(taken.fresh, taken.changed, taken.unchanged)

    async def screen(self, call: Call) -> Any:
        body: AskBody = call.body
        _, state = await state_as_at(self.desk, self.clock, body.at)
        editions = {name: edition.digest for name, edition in state.in_force.items()}
        if not editions:
            return ScreenedBody({}, [])
        helper = await self.desk.helper_for(editions)
        try:
            answer = await helper.answer(body.name, body.birth, body.countries)
        finally:
            await self.desk.let_go(helper)
        return {"editions": editions, "matches": msgspec.Raw(answer.plain)}

    async def in_force(self, call: Call) -> InForceBody:
        _, state = await state_as_at(self.desk, self.clock, call.query.at)
        last = state.last_screening
        return InForceBody(
            [edition_body(each) for each in state.in_force.values()],
            self.desk.book.customer_count,
            self.screenings.behind,
            "" if last is None else last.result,
        )

    async def history(self, call: Call) -> EditionsBody:
        found = self.desk.state.editions.get(require_list_name(call.path["name"]), [])
        return EditionsBody([edition_body(edition) for _, edition in reversed(found)])

    async def import_list(self, call: Call) -> ImportedBody:
        in_force = {name: each.digest for name, each in self.desk.state.in_force.items()}
        prepared = await prepare_aside(self.places, in_force, call.pieces)
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
            self.clock.now_ms(),
        )
        proposal = proposal_body(self.desk.propose_edition(edition))
        return ImportedBody(prepared.digest, prepared.source_digest, prepared.dated, diff, proposal)

    async def proposals(self, call: Call) -> NameProposalsBody:
        kinds = (EDITION, GOOD_GUY)
        found = [each.proposal.id for each in self.governor.state.proposals.values() if each.proposal.what in kinds]
        return NameProposalsBody([self._shown(each) for each in found])

    async def proposal(self, call: Call) -> NameProposalBody:
        body = self._shown(call.path["id"])
        if body.edition is None:
            return body
        diff = await compare_aside(self.places, body.edition.replaces, body.edition.digest)
        return msgspec.structs.replace(body, diff=diff)

    def _shown(self, proposal_id: str) -> NameProposalBody:
        found = self.governor.proposed(proposal_id)
        content = decode_names(found.content) if found.proposal.what in (EDITION, GOOD_GUY) else None
        if isinstance(content, Edition):
            return NameProposalBody(proposal_body(found.proposal), edition_body(content), None, None)
        if isinstance(content, GoodGuy):
            known = self.desk.state.matches.get(content.party, {}).get((content.list_name, content.entry))
            listed = "" if known is None else known.found.listed
            proposed = GoodGuyProposedBody(good_guy_body(content), listed, 0 if known is None else known.found.score)
            return NameProposalBody(proposal_body(found.proposal), None, proposed, None)
        raise DefinitionError(f"proposal {proposal_id} is about a {found.proposal.what}")


def name_routes(
    desk: NameDesk, register: NameRegister, screenings: Screenings, governor: Governor, places: Places, clock: Clock
) -> list[Route]:
    """The routes."""
    do = NameHandlers(desk, register, screenings, governor, places, clock)
    names, lists = "/v1/names", "/v1/name-lists"
    return [
        Route("POST", names + ":register", "register_names", "Register customers' names / 登记客户姓名", Scope.DECIDE,
              do.register_names, RegisteredBody, RegisterBody, body_bytes_max=REGISTER_BYTES_MAX),
        Route("POST", names + ":screen", "screen_name", "Who on the lists could this be / 姓名筛查", Scope.READ, do.screen,
              ScreenedBody, AskBody),
        Route("GET", lists, "list_name_lists", "Watch lists in force, now or then / 生效的监控名单", Scope.READ, do.in_force,
              InForceBody, query=AtQuery),
        Route("GET", lists + "/{name}", "read_name_list", "Editions of a watch list / 监控名单版本", Scope.READ, do.history,
              EditionsBody),
        Route("POST", lists + ":import", "import_name_list", "Preview or propose an edition / 预览或提交名单版本",
              Scope.AUTHOR, do.import_list, ImportedBody, ImportBody, refusals=(409,), body_bytes_max=IMPORT_BYTES_MAX,
              aside=True),
        Route("GET", "/v1/name-proposals", "list_name_proposals", "Editions and good guys that wait / 待审批的筛查事项",
              Scope.READ, do.proposals, NameProposalsBody),
        Route("GET", "/v1/name-proposals/{id}", "read_name_proposal", "What it would do / 提案内容", Scope.READ, do.proposal,
              NameProposalBody, refusals=(409,)),
        *name_match_routes(desk, register, clock),
        *name_screening_routes(screenings),
    ]  # fmt: skip
