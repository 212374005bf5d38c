"""A suspicious transaction report as pages that a person reads and files."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from tarim.reporting.adapters.pages import pdf
from tarim.reporting.domain.code_tables import Codes
from tarim.reporting.domain.suspicious import Report, Subject, Transaction

Fact = tuple[str, str, str]

_COLUMNS: Final = (
    ("序号", "no.", "11mm", "right"),
    ("时间", "time", "19mm", "left"),
    ("收付", "flow", "9mm", "center"),
    ("金额", "amount", "25mm", "right"),
    ("币种", "cur.", "10mm", "center"),
    ("客户账号", "account", "32mm", "left"),
    ("交易对手", "counterparty", "", "left"),
    ("对手账号", "its account", "32mm", "left"),
)


def report_pages(report: Report, codes: Codes, number: str, digest: str, people: Sequence[Fact], at_ms: int) -> bytes:
    """The PDF of a report.  people: who prepared and approved it, with when.  Raises as `pages.pdf`."""
    data = {
        "number": number,
        "institution": report.institution,
        "digest": digest,
        "short_digest": digest[:12],
        "head": _head(report, codes),
        "subjects": [_subject(subject, codes) for subject in report.subjects],
        "conduct": report.conduct,
        "analysis": report.analysis,
        "totals": _totals(report.transactions),
        "columns": _COLUMNS,
        "rows": [_row(index, each, codes) for index, each in enumerate(report.transactions, 1)],
        "people": list(people),
    }
    return pdf("suspicious.typ", data, at_ms)


def time_text(digits: str) -> str:
    """`2026-02-10 09:30:00` of `20260210093000`; what is no time stays as it is."""
    if len(digits) != 14:
        return digits
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]} {digits[8:10]}:{digits[10:12]}:{digits[12:]}"


def _worded(table: str, code: str, codes: Codes, other: str = "") -> str:
    return f"{code} {other or codes[table].zh(code)}" if code else ""


def _head(report: Report, codes: Codes) -> list[Fact]:
    return [
        ("报告机构编码", "institution", report.institution),
        ("上报网点代码", "branch", report.branch),
        ("报告紧急程度", "urgency", _worded("urgency", report.urgency, codes)),
        ("报送次数", "times reported", report.times + (f"（首次：{report.first_name}）" if report.first_name else "")),
        ("报送方向", "direction", _worded("direction", report.direction, codes, report.direction_other)),
        ("报告触发点", "trigger", _worded("trigger", report.trigger, codes, report.trigger_other)),
        ("疑似涉罪类型", "suspected crimes", "；".join(_worded("crime", code, codes) for code in report.crimes)),
        ("可疑交易特征", "features", "；".join(_worded("feature", code, codes) for code in report.features)),
        ("填报人员", "filled in by", report.reporter),
        ("人工补正标识", "correction", report.correction),
    ]


def _subject(subject: Subject, codes: Codes) -> list[Fact]:
    document = subject.identity.document
    facts = [
        ("姓名或名称", "name", subject.identity.name),
        ("客户号", "customer number", subject.customer),
        ("证件类型", "document", _worded("document", document.kind, codes, document.kind_other)),
        ("证件号码", "number", document.number),
        ("国籍", "nationality", "、".join(subject.nationalities)),
        ("职业或行业", "occupation", subject.occupation),
        ("联系电话", "phone", "、".join(subject.phones)),
        ("住址或经营地址", "address", "；".join(subject.addresses)),
    ]
    for named, zh, en in (
        (subject.representative, "法定代表人", "representative"),
        (subject.controller, "控股股东或实际控制人", "controller"),
    ):
        if named.name:
            kind = _worded("document", named.document.kind, codes, named.document.kind_other)
            facts.append((zh, en, named.name))
            facts.append((f"{zh}证件", "document", f"{kind} {named.document.number}"))
    return facts


def _totals(transactions: Sequence[Transaction]) -> list[Fact]:
    """Counts and sums of what came in and went out, currency by currency."""
    sums: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for each in transactions:
        count, total = sums.get((each.currency, each.flow), (0, Decimal(0)))
        sums[each.currency, each.flow] = (count + 1, total + Decimal(each.amount))
    facts = []
    for currency in sorted({currency for currency, _ in sums}):
        for flow, zh, en in (("01", "收入", "received"), ("02", "付出", "paid")):
            count, total = sums.get((currency, flow), (0, Decimal(0)))
            facts.append((f"{currency} {zh}", en, f"{count:,}笔　{total:,}"))
    return facts


def _row(index: int, each: Transaction, codes: Codes) -> list[Any]:
    amount = f"{Decimal(each.amount):,}"
    return [
        str(index), time_text(each.at), codes["flow"].zh(each.flow), amount, each.currency, each.account.number,
        each.counterparty.name, each.counterparty.account,
    ]  # fmt: skip
