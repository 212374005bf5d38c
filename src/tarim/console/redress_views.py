"""Files of redress as pages show them: what the desk answers, and the words and figures made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from tarim.base.instants import DAY_MS, HOUR_MS, MINUTE_MS, instant_ms
from tarim.console import redress_words as words
from tarim.console.words import capital, each_language, either

SEALED: Final = "***"


class Clock(msgspec.Struct):
    """A clock of a file."""

    kind: str
    title_zh: str
    title_en: str
    source: str
    started_at: str
    due_at: str
    standing: str
    missing_year: int = 0


class Line(msgspec.Struct):
    """A file in a list."""

    id: str
    state: str
    branch: str
    department: str
    owner: str
    came_at: str
    waits_for_second: bool
    clocks: list[Clock]


class Lines(msgspec.Struct):
    """A page of them."""

    files: list[Line]
    next: str


class Step(msgspec.Struct):
    """A step of a file's history."""

    n: int
    event: str
    before: str
    after: str
    owner: str
    person: str
    at: str


class Shown(msgspec.Struct):
    """A file, texts masked."""

    id: str
    kind: str
    state: str
    branch: str
    department: str
    owner: str
    came_at: str
    waits_for: str
    digest: str
    clocks: list[Clock]
    possible: list[str]
    content: dict[str, Any]
    history: list[Step]


class Rule(msgspec.Struct):
    """A kind of clock."""

    kind: str
    title_zh: str
    title_en: str
    length: int
    unit: str
    starts: str
    warn_before: list[int]
    source: str


class Rules(msgspec.Struct):
    """Every kind of clock, the years whose holidays are known, and what is missing."""

    clocks: list[Rule]
    years: dict[str, str]
    warning: str


@dataclass(frozen=True, slots=True)
class Told:
    """A clock in words.  level: for its colour; left: how long it still runs, or ran over, "" when it stands still."""

    title: str
    word: str
    level: str
    due_at: str
    left: str
    rule: str
    source: str
    missing_year: int


_LEVELS: Final = {
    "running": "low", "warned": "medium", "paused": "closed", "overdue": "critical", "met": "closed", "missed": "high",
}  # fmt: skip
_URGENCY: Final = ("overdue", "warned", "running", "paused", "missed", "met")


def told(clock: Clock, rules: Mapping[str, Rule], now_ms: int) -> Told:
    """A clock in the viewer's words."""
    rule = rules.get(clock.kind)
    return Told(
        title=either(clock.title_zh, capital(clock.title_en)),
        word=words.said(words.standings(), clock.standing),
        level=_LEVELS.get(clock.standing, "closed"),
        due_at=clock.due_at,
        left=_left(clock, now_ms),
        rule=period_text(rule) if rule else "",
        source=source_text(clock.source),
        missing_year=clock.missing_year,
    )


def urgent(clocks: Sequence[Clock]) -> Clock | None:
    """The one of a file's clocks that matters most; None for none."""
    return min(clocks, key=lambda each: (_URGENCY.index(each.standing), each.due_at or "9"), default=None)


def period_text(rule: Rule) -> str:
    """`自收到起 7 个工作日内`."""
    unit, start = words.said(words.units(), rule.unit), words.said(words.starts(), rule.starts)
    return either(f"{start} {rule.length} {unit}内", f"within {rule.length} {unit} {start}")


def source_text(source: str) -> str:
    """What a period rests on: requirement ids, laws, or a rule of the house."""
    for name, told in (
        ("house rule", either("行内规定", "house rule")),
        ("PBC Order 2016 No. 3", either("中国人民银行令〔2016〕第3号", "PBC Order 2016 No. 3")),
        ("Civil Procedure Law art. 128", either("民事诉讼法第一百二十八条", "Civil Procedure Law art. 128")),
    ):
        source = source.replace(name, told)
    return source


def _left(clock: Clock, now_ms: int) -> str:
    if not clock.due_at or clock.standing in ("met", "missed", "paused"):
        return ""
    gap_ms = instant_ms(datetime.fromisoformat(clock.due_at)) - now_ms
    length = length_text(abs(gap_ms))
    return either(f"还剩 {length}", f"{length} left") if gap_ms >= 0 else either(f"超期 {length}", f"{length} over")


def length_text(length_ms: int) -> str:
    """`3 天 4 小时`; minutes within a day."""
    days, hours = length_ms // DAY_MS, length_ms % DAY_MS // HOUR_MS
    if days:
        return either(f"{days} 天 {hours} 小时", f"{days} d {hours} h")
    minutes = length_ms % HOUR_MS // MINUTE_MS
    return either(f"{hours} 小时 {minutes} 分", f"{hours} h {minutes} min")


# ------------------------------------------------------------------------------------------------- what a file holds

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
}


@each_language
def _labels() -> dict[str, str]:
    """Names of what files hold."""
    return {
        **words.fields(),
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
    }


_LEFT_OUT: Final = frozenset({
    "notes", "documents", "proposal", "wish", "opened_ms", "changed_ms", "closed_ms", "came_at", "draft", "counts",
    "returned_ms",
})  # fmt: skip


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


def facts_of(kind: str, content: Mapping[str, Any]) -> tuple[list[Fact], list[Rows]]:
    """Single values and lists of what a file holds; what is empty is left out."""
    facts: list[Fact] = []
    tables: list[Rows] = []
    for name, value in content.items():
        if name in _LEFT_OUT or value in ("", None, [], {}) or (value == 0 and name.endswith("_ms")):
            continue
        if isinstance(value, dict):
            tables.append(_rows(kind, name, [value]))
        elif isinstance(value, list) and isinstance(value[0], dict):
            tables.append(_rows(kind, name, value))
        else:
            facts.append(_fact(kind, name, value))
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
    for table in (words.values()["Channel"], words.values()["Cause"], words.departments()):
        if word in table:
            return table[word]
    return word


_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def _fact(kind: str, name: str, value: Any) -> Fact:
    label = words.said(_labels(), name)
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
    told = [words.value_of(enumeration, str(each)) if each is not None else "" for each in listed]
    digest = bool(listed) and all(isinstance(each, str) and _DIGEST.fullmatch(each) for each in listed)
    return Fact(label, "digest" if digest else "text", either("、", ", ").join(told))
