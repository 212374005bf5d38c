"""Rules of one document: its number by its kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tarim.reporting.domain import check_digits
from tarim.reporting.domain.rules import Context, Rule
from tarim.reporting.domain.suspicious import Document

Found = Iterator[tuple[str, Rule]]


def _never(text: str, context: Context) -> bool:
    return False


def told(id_: str, zh: str, en: str) -> Rule:
    """A rule that looks at several fields: it is found broken elsewhere, and only its words are kept here."""
    return Rule(id_, zh, en, _never)


_DOCUMENT_LENGTHS: Final = {
    "110019": (9, 11),
    "110021": (8, 10),
    "110023": (9, 9),
    "110025": (5, 20),
    "110027": (15, 18),
}
RESIDENT_DOCUMENTS: Final = frozenset({"110001", "110003", "110005"})
OTHER_DOCUMENTS: Final = frozenset({"119999", "129999", "619999", "629999"})
RESIDENT: Final = told(
    "resident-form",
    "居民身份证号须为18位（末位可为X）或15位数字",
    "a resident identity number has 18 characters (the last may be X) or 15 digits",
)
RESIDENT_BIRTH: Final = told(
    "resident-birth",
    "居民身份证号中的出生日期须真实存在且不晚于今日",
    "the birth date in a resident identity number must exist and not be in the future",
)
RESIDENT_PLACE: Final = told(
    "resident-place",
    "居民身份证号前两位须为省级行政区划代码",
    "a resident identity number begins with the code of a province",
)
RESIDENT_CHECK: Final = told(
    "resident-check",
    "居民身份证号校验位须符合GB 11643",
    "the check digit of a resident identity number must be right (GB 11643)",
)
CREDIT_CODE: Final = told(
    "credit-code",
    "统一社会信用代码须为18位且校验位符合GB 32100",
    "a unified social credit code has 18 characters and right check digits (GB 32100)",
)
ORGANISATION_CODE: Final = told(
    "organisation-code",
    "组织机构代码须为9位（不含连字符）且校验位符合GB 11714",
    "an organisation code has 9 characters without hyphen and a right check digit (GB 11714)",
)
DOCUMENT_FORM: Final = told(
    "document-form", "证件号码长度或字符不符合该证件类型", "the number has not the form of this kind of document"
)
OTHER_NEEDED: Final = told(
    "other-in-words", "所选代码为“其他”时必填，否则须留空", 'is needed when the code is that of "other", and only then'
)


def document_rules(path: str, document: Document, context: Context) -> Found:
    """Rules of one document: its number by its kind."""
    kind, number = document.kind, document.number
    if kind and (kind in OTHER_DOCUMENTS) != bool(document.kind_other):
        yield f"{path}.kind_other", OTHER_NEEDED
    if not number:
        return
    where = f"{path}.number"
    if kind in RESIDENT_DOCUMENTS:
        yield from _resident(where, number, context)
    elif kind == "610099":
        if not check_digits.credit_code_check(number):
            yield where, CREDIT_CODE
    elif kind == "610001":
        if not check_digits.organisation_code_check(number):
            yield where, ORGANISATION_CODE
    elif kind in _DOCUMENT_LENGTHS:
        least, most = _DOCUMENT_LENGTHS[kind]
        if not least <= len(number) <= most or not (number.isascii() and number.isalnum()):
            yield where, DOCUMENT_FORM


def _resident(where: str, number: str, context: Context) -> Found:
    if not check_digits.resident_shape(number):
        yield where, RESIDENT
        return
    birth = check_digits.resident_birth(number)
    if birth is None or birth.strftime("%Y%m%d") > context.now[:8]:
        yield where, RESIDENT_BIRTH
    elif number[:2] not in context.codes["province"]:
        yield where, RESIDENT_PLACE
    elif not check_digits.resident_check(number):
        yield where, RESIDENT_CHECK
