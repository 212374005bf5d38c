"""What redress shows in full and hands out: texts, documents, sealed packages, the decision a loss goes back to."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tarim.console.pages import Download, Go, Page, View, Visit
from tarim.console.redress import kind_asked
from tarim.console.redress_file import file_view
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope
from tarim.redress import PLURALS

DOCUMENT_BYTES_MAX: Final = 8 << 20
CERTIFICATE_BYTES_MAX: Final = 16 << 10
_MEDIA: Final = re.compile(r"[a-z0-9.+-]{1,40}/[a-z0-9.+-]{1,58}")
_KEEPS: Final = frozenset({Scope.REDRESS_WORK, Scope.REQUESTS_WORK})
_REVEALS: Final = frozenset({Scope.REVEAL})


class _Text(msgspec.Struct):
    where: str
    text: str


class _Texts(msgspec.Struct):
    texts: list[_Text]


class _Content(msgspec.Struct):
    title: str
    media_type: str
    content: bytes


class _Package(msgspec.Struct):
    digest: str
    manifest: str
    content: bytes


async def reveal(visit: Visit) -> View:
    """The file with its texts in full; the desk writes down who, when and why."""
    kind = kind_asked(visit)
    path = f"/v1/{PLURALS[kind.name]}/{segment(visit.path['id'])}/texts"
    found = await visit.desk.post(path, {"reason": visit.form.get("reason", "")[:200]}, _Texts)
    gone = _("（已随客户密钥销毁）")
    return await file_view(visit, kind, texts={each.where: each.text or gone for each in found.texts})


async def keep_document(visit: Visit) -> View | Go:
    """Keep a document with a file."""
    kind, form = kind_asked(visit), visit.form
    upload = visit.uploads.get("file")
    content = await upload.read(DOCUMENT_BYTES_MAX + 1) if upload else b""
    if not content or len(content) > DOCUMENT_BYTES_MAX:
        error = Refused(422, "too-large", _("材料未保存"), _("请选择一个不超过 8 MB 的非空文件。"), "file")
        return await file_view(visit, kind, error=error, tag="add_document")
    told = upload.content_type or "" if upload else ""
    name = upload.filename or "" if upload else ""
    body = {
        "title": form.get("title", "").strip()[:100] or name[:100],
        "media_type": told if _MEDIA.fullmatch(told) else "application/octet-stream",
        "content": content,
        "authority": form.get("authority") == "on",
    }
    path = f"/v1/{PLURALS[kind.name]}/{segment(visit.path['id'])}/documents"
    try:
        await visit.desk.post(path, body)
    except Refused as error:
        if error.status not in (409, 422):
            raise
        return await file_view(visit, kind, error=error, tag="add_document")
    return Go("redress_file", {"book": visit.path["book"], "id": visit.path["id"]}, toast=_("材料已加密保存"))


async def fetch_document(visit: Visit) -> Download:
    """A document in full."""
    kind = kind_asked(visit)
    path = f"/v1/{PLURALS[kind.name]}/{segment(visit.path['id'])}/documents/{segment(visit.path['digest'])}/content"
    found = await visit.desk.post(path, {"reason": visit.form.get("reason", "")[:200]}, _Content)
    return Download(found.title, found.content)


async def link_decision(visit: Visit) -> View | Go:
    """Name the decision a loss goes back to."""
    kind, form = kind_asked(visit), visit.form
    seq = form.get("seq", "").strip()
    body = {
        "source": form.get("source", "").strip(),
        "event_id": form.get("event_id", "").strip(),
        "seq": int(seq) if seq.isascii() and seq.isdigit() and len(seq) < 16 else -1,
    }
    try:
        await visit.desk.post(f"/v1/losses/{segment(visit.path['id'])}/decision", body)
    except Refused as error:
        if error.status not in (404, 409, 422):
            raise
        return await file_view(visit, kind, error=error, tag="link_decision")
    return Go("redress_file", {"book": visit.path["book"], "id": visit.path["id"]}, toast=_("已关联决策"))


async def give_package(visit: Visit) -> View | Download:
    """The sealed package of what two persons approved, for one recipient."""
    kind, form = kind_asked(visit), visit.form
    upload = visit.uploads.get("certificate")
    pem = await upload.read(CERTIFICATE_BYTES_MAX) if upload else b""
    body = {
        "recipient": form.get("recipient", "").strip(),
        "certificate": pem.decode("ascii", "replace"),
        "passphrase": "" if pem else form.get("passphrase", ""),
    }
    try:
        found = await visit.desk.post(f"/v1/authority-requests/{segment(visit.path['id'])}/packages", body, _Package)
    except Refused as error:
        if error.status not in (409, 422):
            raise
        return await file_view(visit, kind, error=error, tag="give")
    return Download(f"{visit.path['id']}.tarim", found.content)


PAGES: Final = (
    Page("POST", "/redress/{book}/{id}/texts", "redress_reveal", _REVEALS, reveal, nav="redress"),
    Page("POST", "/redress/{book}/{id}/documents", "redress_keep", _KEEPS, keep_document, nav="redress",
         body_bytes_max=DOCUMENT_BYTES_MAX + (64 << 10)),
    Page("POST", "/redress/{book}/{id}/documents/{digest}", "redress_document", _REVEALS, fetch_document, nav="redress"),
    Page("POST", "/redress/{book}/{id}/decision", "redress_link", frozenset({Scope.REDRESS_WORK}), link_decision,
         nav="redress"),
    Page("POST", "/redress/{book}/{id}/packages", "redress_give", frozenset({Scope.REQUESTS_WORK}), give_package,
         nav="redress"),
)  # fmt: skip
