"""Lists over HTTP: propose, preview, decide, look up as at any instant, page through, count hits.

Identifiers come in bodies only and never go out: an answer shows a masked form and the token.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from tarim.api.proposals import ProposalBody, deciding_routes, proposal_body
from tarim.api.routes import Call, Route
from tarim.base.instants import SECOND_MS, Clock, instant_text
from tarim.bootstrap.list_files import FILE_BYTES_MAX, ImportBody, import_aside
from tarim.bootstrap.lists import HitCounter, ListDesk
from tarim.bootstrap.places import Places
from tarim.identity import Scope
from tarim.screening import (
    FOREVER_S,
    REASON_CHARACTERS_MAX,
    SOURCE_CHARACTERS_MAX,
    Compared,
    Entry,
    ListBook,
    ListDefinition,
    ListKind,
    ListProposal,
    Preview,
    RawRow,
    define_list,
    token_number,
    token_text,
    written_ms,
)

IMPORT_BYTES_MAX: Final = FILE_BYTES_MAX * 4 // 3 + (64 << 10)
ROWS_MAX: Final = 200
PAGE_MAX: Final = 10_000
CHANGES_SHOWN: Final = 100

Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
Reason = Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS_MAX)]
Source = Annotated[str, Meta(min_length=1, max_length=SOURCE_CHARACTERS_MAX)]
Instant = Annotated[str, Meta(max_length=40)]
Identifier = Annotated[str, Meta(max_length=128)]


class NewListBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list to propose.  field, per_customer: what kinds of trust and suspicion know by themselves."""

    name: Name
    kind: ListKind
    reason: Reason
    field: Annotated[str, Meta(max_length=32)] = ""
    per_customer: bool | None = None
    title_zh: Annotated[str, Meta(max_length=100)] = ""
    title_en: Annotated[str, Meta(max_length=100)] = ""


class EntryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of one entry: added (or changed) or removed.  valid_from, valid_to: a day or an instant; "" is no bound.

    An entry that an answer showed is named by its token, customer_token and masked form in the place of value and customer.
    """

    value: Identifier = ""
    operation: Annotated[str, Meta(pattern="^(add|remove)$")] = "add"
    customer: Identifier = ""
    valid_from: Instant = ""
    valid_to: Instant = ""
    token: Annotated[str, Meta(pattern="^([0-9a-f]{16})?$")] = ""
    customer_token: Annotated[str, Meta(pattern="^([0-9a-f]{16})?$")] = ""
    masked: Annotated[str, Meta(max_length=32)] = ""


class EntriesBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Entries to propose, with who says so and why."""

    source: Source
    reason: Reason
    entries: Annotated[list[EntryBody], Meta(min_length=1, max_length=ROWS_MAX)]


class AsAtBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to look up, and as at when; "" is now."""

    value: Identifier
    customer: Identifier = ""
    at: Instant = ""


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of entries as at an instant ("" is now), behind `after`, the `next` of the page before."""

    at: Instant = ""
    after: Annotated[str, Meta(pattern="^([0-9a-f]{16}-[0-9a-f]{16})?$")] = ""
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 1_000


class LimitQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many at most."""

    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 100


class OpenQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """all: decided proposals as well."""

    all: bool = False


class ListsBody(msgspec.Struct, frozen=True):
    """The lists there are."""

    lists: list[ListDefinition]


class ListFigureBody(msgspec.Struct, frozen=True):
    """A list in figures.  entries: that stand, expired ones too.  hits: events that met one.  waiting: open proposals."""

    name: str
    entries: int
    hits: int
    last_hit_at: str
    changed_at: str
    waiting: int


class ListFiguresBody(msgspec.Struct, frozen=True):
    """Lists in figures, as at `at`."""

    at: str
    lists: list[ListFigureBody]


class ChangeBody(msgspec.Struct, frozen=True):
    """A change that became effective at journal position `seq`."""

    id: str
    seq: int
    at: str
    author: str
    approver: str
    reason: str
    entries: int


class ListBody(msgspec.Struct, frozen=True):
    """A list and its last changes, newest first."""

    definition: ListDefinition
    changes: list[ChangeBody]


class EntryOfBody(msgspec.Struct, frozen=True):
    """An entry as it stood.  customer_token: "" on a list of everybody.  valid_from, valid_to: "" is no bound."""

    token: str
    customer_token: str
    masked: str
    source: str
    reason: str
    valid_from: str
    valid_to: str
    added_by: str
    approved_by: str
    added_at: str
    removed: bool


class PageBody(msgspec.Struct, frozen=True):
    """Entries in the order of their tokens; next: "" on the last page."""

    entries: list[EntryOfBody]
    next: str


class AsAtOfBody(msgspec.Struct, frozen=True):
    """member: whether an event received then found it.  entry: as it stood, valid or not; history: every version."""

    at: str
    member: bool
    entry: EntryOfBody | None
    history: list[EntryOfBody]


class HitOfBody(msgspec.Struct, frozen=True):
    """An entry and how many events met it."""

    token: str
    customer_token: str
    masked: str
    hits: int
    first_at: str
    last_at: str


class HitsBody(msgspec.Struct, frozen=True):
    """Entries that were met, most often first."""

    hits: list[HitOfBody]


class DifferenceBody(msgspec.Struct, frozen=True):
    """An example: a masked entry and what becomes of it."""

    what: str
    row: int
    masked: str
    source: str
    reason: str
    valid_from: str
    valid_to: str


class RefusedBody(msgspec.Struct, frozen=True):
    """A refused row: where, which field, which rule."""

    row: int
    field: str
    rule: str


class PreviewBody(msgspec.Struct, frozen=True):
    """What a change would do to the list as it is now: how many, examples, and the first refused rows."""

    added: int
    changed: int
    removed: int
    unchanged: int
    refused: int
    examples: list[DifferenceBody]
    refusals: list[RefusedBody]


class ListProposalBody(ProposalBody, frozen=True):
    """A proposal of a change of a list; entries: how many it names."""

    list_name: str
    entries: int


class ListProposalsBody(msgspec.Struct, frozen=True):
    """Proposals, newest first."""

    proposals: list[ListProposalBody]


class ProposedBody(msgspec.Struct, frozen=True):
    """What would happen, and the proposal if one was made."""

    preview: PreviewBody
    proposal: ListProposalBody | None
    definition: ListDefinition | None = None


T = TypeVar("T")


async def _aside(function: Callable[..., T], *arguments: Any) -> T:
    """What a function gives that takes longer than decisions may wait."""
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


def list_routes(book: ListBook, desk: ListDesk, counter: HitCounter, places: Places, clock: Clock) -> list[Route]:
    """The routes.  places: of the data folder whose lists these are; files of entries are read in a process of their own."""

    def at_ms(text: str) -> int:
        return written_ms("at", text) if text else clock.now_ms()

    async def lists(call: Call) -> ListsBody:
        return ListsBody(list(book.history.lists().values()))

    async def propose_list(call: Call) -> ListProposalBody:
        body: NewListBody = call.body
        call.note.reason = body.reason
        definition = define_list(
            body.name, body.kind, body.field, body.title_zh, body.title_en, per_customer=body.per_customer
        )
        return _proposal(await _aside(book.propose_list, definition, call.person, body.reason))

    async def one_list(call: Call) -> ListBody:
        definition = book.history.definition(call.path["name"])
        changes = [
            ChangeBody(
                each.id, each.seq, instant_text(each.at_ms), each.author, each.approver, each.reason, each.entries
            )
            for each in book.history.changes(definition.name, CHANGES_SHOWN)
        ]
        return ListBody(definition, changes)

    async def entries(call: Call) -> PageBody:
        query: PageQuery = call.query
        after = None
        if query.after:
            customer, _, token = query.after.partition("-")
            after = (token_number(customer), token_number(token))
        found = await _aside(book.entries, call.path["name"], at_ms(query.at), after, query.limit)
        last = found[-1] if len(found) == query.limit else None
        following = f"{token_text(last.customer)}-{token_text(last.token)}" if last else ""
        return PageBody([_entry(each) for each in found], following)

    async def propose_entries(call: Call) -> ProposedBody:
        body: EntriesBody = call.body
        call.note.reason = body.reason
        rows = [
            RawRow(row, {name: value for name, value in msgspec.structs.asdict(each).items() if value})
            for row, each in enumerate(body.entries, 1)
        ]
        proposal, preview = await _aside(
            book.propose_entries, call.path["name"], rows, call.person, body.source, body.reason
        )
        return ProposedBody(_preview(preview), _proposal(proposal))

    async def import_entries(call: Call) -> ProposedBody:
        proposal, preview = await import_aside(book, places, call.pieces, call.person)
        if proposal is None:
            return ProposedBody(_preview(preview), None)
        call.note.reason = proposal.proposal.reason
        return ProposedBody(_preview(preview), _proposal(proposal))

    async def as_at(call: Call) -> AsAtOfBody:
        body: AsAtBody = call.body
        moment = at_ms(body.at)
        found = await _aside(book.as_at, call.path["name"], body.value, body.customer, moment)
        return AsAtOfBody(
            instant_text(moment),
            found.member,
            None if found.entry is None else _entry(found.entry),
            [_entry(each) for each in found.versions],
        )

    async def hits(call: Call) -> HitsBody:
        name = book.history.definition(call.path["name"]).name
        await _aside(counter.count)
        found = await _aside(book.history.hits, name, call.query.limit)
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

    async def figures(call: Call) -> ListFiguresBody:
        moment = clock.now_ms()
        await _aside(counter.count)
        waiting = Counter(each.list_name for each in book.proposals(only_open=True))
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
                for name, each in (await _aside(book.history.counted)).items()
            ],
        )

    async def proposals(call: Call) -> ListProposalsBody:
        found = book.proposals(only_open=not call.query.all)
        return ListProposalsBody([_proposal(each) for each in found])

    async def proposal(call: Call) -> ProposedBody:
        found = book.proposal(call.path["id"])
        preview = await _aside(book.preview_of, found)
        return ProposedBody(_preview(preview), _proposal(found), found.definition)

    async def approve(proposal_id: str, person: str, digest: str, note: str) -> ListProposalBody:
        await desk.approve(proposal_id, person, digest, note)
        return _proposal(book.proposal(proposal_id))

    async def reject(proposal_id: str, person: str, note: str) -> ListProposalBody:
        await _aside(book.reject, proposal_id, person, note)
        return _proposal(book.proposal(proposal_id))

    async def withdraw(proposal_id: str, person: str) -> ListProposalBody:
        await _aside(book.withdraw, proposal_id, person)
        return _proposal(book.proposal(proposal_id))

    one, waiting = "/v1/lists/{name}", "/v1/list-proposals"
    return [
        Route("GET", "/v1/lists", "list_lists", "The lists there are / 名单一览", Scope.READ, lists, ListsBody),
        Route("POST", "/v1/lists", "propose_list", "Propose a new list / 提交新建名单", Scope.AUTHOR, propose_list,
              ListProposalBody, NewListBody, status=201, refusals=(409,)),
        Route("POST", "/v1/lists:import", "import_entries", "Preview or propose a file of entries / 预览或提交名单文件",
              Scope.AUTHOR, import_entries, ProposedBody, ImportBody, refusals=(404, 409),
              body_bytes_max=IMPORT_BYTES_MAX, aside=True),
        Route("GET", one, "read_list", "A list and its last changes / 名单及其变更", Scope.READ, one_list, ListBody),
        Route("GET", one + "/entries", "list_entries", "Entries as at an instant / 某一时点的名单条目", Scope.READ, entries,
              PageBody, query=PageQuery),
        Route("POST", one + "/entries", "propose_entries", "Propose entries / 提交名单条目变更", Scope.AUTHOR,
              propose_entries, ProposedBody, EntriesBody, status=201, refusals=(409,)),
        Route("POST", one + "/as-at", "look_up", "Was it on the list then, why, from whom / 时点查询", Scope.READ, as_at,
              AsAtOfBody, AsAtBody),
        Route("GET", one + "/hits", "list_hits", "How often entries were met / 名单命中次数", Scope.READ, hits, HitsBody,
              query=LimitQuery, refusals=(409,)),
        Route("GET", "/v1/list-figures", "read_list_figures", "How large lists are and how often met / 名单规模与命中",
              Scope.READ, figures, ListFiguresBody, refusals=(409,)),
        Route("GET", waiting, "list_list_proposals", "Changes of lists that wait / 待审批的名单变更", Scope.READ, proposals,
              ListProposalsBody, query=OpenQuery),
        Route("GET", waiting + "/{id}", "read_list_proposal", "What it would do now / 提案内容与影响", Scope.READ, proposal,
              ProposedBody),
        *deciding_routes(waiting, "list_proposal", "名单变更", ListProposalBody, approve, reject, withdraw),
    ]  # fmt: skip


def _entry(entry: Entry) -> EntryOfBody:
    return EntryOfBody(
        token_text(entry.token),
        token_text(entry.customer) if entry.customer else "",
        entry.masked,
        entry.source,
        entry.reason,
        *_bounds(entry.from_s, entry.to_s),
        entry.author,
        entry.approver,
        instant_text(entry.added_ms),
        entry.removed,
    )


def _bounds(from_s: int, to_s: int) -> tuple[str, str]:
    return (
        instant_text(from_s * SECOND_MS) if from_s else "",
        instant_text(to_s * SECOND_MS) if to_s not in (0, FOREVER_S) else "",
    )


def _difference(compared: Compared) -> DifferenceBody:
    return DifferenceBody(
        compared.what.value,
        compared.row,
        compared.masked,
        compared.source,
        compared.reason,
        *_bounds(compared.from_s, compared.to_s),
    )


def _preview(preview: Preview) -> PreviewBody:
    counts = {what.value: count for what, count in preview.counts.items()}
    return PreviewBody(
        counts.get("added", 0),
        counts.get("changed", 0),
        counts.get("removed", 0),
        counts.get("unchanged", 0),
        preview.refused_count,
        [_difference(each) for what in preview.examples.values() for each in what],
        [RefusedBody(each.row, each.field, each.rule) for each in preview.refused],
    )


def _proposal(found: ListProposal) -> ListProposalBody:
    plain = msgspec.structs.asdict(proposal_body(found.proposal))
    return ListProposalBody(**plain, list_name=found.list_name, entries=found.entries)
