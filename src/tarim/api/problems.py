"""Problem details (RFC 9457): every refusal has the same form, names field and rule, and never a personal value."""

from __future__ import annotations

from typing import Final

import msgspec

from tarim.base.errors import FieldError, TarimError, TooOften, Unrecorded
from tarim.intake import RULES_ZH, RefusedAt

MEDIA_TYPE: Final = "application/problem+json"

TITLES: Final = {
    400: ("Malformed request", "请求格式错误"),
    401: ("Not signed in, or no valid key", "未登录，或缺少有效密钥"),
    403: ("Not allowed", "权限不足"),
    404: ("Not found", "未找到"),
    405: ("Method not allowed", "不支持的请求方法"),
    408: ("The request took too long", "请求超时"),
    409: ("In conflict with what is there", "与已有内容或状态冲突"),
    413: ("Too large", "请求过大"),
    415: ("Unsupported media type", "不支持的媒体类型"),
    422: ("Invalid input", "输入不合规"),
    429: ("Too many requests", "请求过于频繁"),
    431: ("The head of the request is too long", "请求头过长"),
    500: ("Internal error", "内部错误"),
    503: ("Not available now", "暂时不可用"),
}
"""What each status means here, in both languages; no other status is ever a refusal."""

RETRY_AFTER_S: Final = 1


class Problem(msgspec.Struct, frozen=True):
    """One refusal.  `code` is a word for machines; `headers` are raw header lines for the answer."""

    status: int
    code: str
    detail: str
    field: str = ""
    rule: str = ""
    index: int | None = None
    headers: bytes = b""


class ProblemBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a refusal."""

    type: str
    title: str
    title_zh: str
    status: int
    code: str
    detail: str
    field: str = ""
    rule: str = ""
    rule_zh: str = ""
    index: int | None = None


_encode = msgspec.json.Encoder().encode


def problem_of(error: TarimError) -> Problem:
    """The refusal that answers an error."""
    index = None
    cause = error
    if isinstance(error, RefusedAt):
        index, cause = error.index, error.cause
    field, rule = (cause.field, cause.rule) if isinstance(cause, FieldError) else ("", "")
    headers = b""
    if cause.http_status == 503 and not isinstance(cause, Unrecorded):  # which must not be repeated blindly
        headers = b"retry-after: %d\r\n" % RETRY_AFTER_S
    elif isinstance(cause, TooOften):
        headers = b"retry-after: %d\r\n" % cause.retry_after_s
    elif cause.http_status == 401:
        headers = b"www-authenticate: Bearer\r\n"
    status = cause.http_status if cause.http_status in TITLES else 500
    detail = cause.detail if status != 500 else "the request failed for a reason that is ours"
    return Problem(status, cause.code, detail, field, rule, index, headers)


def problem_body(problem: Problem) -> ProblemBody:
    """The body that answers a refusal."""
    title, title_zh = TITLES[problem.status]
    return ProblemBody(
        f"urn:tarim:problem:{problem.code}",
        title,
        title_zh,
        problem.status,
        problem.code,
        problem.detail,
        problem.field,
        problem.rule,
        RULES_ZH.get(problem.rule, ""),
        problem.index,
    )


def problem_bytes(problem: Problem) -> bytes:
    """`problem_body`, encoded."""
    return _encode(problem_body(problem))
