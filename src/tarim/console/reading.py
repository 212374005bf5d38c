"""What a request brings: its form, within limits, and the language of whoever sends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from tarim.console import session as own
from tarim.console.pages import Visit
from tarim.console.services import Refused
from tarim.console.words import LANGUAGES, Language, _

FIELDS_MAX: Final = 2_000
FILES_MAX: Final = 20


async def read_form(request: Request, visit: Visit, bytes_max: int) -> None:
    """Put the form into the visit.  Raises Refused for what is no form, or more than is taken."""
    bounded = Request(request.scope, _at_most(request.receive, bytes_max))
    try:
        form: FormData = await bounded.form(max_files=FILES_MAX, max_fields=FIELDS_MAX, max_part_size=bytes_max)
    except (MultiPartException, HTTPException):
        raise Refused(422, "invalid-input", _("请求被拒绝"), _("表单无法读取。")) from None
    texts: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    uploads: dict[str, UploadFile] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            uploads[name] = value
        else:
            texts[name] = value
            lists.setdefault(name, []).append(value)
    visit.form, visit.lists, visit.uploads = texts, lists, uploads


def language_of(request: Request) -> Language:
    """The language chosen, else the browser's first that is one of ours, else Chinese."""
    chosen = own.cookie_value(request, own.LANGUAGE_COOKIE)
    for each in LANGUAGES:
        if chosen == each:
            return each
    for wanted in request.headers.get("accept-language", "").split(","):
        short = wanted.split(";")[0].strip()[:2].lower()
        for each in LANGUAGES:
            if short == each:
                return each
    return "zh"


def _at_most(receive: Callable[[], Awaitable[Mapping[str, Any]]], bytes_max: int) -> Callable[[], Awaitable[Any]]:
    seen = 0

    async def bounded() -> Mapping[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > bytes_max:
            raise Refused(413, "too-large", _("内容过大"), _("表单不得超过 {n} 字节。").format(n=bytes_max))
        return message

    return bounded
