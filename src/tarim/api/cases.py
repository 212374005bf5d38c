"""Cases over HTTP: lists, one case masked, one case in full, evidence, overdue reviews, who gets which cases."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from tarim.api.case_acts import case_act_routes
from tarim.api.case_bodies import (
    CaseBody,
    CasesBody,
    DoneBody,
    FileBody,
    FollowUpDueBody,
    FollowUpsBody,
    OverdueBody,
    RulesBody,
    WholeCaseBody,
)
from tarim.api.case_lists import case_list_routes, filter_of, scope_of
from tarim.api.case_requests import (
    EVIDENCE_BASE64_MAX,
    AttachBody,
    CasesQuery,
    CustomerBody,
    DecisionQuery,
    FollowUpsQuery,
    OverdueQuery,
    ReasonBody,
    RingsBody,
    RulesDecideBody,
    RulesProposedBody,
)
from tarim.api.case_views import case_body, full_case, masked_case, overdue_body, watermark
from tarim.api.desk_calls import looked_at, performed
from tarim.api.routes import Call, Route
from tarim.base.errors import FieldError, NotFound, Unavailable
from tarim.base.instants import instant_text
from tarim.cases import (
    Acting,
    Dossier,
    Filter,
    Means,
    Page,
    Personal,
    PersonalValues,
    Sort,
    assignment_in_force,
    case_of_decision,
    checked_file,
    contents,
    dossier_of,
    follow_ups,
    overdue_reviews,
    page_of_cases,
    rules,
)
from tarim.desk import Desk, Draft
from tarim.identity import Scope

_RULES_BYTES_MAX: Final = 256 << 10
_NUMBER_DIGITS_MAX: Final = 18


@dataclass(frozen=True, slots=True)
class CaseDesk:
    """What the routes work with.  token_of: of a customer's number; recent_ms: how long ago a person may have signed in for a
    full view.
    """

    desk: Desk
    means: Means
    personal: PersonalValues
    token_of: Callable[[str], int]
    recent_ms: int

    async def whole(self, call: Call) -> Dossier:
        """A case of the caller's with everything in it.  Raises NotFound."""
        acting = Acting(self.means, call.caller, call.path["id"])
        return await looked_at(self.desk, lambda connection: dossier_of(connection, acting.case(connection)))

    async def values(self, dossier: Dossier) -> Personal:
        """The raw values behind a case.  Raises Unavailable."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            None, self.personal.of_case, dossier.case.customer, dossier.tokens, dossier.events
        )


def case_routes(work: CaseDesk) -> list[Route]:
    """The routes of cases."""
    return [
        *_reading(work),
        *case_list_routes(work.desk, work.means),
        *_files(work),
        *case_act_routes(work.desk, work.means),
        *_rules(work),
    ]


@dataclass(frozen=True, slots=True)
class CaseHandlers:
    """What answers about cases: lists, one of them masked or in full."""

    work: CaseDesk

    async def list_cases(self, call: Call) -> CasesBody:
        query: CasesQuery = call.query
        wanted = filter_of(call, query, self.work.desk.now_ms())
        page = Page(Sort(query.sort), query.limit, query.cursor)
        return await self._page(wanted, page)

    async def find_cases(self, call: Call) -> CasesBody:
        token = self.work.token_of(call.body.customer)
        return await self._page(scope_of(call.caller, open_only=False, customer=token), Page(Sort.NEWEST, 200))

    async def overdue(self, call: Call) -> OverdueBody:
        query, now_ms = call.query, self.work.desk.now_ms()
        wanted = scope_of(call.caller)
        found = await looked_at(
            self.work.desk, lambda connection: overdue_reviews(connection, query.kind, now_ms, wanted, query.limit)
        )
        return OverdueBody([overdue_body(case, alert) for case, alert in found])

    async def due_follow_ups(self, call: Call) -> FollowUpsBody:
        limit, now_ms = call.query.limit, self.work.desk.now_ms()
        wanted = scope_of(call.caller)
        found = await looked_at(self.work.desk, lambda connection: follow_ups(connection, call.person, wanted, limit))
        return FollowUpsBody([FollowUpDueBody(ref, entry, instant_text(at), at < now_ms) for ref, entry, at in found])

    async def read_case(self, call: Call) -> WholeCaseBody:
        dossier = await self.work.whole(call)
        try:
            personal = await self.work.values(dossier)
        except Unavailable:  # what cannot be recognised cannot be masked: free text is not shown then
            personal = None
        return masked_case(dossier, personal, self.work.means.texts.open_or_none, call.caller, self.work.desk.now_ms())

    async def reveal_case(self, call: Call) -> WholeCaseBody:
        await _reveal(self.work, call)
        dossier = await self.work.whole(call)
        personal = await self.work.values(dossier)
        return full_case(dossier, personal, self.work.means.texts.open_or_none, call.caller, self.work.desk.now_ms())

    async def of_decision(self, call: Call) -> CasesBody:
        wanted, seq = scope_of(call.caller), call.query.seq
        case = await looked_at(self.work.desk, lambda connection: case_of_decision(connection, seq, wanted))
        return CasesBody([case_body(case, self.work.desk.now_ms())] if case else [], "", int(case is not None))

    async def _page(self, wanted: Filter, page: Page) -> CasesBody:
        cases, following, count = await looked_at(
            self.work.desk, lambda connection: page_of_cases(connection, wanted, page)
        )
        return CasesBody([case_body(case, self.work.desk.now_ms()) for case in cases], following, count)


def _reading(work: CaseDesk) -> list[Route]:
    do = CaseHandlers(work)
    return [
        Route("GET", "/v1/cases", "list_cases", "Cases, in the order of work / 案件列表", Scope.CASES_READ, do.list_cases,
              CasesBody, query=CasesQuery),
        Route("POST", "/v1/cases:find", "find_cases", "Cases of a customer / 按客户号查案件", Scope.CASES_READ, do.find_cases,
              CasesBody, CustomerBody, personal=True),
        Route("GET", "/v1/cases:overdue", "overdue_reviews", "Reviews that are overdue / 逾期未核查", Scope.CASES_READ,
              do.overdue, OverdueBody, query=OverdueQuery),
        Route("GET", "/v1/cases:of-decision", "case_of_decision", "The case that a decision is in / 决策所属案件",
              Scope.CASES_READ, do.of_decision, CasesBody, query=DecisionQuery),
        Route("GET", "/v1/cases:follow-ups", "follow_ups", "One's own dates to come back / 本人待跟进事项", Scope.CASES_READ,
              do.due_follow_ups, FollowUpsBody, query=FollowUpsQuery),
        Route("GET", "/v1/cases/{id}", "read_case", "One case, masked / 案件详情（脱敏）", Scope.CASES_READ, do.read_case,
              WholeCaseBody, personal=True),
        Route("POST", "/v1/cases/{id}/reveal", "reveal_case", "One case in full / 案件详情（明文）", Scope.REVEAL,
              do.reveal_case, WholeCaseBody, ReasonBody, personal=True),
    ]  # fmt: skip


async def _reveal(work: CaseDesk, call: Call) -> None:
    """Have it recorded that the caller is shown personal values in full, before he is.  Raises NotAllowed (403)."""
    call.caller.require(Scope.CASES_READ)
    call.caller.require_recent(work.desk.now_ms(), work.recent_ms)
    acting = Acting(work.means, call.caller, call.path["id"])
    reason = call.body.reason
    await performed(work.desk, call, lambda connection: contents.reveal(acting, connection, reason))


@dataclass(frozen=True, slots=True)
class FileHandlers:
    """What answers about files of cases."""

    work: CaseDesk

    async def attach(self, call: Call) -> CaseBody:
        body: AttachBody = call.body
        call.note.object = f"case:{body.case}"
        try:
            content = base64.b64decode(body.content_base64, validate=True)
        except (binascii.Error, ValueError):
            raise FieldError("content_base64", "must be base64") from None
        acting = Acting(self.work.means, call.caller, body.case, body.version)
        kept = checked_file(body.name, content)
        case = await looked_at(self.work.desk, acting.mine)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.work.means.evidence.put, case.customer, kept.digest, content)
        await performed(self.work.desk, call, lambda connection: contents.attach(acting, connection, body.name, kept))
        seen = await looked_at(self.work.desk, Acting(self.work.means, call.caller, body.case).case)
        return case_body(seen, self.work.desk.now_ms())

    async def read_file(self, call: Call) -> FileBody:
        digest = call.path["digest"]
        await _reveal(self.work, call)
        dossier = await self.work.whole(call)
        row = next((each for each in dossier.evidence if each.digest == digest), None)
        if row is None:
            raise NotFound(f"case {dossier.case.ref} holds no such file")
        loop = asyncio.get_running_loop()
        content = await loop.run_in_executor(None, self.work.means.evidence.get, dossier.case.customer, digest)
        mark = watermark(call.caller, self.work.desk.now_ms())
        return FileBody(digest, row.media_type, base64.b64encode(content).decode(), mark)


def _files(work: CaseDesk) -> list[Route]:
    do = FileHandlers(work)
    return [
        Route("POST", "/v1/cases:evidence", "attach_evidence", "Keep a file with a case / 上传证据", Scope.CASES_WORK,
              do.attach, CaseBody, AttachBody, refusals=(409,), body_bytes_max=EVIDENCE_BASE64_MAX + (4 << 10)),
        Route("POST", "/v1/cases/{id}/evidence/{digest}", "reveal_evidence", "A file of a case / 取证据文件", Scope.REVEAL,
              do.read_file, FileBody, ReasonBody, personal=True),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class AssignmentHandlers:
    """What answers about who gets which cases."""

    work: CaseDesk

    async def in_force(self, call: Call) -> RulesBody:
        found = await looked_at(self.work.desk, assignment_in_force)
        return RulesBody(0, found.version, "in_force", "", found.text)

    async def proposed(self, call: Call) -> RulesBody:
        number = _number(call)
        row = await looked_at(self.work.desk, lambda connection: self.work.means.reading.rules(connection, number))
        return RulesBody(row.id, row.version, row.state, row.author, row.text)

    async def propose(self, call: Call) -> DoneBody:
        body: RulesProposedBody = call.body
        acts = await performed(
            self.work.desk, call, lambda c: rules.propose_rules(self.work.means, c, body.text, body.reason)
        )
        return DoneBody(acts[0].seq)

    async def decide(self, call: Call) -> DoneBody:
        body, number = call.body, _number(call)

        def command(connection: Connection) -> Sequence[Draft]:
            return rules.decide_rules(
                self.work.means, connection, call.person, number, body.version, body.agreed, body.reason
            )

        return DoneBody((await performed(self.work.desk, call, command))[0].seq)

    async def set_rings(self, call: Call) -> DoneBody:
        drafts = rules.set_rings(call.body.rings)
        return DoneBody((await performed(self.work.desk, call, lambda _connection: drafts))[0].seq)


def _rules(work: CaseDesk) -> list[Route]:
    do = AssignmentHandlers(work)
    one = "/v1/case-assignments/{id}"
    return [
        Route("GET", "/v1/case-assignments", "read_assignment", "Who gets which cases / 案件分派规则", Scope.CASES_READ,
              do.in_force, RulesBody),
        Route("GET", one, "read_proposed_assignment", "Proposed rules / 待复核的分派规则", Scope.CASES_READ, do.proposed,
              RulesBody),
        Route("POST", "/v1/case-assignments", "propose_assignment", "Propose other rules / 提交分派规则", Scope.CASES_ASSIGN,
              do.propose, DoneBody, RulesProposedBody, status=201, refusals=(409,), body_bytes_max=_RULES_BYTES_MAX),
        Route("POST", f"{one}/decide", "decide_assignment", "Decide on them / 复核分派规则", Scope.CASES_REVIEW, do.decide,
              DoneBody, RulesDecideBody, refusals=(409,)),
        Route("POST", "/v1/case-rings", "set_rings", "Say in which ring accounts lie / 导入团伙归属", Scope.CASES_ASSIGN,
              do.set_rings, DoneBody, RingsBody, body_bytes_max=_RULES_BYTES_MAX),
    ]  # fmt: skip


def _number(call: Call) -> int:
    text = call.path["id"]
    if not text.isdecimal() or not text.isascii() or len(text) > _NUMBER_DIGITS_MAX:
        raise NotFound("there is no such proposal")
    return int(text)
