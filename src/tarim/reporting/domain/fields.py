"""Every field of a suspicious transaction report: its element, its name in both languages, whether it is required, its rules.

One table for all: validation walks it, the XML writer takes elements and order from it, and the reference page is made of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from tarim.reporting.domain import rules as r
from tarim.reporting.domain.suspicious import (
    LISTED_MAX,
    SUBJECTS_MAX,
    TRANSACTIONS_MAX,
    Account,
    Agent,
    Counterparty,
    Document,
    Named,
    Report,
    Subject,
    Transaction,
)


@dataclass(frozen=True, slots=True)
class Field:
    """A text, or a list of texts when `listed_max` is set, of a structure.

    attribute: its name in the structure; element: in the message.  rules: in order, the first broken one is told.  group: the
    element that this field and its neighbours of the same group stand in, "" = none.
    """

    attribute: str
    element: str
    zh: str
    en: str
    required: bool
    rules: tuple[r.Rule, ...]
    listed_max: int = 0
    group: str = ""


@dataclass(frozen=True, slots=True)
class Nested:
    """A structure in a structure, or a list of them when `listed_max` is set.

    element: "" when its fields stand in place.  elements: those of a person's name and document, or of a document alone, which
    have other names at every place.
    """

    attribute: str
    element: str
    zh: str
    en: str
    of: type
    listed_max: int = 0
    group: str = ""
    elements: tuple[str, ...] = ()


def _field(attribute: str, element: str, zh: str, en: str, *rules: r.Rule, required: bool = False) -> Field:
    return Field(attribute, element, zh, en, required, (r.PLAIN, *rules))


def _list(attribute: str, element: str, zh: str, en: str, *rules: r.Rule, required: bool = False) -> Field:
    return Field(attribute, element, zh, en, required, (r.PLAIN, *rules), LISTED_MAX)


def _in(group: str, *items: Field | Nested) -> tuple[Field | Nested, ...]:
    return tuple(replace(item, group=group) for item in items)


def _named(attribute: str, zh: str, en: str, elements: str) -> Nested:
    of = Named if len(elements.split()) == 4 else Document
    return Nested(attribute, "", zh, en, of, elements=tuple(elements.split()))


SHAPES: Final[Mapping[type, tuple[Field | Nested, ...]]] = MappingProxyType(
    {
        Report: (
            *_in("RBIF",
            _field("institution", "RICD", "报告机构编码", "reporting institution", r.INSTITUTION, required=True),
            _field("branch", "RPNC", "上报网点代码", "reporting branch", r.BRANCH, required=True),
            _field("urgency", "DETR", "报告紧急程度", "urgency", r.URGENCY, required=True),
            _field("times", "TORP", "报送次数标志", "times reported", r.TIMES, required=True),
            _field("first_name", "ORXN", "初次报送的报文名称", "name of the first message", r.at_most(64)),
            _field("direction", "DORP", "报送方向", "direction", r.DIRECTION, required=True),
            _field("direction_other", "ODRP", "其他报送方向", "other direction", r.at_most(32)),
            _field("trigger", "TPTR", "报告触发点", "trigger", r.TRIGGER, required=True),
            _field("trigger_other", "OTPR", "其他报告触发点", "other trigger", r.at_most(2_000)),
            Field("conduct", "STCB", "资金交易及客户行为情况", "transactions and conduct", True,
                  (r.PARAGRAPHS, r.at_least(30), r.at_most(10_000))),
            Field("analysis", "AOSP", "疑点分析", "analysis of the suspicion", True,
                  (r.PARAGRAPHS, r.at_least(30), r.at_most(10_000))),
            _list("crimes", "TOSC", "疑似涉罪类型", "suspected crime", r.CRIME, required=True),
            _list("features", "STCR", "可疑交易特征代码", "suspicious feature", r.FEATURE, required=True),
            _field("reporter", "RPNM", "填报人员", "who filled it in", r.at_most(16), r.NAME, required=True),
            _field("correction", "MIRS", "人工补正标识", "mark of a correction", r.at_most(64)),
            ),
            Nested("subjects", "SEIF", "可疑主体", "subject", Subject, SUBJECTS_MAX),
            Nested("transactions", "STIF", "可疑交易", "transaction", Transaction, TRANSACTIONS_MAX),
        ),
        Subject: (
            _field("customer", "CSNM", "客户号", "customer number", r.CUSTOMER, required=True),
            _field("occupation", "SEVC", "职业或行业", "occupation or industry", r.OCCUPATION, required=True),
            *_in("SIIF", _named("identity", "可疑主体身份", "identity", "SENM SETP OITP SEID")),
            _list("nationalities", "STNT", "国籍", "nationality", r.COUNTRY, required=True),
            *_in("SCIF",
            _list("phones", "SCTL", "联系电话", "phone", r.PHONE, required=True),
            _list("addresses", "SEAR", "住址或经营地址", "address", r.at_least(4), r.at_most(500), required=True),
            _list("contacts", "SEEI", "其他联系方式", "other contact", r.at_most(512)),
            ),
            *_in("SRIF",
            _named("representative", "法定代表人", "legal representative", "SRNM SRIT ORIT SRID"),
            _named("controller", "控股股东或实际控制人", "controller", "SCNM SCIT OCIT SCID"),
            ),
        ),
        Named: (
            _field("name", "", "姓名或名称", "name", r.at_most(512), r.NAME),
            Nested("document", "", "证件", "document", Document),  # elements: what remains of those of the name
        ),
        Document: (
            _field("kind", "", "证件类型", "kind of document", r.DOCUMENT),
            _field("kind_other", "", "其他证件类型", "other kind of document", r.at_most(32)),
            _field("number", "", "证件号码", "document number", r.at_most(128)),
        ),
        Account: (
            _field("kind", "CATP", "客户账户类型", "kind of account", r.ACCOUNT_KIND),
            _field("number", "CTAC", "客户账号", "account number", r.ACCOUNT),
            _field("opened_at", "OATM", "账户开立时间", "account opened", r.TIME, r.NOT_FUTURE),
            _field("closed_at", "CATM", "账户销户时间", "account closed", r.TIME, r.NOT_FUTURE),
            _field("card_kind", "CBCT", "银行卡类型", "kind of card", r.CARD_KIND),
            _field("card_kind_other", "OCBT", "其他银行卡类型", "other kind of card", r.at_most(32)),
            _field("card", "CBCN", "银行卡号码", "card number", r.CARD),
        ),
        Agent: (
            _field("name", "TBNM", "代办人姓名", "agent's name", r.at_most(512), r.NAME),
            _named("document", "代办人证件", "agent's document", "TBIT OITP TBID"),
            _field("nationality", "TBNT", "代办人国籍", "agent's nationality", r.COUNTRY),
        ),
        Counterparty: (
            _field("bank_name", "CFIN", "对方金融机构网点名称", "other bank", r.at_most(64), r.NAME),
            _field("bank_code_kind", "CFCT", "对方网点代码类型", "kind of bank code", r.BANK_CODE_KIND),
            _field("bank_code", "CFIC", "对方网点代码", "bank code", r.at_most(16)),
            _field("bank_place", "CFRC", "对方网点行政区划代码", "place of the bank", r.PLACE),
            _field("name", "TCNM", "交易对手姓名或名称", "counterparty's name", r.at_most(512), r.NAME),
            _named("document", "交易对手证件", "counterparty's document", "TCIT OITP TCID"),
            _field("account_kind", "TCAT", "交易对手账户类型", "kind of account", r.ACCOUNT_KIND),
            _field("account", "TCAC", "交易对手账号", "counterparty's account", r.ACCOUNT),
        ),
        Transaction: (
            *_in("RINI",
            _field("branch", "FINC", "金融机构网点代码", "branch", r.BRANCH, required=True),
            _field("relation", "RLFC", "金融机构与客户的关系", "relation", r.RELATION, required=True),
            ),
            *_in("CIIF",
            _named("identity", "客户身份", "customer's identity", "CTNM CITP OITP CTID"),
            _field("customer", "CSNM", "客户号", "customer number", r.CUSTOMER, required=True),
            ),
            Nested("account", "ATIF", "账户", "account", Account),
            Nested("agent", "TBIF", "代办人", "agent", Agent),
            *_in("TSIF",
            _field("at", "TSTM", "交易时间", "time", r.TIME, r.NOT_FUTURE, required=True),
            _field("place", "TRCD", "交易发生地", "place", r.PLACE, required=True),
            _field("business_id", "TICD", "业务标识号", "business id", r.BUSINESS_ID, required=True),
            _field("match_kind", "RPMT", "收付款方匹配号类型", "kind of match number", r.MATCH_KIND),
            _field("match_number", "RPMN", "收付款方匹配号", "match number", r.at_most(64)),
            _field("method", "TSTP", "交易方式", "method", r.METHOD, required=True),
            _field("non_counter", "OCTT", "非柜台交易方式", "method away from the counter", r.NON_COUNTER),
            _field("non_counter_other", "OOCT", "其他非柜台交易方式", "other such method", r.at_most(32)),
            _field("device", "OCEC", "非柜台交易设备代码", "device", r.at_most(128)),
            _field("payment_code", "BPTC", "与支付机构的业务交易编码", "payment institution's code", r.at_most(64)),
            _field("cross_border_code", "TSCT", "涉外收支交易代码", "cross-border code", r.CROSS_BORDER_CODE),
            _field("flow", "TSDR", "资金收付标志", "received or paid", r.FLOW, required=True),
            _field("purpose", "CRSP", "资金来源和用途", "source and use of the money", r.at_most(128)),
            _field("currency", "CRTP", "交易币种", "currency", r.CURRENCY, required=True),
            _field("amount", "CRAT", "交易金额", "amount", r.AMOUNT, required=True),
            ),
            Nested("counterparty", "TCIF", "交易对手", "counterparty", Counterparty),
            Field("remarks", "ROTF", "交易信息备注", "remark", False, (r.PLAIN, r.at_most(64)), 2),
        ),
    }
)  # fmt: skip
"""The fields of each structure, in the order of the message."""


def placed(shape: type, elements: tuple[str, ...]) -> Iterator[tuple[Field | Nested, str, tuple[str, ...]]]:
    """Each field of a structure with its element at a place, and the elements of what is nested in it there.

    elements: what the place gives to a person's name and document, () elsewhere.
    """
    left = elements
    for item in SHAPES[shape]:
        if isinstance(item, Nested):
            yield item, item.element, item.elements or left
        else:
            element = item.element
            if not element:
                element, left = left[0], left[1:]
            yield item, element, ()
