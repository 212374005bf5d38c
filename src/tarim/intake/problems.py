"""Errors as problem details (RFC 9457): what the edge sends, in English and Chinese, without a personal value."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from tarim.base.errors import FieldError, TarimError
from tarim.intake.domain import RULES_ZH, RefusedAt
from tarim.privacy import FIELDS, REFUSED

CONTENT_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:tarim:problem:"

TITLES: Final = MappingProxyType(
    {
        "internal": ("Internal error", "内部错误"),
        "invalid-input": ("The input is wrong", "输入有误"),
        "invalid-field": ("A field breaks a rule", "字段不符合规则"),
        "out-of-scope": ("Outside what is served", "不在服务范围内"),
        "digest-mismatch": ("The content is not what its digest says", "内容与摘要不符"),
        "unsupported-file": ("This kind of file is not taken", "不支持的文件类型"),
        "too-large": ("The input is too large", "输入超过限制"),
        "invalid-definition": ("A definition is wrong", "定义有误"),
        "conflict": ("In conflict with what is there", "与已有内容或状态冲突"),
        "not-found": ("Nothing under that name", "未找到"),
        "not-allowed": ("Not allowed", "无权限"),
        "unknown-key": ("A key that was never assigned", "未分配的密钥"),
        "proof-outdated": ("Prove again who you are first", "请先重新验证身份"),
        "too-often": ("Asked too often", "请求过于频繁"),
        "unavailable": ("Not possible now; nothing was changed", "暂时不可用，未作任何更改"),
        "unrecorded": ("Begun or done, but not on the audit trail", "已执行或已开始，但未能记入审计日志"),
        "recorded-not-shown": ("Recorded; the tables will show it later", "已记录，稍后显示"),
        "damaged": ("Stored data is damaged", "存储数据已损坏"),
    }
)
"""Title of each error code in English and Chinese."""


def problem(error: TarimError) -> dict[str, str | int]:
    """The members of the problem document: type, title, title_zh, status, detail, and where it applies field, rule,
    rule_zh, got, index (of the event in a batch, from 0).
    """
    title, title_zh = TITLES.get(error.code, TITLES["internal"])
    found: dict[str, str | int] = {
        "type": TYPE_PREFIX + error.code,
        "title": title,
        "title_zh": title_zh,
        "status": error.http_status,
        "detail": error.detail,
    }
    cause: TarimError = error
    if isinstance(error, RefusedAt):
        found["index"] = error.index
        cause = error.cause
    if isinstance(cause, FieldError):
        found["field"] = cause.field
        if cause.field in FIELDS:
            found["field_zh"] = FIELDS[cause.field].doc_zh
        found["rule"] = cause.rule
        found["rule_zh"] = "不接受此类数据" if cause.field in REFUSED else RULES_ZH.get(cause.rule, "")
        if cause.got:
            found["got"] = cause.got
    return found
