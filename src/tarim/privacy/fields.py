"""The envelope's fields: for each its kind of value, its class, and the purposes it may serve.

Classes after JR/T 0171-2020: C3 authenticates a person, C2 identifies a person or shows the financial state, C1 is for
internal use.  A field's *role* says what intake does with it (IN-20):

    token      an identifier: replaced by a keyed 64-bit token, the raw value sealed in the vault
    sealed     personal, but nothing is computed on it: sealed in the vault only
    fact       an indicator the engine computes on, a column of the event row
    note       business text kept beside the row in the journal, not personal

`RISK` is risk control, `NOTICE` telling the customer, `SERVICE` carrying out the order, `MARKETING` offers.  A feature or
rule declares its purpose and may read only fields that serve it (PRODUCT, promise 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tarim.base.errors import DefinitionError


class DataClass(StrEnum):
    """How sensitive a field is."""

    C3 = "C3"
    C2 = "C2"
    C1 = "C1"


class Purpose(StrEnum):
    """What a field may be used for."""

    RISK = "risk control"
    NOTICE = "customer notice"
    SERVICE = "carrying out the order"
    MARKETING = "marketing"


class Role(StrEnum):
    """What intake does with a field."""

    TOKEN = "token"
    SEALED = "sealed"
    FACT = "fact"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the envelope.

    `space` names the token space of an identifier: `account` and `payee_account` share one, so that money can be
    followed.  `length_max` is in characters.  `doc` and `doc_zh` say what the field means.
    """

    name: str
    role: Role
    data_class: DataClass
    purposes: frozenset[Purpose]
    doc: str
    doc_zh: str
    space: str = ""
    length_max: int = 64


_R = frozenset({Purpose.RISK})
_RS = frozenset({Purpose.RISK, Purpose.SERVICE})
_RSN = frozenset({Purpose.RISK, Purpose.SERVICE, Purpose.NOTICE})
_RSM = frozenset({Purpose.RISK, Purpose.SERVICE, Purpose.MARKETING})
_RSMN = frozenset({Purpose.RISK, Purpose.SERVICE, Purpose.MARKETING, Purpose.NOTICE})


def _token(name: str, space: str, purposes: frozenset[Purpose], doc: str, doc_zh: str, length_max: int = 64) -> Field:
    return Field(name, Role.TOKEN, DataClass.C2, purposes, doc, doc_zh, space, length_max)


def _sealed(name: str, purposes: frozenset[Purpose], doc: str, doc_zh: str, length_max: int = 140) -> Field:
    return Field(name, Role.SEALED, DataClass.C2, purposes, doc, doc_zh, "", length_max)


def _fact(
    name: str, purposes: frozenset[Purpose], doc: str, doc_zh: str, data_class: DataClass = DataClass.C1
) -> Field:
    return Field(name, Role.FACT, data_class, purposes, doc, doc_zh)


def _note(name: str, purposes: frozenset[Purpose], doc: str, doc_zh: str, length_max: int = 64) -> Field:
    return Field(name, Role.NOTE, DataClass.C1, purposes, doc, doc_zh, "", length_max)


_FIELDS: Final = (
    _note(
        "event_id",
        _RSN,
        "the source's own id of the event, unique within the source",
        "来源系统的事件编号，在来源内唯一",
    ),
    _note("source", _RSN, "the system that sent it", "来源系统", 32),
    _fact("kind", _RSMN, "what happened: transfer, payment, login, ...", "事件类型"),
    _fact("occurred_at", _RSM, "when it happened, RFC 3339 with a zone", "发生时间（含时区）"),
    _fact("customer_type", _RS, "individual or corporate; corporate is out of scope", "客户类型：个人或对公"),
    _token("customer", "customer", _RSM, "the bank's number of the customer", "客户号"),
    _token("account", "account", _RSN, "the customer's account or card", "客户账号"),
    _token("payee_account", "account", _RS, "the counterparty's account", "对方账号"),
    _sealed("payee_name", _RS, "the counterparty's name", "对方户名"),
    _note("payee_bank", _RS, "the counterparty's bank code", "对方行号", 35),
    _sealed("payee_phone", _RS, "the counterparty's phone", "对方手机号", 32),
    _fact("amount_fen", _RSMN, "amount in minor units (fen)", "金额（分）", DataClass.C2),
    _fact("currency", _RS, "ISO 4217 code", "币种"),
    _fact("channel", _RSM, "pc, mobile, counter, atm, pos, api", "渠道"),
    _fact("result", _RS, "whether the source carried it out: unknown, succeeded, failed", "来源执行结果"),
    _fact("verification", _RS, "the verification methods used", "已使用的验证方式"),
    _token("device_id", "device", _R, "unique id of the device", "设备唯一标识", 128),
    _note("device_model", _R, "model of the device", "设备型号"),
    _note("device_os", _R, "operating system and version", "操作系统"),
    _note("app_version", _R, "version of the app", "应用版本", 32),
    _token("ip", "address", _R, "network address at the time of the event", "交易时IP地址", 45),
    _sealed("ip_port", _R, "port at the time of the event", "交易时端口", 5),
    _fact("network_kind", _R, "unknown, wifi, cellular, wired", "网络接入类型"),
    _note("network_state", _R, "state of the network as the app sees it", "网络状态", 32),
    _note("network_quality", _R, "quality of the network as the app sees it", "网络质量", 32),
    _note("operation_log", _R, "what the user did just before, codes only", "操作与服务日志（代码）", 256),
    _fact("location_permitted", _R, "whether the customer allowed the location to be used", "是否授权位置"),
    _sealed("latitude", _R, "degrees north; needs location_permitted", "纬度（须授权）", 16),
    _sealed("longitude", _R, "degrees east; needs location_permitted", "经度（须授权）", 16),
    _fact("city", _R, "six-digit division code; needs location_permitted or an address lookup", "行政区划代码"),
    _token("merchant_id", "merchant", _RSM, "the merchant's number", "商户号"),
    _fact("merchant_category", _RSM, "four-digit category code", "商户类别码"),
    _note("order_id", _RSN, "the order the payment belongs to", "订单号"),
    _fact(
        "history_authorised", _R, "whether the customer allowed past transactions to be used", "是否授权使用历史交易"
    ),
    _note("legal_basis", _RSN, "contract, consent, or legal duty", "处理的合法性基础", 32),
    _note("refers_to", _RS, "event_id of the event that a label, confirmation or reversal is about", "所指事件编号"),
    _fact("label", _R, "for kind label: fraud or genuine", "标签：欺诈或正常"),
    _fact("extra_0", _R, "free business number, by the bank's own schema", "扩展数值0"),
    _fact("extra_1", _R, "free business number, by the bank's own schema", "扩展数值1"),
    _fact("extra_2", _R, "free business number, by the bank's own schema", "扩展数值2"),
    _fact("extra_3", _R, "free business number, by the bank's own schema", "扩展数值3"),
)

FIELDS: Final[Mapping[str, Field]] = MappingProxyType({field.name: field for field in _FIELDS})
"""Every field of the envelope by name, in the envelope's order."""

REGISTER: Final[Mapping[str, Field]] = MappingProxyType(
    {
        field.name: field
        for field in (
            _sealed("customer_name", _RS, "the customer's name, as registered", "客户登记姓名", 512),
            _sealed("customer_birth", _RS, "the customer's date of birth, as registered", "客户登记出生日期", 10),
            _sealed(
                "customer_countries", _RS, "country codes of the customer, as registered", "客户登记国家或地区", 64
            ),
        )
    }
)
"""What the register of customers' names holds beside the customer's number: no event carries it."""

REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "password": "authentication data (C3) is never accepted",
        "pin": "authentication data (C3) is never accepted",
        "cvn": "card security data (C3) is never accepted",
        "cvv": "card security data (C3) is never accepted",
        "track_data": "card track data (C3) is never accepted",
        "otp": "authentication data (C3) is never accepted",
        "sms_content": "message content is never read or kept",
        "face_image": "biometric samples are never accepted; send the match result in verification",
        "fingerprint": "biometric samples are never accepted; send the match result in verification",
        "app_list": "the list of installed apps is never kept; derive a flag at the channel",
    }
)
"""Fields that are refused by name, with the reason (IN-11, IN-14, DP-04)."""


def require_purpose(name: str, purpose: Purpose) -> Field:
    """The field, if `purpose` may read it.  Raises DefinitionError naming field and purpose otherwise."""
    field = FIELDS.get(name)
    if field is None:
        raise DefinitionError(f"unknown field {name!r}")
    if purpose not in field.purposes:
        allowed = ", ".join(sorted(field.purposes))
        raise DefinitionError(f"field {name!r} may not be used for {purpose.value}; it serves {allowed}")
    return field
