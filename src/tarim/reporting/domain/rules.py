"""Rules of single fields, each in both languages, as it is quoted to whoever filled the field in.

A rule is a predicate on the text of a field that is not empty; `required` is the only one that sees an empty one.  What needs
two fields is in `cross_rules`.  A rule never says the value it was broken by.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tarim.reporting.domain.code_tables import Codes

PLACEHOLDER: Final = "@N"
"""What the message has where there is no value; it is written for us, never given."""

_PHONE: Final = re.compile(r"1[3-9][0-9]{9}|0[0-9]{2,3}-[0-9]{7,8}(-[0-9]{1,6})?|\+[1-9][0-9]{6,14}")
_TIME: Final = "[0-9]{14}"
_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,15})(\.[0-9]{1,3})?")
_PLACE: Final = re.compile(r"([A-Z]{3})([0-9]{6})")


@dataclass(frozen=True, slots=True)
class Context:
    """What rules may know besides the value.  now: local time in China, `yyyyMMddHHmmss`."""

    codes: Codes
    now: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.  holds: told the value and the context.  pattern, length_min, length_max: what the schema can say of it."""

    id: str
    zh: str
    en: str
    holds: Callable[[str, Context], bool]
    pattern: str = ""
    length_min: int = 0
    length_max: int = 0


def _plain(text: str, _: Context) -> bool:
    """No control, format, private or unassigned characters (tabs and line ends neither), no spaces around."""
    return text == text.strip() and text != PLACEHOLDER and not any(unicodedata.category(c)[0] == "C" for c in text)


def _paragraphs(text: str, context: Context) -> bool:
    return text == text.strip() and all(_plain(line.strip(), context) for line in text.split("\n"))


def _is_name(text: str, _: Context) -> bool:
    return len(text) >= 2 and sum(c.isalpha() for c in text) >= 2


def is_time(text: str) -> bool:
    """Whether it is `yyyyMMddHHmmss`, of the years from 1949."""
    if len(text) != 14 or not text.isascii() or not text.isdigit():
        return False
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").year >= 1949
    except ValueError:
        return False


def _is_place(text: str, context: Context) -> bool:
    match = _PLACE.fullmatch(text)
    if match is None or match[1] not in context.codes.countries:
        return False
    return context.codes.is_division(match[2]) if match[1] == "CHN" else match[2] == "000000"


def _of_table(name: str, zh: str, en: str) -> Rule:
    def holds(text: str, context: Context) -> bool:
        return text in context.codes[name]

    return Rule(
        f"code-{name}", f"须为{zh}代码表中的代码", f"must be a code of the table of {en}", holds, "[A-Za-z0-9]{1,16}"
    )


def _of_form(name: str, pattern: str, zh: str, en: str) -> Rule:
    compiled = re.compile(pattern)
    return Rule(name, zh, en, lambda text, _: compiled.fullmatch(text) is not None, pattern)


REQUIRED: Final = Rule("required", "必填", "is required", lambda text, _: bool(text))
PLAIN: Final = Rule(
    "plain-text",
    "首尾不得有空格，不得含控制字符或不可见字符；无内容时留空，不填“@N”",
    'must have no spaces around it and no control or invisible characters; leave it empty instead of writing "@N"',
    _plain,
)
PARAGRAPHS: Final = Rule(
    "plain-paragraphs",
    "除换行外不得含控制字符或不可见字符，首尾不得有空白",
    "must have no control or invisible characters but line ends, and no space around it",
    _paragraphs,
)
NAME: Final = Rule("name", "须含至少两个文字，不得只有数字或符号", "must have at least two letters", _is_name)
INSTITUTION: Final = _of_form(
    "institution", r"[A-Z0-9]{14}", "须为14位大写字母或数字（金融机构代码）", "must be 14 capital letters or digits"
)
BRANCH: Final = _of_form("branch", r"[A-Za-z0-9]{1,16}", "须为1至16位字母或数字", "must be 1 to 16 letters or digits")
TIMES: Final = _of_form("times", r"[1-9][0-9]{0,3}", "须为1至9999的整数", "must be a whole number, 1 to 9999")
CUSTOMER: Final = _of_form(
    "customer", r"[A-Za-z0-9_-]{1,32}", "须为1至32位字母、数字、连字符或下划线",
    "must be 1 to 32 letters, digits, hyphens or underscores",
)  # fmt: skip
OCCUPATION: Final = _of_form(
    "occupation",
    r"[A-T][0-9]{0,4}|[0-9]{1,7}|[0-9](-[0-9]{2}){1,3}",
    "须为职业分类（GB/T 6565）或国民经济行业分类（GB/T 4754）代码；失业、无业、离退休填99999",
    "must be a code of occupations (GB/T 6565) or industries (GB/T 4754); 99999 without work",
)
PHONE: Final = Rule(
    "phone",
    "须为11位手机号，或区号-固定电话，或+国家码开头的国际号码",
    "must be a mobile number of 11 digits, area code-number, or an international number beginning with +",
    lambda text, _: _PHONE.fullmatch(text) is not None,
    _PHONE.pattern,
)
TIME: Final = Rule(
    "time", "须为真实存在的时间，格式yyyyMMddHHmmss", "must be a time that exists, as yyyyMMddHHmmss",
    lambda text, _: is_time(text), _TIME,
)  # fmt: skip
NOT_FUTURE: Final = Rule(
    "not-future", "不得晚于当前时间", "must not be in the future", lambda text, context: text <= context.now
)
COUNTRY: Final = Rule(
    "country", "须为三位字母国家或地区代码（ISO 3166-1、GB/T 2659）",
    "must be a code of three letters (ISO 3166-1, GB/T 2659)",
    lambda text, context: text in context.codes.countries, "[A-Z]{3}",
)  # fmt: skip
CURRENCY: Final = Rule(
    "currency", "须为三位字母货币代码（ISO 4217、GB/T 12406）", "must be a currency of ISO 4217 (GB/T 12406)",
    lambda text, context: text in context.codes.currency_decimals, "[A-Z]{3}",
)  # fmt: skip
AMOUNT: Final = Rule(
    "amount", "须为大于零的十进制数，整数最多16位，不含正负号和千分位",
    "must be a decimal number above zero, at most 16 digits before the point, without sign or separators",
    lambda text, _: _AMOUNT.fullmatch(text) is not None and text.strip("0.") != "", _AMOUNT.pattern,
)  # fmt: skip
PLACE: Final = Rule(
    "place",
    "须为国家代码加六位行政区划代码（境内如CHN650102，境外如USA000000）",
    "must be a country and a six-digit division code, such as CHN650102; USA000000 abroad",
    _is_place,
    _PLACE.pattern,
)
ACCOUNT: Final = _of_form(
    "account", r"[A-Za-z0-9-]{4,64}", "须为4至64位字母、数字或连字符", "must be 4 to 64 letters, digits or hyphens"
)
CARD: Final = _of_form("card", r"[0-9]{13,19}", "须为13至19位数字", "must be 13 to 19 digits")
BUSINESS_ID: Final = _of_form(
    "business-id", r"[!-~]{1,64}", "须为1至64个无空格的可打印ASCII字符", "must be 1 to 64 printable ASCII characters"
)
CROSS_BORDER_CODE: Final = _of_form(
    "cross-border-code", r"[0-9]{6}", "须为六位涉外收支交易代码（GB/T 19583）", "must be six digits (GB/T 19583)"
)

URGENCY: Final = _of_table("urgency", "报告紧急程度", "urgency")
DIRECTION: Final = _of_table("direction", "报送方向", "directions")
TRIGGER: Final = _of_table("trigger", "报告触发点", "triggers")
RELATION: Final = _of_table("relation", "金融机构与客户的关系", "relations to the customer")
CARD_KIND: Final = _of_table("card_kind", "银行卡类型", "kinds of cards")
FLOW: Final = _of_table("flow", "资金收付标志", "flows")
DOCUMENT: Final = _of_table("document", "身份证件/证明文件类型", "documents")
ACCOUNT_KIND: Final = _of_table("account_kind", "账户类型", "kinds of accounts")
MATCH_KIND: Final = _of_table("match_kind", "收付款方匹配号类型", "match numbers")
METHOD: Final = _of_table("method", "交易方式", "methods")
NON_COUNTER: Final = _of_table("non_counter", "非柜台交易方式", "methods away from the counter")
BANK_CODE_KIND: Final = _of_table("bank_code_kind", "金融机构网点代码类型", "bank codes")
CRIME: Final = _of_table("crime", "疑似涉罪类型", "suspected crimes")
FEATURE: Final = _of_table("feature", "可疑交易特征", "suspicious features")


def at_most(characters_max: int) -> Rule:
    """At most so many characters."""
    return Rule(
        "length",
        f"不得超过{characters_max:,}个字符",
        f"must have at most {characters_max:,} characters",
        lambda text, _: len(text) <= characters_max,
        length_max=characters_max,
    )


def at_least(characters_min: int) -> Rule:
    """At least so many characters."""
    return Rule(
        "length-least",
        f"不得少于{characters_min:,}个字符",
        f"must have at least {characters_min:,} characters",
        lambda text, _: len(text) >= characters_min,
        length_min=characters_min,
    )
