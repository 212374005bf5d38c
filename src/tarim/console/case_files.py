"""Evidence of a case: a file kept with it, and a file given out for a reason."""

from __future__ import annotations

import base64
from typing import Final

from tarim.console.case_acts import FORM_BYTES_MAX, Unfit, back_to_case, not_done, shown, with_reason
from tarim.console.case_page import READ
from tarim.console.case_shapes import Case, File
from tarim.console.case_troubles import Trouble, is_passed_on, trouble_of
from tarim.console.pages import Download, Go, Page, View, Visit
from tarim.console.services import Refused, segment
from tarim.console.words import _
from tarim.identity import Scope

EVIDENCE_BYTES_MAX: Final = 10 << 20
_UPLOAD_BYTES_MAX: Final = EVIDENCE_BYTES_MAX + (64 << 10)
_ENDINGS: Final = {
    "application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg", "audio/mpeg": "mp3", "audio/wav": "wav",
    "video/mp4": "mp4", "text/plain": "txt",
}  # fmt: skip


async def attach(visit: Visit) -> View | Go:
    """Keep a file with the case."""
    upload = visit.uploads.get("file")
    content = await upload.read(EVIDENCE_BYTES_MAX + 1) if upload is not None else b""
    if upload is None or not upload.filename or not content:
        return await not_done(visit, "evidence", Trouble("unfit", _("表单未填完"), _("请选择一个非空的文件。")), 422)
    body = {
        "case": visit.path["id"],
        "name": upload.filename.replace("\\", "/").rpartition("/")[2],
        "content_base64": base64.b64encode(content).decode(),
    }
    try:
        if len(content) > EVIDENCE_BYTES_MAX:
            raise Refused(413, "too-large", "", "")
        await visit.desk.post("/v1/cases:evidence", body, Case)
    except Refused as error:
        if is_passed_on(error):
            raise
        trouble = trouble_of(error)
        if error.code == "invalid-definition":
            kinds = _("可保存 PDF、PNG、JPEG、MP3、WAV、MP4 与纯文本；内容须与扩展名一致，且不得含程序。")
            trouble = Trouble(error.code, _("文件不能保存"), kinds, said=error.detail)
        return await not_done(visit, "evidence", trouble, error.status)
    return await shown(visit, _("证据已保存"))


async def take_file(visit: Visit) -> Download | View:
    """A file of the case, with a reason; recorded before it is given."""
    ref, digest = visit.path["id"], visit.path["digest"]
    try:
        path = f"/v1/cases/{segment(ref)}/evidence/{segment(digest)}"
        found = await visit.desk.post(path, with_reason(visit), File)
    except Unfit as error:
        return await not_done(visit, "file", Trouble("unfit", _("表单未填完"), error.text), 422)
    except Refused as error:
        if is_passed_on(error):
            raise
        return await not_done(visit, "file", trouble_of(error), error.status)
    name = f"{ref}-{digest[:12]}.{_ENDINGS.get(found.media_type, 'bin')}"
    return Download(name, base64.b64decode(found.content_base64), found.media_type)


PAGES: Final = (
    Page("POST", "/cases/{id}/evidence", "case_evidence", frozenset({Scope.CASES_WORK}), attach, nav="cases",
         body_bytes_max=_UPLOAD_BYTES_MAX),
    Page("POST", "/cases/{id}/evidence/{digest}", "case_evidence_file", frozenset({Scope.REVEAL}), take_file, nav="cases",
         body_bytes_max=FORM_BYTES_MAX),
    Page("GET", "/cases/{id}/evidence", "case_evidence_back", READ, back_to_case, nav="cases"),
    Page("GET", "/cases/{id}/evidence/{digest}", "case_evidence_file_back", READ, back_to_case, nav="cases"),
)  # fmt: skip
