"""A suspicious transaction report without a fault, of nobody, and fifty ways to spoil it.

Numbers have right check digits and belong to no one: places and birth dates are made up, cards begin with 999.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tarim.reporting import Context, Report, packaged_codes

NOW = "20260301120000"
CONTEXT = Context(packaged_codes(), NOW)

_PERSON = {"name": "张三丰", "document": {"kind": "110001", "kind_other": "", "number": "11010519491231002X"}}
_COMPANY = {"name": "乌鲁木齐示例贸易有限公司", "document": {"kind": "610099", "number": "91350100M000100Y43"}}


def sample() -> dict[str, Any]:
    """The report as plain values, to be spoiled."""
    return {
        "institution": "F1008933000019",
        "branch": "F10089330001",
        "urgency": "02",
        "times": "1",
        "direction": "01",
        "trigger": "01",
        "conduct": "该客户于2026年2月10日至2月12日收到45个账户转入共计人民币1,234,567.00元，随即转出，账户几乎不留余额。",
        "analysis": "交易规模与客户职业明显不符，资金快进快出，对手分散，疑似出借账户为他人转移资金。",
        "crimes": ["1101", "1204"],
        "features": ["K001", "K003"],
        "reporter": "李四",
        "subjects": [
            {
                "customer": "C0000017",
                "occupation": "4010100",
                "identity": _PERSON,
                "nationalities": ["CHN"],
                "phones": ["13900000000", "0991-2345678"],
                "addresses": ["新疆维吾尔自治区乌鲁木齐市天山区示例路1号"],
            },
            {
                "customer": "C0000018",
                "occupation": "F51",
                "identity": _COMPANY,
                "nationalities": ["CHN"],
                "phones": ["+8699100000000"],
                "addresses": ["新疆维吾尔自治区乌鲁木齐市沙依巴克区示例街2号"],
                "representative": {"name": "王五", "document": {"kind": "110023", "number": "E12345678"}},
            },
        ],
        "transactions": [
            {
                "branch": "F10089330001",
                "relation": "00",
                "customer": "C0000017",
                "identity": _PERSON,
                "account": {
                    "kind": "11",
                    "number": "6229990000000001",
                    "opened_at": "20200501090000",
                    "card_kind": "10",
                    "card": "9990000000000003",
                },
                "at": "20260210093000",
                "place": "CHN650102",
                "business_id": "evt-1",
                "match_kind": "01",
                "match_number": "202602100001",
                "method": "0003",
                "non_counter": "02",
                "device": "device-1",
                "flow": "01",
                "purpose": "转账",
                "currency": "CNY",
                "amount": "49999.00",
                "counterparty": {
                    "bank_name": "示例银行",
                    "bank_code_kind": "11",
                    "bank_code": "102881000016",
                    "bank_place": "CHN110105",
                    "name": "赵六",
                    "document": {"kind": "119999", "kind_other": "军官证", "number": "A-100"},
                    "account_kind": "11",
                    "account": "6228880000000009",
                },
                "remarks": ["手机银行转入"],
            },
            {
                "branch": "F10089330001",
                "relation": "00",
                "customer": "C0000018",
                "identity": _COMPANY,
                "account": {"kind": "20", "number": "65001000000000000018", "opened_at": "20210501090000"},
                "agent": {
                    "name": "孙七",
                    "document": {"kind": "110025", "number": "P1234567"},
                    "nationality": "KAZ",
                },
                "at": "20260212101500",
                "place": "CHN650103",
                "business_id": "evt-2",
                "method": "0004",
                "cross_border_code": "121010",
                "flow": "02",
                "currency": "JPY",
                "amount": "1250000",
                "counterparty": {
                    "bank_code_kind": "14",
                    "bank_code": "EXAMKZKA",
                    "bank_place": "KAZ000000",
                    "name": "Example Trading LLP",
                    "account": "KZ00EXAMPLE0000001",
                },
            },
        ],
    }


def report_of(plain: dict[str, Any]) -> Report:
    return msgspec.convert(plain, Report)


def spoiled(path: str, value: Any) -> Report:
    """The sample with another value at `subjects[0].identity.name` or the like."""
    plain: Any = sample()
    plain = msgspec.json.decode(msgspec.json.encode(report_of(plain)))  # every field is there, nothing is shared
    place = plain
    parts = path.replace("[", ".").replace("]", "").split(".")
    for part in parts[:-1]:
        place = place[int(part) if part.isdigit() else part]
    last = parts[-1]
    place[int(last) if last.isdigit() else last] = value
    return report_of(plain)


_S0, _S1, _T0, _T1 = "subjects[0]", "subjects[1]", "transactions[0]", "transactions[1]"
PLANTED: tuple[tuple[str, Any, str, str], ...] = (
    # path, spoiled value, path of the fault ("" = the same), rule
    ("institution", "F100893300001", "", "institution"),
    ("institution", "", "", "required"),
    ("branch", "网点一", "", "branch"),
    ("urgency", "03", "", "code-urgency"),
    ("times", "0", "", "times"),
    ("times", "2", "first_name", "first-name"),
    ("direction", "05", "", "code-direction"),
    ("direction", "99", "direction_other", "other-in-words"),
    ("trigger", "07", "", "code-trigger"),
    ("conduct", "可疑。", "", "length-least"),
    ("analysis", "疑" * 10_001, "", "length"),
    ("conduct", "资金快进快出\x07，账户几乎不留余额，交易规模与客户职业明显不符。", "", "plain-paragraphs"),
    ("crimes", ["1101", "1101"], "", "no-duplicate"),
    ("crimes[0]", "1199", "", "code-crime"),
    ("features", [], "", "required"),
    ("reporter", "12345", "", "name"),
    ("subjects", [], "", "subject-needed"),
    ("transactions", [], "", "transaction-needed"),
    (f"{_S0}.occupation", "老师", "", "occupation"),
    (f"{_S1}.occupation", "99999", "", "industry-of-organisation"),
    (f"{_S0}.identity.document.kind", "110002", "", "code-document"),
    (f"{_S0}.identity.document.number", "110105194912310021", "", "resident-check"),
    (f"{_S0}.identity.document.number", "11010519490231002X", "", "resident-birth"),
    (f"{_S0}.identity.document.number", "1101051949123100", "", "resident-form"),
    (f"{_S0}.identity.document.number", "91010519491231002X", "", "resident-place"),
    (f"{_S1}.identity.document.number", "91350100M000100Y34", "", "credit-code"),
    (f"{_S1}.representative.name", "", "subjects[1].representative", "person-or-organisation"),
    (f"{_S0}.nationalities", ["KAZ"], "", "nationality-of-document"),
    (f"{_S0}.nationalities[0]", "CHI", "", "country"),
    (f"{_S0}.phones[0]", "12345678901", "", "phone"),
    (f"{_S0}.addresses[0]", " 新疆乌鲁木齐市", "", "plain-text"),
    (f"{_T0}.relation", "09", "", "code-relation"),
    (f"{_T0}.customer", "C0000099", "", "customer-of-subject"),
    (f"{_T0}.identity.name", "张三峰", "transactions[0].identity", "identity-of-subject"),
    (f"{_T0}.account.number", "", "", "account-needed"),
    (f"{_T0}.account.card", "9990000000000004", "", "card-check"),
    (f"{_T0}.account.card", "99900000000X0003", "", "card"),
    (f"{_T0}.account.opened_at", "20260211000000", "", "after-opening"),
    (f"{_T0}.account.closed_at", "20260101000000", "", "before-closing"),
    (f"{_T0}.at", "20260230093000", "", "time"),
    (f"{_T0}.at", "20270210093000", "", "not-future"),
    (f"{_T0}.place", "CHN990102", "", "place"),
    (f"{_T1}.business_id", "evt-1", "", "no-duplicate"),
    (f"{_T0}.non_counter", "99", "transactions[0].non_counter_other", "other-in-words"),
    (f"{_T1}.cross_border_code", "", "", "cross-border"),
    (f"{_T0}.flow", "03", "", "code-flow"),
    (f"{_T0}.currency", "RMB", "", "currency"),
    (f"{_T0}.amount", "0.00", "", "amount"),
    (f"{_T0}.amount", "49,999.00", "", "amount"),
    (f"{_T1}.amount", "1250000.5", "", "decimals-of-currency"),
    (f"{_T1}.agent.nationality", "", "transactions[1].agent", "together"),
    (f"{_T0}.counterparty.account", "6229990000000001", "", "other-account"),
    (f"{_T0}.counterparty.bank_code", "1028810000", "", "bank-code-form"),
    (f"{_T0}.counterparty.document.kind_other", "", "", "other-in-words"),
    (f"{_T0}.remarks", ["a1", "b2", "c3"], "", "too-many"),
)  # fmt: skip
"""More than the fifty that the bar asks for: each breaks one rule, at one place."""
