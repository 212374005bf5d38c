"""Rules that need more than one field of a suspicious transaction report.

Each gives the faults it finds as (path, rule); the rules themselves stand at the top, in both languages, like those of single
fields.  They see fields whose own rules hold or not, and stay silent where a field they lean on is empty or malformed.
"""

from __future__ import annotations

from typing import Final

from tarim.reporting.domain.check_digits import luhn_check
from tarim.reporting.domain.documents import OTHER_NEEDED, RESIDENT_DOCUMENTS, Found, document_rules, told
from tarim.reporting.domain.rules import Context, is_time
from tarim.reporting.domain.suspicious import (
    Account,
    Counterparty,
    Named,
    Report,
    Subject,
    Transaction,
)

ORGANISATIONS: Final = "6"
"""First digit of the codes of organisations' documents."""
ABROAD_METHOD: Final = "0004"
BIC_KIND, CLEARING_KIND = "14", "11"


FIRST_NAME: Final = told(
    "first-name", "再次报送（报送次数大于1）必填，初次报送须留空", "is needed when reported again, and only then"
)
DUPLICATE: Final = told("no-duplicate", "不得重复", "must not be given twice")
SUBJECT_NEEDED: Final = told("subject-needed", "至少一个可疑主体", "at least one subject is needed")
TRANSACTION_NEEDED: Final = told("transaction-needed", "至少一笔可疑交易", "at least one transaction is needed")
IDENTITY: Final = told(
    "identity", "姓名、证件类型和证件号码均必填", "name, kind and number of the document are all needed"
)
TOGETHER: Final = told(
    "together", "同组各项须同时填写或同时留空", "the fields of this group are given together or not at all"
)
KIND_OF_SUBJECT: Final = told(
    "person-or-organisation",
    "机构主体必填法定代表人；个人主体须留空",
    "an organisation needs its legal representative, a person must have none",
)
NATIONALITY: Final = told(
    "nationality-of-document",
    "持居民身份证件者国籍须含CHN",
    "who holds a resident document has CHN among the nationalities",
)
OCCUPATION_KIND: Final = told(
    "industry-of-organisation", "机构主体须填行业代码，不得填99999", "an organisation has an industry, not 99999"
)
OF_SUBJECT: Final = told(
    "customer-of-subject",
    "客户号须为本报告某一可疑主体的客户号",
    "must be the customer number of a subject of this report",
)
SAME_IDENTITY: Final = told(
    "identity-of-subject", "客户姓名和证件须与可疑主体一致", "name and document must be those of the subject"
)
OWN_ACCOUNT: Final = told(
    "account-needed",
    "通过账户或银行卡发生的交易必填账号和账户类型",
    "a transaction over an account or card needs the account and its kind",
)
LUHN: Final = told(
    "card-check",
    "银行卡号校验位须正确（Luhn，ISO/IEC 7812-1）",
    "the check digit of a card number must be right (Luhn, ISO/IEC 7812-1)",
)
OPENED: Final = told(
    "after-opening", "交易时间不得早于账户开立时间", "a transaction is not earlier than the opening of its account"
)
CLOSED: Final = told(
    "before-closing", "交易时间不得晚于账户销户时间", "a transaction is not later than the closing of its account"
)
ORDER: Final = told("opened-before-closed", "销户时间不得早于开立时间", "an account is not closed before it was opened")
DECIMALS: Final = told(
    "decimals-of-currency", "小数位数不得超过该币种的最小单位", "has not more decimals than the currency"
)
NON_COUNTER_DEVICE: Final = told(
    "device-needs-method", "填写设备代码须先填写非柜台交易方式", "a device needs the method away from the counter"
)
CROSS_BORDER: Final = told(
    "cross-border",
    "跨境汇款必填涉外收支交易代码和对方网点行政区划代码，且后者须在境外",
    "a transfer across the border needs its code and the other bank's place, which is abroad",
)
OTHER_ACCOUNT: Final = told(
    "other-account", "交易对手账号不得与客户账号相同", "the counterparty's account is not the customer's own"
)
COUNTERPARTY_NAME: Final = told(
    "counterparty-name", "填写对手账号时必填对手姓名或名称", "a counterparty with an account needs a name"
)
BANK_CODE: Final = told(
    "bank-code-form",
    "行号须符合其类型：支付系统行号12位数字，BIC 8位或11位",
    "a clearing number has 12 digits, a BIC 8 or 11 characters with a country",
)
REPORTER: Final = told(
    "reporter-not-subject", "填报人不得为可疑主体本人", "who fills the report in is not a subject of it"
)


def report_rules(report: Report, context: Context) -> Found:
    """All of them, over the whole report."""
    yield from _head(report)
    seen: set[str] = set()
    for index, subject in enumerate(report.subjects):
        path = f"subjects[{index}]"
        if subject.customer and subject.customer in seen:
            yield f"{path}.customer", DUPLICATE
        seen.add(subject.customer)
        if report.reporter and report.reporter == subject.identity.name:
            yield "reporter", REPORTER
        yield from _subject(path, subject, context)
    subjects = {subject.customer: subject for subject in report.subjects}
    ids: set[str] = set()
    for index, transaction in enumerate(report.transactions):
        path = f"transactions[{index}]"
        if transaction.business_id and transaction.business_id in ids:
            yield f"{path}.business_id", DUPLICATE
        ids.add(transaction.business_id)
        yield from _transaction(path, transaction, subjects, context)


def _head(report: Report) -> Found:
    if report.times and (report.times == "1") == bool(report.first_name):
        yield "first_name", FIRST_NAME
    if report.direction and (report.direction == "99") != bool(report.direction_other):
        yield "direction_other", OTHER_NEEDED
    if report.trigger and (report.trigger == "99") != bool(report.trigger_other):
        yield "trigger_other", OTHER_NEEDED
    for name in ("crimes", "features"):
        if len(set(getattr(report, name))) != len(getattr(report, name)):
            yield name, DUPLICATE
    if not report.subjects:
        yield "subjects", SUBJECT_NEEDED
    if not report.transactions:
        yield "transactions", TRANSACTION_NEEDED


def _subject(path: str, subject: Subject, context: Context) -> Found:
    identity = subject.identity
    if not (identity.name and identity.document.kind and identity.document.number):
        yield f"{path}.identity", IDENTITY
    yield from document_rules(f"{path}.identity.document", identity.document, context)
    organisation = identity.document.kind.startswith(ORGANISATIONS)
    if identity.document.kind and organisation != bool(subject.representative.name):
        yield f"{path}.representative", KIND_OF_SUBJECT
    if organisation and subject.occupation == "99999":
        yield f"{path}.occupation", OCCUPATION_KIND
    if identity.document.kind in RESIDENT_DOCUMENTS and subject.nationalities and "CHN" not in subject.nationalities:
        yield f"{path}.nationalities", NATIONALITY
    for name in ("nationalities", "phones"):
        if len(set(getattr(subject, name))) != len(getattr(subject, name)):
            yield f"{path}.{name}", DUPLICATE
    for name in ("representative", "controller"):
        named: Named = getattr(subject, name)
        if len({bool(named.name), bool(named.document.kind), bool(named.document.number)}) > 1:
            yield f"{path}.{name}", TOGETHER
        yield from document_rules(f"{path}.{name}.document", named.document, context)


def _transaction(path: str, each: Transaction, subjects: dict[str, Subject], context: Context) -> Found:
    subject = subjects.get(each.customer)
    if each.customer and subject is None:
        yield f"{path}.customer", OF_SUBJECT
    if subject is not None and each.identity != subject.identity:
        yield f"{path}.identity", SAME_IDENTITY
    yield from _account(f"{path}.account", each, each.account)
    agent = each.agent
    if len({bool(agent.name), bool(agent.document.kind), bool(agent.document.number), bool(agent.nationality)}) > 1:
        yield f"{path}.agent", TOGETHER
    yield from document_rules(f"{path}.agent.document", agent.document, context)
    if bool(each.match_kind) != bool(each.match_number):
        yield f"{path}.match_number", TOGETHER
    if (each.non_counter == "99") != bool(each.non_counter_other):
        yield f"{path}.non_counter_other", OTHER_NEEDED
    if each.device and not each.non_counter:
        yield f"{path}.device", NON_COUNTER_DEVICE
    decimals = context.codes.currency_decimals.get(each.currency)
    if decimals is not None and len(each.amount.partition(".")[2]) > decimals:
        yield f"{path}.amount", DECIMALS
    place = each.counterparty.bank_place
    if each.method == ABROAD_METHOD and (not each.cross_border_code or place[:3] in ("", "CHN")):
        yield f"{path}.cross_border_code", CROSS_BORDER
    yield from _counterparty(f"{path}.counterparty", each, each.counterparty, context)


def _account(path: str, each: Transaction, account: Account) -> Found:
    if each.relation in ("00", "01") and not (account.number and account.kind):
        yield f"{path}.number", OWN_ACCOUNT
    if (account.card_kind == "90") != bool(account.card_kind_other):
        yield f"{path}.card_kind_other", OTHER_NEEDED
    if bool(account.card) != bool(account.card_kind):
        yield f"{path}.card", TOGETHER
    if account.card.isdigit() and 13 <= len(account.card) <= 19 and not luhn_check(account.card):
        yield f"{path}.card", LUHN
    opened, closed, at = (text if is_time(text) else "" for text in (account.opened_at, account.closed_at, each.at))
    if opened and closed and closed < opened:
        yield f"{path}.closed_at", ORDER
    elif at and opened and at < opened:
        yield f"{path}.opened_at", OPENED
    elif at and closed and at > closed:
        yield f"{path}.closed_at", CLOSED


def _counterparty(path: str, each: Transaction, other: Counterparty, context: Context) -> Found:
    if other.account and other.account == each.account.number:
        yield f"{path}.account", OTHER_ACCOUNT
    if other.account and not other.name:
        yield f"{path}.name", COUNTERPARTY_NAME
    if bool(other.bank_code) != bool(other.bank_code_kind):
        yield f"{path}.bank_code", TOGETHER
    elif other.bank_code and not _bank_code(other.bank_code_kind, other.bank_code):
        yield f"{path}.bank_code", BANK_CODE
    yield from document_rules(f"{path}.document", other.document, context)


def _bank_code(kind: str, code: str) -> bool:
    if kind == CLEARING_KIND:
        return len(code) == 12 and code.isascii() and code.isdigit()
    if kind == BIC_KIND:
        letters = len(code) in (8, 11) and code[:6].isascii() and code[:6].isalpha()
        return letters and code[6:].isalnum() and code.isupper()
    return True
