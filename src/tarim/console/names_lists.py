"""Watch lists: editions in force, a file previewed and proposed, and what waits for another person decided on."""

from __future__ import annotations

from typing import Any, Final

from starlette.datastructures import UploadFile

from tarim.console.lists import READERS, at_of
from tarim.console.lists_words import proposal_states, proposal_tone
from tarim.console.names import AUTHORS, words
from tarim.console.names_shapes import Editions, Imported, InForce, NameProposal, NameProposals
from tarim.console.pages import UPLOAD_BYTES_MAX, Go, Page, View, Visit
from tarim.console.proposals import Proposal, verdict_of
from tarim.console.services import Refused, inline, segment
from tarim.console.words import _
from tarim.identity import Scope

APPROVERS: Final = frozenset({Scope.APPROVE})
_FORM_BYTES: Final = 64 << 10


async def show_watch_lists(visit: Visit) -> View:
    """Watch lists in force, now or then."""
    at = at_of(visit.query)
    found = await visit.serve.get("/v1/name-lists", InForce, at=at)
    values = words() | {
        "tab": "lists",
        "in_force": found,
        "at": visit.query.get("at", ""),
        "may_author": visit.may(Scope.AUTHOR),
    }
    return View("names/lists.html", values, "names/_lists.html")


async def show_watch_list(visit: Visit) -> View:
    """Editions of one watch list, newest first."""
    name = visit.path["name"]
    found = await visit.serve.get(f"/v1/name-lists/{segment(name)}", Editions)
    return View("names/editions.html", words() | {"tab": "lists", "name": name, "editions": found.editions})


async def show_import(visit: Visit) -> View:
    """The form for a publisher's files."""
    return await _import_page({"list_name": visit.query.get("list_name", "")})


async def import_files(visit: Visit) -> View | Go:
    """Look what files hold and would change, or propose them as the next edition.  The files come with both."""
    form = {name: visit.form.get(name, "").strip() for name in ("list_name", "reason", "act")}
    try:
        files = await _files(visit.uploads)
        body = {
            "list_name": form["list_name"],
            "files": files,
            "reason": form["reason"],
            "propose": form["act"] == "propose",
        }
        made = await visit.serve.post("/v1/name-lists:import", body, Imported)
    except Refused as error:
        return await _import_page(form, error=inline(error))
    if made.proposal is not None:
        return Go("name_proposal", {"id": made.proposal.id}, toast=_("已提交，等待他人审批。"))
    return await _import_page(form, imported=made)


async def _files(uploads: Any) -> dict[str, bytes]:
    """Content by the names the service knows: sdn.csv with alt.csv and add.csv, consolidated.xml, or own.csv."""
    given: dict[str, UploadFile] = {name: each for name, each in uploads.items() if each.filename}
    main = given.get("main")
    if main is None:
        raise Refused(422, "invalid", _("未选择文件"), _("请选择名单文件。"), "main")
    name = (main.filename or "").lower()
    if name.endswith(".xml"):
        return {"consolidated.xml": await main.read()}
    if name.startswith("own"):
        return {"own.csv": await main.read()}
    if not name.startswith("sdn"):
        detail = _("文件名须以 sdn 或 own 开头，或为 .xml 文件。")
        raise Refused(422, "invalid", _("无法识别文件"), detail, "main")
    beside = {"main": "sdn", "alt": "alt", "add": "add"}
    return {f"{beside[field]}.csv": await each.read() for field, each in given.items() if field in beside}


async def _import_page(form: dict[str, str], imported: Imported | None = None, error: Refused | None = None) -> View:
    values = words() | {"tab": "lists", "form": form, "imported": imported, "error": error}
    return View("names/import.html", values, "names/_imported.html")


async def show_proposals(visit: Visit) -> View:
    """Editions and good guys that wait."""
    found = await visit.serve.get("/v1/name-proposals", NameProposals)
    return View("names/proposals.html", words() | {"tab": "proposals", "proposals": found.proposals})


async def show_proposal(visit: Visit, error: Refused | None = None) -> View:
    """What one would do, and who may decide on it."""
    shown = await visit.serve.get(f"/v1/name-proposals/{segment(visit.path['id'])}", NameProposal)
    mine = shown.proposal.author == visit.account.login
    values = words() | {
        "tab": "proposals",
        "shown": shown,
        "proposal": shown.proposal,
        "mine": mine,
        "may_decide": not mine and visit.may(Scope.APPROVE),
        "may_withdraw": mine and visit.may(Scope.AUTHOR),
        "proposal_states": proposal_states(),
        "proposal_tone": proposal_tone,
        "error": error,
        "note": visit.form.get("note", ""),
    }
    return View("names/proposal.html", values, "names/_proposal.html")


async def decide(visit: Visit) -> View | Go:
    """Approve what has the digest that was looked at, or reject it."""
    body = verdict_of(visit.form)
    try:
        await visit.serve.post(f"/v1/proposals/{segment(visit.path['id'])}", body, Proposal)
    except Refused as error:
        return await show_proposal(visit, inline(error))
    return Go("name_proposals", toast=_("已批准。") if body["verdict"] == "approve" else _("已驳回。"))


async def withdraw(visit: Visit) -> View | Go:
    """Take back one's own proposal."""
    try:
        await visit.serve.delete(f"/v1/proposals/{segment(visit.path['id'])}", Proposal)
    except Refused as error:
        return await show_proposal(visit, inline(error))
    return Go("name_proposals", toast=_("已撤回。"))


PAGES: Final = (
    Page("GET", "/names/lists", "name_lists", READERS, show_watch_lists, nav="names"),
    Page("GET", "/names/lists/{name}", "name_list", READERS, show_watch_list, nav="names"),
    Page("GET", "/names/import", "name_import", AUTHORS, show_import, nav="names"),
    Page(
        "POST", "/names/import", "name_import_files", AUTHORS, import_files, nav="names",
        body_bytes_max=UPLOAD_BYTES_MAX + _FORM_BYTES,
    ),
    Page("GET", "/names/proposals", "name_proposals", READERS, show_proposals, nav="names"),
    Page("GET", "/names/proposals/{id}", "name_proposal", READERS, show_proposal, nav="names"),
    Page("POST", "/names/proposals/{id}", "name_decide", APPROVERS, decide, nav="names"),
    Page("POST", "/names/proposals/{id}/withdraw", "name_withdraw", AUTHORS, withdraw, nav="names"),
)  # fmt: skip
