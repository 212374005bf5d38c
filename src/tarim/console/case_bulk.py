"""What is done with a list: giving many cases to one person, and taking the list out."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from typing import Any, Final

from tarim.console.case_list import Asked, now
from tarim.console.case_shapes import Case, Exported, Worker, Workers
from tarim.console.case_troubles import is_passed_on, trouble_of
from tarim.console.case_words import priority_word, words_of_cases
from tarim.console.pages import Download, Go, Page, View, Visit
from tarim.console.rendering import instant, money
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope

TOGETHER_MAX: Final = 200
_AT_ONCE: Final = 8
_PICKED: Final = re.compile(r"(CASE-[0-9]{4}-[0-9]{6,9}):([0-9]{1,9}):([0-9]{1,15})")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
ASSIGN: Final = frozenset({Scope.CASES_ASSIGN})
READ: Final = frozenset({Scope.CASES_READ})


def picked(visit: Visit) -> list[tuple[str, int, int]]:
    """Cases that were ticked: name, version as it was shown, money at risk in fen."""
    found = [_PICKED.fullmatch(each) for each in visit.lists.get("case", [])[:TOGETHER_MAX]]
    return [(each[1], int(each[2]), int(each[3])) for each in found if each]


async def ask_assign(visit: Visit) -> View:
    """What giving them away means, in numbers, before it is done."""
    chosen = picked(visit)
    workers: list[Worker] = []
    if chosen:
        workers = (await visit.desk.get("/v1/cases:workers", Workers)).people
    values = {
        "chosen": chosen,
        "money_fen": sum(fen for _ref, _version, fen in chosen),
        "workers": workers,
        "back": Asked.of(visit.form).query(),
        "together_max": TOGETHER_MAX,
    }
    return View("cases/assign.html", values, "cases/_assign.html")


async def assign(visit: Visit) -> View:
    """Give each of them to the person; what came of each is told."""
    to, chosen = visit.form.get("to", "").strip()[:64], picked(visit)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(ref: str, version: int) -> tuple[str, str]:
        async with gate:
            try:
                await visit.desk.post(f"/v1/cases/{segment(ref)}/assign", {"to": to, "version": version})
            except Refused as error:
                if is_passed_on(error):
                    raise
                return ref, trouble_of(error).text
        return ref, ""

    done = await asyncio.gather(*(one(ref, version) for ref, version, _fen in chosen))
    values = {
        "to": to,
        "given": [ref for ref, trouble in done if not trouble],
        "refused": [(ref, trouble) for ref, trouble in done if trouble],
        "back": Asked.of(visit.form).query(),
    }
    return View("cases/assigned.html", values, "cases/_assigned.html")


async def back_to_list(visit: Visit) -> Go:
    """The address of an act, opened again."""
    del visit
    return Go("cases")


async def ask_export(visit: Visit) -> View:
    """Why is asked first."""
    asked = Asked.of(visit.query)
    return View("cases/export.html", {"asked": asked, "error": None, "reason": ""})


async def export(visit: Visit) -> Download | View:
    """The list as CSV with the marks of who took it; values as the list shows them, masked."""
    asked = Asked.of(visit.form)
    reason = visit.form.get("reason", "").strip()
    try:
        found = await visit.desk.post("/v1/cases:export", asked.desk_body() | {"reason": reason}, Exported)
    except Refused as error:
        if is_passed_on(error):
            raise
        return View("cases/export.html", {"asked": asked, "error": error, "reason": reason}, status=error.status)
    return Download(f"cases-{now():%Y%m%d-%H%M%S}.csv", written(found), "text/csv; charset=utf-8")


def written(found: Exported) -> bytes:
    """CSV in UTF-8 with a byte order mark, which spreadsheets need to tell it; no cell can begin a formula."""
    w = words_of_cases()
    heads = [_("案件号"), _("级别"), _("状态"), _("场景"), _("客户代号"), _("在险金额（元）"), _("涉及金额（元）"), _("评分"), _("预警"), _("待核查"), _("核查时限"), _("队列"), _("机构"), _("处理人"), _("立案时间"), _("最近变更")]  # fmt: skip  # noqa: E501

    def cells(case: Case) -> list[Any]:
        return [
            case.id,
            priority_word(case.priority),
            w["states"][case.state],
            w["scenarios"][case.scenario],
            case.customer,
            money(case.money_fen).replace(",", ""),
            money(case.amount_fen).replace(",", ""),
            "" if case.score is None else f"{case.score:.4f}",
            case.alerts,
            case.unreviewed,
            instant(case.due) if case.due else "",
            case.queue,
            case.branch,
            case.assignee,
            instant(case.opened_at),
            instant(case.changed_at),
        ]

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(heads)
    for case in found.cases:
        writer.writerow([_harmless(cell) for cell in cells(case)])
    writer.writerow([])
    writer.writerow([_harmless(_("导出人与时间：{mark}").format(mark=found.watermark))])
    writer.writerow([_("时间所在时区：{zone}").format(zone=now().astimezone().tzname() or "UTC")])
    if found.more:
        writer.writerow([_("仅前 {count} 条；其余未导出，请缩小范围。").format(count=len(found.cases))])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


PAGES: Final = (
    Page("GET", "/cases/assign", "cases_give_ask_back", ASSIGN, back_to_list, nav="cases"),
    Page("POST", "/cases/assign", "cases_give_ask", ASSIGN, ask_assign, nav="cases"),
    Page("GET", "/cases/assigned", "cases_give_back", ASSIGN, back_to_list, nav="cases"),
    Page("POST", "/cases/assigned", "cases_give", ASSIGN, assign, nav="cases"),
    Page("GET", "/cases/export", "case_export", READ, ask_export, nav="cases"),
    Page("POST", "/cases/export", "case_exported", READ, export, nav="cases"),
)
