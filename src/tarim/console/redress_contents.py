"""What a file of redress holds, as names and values of its page: facts, and lists as tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tarim.console import redress_field_words as field_words
from tarim.console import redress_words as words
from tarim.console.words import each_language, either

SEALED: Final = "***"
_ENUMERATIONS: Final[Mapping[tuple[str, str], str]] = {
    ("complaint", "kind"): "ComplaintKind",
    ("complaint", "channel"): "Channel",
    ("complaint", "category"): "Category",
    ("complaint", "cause"): "Cause",
    ("loss", "step"): "Step",
    ("loss", "faults"): "Fault",
    ("dispute", "forum"): "Forum",
    ("request", "authority"): "Authority",
    ("hold", "ground"): "Ground",
    ("fund", "kind"): "FundKind",
    ("erasure", "basis"): "ErasureBasis",
    ("erasure", "obstacle"): "Obstacle",
}


@each_language
def _labels() -> dict[str, str]:
    """Names of what files hold."""
    return {
        **field_words.fields(),
        "customer": either("客户（代号）", "Customer (token)"),
        "opened_by": either("登记人", "Opened by"),
        "amount_fen": either("金额", "Amount"),
        "owed_fen": either("应付金额", "Owed"),
        "paid_fen": either("已赔付", "Paid"),
        "recovered_fen": either("已追回", "Recovered"),
        "left_fen": either("余额", "Left"),
        "paid_in_fen": either("累计注入", "Paid in"),
        "paid_out_fen": either("累计支出", "Paid out"),
        "customer_share_bp": either("客户承担比例", "The customer's share"),
        "missing": either("缺少要件", "Missing parts"),
        "rounds": either("处理轮次", "Rounds"),
        "entries": either("处理记录", "Entries"),
        "referrals": either("外部转办", "Referrals"),
        "recoveries": either("追回措施", "Recoveries"),
        "liability": either("责任认定", "Liability"),
        "payouts": either("赔付记录", "Payouts"),
        "containments": either("防范规则", "Containment"),
        "decision": either("关联决策", "Decision"),
        "returned": either("退还资金", "Money returned"),
        "given": either("已提供材料", "Packages given"),
        "approved": either("批准提供的材料", "Approved documents"),
        "approver": either("复核人", "Approved by"),
        "author": either("提交人", "Proposed by"),
        "person": either("经办人", "By"),
        "at_ms": either("时间", "At"),
        "what": either("步骤", "Step"),
        "about": either("对象", "About"),
        "from_ms": either("开始", "From"),
        "to_ms": either("结束", "To"),
        "verified_ms": either("核实身份", "Verified"),
        "settled_ms": either("处理完成", "Settled"),
        "answered_ms": either("答复", "Answered"),
        "defended_ms": either("答辩", "Defended"),
        "approved_ms": either("批准时间", "Approved at"),
        "pauses": either("暂停次数", "Pauses"),
        "phone": either("值班电话", "Duty telephone"),
        "recipient": either("接收人", "Recipient"),
        "package": either("包摘要", "Package digest"),
        "manifest": either("清单摘要", "Manifest digest"),
        "sealed_for": either("加密方式", "Sealed for"),
        "size_bytes": either("大小（字节）", "Size (bytes)"),
        "source": either("来源系统", "Source"),
        "event_id": either("事件编号", "Event"),
        "seq": either("日志位置", "Position"),
        "features": either("特征集", "Features"),
        "model": either("模型", "Model"),
        "added": either("注资记录", "Money paid in"),
        "shifts": either("班次", "Shifts"),
        "released_text": either("解除理由", "Why released"),
        "period": either("半年期", "Half year"),
        "grounds": either("核对情况", "What was checked"),
        "asked_by": either("申请人", "Asked by"),
        "approved_by": either("批准人", "Approved by"),
        "begun_ms": either("开始删除", "Deletion began"),
        "erased_ms": either("删除完成", "Deletion finished"),
    }


_LEFT_OUT: Final = frozenset({
    "notes", "documents", "proposal", "wish", "opened_ms", "changed_ms", "closed_ms", "came_at", "draft", "counts",
    "returned_ms",
})  # fmt: skip

_OF_BEGINNING: Final = frozenset({"through_seq", "desk_keys"})
"""Of a deletion; they say nothing before it begins."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A value with its name.  form: text, money, instant, share, sealed, flag, digest."""

    label: str
    form: str
    value: Any


@dataclass(frozen=True, slots=True)
class Rows:
    """A list a file holds, as a table."""

    title: str
    heads: list[str]
    rows: list[list[Fact]]


def facts_of(kind: str, content: Mapping[str, Any], tag: str = "") -> tuple[list[Fact], list[Rows]]:
    """Single values and lists of what a file holds; what is empty is left out.  tag: of the event whose content it is."""
    begun = bool(content.get("begun_ms"))
    facts: list[Fact] = []
    tables: list[Rows] = []
    for name, value in content.items():
        empty = value in ("", None, [], {}) or (value == 0 and name.endswith("_ms"))
        if name in _LEFT_OUT or empty or (name in _OF_BEGINNING and not begun):
            continue
        if isinstance(value, dict):
            tables.append(_rows(kind, name, [value]))
        elif isinstance(value, list) and isinstance(value[0], dict):
            tables.append(_rows(kind, name, value))
        else:
            facts.append(_fact(kind, name, value, tag))
    return facts, tables


def filled(content: Any, texts: Mapping[str, str], where: str = "") -> Any:
    """The content with texts that were shown in full in their places."""
    if isinstance(content, dict):
        return {name: filled(each, texts, f"{where}.{name}" if where else name) for name, each in content.items()}
    if isinstance(content, list):
        return [filled(each, texts, f"{where}[{n}]") for n, each in enumerate(content)]
    return texts.get(where, content) if content == SEALED else content


def _rows(kind: str, name: str, rows: Sequence[Mapping[str, Any]]) -> Rows:
    names = [each for each in rows[0] if any(row.get(each) not in ("", None, [], 0) for row in rows)]
    heads = [words.said(_labels(), each) for each in names]
    return Rows(
        words.said(_labels(), name), heads, [[_fact(kind, each, row.get(each)) for each in names] for row in rows]
    )


def _about(word: str) -> str:
    """What an entry of a complaint is about: a channel, a cause or a department."""
    for table in (field_words.values()["Channel"], field_words.values()["Cause"], words.departments()):
        if word in table:
            return table[word]
    return word


_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def _fact(kind: str, name: str, value: Any, tag: str = "") -> Fact:
    labels = _labels()
    own = f"{tag or kind}.{name}"
    label = words.said(labels, own if own in labels else name)
    if value == SEALED:
        return Fact(label, "sealed", value)
    if name == "pauses":
        return Fact(label, "text", str(len(value or ())))
    if name == "missing":
        return Fact(label, "text", either("、", ", ").join(words.said(words.parts(), each) for each in value))
    if name in ("what", "waits_for"):
        return Fact(label, "text", words.event_name(kind, str(value)))
    if name == "about":
        return Fact(label, "text", _about(str(value or "")))
    if name == "department":
        return Fact(label, "text", words.said(words.departments(), str(value)))
    if isinstance(value, bool):
        return Fact(label, "flag", value)
    if name.endswith("_fen"):
        return Fact(label, "money", value)
    if name.endswith("_ms"):
        return Fact(label, "instant", value)
    if name.endswith("_bp"):
        return Fact(label, "share", value)
    listed = value if isinstance(value, list) else [value]
    enumeration = _ENUMERATIONS.get((kind, name), "")
    told = [field_words.value_of(enumeration, str(each)) if each is not None else "" for each in listed]
    digest = bool(listed) and all(isinstance(each, str) and _DIGEST.fullmatch(each) for each in listed)
    return Fact(label, "digest" if digest else "text", either("、", ", ").join(told))
