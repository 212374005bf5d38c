"""Notices to customers: what moved, on which account, how much, and nothing else (RM-18, RM-30; TS-09, DP-21).

A notice is made of the fields of `NOTICE_FIELDS`, and each of them has to serve the purpose of telling the customer; a name, a
payee, a balance, a reason or a score is not in it.  The channel knows by source and event_id whom to tell; no phone number
and no customer's number goes with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tarim.contact.domain.masking import masked_account
from tarim.privacy import Purpose, require_purpose
from tarim.stream import Kind

NOTICE_FIELDS: Final = ("account", "amount_fen", "kind")


class NoticeKind(StrEnum):
    """What a customer is told."""

    RISK = "risk"
    """Carried out, with a warning."""
    HELD = "held"
    RELEASED = "released"
    REFUSED = "refused"
    RESTRICTED = "restricted"
    LIFTED = "lifted"


_TEXTS: Final[Mapping[NoticeKind, tuple[str, str]]] = MappingProxyType(
    {
        NoticeKind.RISK: (
            "您账户{account}{direction}{amount}元已受理。请确认为本人操作；谨防诈骗，如有疑问请联系本行。",
            "{direction} of {amount} yuan on account {account} was accepted. If you did not order it, call the bank at once.",
        ),
        NoticeKind.HELD: (
            "您账户{account}{direction}{amount}元已暂缓处理，请在发起渠道按提示确认。",
            "{direction} of {amount} yuan on account {account} is on hold. Please confirm it where you ordered it.",
        ),
        NoticeKind.RELEASED: (
            "您账户{account}{direction}{amount}元已恢复处理。",
            "{direction} of {amount} yuan on account {account} goes ahead.",
        ),
        NoticeKind.REFUSED: (
            "您账户{account}{direction}{amount}元未予办理，资金未划出。如有疑问请联系本行。",
            "{direction} of {amount} yuan on account {account} was not carried out; no money moved. Questions: call the bank.",
        ),
        NoticeKind.RESTRICTED: (
            "依据{basis}，您在本行的部分业务已受限制。如需了解或申诉，请持有效证件到网点或联系本行。",
            "Under {basis}, some services are restricted for you. To learn more or to object, visit a branch or call the bank.",
        ),
        NoticeKind.LIFTED: (
            "您在本行的业务限制已解除。",
            "The restriction of services for you is lifted.",
        ),
    }
)
_DIRECTIONS: Final[Mapping[bool, tuple[str, str]]] = MappingProxyType(
    {True: ("收入", "Receipt"), False: ("支出", "Payment")}
)


TOLD_BASES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "aml_law": ("《中华人民共和国反洗钱法》", "the Anti-Money Laundering Law"),
        "anti_telecom_fraud_law": ("《中华人民共和国反电信网络诈骗法》", "the Law against Telecom and Online Fraud"),
        "contract": ("账户服务协议", "the account agreement"),
    }
)
"""Laws that a restricted customer is told of (RM-27); one that rests on an order of court or police, or on sanctions, is told
by whoever ordered it, or not at all.
"""


@dataclass(frozen=True, slots=True)
class Text:
    """A notice in both languages."""

    zh: str
    en: str


def movement_notice(kind: NoticeKind, values: Mapping[str, str | int]) -> Text:
    """A notice about one movement of money.  values: exactly the fields of NOTICE_FIELDS; `kind` is a `Kind`.

    Raises DefinitionError for a field that does not serve the purpose of a notice.
    """
    for name in values:
        require_purpose(name, Purpose.NOTICE)
    incoming = Kind(int(values["kind"])) is Kind.DEPOSIT
    account, amount = masked_account(str(values["account"])), f"{int(values['amount_fen']) / 100:,.2f}"
    zh, en = _TEXTS[kind]
    direction_zh, direction_en = _DIRECTIONS[incoming]
    return Text(
        zh.format(account=account, direction=direction_zh, amount=amount),
        en.format(account=account, direction=direction_en, amount=amount),
    )


def restriction_notice(kind: NoticeKind, basis: str, article: str) -> Text:
    """A notice about a restriction, or its end.  basis: one of TOLD_BASES; article: as it was quoted when it was asked for."""
    law_zh, law_en = TOLD_BASES[basis]
    zh, en = _TEXTS[kind]
    return Text(zh.format(basis=law_zh + article), en.format(basis=f"{law_en} ({article})"))
