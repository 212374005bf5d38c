"""What stands in a message, made when it is sent.

    challenge     what the customer is to be asked, and the nonce of the digest
    code          the code, and the text to send; for the number the customer has registered with the channel
    notice        the text to send
    hold          what became of a held payment
    restriction   a measure against the customer with its legal basis, or its end
    event         for the decisions: a confirmation or a reversal, as a channel would send it

The outbox keeps no personal value, and a repetition says the same.
"""

from __future__ import annotations

from typing import Any, Final

from tarim.base.canonical import canonical_json
from tarim.base.instants import instant_text
from tarim.contact.adapters.rows import Message, Payment
from tarim.contact.domain.challenge import CODE_LASTS_MS, Challenge
from tarim.contact.domain.codes import CodeTerms
from tarim.contact.domain.delivery import MessageKind
from tarim.contact.domain.judging import Truth
from tarim.contact.domain.masking import masked_account
from tarim.contact.domain.methods import OWN_PURPOSE, names
from tarim.contact.domain.notices import NoticeKind, Text, movement_notice, restriction_notice
from tarim.contact.domain.shown import FORMAT, Shown
from tarim.contact.ports import RawPayment
from tarim.stream import Kind

_CODE_ZH: Final = (
    "动态码{code}，用于确认您账户{account}支出{amount}元，{minutes}分钟内有效。切勿告诉任何人，包括银行员工。"
)
_CODE_EN: Final = (
    "Code {code} confirms a payment of {amount} yuan from account {account}; valid for {minutes} minutes. "
    "Tell it to nobody, not even the bank's staff."
)


def truth(payment: Payment, challenge: Challenge, raw: RawPayment, code_key: bytes) -> Truth:
    """What answers to a challenge are held against.  Raises DefinitionError for values that cannot be shown."""

    def digest(payee_name: str) -> str:
        shown = Shown(raw.account, raw.payee_account, payee_name, payment.amount_fen, payment.currency)
        return shown.digest(challenge.id, challenge.nonce)

    return Truth([digest(name) for name in raw.payee_names], digest(""), code_key)


def payload(
    message: Message, payment: Payment, challenge: Challenge | None, raw: RawPayment | None, code_key: bytes
) -> bytes:
    """The bytes to send.  challenge: of messages about one; raw: of those that `needs_raw`; code_key: of one-time codes.

    Raises DefinitionError when the payment's values cannot be shown.
    """
    return canonical_json(_content(message, payment, challenge, raw, code_key))


def needs_raw(message: Message) -> bool:
    """Whether raw values are opened for a message."""
    return message.kind in (MessageKind.CODE, MessageKind.NOTICE, MessageKind.RESTRICTION, MessageKind.EVENT)


def _content(
    message: Message, payment: Payment, challenge: Challenge | None, raw: RawPayment | None, code_key: bytes
) -> dict[str, Any]:
    about = {"id": message.id, "source": payment.source, "event_id": payment.event_id}
    match message.kind:
        case MessageKind.CHALLENGE:
            assert challenge is not None
            return about | _challenge(challenge)
        case MessageKind.CODE:
            assert challenge is not None and raw is not None
            return about | _code(message, payment, challenge, raw, code_key)
        case MessageKind.NOTICE:
            assert raw is not None
            values: dict[str, str | int] = {
                "account": raw.account,
                "amount_fen": payment.amount_fen,
                "kind": int(Kind[payment.kind.upper()]),
            }
            notice = NoticeKind(message.content["notice"])
            if notice in (NoticeKind.RESTRICTED, NoticeKind.LIFTED):
                text = restriction_notice(notice, message.content["basis"], message.content["article"])
                return about | {"notice": notice.value} | _texts(text)
            return about | {"notice": notice.value} | _texts(movement_notice(notice, values))
        case MessageKind.HOLD:
            return about | message.content
        case MessageKind.RESTRICTION:
            assert raw is not None
            return about | {"customer": raw.customer} | message.content
        case MessageKind.EVENT:
            assert raw is not None
            return _event(message, payment, raw)


def _challenge(challenge: Challenge) -> dict[str, Any]:
    return {
        "challenge": challenge.id,
        "nonce": challenge.nonce,
        "digest": FORMAT,
        "until": instant_text(challenge.until_ms),
        "strength": challenge.needed,
        "methods": [{"method": method, "purpose": OWN_PURPOSE.get(method, "")} for method in challenge.offered],
        "attempts": challenge.attempts_left,
    }


def _code(message: Message, payment: Payment, challenge: Challenge, raw: RawPayment, code_key: bytes) -> dict[str, Any]:
    bound = truth(payment, challenge, raw, code_key).bound
    expires_ms = int(message.content["expires_ms"])
    code = CodeTerms(challenge.id, int(message.content["issue"]), bound, challenge.device, expires_ms).code(code_key)
    parts = {
        "code": code,
        "account": masked_account(raw.account),
        "amount": f"{payment.amount_fen / 100:,.2f}",
        "minutes": CODE_LASTS_MS // 60_000,
    }
    return {
        "challenge": challenge.id,
        "code": code,
        "expires": instant_text(expires_ms),
        "text_zh": _CODE_ZH.format(**parts),
        "text_en": _CODE_EN.format(**parts),
    }


def _texts(text: Text) -> dict[str, str]:
    return {"text_zh": text.zh, "text_en": text.en}


def _event(message: Message, payment: Payment, raw: RawPayment) -> dict[str, Any]:
    event: dict[str, Any] = {
        "event_id": message.id,
        "source": payment.source,
        "kind": message.content["kind"],
        "occurred_at": instant_text(message.created_ms),
        "customer": raw.customer,
        "refers_to": payment.event_id,
        "result": message.content["result"],
    }
    if message.content["methods"]:
        event["verification"] = list(names(message.content["methods"]))
    return event
