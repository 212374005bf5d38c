"""Changes of lists: a new list, single entries and files proposed, and what other persons proposed decided on."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from tarim.console import lists_words
from tarim.console.lists import READERS, list_page, title_of, words
from tarim.console.lists_shapes import ListProposal, ListProposals, Lists, Proposed
from tarim.console.pages import UPLOAD_BYTES_MAX, Go, Page, View, Visit
from tarim.console.proposals import verdict_of
from tarim.console.services import Refused, inline, segment
from tarim.console.words import _
from tarim.identity import Scope

AUTHORS: Final = frozenset({Scope.AUTHOR})
APPROVERS: Final = frozenset({Scope.APPROVE})
FORMATS: Final = ("csv", "xlsx")
ENTRIES_MAX: Final = 200
_FORM_BYTES: Final = 64 << 10


# ---- a new list ------------------------------------------------------------------------------------------------------


async def new_list(visit: Visit, error: Refused | None = None) -> View:
    """The form for a new list."""
    values = {"form": visit.form, "error": error, "fixed_fields": lists_words.FIXED_FIELDS}
    return View("lists/new.html", words() | values)


async def propose_list(visit: Visit) -> View | Go:
    """Propose a new list; it is there when another person has agreed."""
    form = visit.form
    kind = form.get("kind", "")
    body: dict[str, Any] = {name: form.get(name, "").strip() for name in ("name", "reason", "title_zh", "title_en")}
    body |= {"kind": kind, "field": lists_words.FIXED_FIELDS.get(kind) or form.get("field", "")}
    if kind not in lists_words.FIXED_FIELDS:
        body["per_customer"] = form.get("per_customer") == "yes"
    try:
        made = await visit.serve.post("/v1/lists", body, ListProposal)
    except Refused as error:
        return await new_list(visit, inline(error))
    return Go("list_proposal", {"id": made.id}, toast=_("已提交，等待他人审批。"))


# ---- entries ---------------------------------------------------------------------------------------------------------


async def propose_entries(visit: Visit) -> View | Go:
    """Propose entries that were typed in, one a line, or the removal of ticked ones."""
    form = visit.form
    entry = {
        name: form.get(name, "").strip()
        for name in ("values", "customer", "valid_from", "valid_to", "source", "reason")
    }
    ticked = visit.lists.get("entry", [])
    try:
        entries = _removed(ticked) if form.get("act") == "remove" else _added(entry)
        body = {"source": entry["source"], "reason": entry["reason"], "entries": entries}
        made = await visit.serve.post(f"/v1/lists/{segment(visit.path['name'])}/entries", body, Proposed)
    except Refused as error:
        return await list_page(visit, entry=entry, entry_error=inline(error))
    assert made.proposal is not None
    return Go("list_proposal", {"id": made.proposal.id}, toast=_("已提交，等待他人审批。"))


def _added(entry: dict[str, str]) -> list[dict[str, str]]:
    values = [line.strip() for line in entry["values"].splitlines() if line.strip()]
    if not 1 <= len(values) <= ENTRIES_MAX:
        detail = _("请填写 1 至 %s 个值，每行一个；更多条目请用文件导入。") % ENTRIES_MAX
        raise Refused(422, "invalid", _("值无效"), detail, "values")
    more = {name: entry[name] for name in ("customer", "valid_from", "valid_to")}
    return [{"value": value, **more} for value in values]


def _removed(ticked: list[str]) -> list[dict[str, str]]:
    if not 1 <= len(ticked) <= ENTRIES_MAX:
        detail = _("请先勾选要移除的条目，一次最多 %s 条。") % ENTRIES_MAX
        raise Refused(422, "invalid", _("未选择条目"), detail, "entry")
    removed = []
    for each in ticked:
        token, _mark, rest = each.partition("|")
        customer_token, _mark, masked = rest.partition("|")
        removed.append({"operation": "remove", "token": token, "customer_token": customer_token, "masked": masked})
    return removed


# ---- files -----------------------------------------------------------------------------------------------------------


async def show_import(visit: Visit) -> View:
    """The form for a file of entries."""
    return await _import_page(visit, {"name": visit.query.get("name", "")})


async def import_file(visit: Visit) -> View | Go:
    """Look what a file would do, or propose it.  The file comes with both: this process keeps nothing."""
    form = {name: visit.form.get(name, "").strip() for name in ("name", "source", "reason", "replace", "act")}
    upload = visit.uploads.get("file")
    values: dict[str, Any] = {"file": upload.filename if upload else "", "preview": None, "error": None}
    try:
        ending = (upload.filename or "").rpartition(".")[2].lower() if upload else ""
        if upload is None or ending not in FORMATS:
            raise Refused(422, "invalid", _("未选择文件"), _("请选择一个 CSV 或 Excel（.xlsx）文件。"), "file")
        body = {
            "name": form["name"],
            "format": ending,
            "content": await upload.read(),
            "source": form["source"],
            "reason": form["reason"],
            "replace": form["replace"] == "yes",
            "propose": form["act"] == "propose",
        }
        made = await visit.serve.post("/v1/lists:import", body, Proposed)
    except Refused as error:
        values["error"] = inline(error)
        return await _import_page(visit, form, **values)
    if made.proposal is not None:
        return Go("list_proposal", {"id": made.proposal.id}, toast=_("已提交，等待他人审批。"))
    return await _import_page(visit, form, **(values | {"preview": made.preview}))


async def _import_page(visit: Visit, form: dict[str, str], **more: Any) -> View:
    lists = await visit.serve.get("/v1/lists", Lists)
    values = {"form": form, "lists": lists.lists, "file": "", "preview": None, "error": None} | more
    return View("lists/import.html", words() | values, "lists/_preview.html")


# ---- what waits ------------------------------------------------------------------------------------------------------


async def show_proposals(visit: Visit) -> View:
    """Changes that wait; all: decided ones as well; name: of one list."""
    every = visit.query.get("all", "") == "yes"
    query = {"all": "true"} if every else {}
    found = await visit.serve.get("/v1/list-proposals", ListProposals, **query)
    name = visit.query.get("name", "")
    shown = [each for each in found.proposals if not name or each.list_name == name]
    values = {"proposals": shown, "all": every, "name": name}
    return View("lists/proposals.html", words() | values, "lists/_proposals.html")


async def show_proposal(visit: Visit, error: Refused | None = None) -> View:
    """A proposal: what it would do now, while it waits; who decided on it and why, afterwards."""
    number = visit.path["id"]
    found, lists = await asyncio.gather(
        visit.serve.get("/v1/list-proposals", ListProposals, all="true"), visit.serve.get("/v1/lists", Lists)
    )
    proposal = next((each for each in found.proposals if each.id == number), None)
    if proposal is None:
        raise Refused(404, "not_found", _("未找到"), _("没有这项提案。"))
    waits = proposal.state == "proposed"
    shown = await visit.serve.get(f"/v1/list-proposals/{segment(number)}", Proposed) if waits else None
    known = {each.name: each for each in lists.lists}
    definition = shown.definition if shown and shown.definition else known.get(proposal.list_name)
    mine = proposal.author == visit.account.login
    values = {
        "proposal": proposal,
        "waits": waits,
        "preview": shown.preview if shown and not shown.definition else None,
        "definition": definition,
        "title": title_of(definition) if definition else proposal.list_name,
        "makes_list": bool(shown and shown.definition),
        "mine": mine,
        "may_decide": waits and not mine and visit.may(Scope.APPROVE),
        "may_withdraw": waits and mine and visit.may(Scope.AUTHOR),
        "error": error,
        "note": visit.form.get("note", ""),
    }
    return View("lists/proposal.html", words() | values, "lists/_proposal.html")


async def decide(visit: Visit) -> View | Go:
    """Approve what has the digest that was looked at, or reject it."""
    body = verdict_of(visit.form)
    try:
        await visit.serve.post(f"/v1/list-proposals/{segment(visit.path['id'])}", body, ListProposal)
    except Refused as error:
        return await show_proposal(visit, inline(error))
    toast = _("已批准，下一笔事件起生效。") if body["verdict"] == "approve" else _("已驳回。")
    return Go("list_proposal", {"id": visit.path["id"]}, toast=toast)


async def withdraw(visit: Visit) -> View | Go:
    """Take back one's own proposal."""
    try:
        await visit.serve.delete(f"/v1/list-proposals/{segment(visit.path['id'])}", ListProposal)
    except Refused as error:
        return await show_proposal(visit, inline(error))
    return Go("list_proposals", toast=_("已撤回。"))


PAGES: Final = (
    Page("GET", "/list-new", "list_new", AUTHORS, new_list, nav="lists"),
    Page("POST", "/list-new", "list_propose", AUTHORS, propose_list, nav="lists", body_bytes_max=_FORM_BYTES),
    Page("POST", "/lists/{name}/entries", "list_entries", AUTHORS, propose_entries, nav="lists"),
    Page("GET", "/list-import", "list_import", AUTHORS, show_import, nav="lists"),
    Page(
        "POST", "/list-import", "list_import_file", AUTHORS, import_file, nav="lists",
        body_bytes_max=UPLOAD_BYTES_MAX + _FORM_BYTES,
    ),
    Page("GET", "/list-proposals", "list_proposals", READERS, show_proposals, nav="lists"),
    Page("GET", "/list-proposals/{id}", "list_proposal", READERS, show_proposal, nav="lists"),
    Page("POST", "/list-proposals/{id}", "list_decide", APPROVERS, decide, nav="lists"),
    Page("POST", "/list-proposals/{id}/withdraw", "list_withdraw", AUTHORS, withdraw, nav="lists"),
)  # fmt: skip
