"""The bell: what waits for the person who looks, counted; each line leads to where it is done."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from tarim.console.pages import SIGNED_IN, Page, View, Visit
from tarim.console.services import Refused
from tarim.console.words import _
from tarim.identity import Scope

LISTED_MAX: Final = 200
OVERDUE_KINDS: Final = ("block", "hold", "challenge", "notice")
_OF_NAMES: Final = frozenset({"name-list", "good-guy"})


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that waits.  page, names: where to; more: there are at least as many; late: it is overdue."""

    page: str
    icon: str
    title: str
    count: int
    note: str
    more: bool = False
    late: bool = False
    names: dict[str, str] = field(default_factory=dict)


class _Proposal(msgspec.Struct):
    author: str
    what: str = ""
    state: str = "proposed"


class _Proposals(msgspec.Struct):
    proposals: list[_Proposal]


class _Changes(msgspec.Struct):
    changes: list[_Proposal]


class _Export(msgspec.Struct):
    proposal: _Proposal


class _Exports(msgspec.Struct):
    exports: list[_Export]


class _Count(msgspec.Struct):
    count: int


class _FollowUp(msgspec.Struct):
    due: str
    overdue: bool


class _FollowUps(msgspec.Struct):
    follow_ups: list[_FollowUp]


class _Reviews(msgspec.Struct):
    reviews: list[msgspec.Raw]


class _Reports(msgspec.Struct):
    reports: list[msgspec.Raw]
    next: int


async def notices_of(visit: Visit) -> tuple[list[Notice], bool]:
    """What waits, and whether every service was heard."""
    asked: list[Callable[[Visit], Awaitable[list[Notice]]]] = []
    if visit.may(Scope.APPROVE):
        asked += [_proposals, _list_proposals]
    if visit.may(Scope.USERS_APPROVE):
        asked.append(_changes)
    if visit.may(Scope.AUDIT_EXPORT):
        asked.append(_exports)
    if visit.may(Scope.CASES_REVIEW):
        asked.append(_submitted)
    if visit.may(Scope.CASES_WORK):
        asked += [_mine, _follow_ups]
    if visit.may(Scope.CASES_WORK, Scope.CASES_REVIEW):
        asked.append(_overdue)
    if visit.may(Scope.REPORTS_APPROVE):
        asked.append(_reports)
    found = await asyncio.gather(*(_heard(each(visit)) for each in asked))
    shown = [notice for notices in found if notices is not None for notice in notices if notice.count]
    return sorted(shown, key=lambda each: not each.late), None not in found


async def show_notices(visit: Visit) -> View:
    """The whole list."""
    notices, heard = await notices_of(visit)
    return View("search/notices.html", {"notices": notices, "heard": heard})


async def show_badge(visit: Visit) -> View:
    """How many things wait, for the bell: asked for by every open page."""
    notices, heard = await notices_of(visit)
    late = any(each.late for each in notices)
    values = {"count": sum(each.count for each in notices), "late": late, "heard": heard}
    return View("search/_badge.html", values, "search/_badge.html")


async def _heard(asked: Awaitable[list[Notice]]) -> list[Notice] | None:
    try:
        return await asked
    except Refused as error:
        if error.status == 401:
            raise
        return None


async def _proposals(visit: Visit) -> list[Notice]:
    found = (await visit.serve.get("/v1/proposals", _Proposals)).proposals
    counts = Counter(_area(each.what) for each in found if each.author != visit.account.login)
    note = _("他人提交，等待您审批")
    return [
        Notice("rules_proposals", "adjustments-alt", _("规则与开关的变更"), counts["rules"], note),
        Notice("model_proposals", "brain", _("模型的变更"), counts["models"], note),
        Notice("name_proposals", "id", _("姓名筛查的变更"), counts["names"], note),
    ]


def _area(what: str) -> str:
    return "names" if what in _OF_NAMES else "models" if what.startswith("model") else "rules"


async def _list_proposals(visit: Visit) -> list[Notice]:
    found = (await visit.serve.get("/v1/list-proposals", _Proposals)).proposals
    waiting = sum(each.state == "proposed" and each.author != visit.account.login for each in found)
    return [Notice("list_proposals", "list-check", _("名单的变更"), waiting, _("他人提交，等待您审批"))]


async def _changes(visit: Visit) -> list[Notice]:
    found = (await visit.desk.get("/v1/changes", _Changes)).changes
    waiting = sum(each.state == "proposed" and each.author != visit.account.login for each in found)
    return [Notice("user_changes", "users", _("权限变更"), waiting, _("他人提交，等待您审批"))]


async def _exports(visit: Visit) -> list[Notice]:
    found = (await visit.desk.get("/v1/audit/exports", _Exports)).exports
    waiting = sum(each.proposal.state == "proposed" and each.proposal.author != visit.account.login for each in found)
    return [Notice("log_exports", "download", _("审计日志的导出申请"), waiting, _("他人提交，等待您审批"))]


async def _submitted(visit: Visit) -> list[Notice]:
    count = (await visit.desk.get("/v1/cases", _Count, state="submitted", limit=1)).count
    return [Notice("cases", "briefcase", _("待复核的案件"), count, _("本人可见范围"), names={"state": "submitted"})]


async def _mine(visit: Visit) -> list[Notice]:
    count = (await visit.desk.get("/v1/cases", _Count, assignee="me", limit=1)).count
    return [Notice("cases", "briefcase", _("我手上的案件"), count, _("尚未办结"), names={"assignee": "me"})]


async def _follow_ups(visit: Visit) -> list[Notice]:
    found = (await visit.desk.get("/v1/cases:follow-ups", _FollowUps, limit=LISTED_MAX)).follow_ups
    late = sum(each.overdue for each in found)
    title, page = _("到期的跟进"), "case_follow_ups"
    return [Notice(page, "clock", title, late, _("本人约定的日期已到"), late >= LISTED_MAX, late=bool(late))]


async def _overdue(visit: Visit) -> list[Notice]:
    kinds = await asyncio.gather(
        *(visit.desk.get("/v1/cases:overdue", _Reviews, kind=kind, limit=LISTED_MAX) for kind in OVERDUE_KINDS)
    )
    late = sum(len(each.reviews) for each in kinds)
    more = any(len(each.reviews) >= LISTED_MAX for each in kinds)
    return [Notice("case_overdue", "alert-triangle", _("逾期未核查"), late, _("本人可见范围"), more, late=bool(late))]


async def _reports(visit: Visit) -> list[Notice]:
    found = await visit.desk.get("/v1/suspicious-reports", _Reports, state="submitted", limit=100)
    note = _("等待您审批")
    return [
        Notice("str_reports", "report-analytics", _("可疑交易报告"), len(found.reports), note, found.next > 0,
               names={"state": "submitted"})
    ]  # fmt: skip


PAGES: Final = (
    Page("GET", "/notices", "notices", SIGNED_IN, show_notices),
    Page("GET", "/notices/badge", "notices_badge", SIGNED_IN, show_badge, background=True),
)
