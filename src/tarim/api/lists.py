"""Lists over HTTP: propose, preview, decide, look up as at any instant, page through, count hits.

Identifiers come in bodies only and never go out: an answer shows a masked form and the token.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from tarim.api.list_bodies import (
    AsAtBody,
    AsAtOfBody,
    ChangeBody,
    EntriesBody,
    HitOfBody,
    HitsBody,
    LimitQuery,
    ListBody,
    ListFigureBody,
    ListFiguresBody,
    ListProposalBody,
    ListProposalsBody,
    ListsBody,
    NewListBody,
    OpenQuery,
    PageBody,
    PageQuery,
    ProposedBody,
    entry_body,
    list_proposal_body,
    preview_body,
)
from tarim.api.proposals import deciding_routes
from tarim.api.routes import Call, Route
from tarim.base.instants import Clock, instant_text
from tarim.bootstrap.list_files import FILE_BYTES_MAX, ImportBody, import_aside
from tarim.bootstrap.lists import HitCounter, ListDesk
from tarim.bootstrap.places import Places
from tarim.identity import Scope
from tarim.screening import ListBook, RawRow, define_list, token_number, token_text, written_ms

IMPORT_BYTES_MAX: Final = FILE_BYTES_MAX * 4 // 3 + (64 << 10)
CHANGES_SHOWN: Final = 100


T = TypeVar("T")


async def _aside(function: Callable[..., T], *arguments: Any) -> T:
    """What a function gives that takes longer than decisions may wait."""
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


@dataclass(frozen=True, slots=True)
class ListHandlers:
    """What answers about lists.  places: of the data folder whose lists these are; files are read in a process of their own."""

    book: ListBook
    desk: ListDesk
    counter: HitCounter
    places: Places
    clock: Clock

    async def lists(self, call: Call) -> ListsBody:
        return ListsBody(list(self.book.history.lists().values()))

    async def propose_list(self, call: Call) -> ListProposalBody:
        body: NewListBody = call.body
        call.note.reason = body.reason
        definition = define_list(
            body.name, body.kind, body.field, body.title_zh, body.title_en, per_customer=body.per_customer
        )
        return list_proposal_body(await _aside(self.book.propose_list, definition, call.person, body.reason))

    async def one_list(self, call: Call) -> ListBody:
        definition = self.book.history.definition(call.path["name"])
        changes = [
            ChangeBody(
                each.id, each.seq, instant_text(each.at_ms), each.author, each.approver, each.reason, each.entries
            )
            for each in self.book.history.changes(definition.name, CHANGES_SHOWN)
        ]
        return ListBody(definition, changes)

    async def entries(self, call: Call) -> PageBody:
        query: PageQuery = call.query
        after = None
        if query.after:
            customer, _, token = query.after.partition("-")
            after = (token_number(customer), token_number(token))
        found = await _aside(self.book.entries, call.path["name"], self._at_ms(query.at), after, query.limit)
        last = found[-1] if len(found) == query.limit else None
        following = f"{token_text(last.customer)}-{token_text(last.token)}" if last else ""
        return PageBody([entry_body(each) for each in found], following)

    async def propose_entries(self, call: Call) -> ProposedBody:
        body: EntriesBody = call.body
        call.note.reason = body.reason
        rows = [
            RawRow(row, {name: value for name, value in msgspec.structs.asdict(each).items() if value})
            for row, each in enumerate(body.entries, 1)
        ]
        proposal, preview = await _aside(
            self.book.propose_entries, call.path["name"], rows, call.person, body.source, body.reason
        )
        return ProposedBody(preview_body(preview), list_proposal_body(proposal))

    async def import_entries(self, call: Call) -> ProposedBody:
        proposal, preview = await import_aside(self.book, self.places, call.pieces, call.person)
        if proposal is None:
            return ProposedBody(preview_body(preview), None)
        call.note.reason = proposal.proposal.reason
        return ProposedBody(preview_body(preview), list_proposal_body(proposal))

    async def as_at(self, call: Call) -> AsAtOfBody:
        body: AsAtBody = call.body
        moment = self._at_ms(body.at)
        found = await _aside(self.book.as_at, call.path["name"], body.value, body.customer, moment)
        return AsAtOfBody(
            instant_text(moment),
            found.member,
            None if found.entry is None else entry_body(found.entry),
            [entry_body(each) for each in found.versions],
        )

    async def hits(self, call: Call) -> HitsBody:
        name = self.book.history.definition(call.path["name"]).name
        await _aside(self.counter.count)
        found = await _aside(self.book.history.hits, name, call.query.limit)
        return HitsBody(
            [
                HitOfBody(
                    token_text(each.token),
                    token_text(each.customer) if each.customer else "",
                    each.masked,
                    each.hits,
                    instant_text(each.first_ms),
                    instant_text(each.last_ms),
                )
                for each in found
            ]
        )

    async def figures(self, call: Call) -> ListFiguresBody:
        moment = self.clock.now_ms()
        await _aside(self.counter.count)
        waiting = Counter(each.list_name for each in self.book.proposals(only_open=True))
        return ListFiguresBody(
            instant_text(moment),
            [
                ListFigureBody(
                    name,
                    each.entries,
                    each.hits,
                    instant_text(each.last_ms) if each.last_ms else "",
                    instant_text(each.changed_ms),
                    waiting[name],
                )
                for name, each in (await _aside(self.book.history.counted)).items()
            ],
        )

    async def proposals(self, call: Call) -> ListProposalsBody:
        found = self.book.proposals(only_open=not call.query.all)
        return ListProposalsBody([list_proposal_body(each) for each in found])

    async def proposal(self, call: Call) -> ProposedBody:
        found = self.book.proposal(call.path["id"])
        preview = await _aside(self.book.preview_of, found)
        return ProposedBody(preview_body(preview), list_proposal_body(found), found.definition)

    async def approve(self, proposal_id: str, person: str, digest: str, note: str) -> ListProposalBody:
        await self.desk.approve(proposal_id, person, digest, note)
        return list_proposal_body(self.book.proposal(proposal_id))

    async def reject(self, proposal_id: str, person: str, note: str) -> ListProposalBody:
        await _aside(self.book.reject, proposal_id, person, note)
        return list_proposal_body(self.book.proposal(proposal_id))

    async def withdraw(self, proposal_id: str, person: str) -> ListProposalBody:
        await _aside(self.book.withdraw, proposal_id, person)
        return list_proposal_body(self.book.proposal(proposal_id))

    def _at_ms(self, text: str) -> int:
        return written_ms("at", text) if text else self.clock.now_ms()


def list_routes(book: ListBook, desk: ListDesk, counter: HitCounter, places: Places, clock: Clock) -> list[Route]:
    """The routes; see `ListHandlers`."""
    do = ListHandlers(book, desk, counter, places, clock)
    one, waiting = "/v1/lists/{name}", "/v1/list-proposals"
    return [
        Route("GET", "/v1/lists", "list_lists", "The lists there are / 名单一览", Scope.READ, do.lists, ListsBody),
        Route("POST", "/v1/lists", "propose_list", "Propose a new list / 提交新建名单", Scope.AUTHOR, do.propose_list,
              ListProposalBody, NewListBody, status=201, refusals=(409,)),
        Route("POST", "/v1/lists:import", "import_entries", "Preview or propose a file of entries / 预览或提交名单文件",
              Scope.AUTHOR, do.import_entries, ProposedBody, ImportBody, refusals=(404, 409), body_bytes_max=IMPORT_BYTES_MAX,
              aside=True),
        Route("GET", one, "read_list", "A list and its last changes / 名单及其变更", Scope.READ, do.one_list, ListBody),
        Route("GET", one + "/entries", "list_entries", "Entries as at an instant / 某一时点的名单条目", Scope.READ,
              do.entries, PageBody, query=PageQuery),
        Route("POST", one + "/entries", "propose_entries", "Propose entries / 提交名单条目变更", Scope.AUTHOR,
              do.propose_entries, ProposedBody, EntriesBody, status=201, refusals=(409,)),
        Route("POST", one + "/as-at", "look_up", "Was it on the list then, why, from whom / 时点查询", Scope.READ, do.as_at,
              AsAtOfBody, AsAtBody),
        Route("GET", one + "/hits", "list_hits", "How often entries were met / 名单命中次数", Scope.READ, do.hits, HitsBody,
              query=LimitQuery, refusals=(409,)),
        Route("GET", "/v1/list-figures", "read_list_figures", "How large lists are and how often met / 名单规模与命中",
              Scope.READ, do.figures, ListFiguresBody, refusals=(409,)),
        Route("GET", waiting, "list_list_proposals", "Changes of lists that wait / 待审批的名单变更", Scope.READ,
              do.proposals, ListProposalsBody, query=OpenQuery),
        Route("GET", waiting + "/{id}", "read_list_proposal", "What it would do now / 提案内容与影响", Scope.READ,
              do.proposal, ProposedBody),
        *deciding_routes(waiting, "list_proposal", "名单变更", ListProposalBody, do.approve, do.reject, do.withdraw),
    ]  # fmt: skip
