"""The audit trail over HTTP: search, the newest anchor for others to keep, and exports that two persons make (SE-03, DS-38)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from tarim.api.proposals import DecisionOnBody, ProposalBody, proposal_body
from tarim.api.routes import Call, Route
from tarim.audit import LINES_MAX, PAGE_MAX, Anchor, Chained, Export, Query, Result, plain
from tarim.base.errors import FieldError, NotFound
from tarim.base.four_eyes import NOTE_CHARACTERS_MAX
from tarim.base.instants import instant_text
from tarim.bootstrap.audit import OpenTrail
from tarim.identity import Scope

Seq = Annotated[int, Meta(ge=0, le=1 << 62)]
Instant = Annotated[int, Meta(ge=0, lt=1 << 53)]
Word = Annotated[str, Meta(max_length=64)]

T = TypeVar("T")


class EntryBody(msgspec.Struct, frozen=True):
    """One entry.  result: intended, done, refused or failed; `digest`: of the chain up to it."""

    seq: int
    at: str
    who: str
    kind: str
    act: str
    object: str
    address: str
    session: str
    reason: str
    result: str
    detail: dict[str, str | int]
    digest: str


class EntriesBody(msgspec.Struct, frozen=True):
    """Entries, the newest first; ask again with `below` = `next` for older ones; 0: there are none."""

    entries: list[EntryBody]
    next: int


class EntriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """act: a name, or its beginning and `*`.  object: `kind:id`.  since_ms, until_ms: from an instant, and before another.
    below: entries older than this number.
    """

    who: Word = ""
    act: Word = ""
    object: Annotated[str, Meta(max_length=160)] = ""
    result: Result | None = None
    address: Word = ""
    session: Word = ""
    since_ms: Instant = 0
    until_ms: Instant = 0
    below: Seq = 0
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 50


class ExportProposedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Entries to export, both ends included, and why."""

    first_seq: Annotated[int, Meta(ge=1, le=1 << 62)]
    last_seq: Annotated[int, Meta(ge=1, le=1 << 62)]
    reason: Annotated[str, Meta(min_length=1, max_length=NOTE_CHARACTERS_MAX)]


class ExportBody(msgspec.Struct, frozen=True):
    """An export and where it stands.  lines_sha256: digest of all its lines with their ends, "" until it is approved."""

    proposal: ProposalBody
    first_seq: int
    last_seq: int
    lines_sha256: str


class ExportsBody(msgspec.Struct, frozen=True):
    """The newest exports, newest first."""

    exports: list[ExportBody]


class LinesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """from_seq: the first entry of the page."""

    from_seq: Seq = 0


class LinesBody(msgspec.Struct, frozen=True):
    """Lines of JSON, one an entry; ask again with `from_seq` = `next`; 0: that was the last page."""

    lines: list[str]
    next: int


@dataclass(frozen=True, slots=True)
class AuditHandlers:
    """What answers about the trail.  SQL runs in the loop's executor."""

    trail: OpenTrail

    async def search(self, call: Call) -> EntriesBody:
        query = call.query
        asked = [name for name in query.__struct_fields__ if name not in ("limit", "below") and getattr(query, name)]
        call.note.detail["by"] = " ".join(asked)
        wanted = Query(
            query.who,
            query.act,
            self.trail.objects.both(query.object) if query.object else (),
            query.result,
            query.address,
            query.session,
            query.since_ms,
            query.until_ms,
            query.below,
            query.limit,
        )
        if any(text != plain(text, len(text)) for text in (wanted.who, wanted.act, query.object, wanted.session)):
            raise FieldError("query", "holds characters that no entry has")
        found = await aside(lambda: self.trail.store.search(wanted))
        return EntriesBody([_body(each) for each in found], found[-1].seq if len(found) == query.limit else 0)

    async def newest_anchor(self, call: Call) -> Anchor:
        found = await aside(self.trail.keeper.anchors.newest)
        if found is None:
            raise NotFound("the trail was not anchored yet: it is every minute or so, once there are entries")
        return found

    async def propose_export(self, call: Call) -> ExportBody:
        body = call.body
        call.note.reason = body.reason
        made = await aside(lambda: self.trail.exports.propose(body.first_seq, body.last_seq, call.person, body.reason))
        call.note.object = self.trail.objects.known("audit-export", made.proposal.id)
        call.note.detail |= {"first_seq": made.first_seq, "last_seq": made.last_seq}
        return _export(made)

    async def decide_on_export(self, call: Call) -> ExportBody:
        export_id, body, exports = call.path["id"], call.body, self.trail.exports
        call.note.detail["verdict"] = body.verdict
        call.note.reason = body.note
        if body.verdict == "approve":
            return _export(await aside(lambda: exports.approve(export_id, call.person, body.digest, body.note)))
        return _export(await aside(lambda: exports.reject(export_id, call.person, body.note)))

    async def list_exports(self, call: Call) -> ExportsBody:
        return ExportsBody([_export(each) for each in await aside(self.trail.exports.listed)])

    async def export_lines(self, call: Call) -> LinesBody:
        export_id, first = call.path["id"], call.query.from_seq
        found = await aside(lambda: self.trail.exports.lines(export_id, first))
        export = await aside(lambda: self.trail.exports.get(export_id))
        after = max(first, export.first_seq) + LINES_MAX
        call.note.detail["from_seq"] = max(first, export.first_seq)
        return LinesBody([line.decode() for line in found], after if after <= export.last_seq else 0)


def audit_routes(trail: OpenTrail) -> list[Route]:
    """The routes."""
    do, exports = AuditHandlers(trail), "/v1/audit/exports"
    return [
        Route("GET", "/v1/audit/entries", "search_audit", "Search the audit trail / 查询审计日志", Scope.AUDIT_READ,
              do.search, EntriesBody, query=EntriesQuery, personal=True),
        Route("GET", "/v1/audit/anchor", "read_audit_anchor", "The newest anchor, to be kept elsewhere / 最新审计锚点",
              Scope.AUDIT_READ, do.newest_anchor, Anchor, refusals=(404,)),
        Route("POST", exports, "propose_audit_export", "Ask for an export of the audit trail / 申请导出审计日志",
              Scope.AUDIT_EXPORT, do.propose_export, ExportBody, ExportProposedBody, status=201, refusals=(404,)),
        Route("GET", exports, "list_audit_exports", "Exports of the audit trail / 审计日志导出记录", Scope.AUDIT_READ,
              do.list_exports, ExportsBody),
        Route("POST", exports + "/{id}", "decide_on_audit_export", "Decide on another person's export / 审批他人的导出申请",
              Scope.AUDIT_EXPORT, do.decide_on_export, ExportBody, DecisionOnBody, refusals=(409,)),
        Route("GET", exports + "/{id}/lines", "read_audit_export", "Lines of an approved export / 读取已批准的导出内容",
              Scope.AUDIT_EXPORT, do.export_lines, LinesBody, query=LinesQuery, personal=True),
    ]  # fmt: skip


async def aside(work: Callable[[], T]) -> T:
    """What `work` gives, done in a thread of the loop's executor."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


def _body(each: Chained) -> EntryBody:
    entry = each.entry
    return EntryBody(
        each.seq,
        instant_text(entry.at_ms),
        entry.who,
        entry.kind,
        entry.act,
        entry.object,
        entry.address,
        entry.session,
        entry.reason,
        entry.result.value,
        dict(entry.detail),
        each.digest.hex(),
    )


def _export(export: Export) -> ExportBody:
    return ExportBody(proposal_body(export.proposal), export.first_seq, export.last_seq, export.lines_sha256)
