"""可疑交易报告: drafted from a case, filled in field by field, approved by another person, exported, sent, receipted."""

from __future__ import annotations

import asyncio
import base64
import time
from datetime import datetime
from typing import Any, Final

from tarim.base.instants import instant_ms
from tarim.console import reports_form as forms
from tarim.console import reports_typing as typing
from tarim.console import reports_views as views
from tarim.console.pages import Download, Go, Page, View, Visit
from tarim.console.rendering import lasting
from tarim.console.reports import READS, common
from tarim.console.services import Refused, segment
from tarim.console.words import _, either
from tarim.identity import Scope

BASE: Final = "/v1/suspicious-reports"
TRANSACTIONS_SHOWN: Final = 50
RECEIPT_BYTES_MAX: Final = 1 << 20
_WRITES: Final = frozenset({Scope.REPORTS_WRITE})
_DECIDES: Final = frozenset({Scope.REPORTS_APPROVE})
_REVEALS: Final = frozenset({Scope.REVEAL})
_EDITABLE: Final = ("draft", "returned")
_ACTS: Final = {
    "submit": Scope.REPORTS_WRITE,
    "withdraw": Scope.REPORTS_WRITE,
    "approve": Scope.REPORTS_APPROVE,
    "reject": Scope.REPORTS_APPROVE,
    "discard": Scope.REPORTS_APPROVE,
    "export": Scope.REPORTS_WRITE,
    "sent": Scope.REPORTS_WRITE,
    "reader": Scope.REPORTS_APPROVE,
}


async def show_reports(visit: Visit) -> View:
    """Reports, the newest first."""
    return await _reports(visit, None)


async def _reports(visit: Visit, error: Refused | None) -> View:
    state = visit.query.get("state", "")
    state = state if state in views.states() else ""
    before = visit.query.get("before", "")
    found = await visit.desk.get(BASE, views.Filings, state=state, before=before if before.isdigit() else "", limit=50)
    values = common(visit) | {
        "rows": [(each, _due(each)) for each in found.reports],
        "next": found.next,
        "state": state,
        "may_draft": visit.may(Scope.REPORTS_WRITE),
        "form": {"case": visit.query.get("case", "")[:20], "customer": ""} | dict(visit.form),
        "error": error,
    }
    return View("reports/str_list.html", values, "reports/_str_rows.html", status=422 if error else 200)


def _due(filing: views.Filing) -> tuple[str, str, str]:
    """(level, word, how long is left) of the clock of filing."""
    level, word = views.standings().get(filing.standing, ("", ""))
    if not filing.due_at or filing.standing not in ("running", "warned", "overdue"):
        return level, word, ""
    gap_ms = instant_ms(datetime.fromisoformat(filing.due_at)) - time.time_ns() // 1_000_000
    length = lasting(abs(gap_ms))
    left = either(f"还剩 {length}", f"{length} left") if gap_ms >= 0 else either(f"超期 {length}", f"{length} over")
    return level, word, left


async def draft(visit: Visit) -> View | Go:
    """A new report from a case."""
    body = {"case": visit.form.get("case", "").strip(), "customer": visit.form.get("customer", "").strip()}
    try:
        made = await visit.desk.post(BASE, body, views.Filing)
    except Refused as error:
        if error.status not in (404, 409, 422):
            raise
        return await _reports(visit, error)
    return Go("str_report", {"number": made.number}, toast=_("已由案件起草，请补齐缺失字段"))


async def show_report(visit: Visit) -> View:
    """One report, masked."""
    shown = await visit.desk.get(_path(visit), views.Shown)
    return await _report(visit, shown)


async def _report(
    visit: Visit, shown: views.Shown, *, full: bool = False, error: Refused | None = None, act: str = "",
    typed: bool = False,
) -> View:  # fmt: skip
    history, reference = await asyncio.gather(
        visit.desk.get(_path(visit, "history"), views.History),
        visit.desk.get("/v1/suspicious-report-reference", forms.Reference),
    )
    content, filing = shown.content, shown.filing
    part = forms.known_part(visit.form.get("part") or visit.query.get("part", "report"), content)
    editable = filing.state in _EDITABLE and visit.may(Scope.REPORTS_WRITE)
    first = _first(visit)
    transactions = content["transactions"]
    counts: dict[str, int] = {}
    for fault in shown.faults:
        counts[fault.part] = counts.get(fault.part, 0) + 1
    groups = forms.rows_of(part, content, shown.faults, reference.codes, full=full)
    values = common(visit) | {
        "filing": filing,
        "state": views.state_name(filing.state),
        "due": _due(filing),
        "faults": shown.faults,
        "parts": forms.parts_of(content, shown.faults),
        "part": part,
        "groups": typing.with_typing(groups, visit.lists, visit.form.get("marks", "")) if typed else groups,
        "field_marks": typing.marks_of(groups),
        "typed": typed,
        "content": content,
        "listing": visit.query.get("part") == "transactions",
        "transactions": list(enumerate(transactions))[first : first + TRANSACTIONS_SHOWN],
        "transaction_count": len(transactions),
        "first": first,
        "further": first + TRANSACTIONS_SHOWN if first + TRANSACTIONS_SHOWN < len(transactions) else 0,
        "counts": counts,
        "transaction_faults": sum(count for name, count in counts.items() if name.startswith("transactions")),
        "editable": editable,
        "full": full,
        "history": history.history,
        "acts": {name: visit.may(scope) for name, scope in _ACTS.items()},
        "may_reveal": visit.may(Scope.REVEAL),
        "own": visit.account.login in shown.hands,
        "marks": reference.codes,
        "error": error,
        "act": act,
        "form": dict(visit.form),
    }
    return View("reports/str.html", values, status=422 if error else 200)


def _first(visit: Visit) -> int:
    first = visit.query.get("first", "0")
    return int(first) if first.isascii() and first.isdigit() and len(first) < 6 else 0


def _path(visit: Visit, *further: str) -> str:
    return "/".join([BASE, segment(visit.path["number"]), *further])


async def change(visit: Visit) -> View | Go:
    """Values of one part; faults are told and do not hinder it."""
    form, full = visit.form, visit.form.get("full") == "1"
    shown = await visit.desk.get(_path(visit), views.Shown)
    part = forms.known_part(form.get("part", ""), shown.content)
    values = forms.values_of(part, shown.content, visit.lists, full=full)
    if form.get("add") == "subject":
        values[f"subjects[{len(shown.content['subjects'])}]"] = {}
        part = f"subjects[{len(shown.content['subjects'])}]"
    if not values:
        return Go("str_report", {"number": visit.path["number"], "part": part}, toast=_("没有改动"))
    body = {"version": _version(visit), "values": values}
    try:
        changed = await visit.desk.post(_path(visit, "values"), body, views.Shown)
    except Refused as error:
        if error.status not in (409, 422):
            raise
        return await _report(visit, await visit.desk.get(_path(visit), views.Shown), error=error, typed=True)
    left = len(changed.faults)
    toast = either(f"已保存，还有 {left} 处问题", f"Saved; {left} faults left") if left else _("已保存，没有问题")
    return Go("str_report", {"number": visit.path["number"], "part": part}, toast=toast)


async def reveal(visit: Visit) -> View:
    """The report in full; who looks, when and why is on the trail."""
    shown = await visit.desk.post(_path(visit, "reveal"), {"reason": visit.form.get("reason", "").strip()}, views.Shown)
    return await _report(visit, shown, full=True)


async def act(visit: Visit) -> View | Go:
    """Submit, withdraw, approve, reject, discard, export, say that it was sent, let somebody read it."""
    name, form = visit.path["act"], visit.form
    scope = _ACTS.get(name)
    if scope is None:
        raise Refused(404, "not_found", _("未找到"), _("没有这个事项。"))
    if not visit.may(scope):
        raise Refused(403, "not_allowed", _("权限不足"), _("这个事项不在您的权限范围内。"))
    body: dict[str, Any] = {"version": _version(visit)}
    if name in ("reject", "discard", "approve"):
        body["reason"] = form.get("reason", "").strip()
    if name == "approve":
        body["digest"] = form.get("digest", "")
    if name == "sent":
        body["message"] = form.get("message", "").strip()
    if name == "reader":
        body = {"person": form.get("person", "").strip(), "on": form.get("on") != "0"}
    try:
        await visit.desk.post(_path(visit, name), body)
    except Refused as error:
        if error.status not in (403, 409, 422) or error.code == "proof-outdated":
            raise
        shown = await visit.desk.get(_path(visit), views.Shown)
        return await _report(visit, shown, error=error, act=name)
    toast = _("已记录：") + views.event_name({"sent": "send", "reader": "let_in"}.get(name, name))
    return Go("str_report", {"number": visit.path["number"]}, toast=toast)


async def receipt(visit: Visit) -> View | Go:
    """What came back from the authority."""
    upload = visit.uploads.get("file")
    content = await upload.read(RECEIPT_BYTES_MAX + 1) if upload else b""
    body = {
        "version": _version(visit),
        "accepted": visit.form.get("accepted") == "1",
        "content_base64": base64.b64encode(content[:RECEIPT_BYTES_MAX]).decode(),
        "reason": visit.form.get("reason", "").strip(),
    }
    try:
        if not content or len(content) > RECEIPT_BYTES_MAX:
            raise Refused(422, "too-large", _("回执未登记"), _("请选择一个不超过 1 MB 的回执文件。"), "file")
        await visit.desk.post(_path(visit, "receipt"), body)
    except Refused as error:
        if error.status not in (409, 422):
            raise
        shown = await visit.desk.get(_path(visit), views.Shown)
        return await _report(visit, shown, error=error, act="receipt")
    return Go("str_report", {"number": visit.path["number"]}, toast=_("回执已登记"))


async def package(visit: Visit) -> Download:
    """The package as it was exported: XML, PDF and manifest."""
    found = await visit.desk.post(_path(visit, "package"), {"reason": visit.form.get("reason", "").strip()}, views.File)
    return Download(found.name, base64.b64decode(found.content_base64), "application/zip")


def _version(visit: Visit) -> int:
    version = visit.form.get("version", "")
    return int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 1


_ONE: Final = "/reports/suspicious/{number}"
PAGES: Final = (
    Page("GET", "/reports/suspicious", "str_reports", READS, show_reports, nav="reports"),
    Page("POST", "/reports/suspicious", "str_draft", _WRITES, draft, nav="reports"),
    Page("GET", _ONE, "str_report", READS, show_report, nav="reports"),
    Page("POST", _ONE + "/values", "str_change", _WRITES, change, nav="reports", body_bytes_max=1 << 20),
    Page("POST", _ONE + "/reveal", "str_reveal", _REVEALS, reveal, nav="reports"),
    Page("POST", _ONE + "/package", "str_package", _REVEALS, package, nav="reports"),
    Page("POST", _ONE + "/receipt", "str_receipt", _WRITES, receipt, nav="reports", body_bytes_max=2 << 20),
    Page("POST", _ONE + "/acts/{act}", "str_act", _WRITES | _DECIDES, act, nav="reports"),
)
