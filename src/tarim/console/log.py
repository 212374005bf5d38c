"""日志 Log: the audit trail searched, an entry, a decision traced through the services, the chain, exports by two persons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tarim.console import saved_views
from tarim.console.case_words import EVENTS, said
from tarim.console.log_views import (
    PERSONAL,
    ChainState,
    Entries,
    Export,
    Exports,
    Lines,
    Look,
    Looks,
)
from tarim.console.operations import operations
from tarim.console.pages import Answer, Download, Go, Page, View, Visit
from tarim.console.proposals import verdict_of
from tarim.console.rendering import zone
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope

READS: Final = frozenset({Scope.AUDIT_READ})
EXPORTS: Final = frozenset({Scope.AUDIT_EXPORT})
PAGE_ENTRIES: Final = 50
FILE_ENTRIES_MAX: Final = 200_000
"""Entries of one download through the console; a larger export is fetched with `tarim audit fetch`."""
FILTERS: Final = ("who", "act", "object", "result", "address", "session", "since", "until")
RESULTS: Final = ("intended", "done", "refused", "failed")
_CHARACTERS_MAX: Final = 160
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_ID: Final = re.compile(r"[0-9a-f]{8,64}")


async def show_log(visit: Visit) -> View | Go:
    """Entries by the filters in the address; filters that read like personal data come in a form, and stay out of it."""
    wanted = {name: visit.query.get(name, "").strip()[:_CHARACTERS_MAX] for name in FILTERS}
    saved = await saved_views.opened(visit, "log")
    return saved if isinstance(saved, Go) else await _searched(visit, wanted, visit.query.get("below", ""), saved)


async def find(visit: Visit) -> View | Go:
    """The form: to the same search in an address, unless what was typed reads like personal data."""
    wanted = {name: visit.form.get(name, "").strip()[:_CHARACTERS_MAX] for name in FILTERS}
    below = visit.form.get("below", "")
    if any(_personal(value) for name, value in wanted.items() if name not in ("since", "until")):
        return await _searched(visit, wanted, below, await saved_views.bar(visit, "log"), private=True)
    given = {name: value for name, value in wanted.items() if value}
    if not visit.fragment:
        return Go("log", given or saved_views.ALL)
    view = await _searched(visit, wanted, below, await saved_views.bar(visit, "log"))
    return replace(view, push=visit.url("log", **(given or saved_views.ALL)))


async def _searched(
    visit: Visit, wanted: Mapping[str, str], below: str, saved: saved_views.Bar, *, private: bool = False
) -> View:
    asked = dict(wanted)
    since, until = _instant(asked.pop("since")), _instant(asked.pop("until"), after=True)
    found, refused = Entries([], 0), ""
    try:
        found = await visit.desk.get(
            "/v1/audit/entries",
            Entries,
            **asked,
            since_ms=since or "",
            until_ms=until or "",
            below=below if below.isdigit() else "",
            limit=PAGE_ENTRIES,
        )
    except Refused as error:
        if error.status != 422:
            raise
        refused = error.detail
    values = {
        "found": found,
        "saved": saved,
        "wanted": wanted,
        "given": {name: value for name, value in wanted.items() if value},
        "private": private,
        "below": below,
        "refused": refused,
        "titles": await operations(visit),
        "results": RESULTS,
        "tab": "search",
        "can_export": visit.may(Scope.AUDIT_EXPORT),
    }
    return View("log/search.html", values, fragment="log/_entries.html")


async def show_entry(visit: Visit) -> View:
    """One entry, what announced or followed it, and where it stands in the chain."""
    seq = int(visit.path["seq"]) if visit.path["seq"].isdigit() else 0
    found = await visit.desk.get("/v1/audit/entries", Entries, below=seq + 1, limit=1)
    entry = found.entries[0] if found.entries and found.entries[0].seq == seq else None
    before = after = None
    if entry is not None:
        around = await visit.desk.get(
            "/v1/audit/entries", Entries, session=entry.session, who=entry.who, below=seq + PAGE_ENTRIES, limit=100
        )
        before = next((each for each in around.entries if each.seq == entry.intent), None)
        after = next((each for each in around.entries if each.intent == seq), None)
    state = await visit.desk.get("/v1/audit/state", ChainState)
    values = {
        "entry": entry,
        "before": before,
        "after": after,
        "state": state,
        "titles": await operations(visit),
        "tab": "search",
    }
    return View("log/entry.html", values, status=200 if entry else 404)


# ---- traces --------------------------------------------------------------------------------------------------------


async def show_traces(visit: Visit) -> View:
    """A form, and the traces of this desk's memory."""
    looks = (await visit.desk.get("/v1/audit/looks", Looks)).looks
    values = {"looks": [each for each in looks if each.what == "trace"], "wrong": "", "tab": "trace"}
    return View(
        "log/traces.html",
        values | {"source": visit.query.get("source", ""), "event": visit.query.get("event", "")},
    )


async def begin_trace(visit: Visit) -> View | Go:
    """Have one decision traced."""
    source, event = visit.form.get("source", "").strip(), visit.form.get("event", "").strip()
    try:
        look = await visit.desk.post(
            "/v1/audit/looks", {"what": "trace", "source": source[:64], "event_id": event[:128]}, Look
        )
    except Refused as error:
        if error.status not in (422, 503) or error.unreachable:
            raise
        wrong = _("请填写来源系统与事件编号") if error.status == 422 else error.detail
        values = {"looks": [], "wrong": wrong, "tab": "trace", "source": source[:64], "event": event[:128]}
        return View("log/traces.html", values, status=error.status)
    return Go("trace", {"id": look.id})


async def show_trace(visit: Visit) -> View:
    """One trace, asked again until it is there."""
    look = await visit.desk.get(f"/v1/audit/looks/{segment(visit.path['id'])}", Look)
    values = {
        "look": look,
        "tab": "trace",
        "titles": await operations(visit),
        "events": said(EVENTS),
        "troubles": _troubles(),
    }
    return View("log/trace.html", values, fragment="log/_trace.html")


# ---- the chain, and exports ----------------------------------------------------------------------------------------


async def show_chain(visit: Visit) -> View:
    """The end of the chain, its anchor, retention, the last examination."""
    state = await visit.desk.get("/v1/audit/state", ChainState)
    looks = (await visit.desk.get("/v1/audit/looks", Looks)).looks
    running = next((each for each in looks if each.what == "examine" and not each.over), None)
    failed = next((each for each in looks if each.what == "examine"), None)
    values = {
        "state": state,
        "running": running,
        "failed": failed if failed and failed.state == "failed" else None,
        "tab": "chain",
    }
    return View("log/chain.html", values, fragment="log/_chain.html")


async def examine(visit: Visit) -> Go:
    """Have the whole chain examined."""
    await visit.desk.post("/v1/audit/looks", {"what": "examine"}, Look)
    return Go("log_chain")


async def show_exports(visit: Visit) -> View:
    """Exports and where they stand."""
    return await _exports(visit)


async def _exports(visit: Visit, wrong: str = "", given: Mapping[str, str] | None = None, status: int = 200) -> View:
    exports = (await visit.desk.get("/v1/audit/exports", Exports)).exports
    state = await visit.desk.get("/v1/audit/state", ChainState)
    values = {
        "exports": exports,
        "state": state,
        "me": visit.account.login,
        "may": visit.may(Scope.AUDIT_EXPORT),
        "wrong": wrong,
        "given": given or {},
        "file_max": FILE_ENTRIES_MAX,
        "tab": "exports",
    }
    return View("log/exports.html", values, status=status)


async def ask_export(visit: Visit) -> View | Go:
    """Ask for an export; another person approves it."""
    given = {name: visit.form.get(name, "").strip() for name in ("first", "last", "reason")}
    if not (given["first"].isdigit() and given["last"].isdigit() and given["reason"]):
        return await _exports(visit, _("请填写起止编号与事由"), given, 422)
    body = {"first_seq": int(given["first"]), "last_seq": int(given["last"]), "reason": given["reason"][:500]}
    try:
        await visit.desk.post("/v1/audit/exports", body, Export)
    except Refused as error:
        if error.status not in (404, 422) and error.code != "unavailable":
            raise
        return await _exports(visit, error.detail or error.title, given, error.status)
    return Go("log_exports", toast=_("导出申请已提交，等待他人审批"))


async def decide_export(visit: Visit) -> View | Go:
    """Approve or reject another person's."""
    body = verdict_of(visit.form) | {"note": visit.form.get("note", "")[:500]}
    try:
        await visit.desk.post(f"/v1/audit/exports/{segment(visit.path['id'])}", body, Export)
    except Refused as error:
        if error.status not in (403, 409, 422):
            raise
        return await _exports(visit, error.detail or error.title, status=error.status)
    return Go("log_exports", toast=_("已批准导出") if body["verdict"] == "approve" else _("已驳回导出申请"))


async def fetch_export(visit: Visit) -> Download | View | Answer:
    """The lines of an approved export, in one file; reading it is on the trail, page by page."""
    export_id = visit.path["id"]
    if not _ID.fullmatch(export_id):
        return await _exports(visit, _("没有这个导出申请"), status=404)
    found = (await visit.desk.get("/v1/audit/exports", Exports)).exports
    export = next((each for each in found if each.proposal.id == export_id), None)
    if export is None or export.entries > FILE_ENTRIES_MAX:
        wrong = _("没有这个导出申请") if export is None else _("条数太多，请用 tarim audit fetch 取回")
        return await _exports(visit, wrong, status=404 if export is None else 413)
    parts: list[str] = []
    first = export.first_seq
    while True:
        page = await visit.desk.get(f"/v1/audit/exports/{export_id}/lines", Lines, from_seq=first)
        parts += page.lines
        if not page.next:
            break
        first = page.next
    name = f"tarim-audit-{export.first_seq}-{export.last_seq}.jsonl"
    return Download(name, "".join(f"{line}\n" for line in parts).encode(), "application/x-ndjson")


def _troubles() -> dict[str, str]:
    """Common findings of a trace in the viewer's language; others are shown as the service says them."""
    return {
        "the settings named this model at the first start: no run and no training set are known": _(
            "模型由设置在首次启动时指定：没有训练运行与训练集的记录"
        ),
        "the journal holds no act that put this model in force": _("日志里没有让该模型生效的操作"),
        "the package is about another model than the journal says": _("签名包说的不是日志里的那个模型"),
    }


def _personal(value: str) -> bool:
    """Whether a filter reads like personal data; ids of ours (`case:CASE-2026-000007`) do not."""
    kind, _colon, name = value.partition(":")
    ours = kind in ("proposal", "audit-export", "session", "case", "key") and not name.isdigit()
    return not ours and PERSONAL.search(value) is not None


def _instant(day: str, *, after: bool = False) -> int:
    """`2026-11-22` in the viewer's zone -> ms of its beginning, `after`: of its end; 0 for none or for what is no day."""
    if not _DAY.fullmatch(day):
        return 0
    try:
        moment = datetime.fromisoformat(day).replace(tzinfo=zone())
    except ValueError:
        return 0
    return int((moment + timedelta(days=after)).timestamp() * 1_000)


PAGES: Final = (
    Page("GET", "/log", "log", READS, show_log, nav="log"),
    Page("POST", "/log", "log_find", READS, find, nav="log"),
    Page("GET", "/log/entries/{seq}", "log_entry", READS, show_entry, nav="log"),
    Page("GET", "/log/traces", "log_traces", READS, show_traces, nav="log"),
    Page("POST", "/log/traces", "begin_trace", READS, begin_trace, nav="log"),
    Page("GET", "/log/traces/{id}", "trace", READS, show_trace, nav="log"),
    Page("GET", "/log/chain", "log_chain", READS, show_chain, nav="log"),
    Page("POST", "/log/chain", "examine_chain", READS, examine, nav="log"),
    Page("GET", "/log/exports", "log_exports", READS, show_exports, nav="log"),
    Page("POST", "/log/exports", "ask_export", EXPORTS, ask_export, nav="log"),
    Page("POST", "/log/exports/{id}", "decide_export", EXPORTS, decide_export, nav="log"),
    Page("GET", "/log/exports/{id}/file", "fetch_export", EXPORTS, fetch_export, nav="log"),
)
